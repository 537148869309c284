"""Wall time, memory and overhead of a learner under shift: the flights of 2013, each carrier held out in turn.

    python benchmarks/under_shift.py [--data flights] [--workers 2] [--executor local|ray] [--skip-audit]

``audit``: the whole of ``unseen audit data:flights --learner gradient-boosting --shift 'held-out carrier' --shift 'later
month'`` from an empty cache. ``overhead``: the refits that hold out carriers, through the runner (data and rows on disk,
answers kept, progress), against a bare loop of scikit-learn in as many processes in the same run. Aim: 3 minutes and 4 GB
on two cores; under 10 % over the bare refits.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

SHIFTS = ("held-out carrier", "later month")


@lru_cache(maxsize=1)
def loaded(name: str) -> Any:
    """The data, read once a process."""
    from unseen.data import natural

    return natural.resolve(name)


def bare(name: str, train: np.ndarray, tests: list[np.ndarray], inputs: tuple[str, ...], seed: int) -> float:
    """Fit and answer with scikit-learn alone; the mean score, so that nothing is skipped."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from unseen.data import Examples
    from unseen.learners.preprocessing import input_table, preprocessing

    held = loaded(name)
    examples = Examples(held.table, inputs, held.target)
    fitted_on = examples.take(train)
    prepare = preprocessing(fitted_on, trees=True)
    y = examples.column(str(held.target)).astype(str)
    model = HistGradientBoostingClassifier(random_state=seed % 2**31)
    model.fit(prepare.fit_transform(input_table(fitted_on), y[train]), y[train])
    return float(
        np.mean([(model.predict(prepare.transform(input_table(examples.take(t)))) == y[t]).mean() for t in tests])
    )


def overhead(name: str, workers: int, executor: str) -> None:
    from unseen.api import learning_table
    from unseen.engine.store import Store
    from unseen.refitting import Runner, ask, plan

    asked = ask(learning_table(f"data:{name}"), "gradient-boosting", SHIFTS[:1])
    pieces = [p for p in plan(asked.problem, asked.cases, refits=1).pieces if "unseen" in p.tests]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        runner = Runner(asked.problem, asked.learner, executor=executor, workers=workers, store=Store(Path(folder)))  # type: ignore[arg-type]
        found = runner.run(pieces)
        ours = time.perf_counter() - start
    start = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [
            pool.submit(bare, name, p.train, list(p.tests.values()), asked.problem.examples.inputs, p.seed)
            for p in pieces
        ]
        for job in jobs:
            job.result()
    theirs = time.perf_counter() - start
    spent = sum(sum(r.seconds) for r in found)
    print(
        f"{len(pieces)} refits: {ours:.1f} s through the runner ({spent / workers:.1f} s a worker in fits and answers), "
        f"{theirs:.1f} s bare; ratio {ours / theirs:.2f}"
    )


def audit(name: str, workers: int, executor: str) -> None:
    from unseen import api

    start = time.perf_counter()
    found = api.audit(f"data:{name}", learner="gradient-boosting", shifts=SHIFTS, workers=workers, executor=executor)
    seconds = time.perf_counter() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    rows = len(found.result.subject.learner.problem)
    print(f"audit of {rows:,} rows: {seconds:.1f} s; peak of the largest process {peak:.2f} GiB; {found!r}")
    slowest = sorted(found.result.seconds.items(), key=lambda pair: -pair[1])[:5]
    print("  checks that took longest: " + ", ".join(f"{code} {s:.1f} s" for code, s in slowest))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="flights")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executor", default="local")
    parser.add_argument("--skip-audit", action="store_true")
    given = parser.parse_args()
    if not given.skip_audit:
        import os

        with tempfile.TemporaryDirectory() as folder:
            os.environ["UNSEEN_CACHE"] = folder
            audit(given.data, given.workers, given.executor)
            del os.environ["UNSEEN_CACHE"]
    overhead(given.data, given.workers, given.executor)


if __name__ == "__main__":
    main()
