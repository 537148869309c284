"""U808: claims without labels, held against the labels; refused where nothing supports them."""

import learner_cases as lc
import numpy as np
import polars as pl
import pytest

from unseen.checks._groups import domains
from unseen.checks.base import Clear, Found, NotApplicable
from unseen.checks.u808_label_free_domains import LabelFreeDomains, _chosen, _corrected, _tested
from unseen.estimates.unlabelled.label_free import Rows, difference_of_confidences


def shifted(rng, k=10, n=120, spread=1.0, bias=0.0):
    """Sites lie at other distances from the boundary; the law of the outcome is one, up to a bias of the site."""
    site = np.repeat(np.arange(k), n)
    scale = np.exp(rng.normal(0, spread, k))[site]
    x = rng.normal(size=k * n) * scale
    turned = rng.random(k * n) < np.clip(np.abs(rng.normal(0, bias, k)), 0, 0.45)[site]
    y = (rng.random(k * n) < 1 / (1 + np.exp(-2 * x))) ^ turned
    return pl.DataFrame(
        {"site": [f"s{v:02d}" for v in site], "x": x, "z": rng.normal(size=k * n), "y": np.where(y, "yes", "no")}
    )


def test_claims_follow_domains_of_different_difficulty(tmp_path):
    outcome = lc.run(LabelFreeDomains(), lc.under(shifted(np.random.default_rng(0)), tmp_path))[0]
    assert isinstance(outcome, Clear)
    assert outcome.details["missed"] < 0.6 * outcome.details["missed_by_seen"]
    assert outcome.details["inside"] >= 8
    assert "the interval held in" in outcome.statement


def test_confidence_that_promises_too_much_is_found(tmp_path):
    # A forest is sure of what it reads off a number that means another thing at a site not seen.
    u = lc.under(lc.deceptive(np.random.default_rng(1), n=150), tmp_path, "forest")
    outcome = lc.run(LabelFreeDomains(), u)[0]
    assert isinstance(outcome, Found)
    assert "is too high by 0." in outcome.statement
    assert outcome.details["error"]["low"] > 0.05
    # Corrected by its error on other domains, the claim is better than the accuracy on seen rows.
    assert outcome.details["missed"] < 0.8 * outcome.details["missed_by_seen"]


def test_intervals_cover_the_domains_left_out(tmp_path):
    inside = total = 0
    for seed in range(8):
        table = shifted(np.random.default_rng([2, seed]), k=9, n=100, spread=0.6, bias=0.08)
        outcome = lc.run(LabelFreeDomains(), lc.under(table, tmp_path / str(seed)))[0]
        inside, total = inside + outcome.details["inside"], total + 9
    # Nominal 95 %; domains of one data set share their errors, so 72 domains are worth fewer: three deviations of 36.
    assert inside / total >= 0.95 - 3 * (0.95 * 0.05 / 36) ** 0.5


def test_the_claim_of_a_domain_is_that_of_its_rows(tmp_path):
    u = lc.under(shifted(np.random.default_rng(3), k=7), tmp_path)
    tested = _tested(u, domains(u)[0])
    held = u.held[2]
    seen, unseen = held.seen[0], held.answers[0]
    rows = Rows.of(seen.confidence, seen.score, seen.rows, unseen.confidence, unseen.rows)
    assert tested[2].claims["DoC"] == pytest.approx(difference_of_confidences(rows).value)
    by_hand = seen.score.mean() + unseen.confidence.mean() - seen.confidence.mean()
    assert tested[2].claims["DoC"] == pytest.approx(by_hand, abs=1e-6)
    assert tested[2].errors["DoC"][0] == pytest.approx(by_hand - unseen.score.mean(), abs=1e-6)
    method, summary = _chosen(tested, 0.95)
    estimate = _corrected(0.7, 0.0, summary, 0.95, 100)
    assert estimate.value == pytest.approx(0.7 - summary.mean.value)
    assert estimate.width == pytest.approx(summary.next.width, rel=1e-6)
    assert method in ("CBPE", "ATC", "DoC")


def test_rows_without_labels_are_claimed_by_domain(tmp_path):
    rng = np.random.default_rng(4)
    table = shifted(rng, k=9, n=200, spread=0.5)
    hidden = shifted(rng, k=2, n=300, spread=0.0).with_columns(site=pl.lit("new-") + pl.col("site"))
    # The first new site lies at the boundary: hardly more than a guess is possible there.
    hidden = hidden.with_columns(x=pl.when(pl.col("site") == "new-s00").then(pl.col("x") * 0.1).otherwise(pl.col("x")))
    both = pl.concat([table, hidden.with_columns(y=pl.lit(None, dtype=pl.String))])
    outcomes = lc.run(LabelFreeDomains(), lc.under(both, tmp_path))
    named = {o.about.name: o for o in outcomes}
    hard, easy = named["site=new-s00, without labels"], named["site=new-s01, without labels"]
    assert isinstance(hard, Found | NotApplicable)
    actual = ((hidden["x"] > 0) == (hidden["y"] == "yes")).to_numpy()[300:].mean()
    accuracy = easy.details["accuracy"]
    assert accuracy["low"] <= actual <= accuracy["high"]
    assert "on 300 rows" in easy.statement


def test_five_domains_numbers_and_other_measures_are_refused(tmp_path):
    (outcome,) = lc.run(LabelFreeDomains(), lc.under(shifted(np.random.default_rng(5), k=5), tmp_path))
    assert isinstance(outcome, NotApplicable)
    assert "needs 6 with labels and confidences, got 5" in outcome.statement
    table = shifted(np.random.default_rng(5), k=7)
    (outcome,) = lc.run(LabelFreeDomains(), lc.under(table, tmp_path, measure="brier"))
    assert "The measure is brier" in outcome.statement
    (outcome,) = lc.run(LabelFreeDomains(), lc.under(table.with_columns(y=pl.col("x")).rename({"x": "w"}).with_columns(
        w=pl.col("w") + pl.col("z")), tmp_path))  # fmt: skip
    assert "The measure is error" in outcome.statement


def test_a_learner_without_probabilities_is_refused():
    (outcome,) = lc.run(LabelFreeDomains(), lc.law(np.random.default_rng(6), [60] * 7, 0.8, 0.0))
    assert isinstance(outcome, NotApplicable)
    assert "gives no probabilities" in outcome.statement


def test_equal_seeds_give_equal_outcomes(tmp_path):
    table = shifted(np.random.default_rng(7), k=6, n=60)
    first, second = (lc.run(LabelFreeDomains(), lc.under(table, tmp_path / str(i), "forest")) for i in range(2))
    assert [(o.statement, o.p_value) for o in first] == [(o.statement, o.p_value) for o in second]
