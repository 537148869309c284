"""CBPE on 500,000 labelled and 500,000 unlabelled rows, as a ratio to NannyML in the same run.

NannyML needs older versions of our dependencies: give the interpreter of an environment that holds it.

    python benchmarks/label_free.py --nannyml /path/to/its/python
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

N = 500_000
PEER = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
start = time.perf_counter()
import nannyml, numpy as np, pandas as pd
imported = time.perf_counter() - start
n = int(sys.argv[1]); rng = np.random.default_rng(0)
c, t = rng.beta(2, 1.5, n), rng.beta(1.5, 2, n); y = (rng.random(n) < c**1.5).astype(int)
reference, analysis = pd.DataFrame({"y": y, "p": c, "pred": 1}), pd.DataFrame({"p": t, "pred": 1})
start = time.perf_counter()
e = nannyml.CBPE(y_pred_proba="p", y_pred="pred", y_true="y", problem_type="classification_binary",
                 metrics=["accuracy"], chunk_size=n)
e.fit(reference)
value = float(e.estimate(analysis).to_df()[("accuracy", "value")].iloc[-1])
print(json.dumps({"seconds": time.perf_counter() - start, "value": value, "import_seconds": imported,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def ours() -> dict[str, float]:
    start = time.perf_counter()
    from unseen.estimates.label_free import Rows, cbpe

    imported = time.perf_counter() - start
    rng = np.random.default_rng(0)
    c, t = rng.beta(2, 1.5, N), rng.beta(1.5, 2, N)
    y = (rng.random(N) < c**1.5).astype(int)
    start = time.perf_counter()
    claim = cbpe(Rows.of(c, y, np.arange(N), t, N + np.arange(N))).accuracy()
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "value": claim.value, "import_seconds": imported, "mb": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nannyml", default=sys.executable, help="interpreter that can import nannyml")
    python = parser.parse_args().nannyml
    here = ours()
    print(json.dumps({"unseen": here}))
    run = subprocess.run([python, "-c", PEER, str(N)], capture_output=True, text=True, check=False)
    if run.returncode:
        print(f"skipped the peer: {run.stderr.strip().splitlines()[-1]}")
        return
    peer = json.loads(run.stdout.strip().splitlines()[-1])
    print(json.dumps({"nannyml": peer, "times_faster": peer["seconds"] / here["seconds"]}))


if __name__ == "__main__":
    main()
