"""Items a second of the text tasks, as a ratio to comparable tasks of reasoning-gym in the same run.

    python benchmarks/tasks.py [--python PATH] [--seconds S] [--rounds R] [--all]

PATH is an interpreter that has reasoning-gym (its own environment: it is no dependency). The two take turns, round by
round, so that both meet the same load; the ratio is that of the medians. Without PATH the peer is left out.
``--all`` times every task.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time

from unseen import tasks

# Ours, its options, the peer's task and its configuration: the same ranges on both sides.
PAIRS = [
    ("chain-sum", {}, "chain_sum", {}),
    ("shortest-path", {}, "shortest_path", {}),
    ("knights-knaves", {"people": 2}, "knights_knaves", {"n_people": 2}),
    ("syllogism", {}, "syllogism", {}),
]
PEER = """
import json, sys, time
import reasoning_gym
name, config, seconds, seed = json.loads(sys.argv[1])
data = reasoning_gym.create_dataset(name, size=10**7, seed=seed, **config)
for i in range(50):
    data[i]
count, start = 0, time.perf_counter()
while True:
    for i in range(50):
        data[count + i]
    count += 50
    spent = time.perf_counter() - start
    if spent > seconds:
        break
print(count / spent)
"""


def ours(name: str, options: dict[str, object], seconds: float, seed: int) -> float:
    """Items a second of one of our tasks."""
    task = tasks.load(name)
    first = seed * 10**7
    for i in range(50):
        task.draw(first + i, **options)
    count, start = 0, time.perf_counter()
    while True:
        for i in range(50):
            task.draw(first + count + i, **options)
        count += 50
        spent = time.perf_counter() - start
        if spent > seconds:
            return count / spent


def theirs(python: str, name: str, config: dict[str, object], seconds: float, seed: int) -> float:
    """Items a second of the peer, in its own interpreter."""
    argument = json.dumps([name, config, seconds, seed])
    out = subprocess.run([python, "-c", PEER, argument], capture_output=True, text=True, check=True)
    return float(out.stdout)


def main() -> None:
    """Print one row a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="interpreter with reasoning-gym")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    print(f"{'task':<28}{'ours/s':>10}{'peer/s':>10}{'ratio':>8}")
    for name, options, peer, config in PAIRS:
        mine, other = [], []
        for i in range(given.rounds):
            mine.append(ours(name, options, given.seconds, i))
            if given.python:
                other.append(theirs(given.python, peer, config, given.seconds, i))
        rate = statistics.median(mine)
        if other:
            print(f"{name:<28}{rate:>10.0f}{statistics.median(other):>10.0f}{rate / statistics.median(other):>8.1f}")
        else:
            print(f"{name:<28}{rate:>10.0f}{'-':>10}{'-':>8}")
    if given.all:
        for name in tasks.names():
            print(f"{name:<28}{ours(name, {}, given.seconds / 5, 0):>10.0f}")


if __name__ == "__main__":
    main()
