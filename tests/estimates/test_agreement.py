"""Agreement of raters: kappa as in the books, and an interval that perfect agreement does not collapse."""

import numpy as np
import pytest

from unseen.estimates.models.agreement import agreement


def test_kappa_is_cohens():
    """Fleiss' textbook table of 2 × 2: 20 both yes, 15 both no, 5 and 10 apart: κ = (0.70 − 0.50) / (1 − 0.50) = 0.4."""
    a = [1] * 20 + [0] * 15 + [1] * 5 + [0] * 10
    b = [1] * 20 + [0] * 15 + [0] * 5 + [1] * 10
    found = agreement(a, b, range(50))
    assert found.share.value == pytest.approx(0.7)
    assert found.kappa.value == pytest.approx(0.4)
    assert found.rows == 50


def test_graded_kappa_is_that_of_quadratic_weights():
    """Against the definition: 1 − Σ w·observed / Σ w·expected with w = (i − j)², counted cell by cell."""
    rng = np.random.default_rng(0)
    a = rng.integers(1, 6, 200)
    b = np.clip(a + rng.integers(-1, 2, 200), 1, 5)
    observed = np.zeros((5, 5))
    np.add.at(observed, (a - 1, b - 1), 1 / 200)
    w = np.subtract.outer(np.arange(5), np.arange(5)) ** 2
    expected = np.outer(observed.sum(1), observed.sum(0))
    assert agreement(a, b, range(200)).kappa.value == pytest.approx(1 - (w * observed).sum() / (w * expected).sum())


@pytest.mark.parametrize(
    ("accuracy", "false_yes", "false_no"), [(0.5, 0.1, 0.02), (0.8, 0.4, 0.05), (0.95, 0.02, 0.02)]
)
def test_forty_rows_cover_at_the_stated_rate(accuracy, false_yes, false_no):
    """A jackknife on Fisher's scale covers .54–.97 here; .95 less 3 binomial standard errors of 500 draws is .921."""
    disagree = (1 - accuracy) * false_yes + accuracy * false_no
    share = (1 - accuracy) * false_yes + accuracy * (1 - false_no)
    truth = 1 - disagree / (accuracy + share - 2 * accuracy * share)
    rng, hits, known = np.random.default_rng(1), 0, 0
    for _ in range(500):
        y, u = (rng.random(40) < accuracy) * 1.0, rng.random(40)
        kappa = agreement(y, np.where(y == 1, u > false_no, u < false_yes) * 1.0, range(40)).kappa
        if kappa is not None:
            known, hits = known + 1, hits + (kappa.low <= truth <= kappa.high)
    assert hits / known >= 0.921


def test_perfect_agreement_keeps_a_width_and_no_variation_has_no_kappa():
    perfect = agreement([1, 0] * 15, [1, 0] * 15, range(30))
    assert perfect.kappa.value == 1.0
    assert perfect.kappa.low < 0.9
    graded = agreement([1, 2, 3] * 10, [1, 2, 3] * 10, range(30)).kappa
    assert graded.low < graded.value == graded.high == 1.0
    assert agreement([1] * 30, [1] * 30, range(30)).kappa is None


def test_rows_without_one_of_the_scores_are_left_out():
    assert agreement([1, 0, np.nan, 1], [1, 0, 1, np.nan], range(4)).rows == 2
