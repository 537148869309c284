"""Items a second of the text tasks, as a ratio to comparable tasks of reasoning-gym in the same run.

    python benchmarks/tasks.py [--python PATH] [--seconds S] [--rounds R] [--all]

PATH is an interpreter that has reasoning-gym (its own environment: it is no dependency). The two take turns, round by
round, so that both meet the same load; the ratio is that of the medians. Without PATH the peer is left out.
``--all`` times every task.

SCAN is held against a plain recursive enumeration of its grammar in the same run: all 20,910 commands, once with words and
actions alone, and once with what an item holds beyond them (identity and factors, found from the words).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Iterator

from unseen import tasks
from unseen.tasks.base import content_id
from unseen.tasks.grammar.scan import factors_of

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


def derive(symbol: str) -> Iterator[tuple[list[str], list[str]]]:
    """Words and actions of every command below a symbol, by recursion over the rules of Lake & Baroni (2018), figure 6."""
    if symbol == "C":
        yield from derive("S")
        for joint in ("and", "after"):
            for a, does_a in derive("S"):
                for b, does_b in derive("S"):
                    yield [*a, joint, *b], does_a + does_b if joint == "and" else does_b + does_a
    elif symbol == "S":
        for v, does in derive("V"):
            yield from ((v, does), ([*v, "twice"], 2 * does), ([*v, "thrice"], 3 * does))
    elif symbol == "V":
        yield from derive("U")
        for d, does in derive("D"):
            yield d, does
            head, side = d
            turn = does[:1]
            yield [head, "opposite", side], turn + does
            yield [head, "around", side], 4 * does
    elif symbol == "D":
        for side in ("left", "right"):
            turn = f"I_TURN_{side.upper()}"
            yield ["turn", side], [turn]
            for u, does in derive("U"):
                yield [*u, side], [turn, *does]
    else:
        yield from (([u], [f"I_{u.upper()}"]) for u in ("walk", "look", "run", "jump"))


def scan_rates(rounds: int) -> dict[str, float]:
    """Commands a second of processor time of SCAN and of the plain enumeration, taking turns; medians."""
    task = tasks.load("scan")
    listed = {(tuple(words), tuple(does)) for words, does in derive("C")}
    assert len(listed) == 20_910
    assert listed == {(tuple(e.input), tuple(e.target)) for e in map(task.draw, range(20_910))}
    rates: dict[str, list[float]] = {"items": [], "words": [], "whole": []}
    for _ in range(rounds):
        start = time.process_time()
        for seed in range(20_910):
            task.draw(seed)
        rates["items"].append(20_910 / (time.process_time() - start))
        start = time.process_time()
        for _ in derive("C"):
            pass
        rates["words"].append(20_910 / (time.process_time() - start))
        start = time.process_time()
        for words, does in derive("C"):
            content_id("\x1f".join(words))
            factors_of(words, does)
        rates["whole"].append(20_910 / (time.process_time() - start))
    return {name: statistics.median(found) for name, found in rates.items()}


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
    rates = scan_rates(given.rounds)
    print(
        f"\nSCAN, all 20,910 commands: {rates['items']:.0f} items a second of processor time, {20_910 / rates['items']:.2f} s in all"
    )
    for name, what in (("words", "words and actions alone"), ("whole", "identity and factors too")):
        print(f"  plain recursion, {what}: {rates[name]:.0f}/s, ratio {rates['items'] / rates[name]:.2f}")
    if given.all:
        for name in tasks.names():
            print(f"{name:<28}{ours(name, {}, given.seconds / 5, 0):>10.0f}")


if __name__ == "__main__":
    main()
