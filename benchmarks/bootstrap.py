"""Cluster bootstrap over 100,000 rows × 100 cells: our 1,000 draws against 100 draws of fairlearn's MetricFrame.

Run: python benchmarks/bootstrap.py [python with fairlearn installed]. Without one, only our side is timed.
"""

import json
import subprocess
import sys
import time

import numpy as np

from unseen.estimates.intervals.bootstrap import CellSums, cluster_bootstrap

ROWS, CELLS, DRAWS, PEER_DRAWS = 100_000, 100, 1000, 100
PEER = f"""
import json, time, numpy as np
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score
rng = np.random.default_rng(0)
cell, right = rng.integers(0, {CELLS}, {ROWS}), rng.integers(0, 2, {ROWS})
start = time.perf_counter()
frame = MetricFrame(metrics=accuracy_score, y_true=np.ones({ROWS}, int), y_pred=right, sensitive_features=cell,
                    n_boot={PEER_DRAWS}, ci_quantiles=[0.025, 0.975], random_state=0)
frame.by_group_ci
print(json.dumps(time.perf_counter() - start))
"""


def ours(rows_per_cluster):
    rng = np.random.default_rng(0)
    cell, right = rng.integers(0, CELLS, ROWS), rng.integers(0, 2, ROWS).astype(float)
    cluster = np.arange(ROWS) // rows_per_cluster
    start = time.perf_counter()
    cells = CellSums.of(right, cluster, cell)
    draws = cluster_bootstrap(cells, draws=DRAWS, rng=rng)
    assert draws.shape == (DRAWS, CELLS)
    return time.perf_counter() - start


def main():
    times = {f"{size} row(s) a cluster": ours(size) for size in (1, 100)}
    for name, seconds in times.items():
        print(f"unseen, {DRAWS:,} draws, {name}: {seconds:.3f} s")
    if len(sys.argv) < 2:
        print("fairlearn: skipped; name a python that has it to measure the ratio")
        return
    done = subprocess.run([sys.argv[1], "-W", "ignore", "-c", PEER], capture_output=True, text=True, check=True)
    peer = json.loads(done.stdout.splitlines()[-1])
    print(f"fairlearn, {PEER_DRAWS} draws: {peer:.2f} s")
    for name, seconds in times.items():
        print(f"ratio, {name}: {peer / seconds:.0f}× with {DRAWS // PEER_DRAWS}× the draws")


if __name__ == "__main__":
    main()
