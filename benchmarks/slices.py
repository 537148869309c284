"""Search for weak slices: time, memory and recovery of a planted slice, against sliceline in the same run.

    python benchmarks/slices.py [--peer PYTHON] [--replicates N] [--rows N]

Ten factors with 3 to 8 levels; in one conjunction of two levels the error rate is planted above that outside. A slice
is recovered where the best one found is the planted one, and listed where it is among the best eight. Both sides
search conjunctions of up to three levels with at least as many rows. sliceline (Sagadeeva & Boehm, 2021) weighs error
against size by alpha: 0.6 where nothing is said, 0.95 in a notebook of its repository (Titanic). With these hardly any
slice here has a positive score, and it seldom returns one; it runs with 0.95 and with 0.99, at which it finds them. Each search
is timed in CPU seconds of a process of its own, on one thread, ours and the peer's in turn.
"""

import argparse
import json
import os
import subprocess
import sys

import numpy as np

SIZES = (3, 4, 5, 6, 8, 3, 4, 5, 6, 8)
MEASURED = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
rows, lift, replicates, sizes = json.loads(sys.argv[1])
{setup}
hits, listed, seconds = [], [], []
for seed in range(replicates):
    rng = np.random.default_rng(seed)
    X = np.stack([rng.integers(0, s, rows) for s in sizes], axis=1)
    a, b = sorted(rng.choice(len(sizes), 2, replace=False).tolist())
    u, v = int(rng.integers(sizes[a])), int(rng.integers(sizes[b]))
    wrong = (rng.random(rows) < 0.3 + lift * ((X[:, a] == u) & (X[:, b] == v))).astype(float)
    planted, start = {{(a, u), (b, v)}}, time.process_time()
    found = best(X, wrong)
    seconds.append(time.process_time() - start)
    hits.append(bool(found) and found[0] == planted)
    listed.append(planted in found)
print(json.dumps({{"hits": hits, "listed": listed, "seconds": seconds, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""
OURS = """
from unseen.estimates.contrasts.slices import Axis, search
def best(X, wrong):
    found = search([Axis(X[:, j], s) for j, s in enumerate(sizes)], 1 - wrong, min_rows=max(rows // 100, 20))
    return [{(j, first) for j, first, _ in f.conditions} for f in found]
"""
PEER = """
from sliceline.slicefinder import Slicefinder
def best(X, wrong):
    finder = Slicefinder(alpha={alpha}, k=8, max_l=3, min_sup=max(rows // 100, 20), verbose=False).fit(X, wrong)
    return [{{(j, int(v)) for j, v in enumerate(row) if v is not None}} for row in finder.top_slices_]
"""


def measured(python: str, setup: str, rows: int, lift: float, replicates: int) -> dict | str:
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    settings = json.dumps([rows, lift, replicates, SIZES])
    command = [python, "-c", MEASURED.format(setup=setup), settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **one})
    if done.returncode:
        return f"can't be had ({(done.stderr.strip().splitlines() or ['no output'])[-1][:120]})"
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=sys.executable, help="interpreter that can import sliceline")
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--rows", type=int, default=5_000)
    chosen = parser.parse_args()
    print(f"{chosen.rows:,} rows, {len(SIZES)} factors, {chosen.replicates} replicates")
    print(f"{'lift':>6}{'':17}{'recovered':>10}{'se':>6}{'listed':>8}{'cpu s':>9}{'x ours':>8}{'peak MB':>9}")
    for lift in (0.1, 0.2, 0.3):
        own = 0.0
        peers = [(f"sliceline {alpha}", chosen.peer, PEER.format(alpha=alpha)) for alpha in (0.95, 0.99)]
        for name, python, setup in (("unseen", sys.executable, OURS), *peers):
            result = measured(python, setup, chosen.rows, lift, chosen.replicates)
            if isinstance(result, str):
                print(f"{lift:6.1f}  {name:15}{result}", flush=True)
                continue
            hit, seconds = float(np.mean(result["hits"])), float(np.median(result["seconds"]))
            own = own or seconds
            se = (hit * (1 - hit) / chosen.replicates) ** 0.5
            print(
                f"{lift:6.1f}  {name:15}{hit:10.2f}{se:6.2f}{np.mean(result['listed']):8.2f}{seconds:9.3f}{seconds / own:8.1f}{result['mb']:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
