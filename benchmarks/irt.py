"""Speed, recovery and memory of the 2PL and of the graded model against other libraries, as ratios in one run.

    python benchmarks/irt.py [--peers PYTHON] [--large] [--graded] [--limit SECONDS] [--only NAME …]

Each fit runs in a process of its own on one thread, and ours runs again before every peer, so that a ratio compares
neighbours in time. Peers (mirt 1.2.0 and girth and py-irt, all from the Python registry) are called through the
interpreter of an environment that has them; one that can't be had is named as such, one that takes more CPU time
than the limit is stopped. mirt fits without standard errors: with them it holds a matrix of (2 items)² numbers.

1,000 x 10,000 on two cores shared with seven others (2026-11-21), CPU time: ours 0.99 s for the 2PL (r of difficulties
0.994, of log slopes 0.949) and 4.6 s for the graded model (0.996, 0.966). py-irt 0.7.1 did not end in 10 minutes: after 17 s
for reading, one of its 2,000 epochs takes 0.61 s (measured over 30), so that all take about 20 minutes. girth 0.8.0 did not
end its 2PL in 7 minutes of wall time; 100 items take it 6 s and 200 take 26 s. Its graded model was stopped after 10 minutes of
CPU time (2026-11-22).
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

MEASURED = """
import json, resource, sys, time
import numpy as np
R = np.load(sys.argv[1])
{setup}
t, c = time.perf_counter(), time.process_time()
{fit}
t, c = time.perf_counter() - t, time.process_time() - c
print("RESULT " + json.dumps({{"seconds": t, "cpu": c, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "b": np.clip(np.nan_to_num(np.asarray(b, float), posinf=6, neginf=-6), -6, 6).ravel().tolist(), "a": np.asarray(a, float).tolist()}}))
"""
PYIRT = (
    """import pandas as pd
from py_irt.config import IrtConfig
from py_irt.dataset import Dataset
from py_irt.training import IrtModelTrainer
frame = pd.DataFrame(R.astype(int), columns=[f"i{j}" for j in range(R.shape[1])])
frame.insert(0, "subject_id", [f"s{i}" for i in range(len(R))])
data = Dataset.from_pandas(frame, subject_column="subject_id", item_columns=list(frame.columns[1:]))
""",
    """trainer = IrtModelTrainer(config=IrtConfig(model_type="2pl", log_every=10**6), dataset=data, data_path=None, verbose=False)
trainer.train(device="cpu")
best = trainer.best_params
at = {str(v): int(k) for k, v in best["item_ids"].items()}
b = [best["diff"][at[f"i{j}"]] for j in range(R.shape[1])]
a = [best["disc"][at[f"i{j}"]] for j in range(R.shape[1])]""",
)
MIRT = "fit = fit_mirt(R, model={!r}, compute_standard_errors=False).model.parameters\na = fit['discrimination']"
GIRTH = "fit = {}\nb, a = fit['Difficulty'], fit['Discrimination']"
OURS = "fit = {}(R)\nb, a = fit.difficulty, fit.discrimination"
JOBS = {
    "2PL": {
        "unseen": ("from unseen.estimates.difficulty.irt import fit_irt", OURS.format("fit_irt")),
        "mirt": ("from mirt import fit_mirt\nR = R.astype(int)", MIRT.format("2PL") + "\nb = fit['difficulty']"),
        "girth": ("from girth import twopl_mml", GIRTH.format("twopl_mml(R.T.astype(int))")),
        "py-irt": PYIRT,
    },
    "graded": {
        "unseen": ("from unseen.estimates.difficulty.graded import fit_graded", OURS.format("fit_graded")),
        "mirt": ("from mirt import fit_mirt\nR = R.astype(int)", MIRT.format("GRM") + "\nb = fit['thresholds']"),
        "girth": ("from girth import grm_mml", GIRTH.format("grm_mml(R.T.astype(int) + 1)")),
    },
}


def simulated(persons: int, items: int, categories: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers, slopes and difficulties (one a step between categories) of a normal population."""
    rng = np.random.default_rng(seed)
    ability, slope, difficulty = rng.normal(size=persons), np.exp(rng.normal(0, 0.3, items)), rng.normal(size=items)
    if categories == 2:
        p = 1 / (1 + np.exp(-slope * (ability[:, None] - difficulty)))
        return (rng.random(p.shape) < p).astype(np.float32), slope, difficulty
    steps = difficulty[:, None] + np.linspace(-1, 1, categories - 1)
    draw = rng.random((persons, items))
    level = sum(draw < 1 / (1 + np.exp(-slope * (ability[:, None] - steps[:, k]))) for k in range(categories - 1))
    return np.asarray(level, np.float32), slope, steps


def measured(python: str, job: tuple[str, str], path: Path, limit: int) -> dict | str:
    command = [python, "-W", "ignore", "-c", MEASURED.format(setup=job[0], fit=job[1]), str(path)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **one},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        )  # fmt: skip
    except OSError as error:
        return f"can't be had ({error.strerror})"
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
        return f"stopped after {limit} s"
    if not lines:
        return f"can't be had ({(done.stderr.strip().splitlines() or ['no output'])[-1][:120]})"
    return json.loads(lines[-1][7:])


def compare(kind: str, persons: int, items: int, python: str, limit: int, only: list[str]) -> None:
    matrix, slope, truth = simulated(persons, items, 2 if kind == "2PL" else 4)
    print(f"\n{persons:,} persons x {items:,} items, {kind}")
    names = ("seconds", "cpu s", "x our cpu", "r(b)", "sd ratio", "r(log a)", "peak MB")
    print(f"{'':10}" + "".join(f"{n:>10}" for n in names), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.npy"
        np.save(path, matrix)
        for name, job in JOBS[kind].items():
            if only and name not in only:
                continue
            ours = measured(sys.executable, JOBS[kind]["unseen"], path, limit)
            result = ours if name == "unseen" else measured(python, job, path, limit)
            if isinstance(result, str) or isinstance(ours, str):
                print(f"{name:10}{result}", flush=True)
                continue
            b, a = np.array(result["b"]), np.array(result["a"])
            kept = np.isfinite(a) & (a > 0)
            numbers = (np.corrcoef(b, truth.ravel())[0, 1], b.std() / truth.std())
            r_a = np.corrcoef(np.log(a[kept]), np.log(slope[kept]))[0, 1]
            print(
                f"{name:10}{result['seconds']:10.2f}{result['cpu']:10.2f}{result['cpu'] / ours['cpu']:10.1f}"
                f"{numbers[0]:10.3f}{numbers[1]:10.2f}{r_a:10.3f}{result['mb']:10.0f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="interpreter that can import mirt, girth and py_irt")
    parser.add_argument("--large", action="store_true", help="1,000 x 10,000 in place of 200 x 2,000")
    parser.add_argument("--graded", action="store_true", help="the graded model in place of the 2PL")
    parser.add_argument("--limit", type=int, default=600, help="seconds of CPU time after which a fit is stopped")
    parser.add_argument("--only", nargs="*", default=[], help="names of the rows to measure, ours runs beside each")
    chosen = parser.parse_args()
    persons, items = (1000, 10000) if chosen.large else (200, 2000)
    compare("graded" if chosen.graded else "2PL", persons, items, chosen.peers, chosen.limit, chosen.only)


if __name__ == "__main__":
    main()
