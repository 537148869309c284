"""The worst quarter of domains: against brute force, what the mean hides, and its level."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unseen.errors import TooFewUnits
from unseen.improving import UNCHANGED, Candidate, Gains, design
from unseen.improving.attempts import Attempt
from unseen.improving.worst import Scored, picking_rows, worst_places
from unseen.refitting import ask


def designed(sites, rows):
    x = np.random.default_rng(0).normal(size=rows)
    y = np.where((np.arange(rows) % 7 == 0) | (x > 0), "p", "q")
    asked = ask(
        pl.DataFrame({"a": x, "site": [f"s{i % sites}" for i in range(rows)], "y": y}),
        "logistic",
        ["held-out site"],
        target="y",
    )
    return design(asked.problem, asked.cases, repeats=2, rows=20_000, seed=0)


def domains(before, after, *, rows=90, seed=0):
    rng = np.random.default_rng(seed)
    made = []
    for d, (b, a) in enumerate(zip(before, after, strict=True)):
        noise = rng.normal(scale=0.1, size=(2, rows))
        clusters = np.arange(rows) + 1000 * d
        made.append(Scored(f"s{d}", b + noise, a + noise, picking_rows(clusters), clusters))
    return made


def test_the_worst_are_picked_on_a_third_of_the_rows_and_judged_on_the_others():
    made = domains([0.9, 0.5, 0.8, 0.4, 0.95, 0.3, 0.9, 0.9], [0.8] * 8)
    places = worst_places(made)
    lowest = sorted(range(8), key=lambda i: made[i].unchanged[:, made[i].picks].mean())[:3]
    after = sorted(range(8), key=lambda i: made[i].tried[:, made[i].picks].mean())[:3]
    left = np.mean([made[i].unchanged[:, ~made[i].picks].mean() for i in lowest])
    right = np.mean([made[i].tried[:, ~made[i].picks].mean() for i in after])
    assert set(lowest) == {1, 3, 5}
    assert np.mean([p.value for p in places]) == pytest.approx(right - left)
    assert all(abs(int(d.picks.sum()) - 30) <= 1 for d in made)


def test_mending_three_domains_and_spoiling_three_others_gains_nothing():
    before, after = [0.5] * 3 + [0.9] * 7, [0.9] * 4 + [0.5] * 3 + [0.9] * 3
    values = [p.value for p in worst_places(domains(before, after))]
    # The noise of a domain's mean is 0.1 / sqrt(60) = 0.013; a place holds two of them.
    assert np.abs(values).max() < 4 * 0.013 * 2**0.5
    assert np.mean([p.value for p in worst_places(domains(before, [0.9] * 10))]) == pytest.approx(0.4, abs=0.04)


def test_the_draw_of_the_rows_that_pick_leaves_clusters_whole():
    clusters = np.repeat(np.arange(30), 7)
    picks = picking_rows(clusters)
    assert all(len(set(picks[clusters == c].tolist())) == 1 for c in range(30))
    assert picks.sum() == 70


def test_a_domain_of_one_cluster_cannot_pick_and_judge():
    scores = np.zeros((2, 9))
    one = Scored("alone", scores, scores, np.ones(9, dtype=bool), np.zeros(9))
    with pytest.raises(TooFewUnits, match="rows of alone can't be divided"):
        worst_places([one] * 4)


def scored(made, seed, candidates, effect):
    """Scores of 0 and 1; ``effect(candidate, rows)`` gives the chances without and with what is tried."""
    rng = np.random.default_rng(seed)
    attempts = {}
    for fitting in made.fittings:
        own = attempts.setdefault((fitting.name, fitting.repeat), {})
        drawn = {s: rng.random(len(r)) for s, r in fitting.tests.items()}
        before = {s: (drawn[s] < effect(None, r)).astype(float) for s, r in fitting.tests.items()}
        own[UNCHANGED] = Attempt(before, "", 1.0, 1.0)
        for one in candidates:
            fresh = {
                s: np.where(rng.random(len(r)) < 0.2, rng.random(len(r)), drawn[s]) for s, r in fitting.tests.items()
            }
            after = {s: (fresh[s] < effect(one, r)).astype(float) for s, r in fitting.tests.items()}
            own[one.key] = Attempt(after, "", 1.0, 1.0)
    return attempts


def test_what_the_mean_hides_is_chosen_and_judged_at_the_worst_domains():
    made = designed(sites=10, rows=4000)
    site = made.problem.examples.table["site"].str.slice(1).cast(int).to_numpy()
    mends = Candidate("mends")

    def effect(candidate, rows):
        bad = site[rows] >= 7
        return np.where(bad, 0.6, 0.9) if candidate is None else np.full(len(rows), 0.8)

    attempts = scored(made, 0, [mends], effect)
    gained = {}
    for judge in ("mean", "worst"):
        gains = Gains(made, attempts, [mends], 0.95, judge)
        gained[judge] = gains.gained([gains.choose(fold, made.validation) for fold in made.folds])
    assert gained["mean"].estimate is None or gained["mean"].estimate.low < 0
    worst = gained["worst"]
    assert worst.estimate == worst.shown["worst"]
    assert worst.estimate.low > 0.05
    assert worst.shown["mean"].value < 0.02
    assert worst.chosen[mends.key] == 10


@pytest.mark.slow
def test_where_nothing_helps_the_worst_domains_are_said_to_gain_at_the_nominal_rate():
    made = designed(sites=12, rows=1200)
    site = made.problem.examples.table["site"].str.slice(1).cast(int).to_numpy()
    names = [Candidate("placebo", {"number": i}) for i in range(8)]
    said, alone, replicates = 0, 0, 100
    for seed in range(replicates):
        rng = np.random.default_rng([seed, 7])
        level = rng.normal(scale=0.08, size=12)
        # What is tried moves each domain as much as the unchanged learner's own domains differ: tails are alike in law.
        own = {None: level} | {n.key: rng.permutation(level) for n in names}

        def effect(candidate, rows, own=own):
            return 0.7 + own[candidate and candidate.key][site[rows]]

        gains = Gains(made, scored(made, seed, names, effect), names, 0.95, "worst")
        chosen = gains.gained([gains.choose(fold, made.validation) for fold in made.folds])
        said += chosen.estimate is not None and chosen.estimate.low > 0
        alone += (one := gains.gained([names[0]] * 5)).estimate is not None and one.estimate.low > 0
    # Nominal is 2.5 %, its standard error over 100 replicates 1.6 %: at most 2.5 + 3 standard errors = 7.2 %.
    assert said <= 7
    assert alone <= 7
