"""A column that agrees with the class at most sites and misleads at a few: found, with the sites' names."""

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.checks.base import Clear, Found


def sites(bad, seed=0, rows=250, count=8):
    rng = np.random.default_rng(seed)
    site, y = np.repeat(np.arange(count), rows), rng.integers(0, 2, rows * count)
    x = rng.normal(size=(rows * count, 2)) + 0.5 * (2 * y - 1)[:, None] * [1, 0]
    agree = np.where(site < count - bad, 0.95, 0.25)
    cue = np.where(rng.random(rows * count) < agree, y, 1 - y)
    return pl.DataFrame({
        "site": [f"s{i}" for i in site], "a": x[:, 0], "b": x[:, 1], "cue": cue.astype(float),
        "y": np.where(y == 1, "yes", "no"),
    })  # fmt: skip


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNSEEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return {
            bad: unseen.audit(
                sites(bad), target="y", learner="logistic", shifts="held-out site", select=["U801", "U803"], refits=2,
                executor="serial", strict=True,
            ).result.outcomes
            for bad in (0, 2)
        }  # fmt: skip


def outcome(outcomes, code, name):
    return next(o for o in outcomes if o.code == code and o.about.name == name)


def test_the_worst_sites_are_named_with_their_score_seen_or_not(audits):
    spread = outcome(audits[2], "U801", "worst of held-out site")
    assert isinstance(spread, Found)
    assert set(spread.details["worst"]) == {"site=s6", "site=s7"}
    assert spread.estimate.low > 0.3
    assert "2 of 8 domains fall behind" in spread.statement
    assert "where other rows of them were seen" in spread.statement


def test_the_column_that_misleads_there_is_named(audits):
    cue = outcome(audits[2], "U803", "cue, held-out site")
    assert isinstance(cue, Found)
    assert set(cue.details["misleads"]) == {"site=s6", "site=s7"}
    assert cue.estimate.low > 0
    assert not any(isinstance(o, Clear) for o in audits[2] if o.code == "U803")


def test_without_the_plant_nothing_is_found(audits):
    assert not any(isinstance(o, Found) for o in audits[0])
    assert isinstance(outcome(audits[0], "U801", "worst of held-out site"), Clear)


def test_equal_sites_are_told_behind_at_the_nominal_rate_only():
    # Scores of equal domains, the worst chosen on one half: 400 draws, 0.05 + 3 standard errors.
    from types import SimpleNamespace

    from unseen.checks._domains import Loss
    from unseen.checks.base import Settings, Subject
    from unseen.checks.registry import all_checks
    from unseen.refitting import MEASURES, UnderShift

    check = all_checks()["U801"]
    rng, wrong = np.random.default_rng(0), 0
    for draw in range(400):
        sizes = rng.integers(30, 200, 9)
        starts = np.cumsum([0, *sizes])
        under = object.__new__(UnderShift)
        problem = SimpleNamespace(
            scale=1.0, how=MEASURES["accuracy"], clusters=lambda n=starts[-1]: np.arange(n),
            least_variance=lambda rows: 0.0, degrees=lambda rows, dof: dof,
        )  # fmt: skip
        under.runner = SimpleNamespace(problem=problem, learner=SimpleNamespace(name="m"))
        under.plan = SimpleNamespace(seed=draw)
        own = []
        for i, n in enumerate(sizes):
            score = (rng.random((1, n)) < 0.8).astype(float)
            held = SimpleNamespace(
                rows=np.arange(starts[i], starts[i + 1]),
                unseen=score,
                reference=score,
                case=SimpleNamespace(name=f"s{i}", family="held-out site", kind="other", factors=()),
            )
            own.append(Loss(held, 0.0, 1.0, 9.0, int(n), float(score.mean()), 1.0, float(score.mean()), 1.0))
        wrong += check._spread(Subject(learner=under), Settings(), "held-out site", own).p_value <= 0.05
    assert wrong / 400 <= 0.05 + 3 * 0.011
