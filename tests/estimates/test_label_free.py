import numpy as np
import pytest
from scipy.special import ndtr

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.backtest import backtest
from unseen.estimates.label_free import METHODS, Rows, agreement_on_the_line, atc, cbpe, difference_of_confidences
from unseen.estimates.recalibration import cross_fitted, fit_isotonic, fit_temperature
from unseen.estimates.support import Column, support


def side(rng, n, a, b, per, meaning=lambda c: c**1.5):
    g = np.repeat(np.arange(n // per), per)
    c = rng.beta(a, b, n // per)[g] if per > 1 else rng.beta(a, b, n)
    z = np.sqrt(0.3) * rng.normal(size=n // per)[g] + np.sqrt(0.7) * rng.normal(size=n)
    return c, (ndtr(z) < meaning(c)).astype(float), g


@pytest.mark.parametrize("per", [1, 10])
def test_cbpe_covers_the_truth_under_a_shift_of_confidence_that_keeps_its_meaning(per):
    rng = np.random.default_rng(0)
    truth, hits = np.mean(rng.beta(1.5, 2, 10**6) ** 1.5), 0
    for _ in range(200):
        c, y, g = side(rng, 1000, 2, 1.5, per)
        t, _, h = side(rng, 1000, 1.5, 2, per)
        claim = cbpe(Rows.of(c, y, g, t, h + 1000)).accuracy()
        hits += claim.low <= truth <= claim.high
    assert hits / 200 >= 0.89  # 3.9 binomial sd below 0.95


def test_every_method_fails_where_confidence_changes_its_meaning():
    rng = np.random.default_rng(1)
    c, y, g = side(rng, 3000, 2, 1.5, 1)
    t, yt, h = side(rng, 3000, 2, 1.5, 1, meaning=lambda c: c**4)
    order = np.argsort(t, kind="stable")
    for method in METHODS.values():
        error, p = method(Rows.of(c, y, g, t, h + 3000)).error(yt[order])
        assert error.low > 0.05
        assert p < 1e-6


def test_each_method_by_hand():
    rng = np.random.default_rng(2)
    c, t = rng.random(400), rng.random(300) ** 2
    y = (rng.random(400) < c).astype(float)
    rows = Rows.of(c, y, np.arange(400), t, 400 + np.arange(300))
    threshold = np.sort(c)[round((1 - y.mean()) * 400)]
    assert atc(rows).value == pytest.approx(np.mean(t >= threshold))
    assert difference_of_confidences(rows).value == pytest.approx(y.mean() - c.mean() + t.mean())


def test_influence_equals_the_jackknife():
    rng = np.random.default_rng(3)
    c, t = np.sort(rng.random(300)), np.sort(rng.random(200) ** 2)
    y = (rng.random(300) < c).astype(float)
    claim = difference_of_confidences(Rows.of(c, y, np.arange(300), t, 300 + np.arange(200)))
    left = [np.delete(y, i).mean() - np.delete(c, i).mean() + t.mean() for i in range(300)]
    np.testing.assert_allclose(claim.value - np.array(left), claim.labelled * 300 / 299, atol=1e-12)


def test_back_test_on_counts_equals_the_methods_on_rows():
    rng = np.random.default_rng(4)
    g = rng.integers(0, 3, 3000)
    c = rng.beta(1 + g, 2)
    y = (rng.random(3000) < c).astype(float)
    tests = backtest(c, y, [(g, ["a", "b", "c"])])
    for k, method in ((0, "CBPE"), (1, "ATC"), (2, "DoC")):
        keep = g != k
        claim = METHODS[method](Rows.of(c[keep], y[keep], np.flatnonzero(keep), c[~keep], np.flatnonzero(~keep)))
        row = tests[method].levels[k]
        assert row["claimed"] == pytest.approx(claim.value, abs=0.015)
        assert row["actual"] == pytest.approx(y[~keep].mean())


def test_back_test_sees_a_level_on_which_confidence_lies():
    rng = np.random.default_rng(5)
    g, c = rng.integers(0, 4, 4000), rng.random(4000)
    y = (rng.random(4000) < np.where(g == 3, 0.3 * c, c)).astype(float)
    test = backtest(c, y, [(g, ["a", "b", "c", "lies"])])["CBPE"]
    assert test.worst_level == "lies"
    assert test.tau > 0.1


def test_support_refuses_confidences_levels_and_ranges_that_no_labelled_row_covers():
    rng = np.random.default_rng(6)
    c = rng.random(500)
    assert not support(c, rng.beta(2, 1, 500), {"f": Column([0, 1] * 250, [1, 0] * 250)}).refused
    assert "no labelled row covers" in support(c * 0.4, 0.6 + c * 0.4).reason
    assert support(c, c, {"site": Column([0] * 500, [1] * 500)}).reason.startswith(
        "100 % of these rows have a value of site"
    )
    assert support(c, c, {"digits": Column(np.ones(500), np.full(500, 3.0), ordered=True)}).outside["digits"] == 1.0


def test_agreement_on_the_line_recovers_accuracy_where_the_line_holds():
    rng = np.random.default_rng(7)
    skill = np.array([-0.2, 0.3, 0.8, 1.4])

    def answers(shift, n):
        right = rng.random((n, 4)) < ndtr(skill + shift)
        return right.astype(float), np.where(right, 0, 1)  # one common wrong answer

    y, a = answers(0.0, 6000)
    truth, t = answers(-0.4, 6000)
    estimates = agreement_on_the_line(y, a, t, np.arange(6000), np.arange(6000), rng=rng)
    assert all(e.low < e.value < e.high for e in estimates)
    assert np.all(np.diff([e.value for e in estimates]) > 0)
    assert np.mean(np.abs([e.value for e in estimates] - truth.mean(0))) < 0.2
    with pytest.raises(BadInput, match="3 or more models"):
        agreement_on_the_line(y[:, :2], a[:, :2], t[:, :2], np.arange(6000), np.arange(6000), rng=rng)


def test_recalibration_matches_sklearn_and_keeps_clusters_together():
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(8)
    c = rng.random(300)
    y = (rng.random(300) < c**2).astype(float)
    fit = IsotonicRegression().fit(c, y)
    np.testing.assert_allclose(fit_isotonic(c, y)(c), fit.predict(c), atol=1e-9)
    hot = fit_temperature(1 / (1 + np.exp(-3 * np.log(c / (1 - c)))), rng.random(300) < c)
    assert 2 < hot.temperature < 4.5
    # Leaking an outcome through its twin would make the fit see it: with one cluster of twins a fold it cannot.
    whole = cross_fitted(np.repeat(c, 2), np.repeat(y, 2), np.repeat(np.arange(300), 2), rng=rng)
    assert np.array_equal(whole[::2], whole[1::2])


def test_too_few_rows_are_named():
    with pytest.raises(TooFewUnits, match=r"20 rows in 10 clusters a side, got 5 labelled rows"):
        Rows.of(np.ones(5), np.ones(5), np.arange(5), np.ones(50), np.arange(50))
