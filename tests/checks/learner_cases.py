"""Learners under shift for the tests of U8xx: on real refits, and on answers drawn from a known law."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from unseen.checks.base import Settings, Subject
from unseen.engine.store import Store
from unseen.refitting import Case, Piece, Refitted, Runner, UnderShift, plan, problem_of, spec_of
from unseen.refitting.refits import Answers

SETTINGS = Settings(n_resamples=200)


def held_out(problem, factor, family=None):
    """A case for each level of a factor."""
    values = problem.examples.table[factor].cast(pl.String).to_numpy()
    family = family or f"held-out {factor}"
    return [
        Case(
            family,
            f"{factor}={level}",
            (factor,),
            np.flatnonzero(values != level),
            np.flatnonzero(values == level),
            "held-out",
        )
        for level in sorted(set(values))
    ]


def under(table, folder, learner="logistic", factor="site", refits=1, seed=0, **options):
    """A learner under each level of a factor, refitted here."""
    problem = problem_of(table, "y", **options).without_inputs([factor])
    spec = spec_of(learner, regression=problem.regression)
    runner = Runner(problem, spec, executor="serial", store=Store(folder))
    return UnderShift(runner, plan(problem, held_out(problem, factor), refits=refits, seed=seed))


def run(check, under_shift, settings=SETTINGS):
    return list(check.run(Subject(learner=under_shift), settings))


def sites(rng, k=8, n=100, columns=3, slope=1.5, **changes):
    """Rows of k sites with one law: y depends on x0."""
    site = np.repeat(np.arange(k), n)
    x = rng.normal(size=(k * n, columns))
    y = rng.random(k * n) < 1 / (1 + np.exp(-slope * x[:, 0]))
    made = {"site": [f"s{v:02d}" for v in site], "y": np.where(y, "yes", "no")}
    return pl.DataFrame(made | {f"x{j}": x[:, j] for j in range(columns)} | changes)


def deceptive(rng, k=8, n=100):
    """A line carries everywhere; within a site, a number that is the site's own tells more to whoever learns it."""
    site = np.repeat(np.arange(k), n)
    x = rng.normal(size=k * n)
    y = rng.random(k * n) < 1 / (1 + np.exp(-1.5 * x))
    # Which half of a site's range stands for yes differs from site to site: trees learn it, lines can't.
    turned = rng.permutation(np.arange(k) % 2)[site] == 1
    code = site + np.where((rng.random(k * n) < 0.95) == (y ^ turned), 0.6, 0.1) + rng.uniform(0, 0.3, k * n)
    return pl.DataFrame({"site": [f"s{v:02d}" for v in site], "x": x, "code": code, "y": np.where(y, "yes", "no")})


@dataclass
class Law:
    """Answers without a learner: the chance of being right on each row, seen and unseen."""

    problem: object
    seen: np.ndarray
    unseen: np.ndarray
    rng: np.random.Generator
    failing: str = ""
    luck: float = 0.003
    learner: object = field(default_factory=lambda: spec_of("logistic"))

    def run(self, pieces: list[Piece]) -> list[Refitted]:
        if not hasattr(self, "shared"):
            # What makes a row easy is the row's own: fits agree on most rows.
            self.shared = self.rng.random(len(self.problem))
        out = []
        for piece in pieces:
            if self.failing and self.failing in piece.name:
                out.append(Refitted(piece, {}, {}, "ValueError: it broke", (0.0, 0.0)))
                continue
            answers, luck = {}, self.rng.normal(0, self.luck)
            for side, rows in piece.tests.items():
                chance = (self.unseen if side == "unseen" else self.seen)[rows] + luck
                mixed = np.where(self.rng.random(len(rows)) < 0.2, self.rng.random(len(rows)), self.shared[rows])
                right = (mixed < chance).astype(float)
                answers[side] = Answers(rows, right, None, None, right.astype(np.int16))
            out.append(Refitted(piece, answers, {}, "", (0.0, 0.0)))
        return out


def law(rng, sizes, seen, loss, refits=2, failing="", **more):
    """A learner whose loss on each site is known: right with chance ``seen``, or ``seen - loss`` where not seen."""
    site = np.repeat(np.arange(len(sizes)), sizes)
    table = pl.DataFrame(
        {
            "site": [f"s{v:02d}" for v in site],
            "x": rng.normal(size=len(site)),
            "z": rng.normal(size=len(site)),
            "y": rng.choice(["a", "b"], len(site)),
        }
    )
    problem = problem_of(table, "y").without_inputs(["site"])
    before = np.broadcast_to(np.asarray(seen, float), len(sizes))[site]
    after = before - np.broadcast_to(np.asarray(loss, float), len(sizes))[site]
    cases = held_out(problem, "site")
    return UnderShift(Law(problem, before, after, rng, failing, **more), plan(problem, cases, refits=refits))
