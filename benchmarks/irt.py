"""Speed, recovery and memory of the 2PL against other libraries, as ratios in one run.

    python benchmarks/irt.py [--pyirt PYTHON] [--girth PYTHON] [--large]

Each fit runs in a process of its own. Peers are called through the interpreter of an environment that has
them; one that can't be had is named as such. mirt is an R package: it runs where Rscript and mirt are installed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

MEASURED = """
import json, resource, sys, time
import numpy as np
path = sys.argv[1]
R = np.load(path)
{setup}
t = time.perf_counter()
{fit}
t = time.perf_counter() - t
print("RESULT " + json.dumps({{"seconds": t, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "difficulty": [float(x) for x in b]}}))
"""
OURS = (
    "from unseen.estimates.irt import fit_irt",
    "fit = fit_irt(R)\nb = np.clip(np.nan_to_num(fit.difficulty, posinf=6, neginf=-6), -6, 6)",
)
PYIRT = (
    """import pandas as pd
from py_irt.config import IrtConfig
from py_irt.dataset import Dataset
from py_irt.training import IrtModelTrainer
frame = pd.DataFrame(R.astype(int), columns=[f"i{j}" for j in range(R.shape[1])])
frame.insert(0, "subject_id", [f"s{i}" for i in range(len(R))])
data = Dataset.from_pandas(frame, subject_column="subject_id", item_columns=list(frame.columns[1:]))
""",
    """config = IrtConfig(model_type="2pl", log_every=10**6)
trainer = IrtModelTrainer(config=config, dataset=data, data_path=None, verbose=False)
trainer.train(device="cpu")
best = trainer.best_params
ids = best["item_ids"]
at = {str(v): int(k) for k, v in ids.items()}
b = [best["diff"][at[f"i{j}"]] for j in range(R.shape[1])]""",
)
GIRTH = ("from girth import twopl_mml", 'b = twopl_mml(R.T.astype(int))["Difficulty"]')
MIRT = """
suppressMessages(library(mirt)); a <- commandArgs(TRUE); x <- as.data.frame(read.csv(a[1], header=FALSE))
t <- proc.time()[[3]]; f <- mirt(x, 1, itemtype="2PL", verbose=FALSE); s <- proc.time()[[3]] - t
p <- coef(f, IRTpars=TRUE, simplify=TRUE)$items
cat("RESULT", jsonlite::toJSON(list(seconds=s, mb=0, difficulty=as.numeric(p[, "b"])), auto_unbox=TRUE, digits=6), "\\n")
"""


def simulated(persons: int, items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    ability, slope, difficulty = rng.normal(size=persons), np.exp(rng.normal(0, 0.3, items)), rng.normal(size=items)
    p = 1 / (1 + np.exp(-slope * (ability[:, None] - difficulty)))
    return (rng.random(p.shape) < p).astype(np.float32), difficulty


def measured(command: list[str], limit: int) -> dict | str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return f"over {limit} s"
    except OSError as error:
        return f"can't be had ({error.strerror})"
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return f"can't be had ({(done.stderr.strip().splitlines() or ['no output'])[-1][:120]})"
    return json.loads(lines[-1][7:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pyirt", default=sys.executable)
    parser.add_argument("--girth", default=sys.executable)
    parser.add_argument("--large", action="store_true", help="1,000 x 10,000 as well (peers take up to an hour)")
    parser.add_argument("--limit", type=int, default=300, help="seconds a fit may take")
    chosen = parser.parse_args()
    for persons, items in [(200, 2000), *([(1000, 10000)] if chosen.large else [])]:
        matrix, truth = simulated(persons, items)
        print(f"\n{persons:,} persons x {items:,} items, 2PL")
        print(f"{'':10}{'seconds':>10}{'x ours':>10}{'r':>8}{'sd ratio':>10}{'peak MB':>10}")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "answers.npy"
            np.save(path, matrix)
            np.savetxt(csv := path.with_suffix(".csv"), matrix, delimiter=",", fmt="%d")
            r_script = shutil.which("Rscript") or "Rscript"
            jobs = {
                "unseen": [sys.executable, "-c", MEASURED.format(setup=OURS[0], fit=OURS[1]), str(path)],
                "py-irt": [chosen.pyirt, "-c", MEASURED.format(setup=PYIRT[0], fit=PYIRT[1]), str(path)],
                "girth": [chosen.girth, "-c", MEASURED.format(setup=GIRTH[0], fit=GIRTH[1]), str(path)],
                "mirt": [r_script, "-e", MIRT, str(csv)],
            }
            own = 0.0
            for name, command in jobs.items():
                result = measured(command, chosen.limit)
                if isinstance(result, str):
                    print(f"{name:10}{result}")
                    continue
                own = own or result["seconds"]
                b = np.array(result["difficulty"])
                r, sd = np.corrcoef(b, truth)[0, 1], b.std() / truth.std()
                print(
                    f"{name:10}{result['seconds']:10.2f}{result['seconds'] / own:10.1f}{r:8.3f}{sd:10.2f}{result['mb']:10.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
