"""U806: where in-domain validation picks a learner of shortcuts, it is found; in one law it is not."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

from unseen.checks._domains import under_shift
from unseen.checks._groups import domains
from unseen.checks.base import Found, NotApplicable, Settings, Subject
from unseen.checks.u806_misleading_validation import (
    MisleadingValidation,
    _around,
    _best_by_halves,
    _pieces,
    pool,
    spearman,
)


def test_in_domain_validation_that_prefers_a_shortcut_is_found(tmp_path):
    u = lc.under(lc.deceptive(np.random.default_rng(0)), tmp_path)
    (outcome,) = lc.run(MisleadingValidation(), u)
    assert isinstance(outcome, Found)
    ways = outcome.details["ways"]
    assert ways["in-domain"]["lost"]["value"] > 0.05 > ways["leave-domains-out"]["lost"]["value"]
    assert ways["in-domain"]["correlation"]["value"] < ways["leave-domains-out"]["correlation"]["value"]
    assert all(("boosting" in name) or ("forest" in name) for name in ways["in-domain"]["picked"])
    assert "leaving domains out" in outcome.next_step
    assert len(outcome.details["points"]) == 3 * 4 * len(outcome.details["learners"])


@pytest.mark.slow
def test_in_one_law_no_choice_is_found_to_lose(tmp_path):
    found = 0
    for seed in range(10):
        u = lc.under(lc.sites(np.random.default_rng([6, seed]), 6, 60), tmp_path / str(seed))
        found += isinstance(lc.run(MisleadingValidation(), u, Settings(smallest_gap=1e-9))[0], Found)
    assert found <= 2


def test_in_one_law_false_findings_stay_below_the_nominal_rate():
    settings, found, trials = Settings(smallest_gap=1e-9), 0, 40
    for seed in range(trials):
        u = lc.law(np.random.default_rng([4, seed]), [80] * 8, 0.75, 0.0, refits=1)
        found += isinstance(lc.run(MisleadingValidation(), u, settings)[0], Found)
    assert found / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


def test_a_group_never_tests_a_fit_that_saw_it():
    u = lc.law(np.random.default_rng(0), [60] * 5, 0.8, 0.0)
    (own,) = domains(under_shift(Subject(learner=u)))
    group = own.code % 4
    pieces = _pieces(u, own.family, own.code, group, 4, pool(u))
    assert len(pieces) == 6 * len(pool(u))
    for ((a, b), _), piece in pieces.items():
        assert set(group[piece.tests["first"]]) == {a}
        assert set(group[piece.tests["second"]]) == {b}
        assert not {a, b} & set(group[piece.train])
        assert not set(piece.train) & set(piece.tests["in-domain"])
        assert piece.options["perturb"]["sides"] == ["crafted-shift"]


def test_validation_of_a_group_comes_from_the_other_one_of_the_pair():
    u = lc.law(np.random.default_rng(1), [60] * 4, 0.8, 0.0)
    (own,) = domains(u)
    candidates = pool(u)[:2]
    pieces = _pieces(u, own.family, own.code, own.code, 4, candidates)
    results = dict(zip(pieces, u.runner.run(list(pieces.values())), strict=True))
    found = _around(2, results, [0, 1])
    by_hand = [
        np.mean([
            results[pair, c].answers["second" if pair[0] == 2 else "first"].score.mean()
            for pair in ((0, 2), (1, 2), (2, 3))
        ])
        for c in (0, 1)
    ]  # fmt: skip
    assert found.validation["leave-domains-out"] == pytest.approx(by_hand)
    assert set(found.rows) == set(np.flatnonzero(own.code == 2))


def test_the_best_on_the_other_half_is_no_better_by_luck():
    rng = np.random.default_rng(2)
    test = (rng.random((9, 4000)) < 0.7).astype(float)
    best = _best_by_halves(test, np.arange(4000), rng)
    # The largest of nine means of 4,000 rows lies 1.5 standard errors (0.011) above 0.7; this one does not.
    assert abs(best.mean() - 0.7) < 3 * 0.0073


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(3)
    for _ in range(20):
        x, y = rng.integers(0, 5, 9).astype(float), rng.normal(size=9)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


def test_numbers_have_a_pool_of_their_own(tmp_path):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 2))
    table = pl.DataFrame({"site": [f"s{i % 5}" for i in range(300)], "x0": x[:, 0], "x1": x[:, 1]})
    table = table.with_columns(y=pl.Series(x[:, 0] + rng.normal(0, 0.3, 300)))
    u = lc.under(table, tmp_path)
    assert {s.name: dict(s.settings) for s in pool(u)}["logistic, strongly shrunk"] == {"alpha": 1000.0}
    (outcome,) = lc.run(MisleadingValidation(), u)
    assert not isinstance(outcome, Found)
    assert len(outcome.details["learners"]) == 8


def test_two_domains_and_failing_learners_are_refused():
    (outcome,) = lc.run(MisleadingValidation(), lc.law(np.random.default_rng(0), [200] * 2, 0.8, 0.0))
    assert isinstance(outcome, NotApplicable)
    assert "needs 3 domains" in outcome.statement
    (outcome,) = lc.run(
        MisleadingValidation(), lc.law(np.random.default_rng(0), [200] * 4, 0.8, 0.0, failing="without")
    )
    assert "only 0 of 8 learners could be refitted" in outcome.statement
