import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import t

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.confidence.recalibration import cross_fitted, fit_isotonic, fit_temperature
from unseen.estimates.unlabelled.backtest import rehearse, spreads
from unseen.estimates.unlabelled.label_free import (
    METHODS,
    Rows,
    agreement_on_the_line,
    atc,
    cbpe,
    difference_of_confidences,
)
from unseen.estimates.unlabelled.support import Column, support
from unseen.estimates.unlabelled.unlabelled import at_other_odds, judged, rows_to_label


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
    tests = rehearse(c, y, np.arange(3000), [(g, ["a", "b", "c"])]).tests
    for k, method in ((0, "CBPE"), (1, "ATC"), (2, "DoC")):
        keep = g != k
        claim = METHODS[method](Rows.of(c[keep], y[keep], np.flatnonzero(keep), c[~keep], np.flatnonzero(~keep)))
        row = tests[method].levels[k]
        assert row["claimed"] == pytest.approx(claim.value, abs=0.015)
        assert row["actual"] == pytest.approx(y[~keep].mean())


def test_back_test_sees_a_level_on_which_confidence_lies_though_its_confidences_are_those_of_the_others():
    rng = np.random.default_rng(5)
    g, c = rng.integers(0, 4, 4000), rng.random(4000)
    y = (rng.random(4000) < np.where(g == 3, 0.3 * c, c)).astype(float)
    done = rehearse(c, y, np.arange(4000), [(g, ["a", "b", "c", "lies"])])
    assert done.tests["CBPE"].worst_level == "lies"
    assert done.tests["CBPE"].tau > 0.1
    # In the others accuracy falls short of what the lying level makes the rest claim; no confidence has moved.
    assert done.moved == ()
    assert done.chosen == "CBPE"


@pytest.mark.parametrize("levels", [6, 30])
def test_an_irrelevant_factor_tests_nothing_and_chooses_nothing(levels):
    rng, tested = np.random.default_rng(6), 0
    for _ in range(40):
        c = rng.beta(3, 1.5, 1500)
        g = rng.integers(0, levels, 1500)
        done = rehearse(c, rng.random(1500) < c**1.5, np.arange(1500), [(g, list(map(str, range(levels))))])
        assert done.chosen == "CBPE"
        tested += bool(done.tests)
    # Three levels must be taken for shifting by chance, where one happens in 5 % of tables.
    assert tested <= 2


def test_a_factor_that_stands_in_the_table_twice_counts_once():
    rng = np.random.default_rng(14)
    g = rng.integers(0, 5, 2000)
    c = rng.beta(2 + g, 2)
    y, names = rng.random(2000) < c, list("abcde")
    once, twice = (rehearse(c, y, np.arange(2000), [(g, names)] * k) for k in (1, 2))
    assert len(once.hidden) == len(twice.hidden) == 5
    np.testing.assert_array_equal(once.tests["CBPE"].taus, twice.tests["CBPE"].taus)


def test_a_method_that_misses_every_level_by_less_takes_the_place_of_cbpe():
    rng = np.random.default_rng(7)
    g = rng.integers(0, 12, 24_000)
    c = np.clip(0.6 + 0.03 * (g - 5.5) + 0.1 * rng.normal(size=24_000), 0.01, 0.99)
    # Accuracy follows the level alone: confidence within a level says nothing, so CBPE claims far too little movement.
    y = (rng.random(24_000) < 0.6 + 0.03 * (g - 5.5)).astype(float)
    done = rehearse(c, y, np.arange(24_000), [(g, list(map(str, range(12))))])
    assert done.chosen == "DoC"
    assert done.better["DoC"] <= 0.05


def test_errors_without_sampling_variance_give_students_t():
    errors = np.array([0.1, -0.05, 0.02, -0.08])
    taus = spreads(errors, np.zeros(4), 4)
    claim = difference_of_confidences(Rows.of(np.linspace(0, 1, 40), np.arange(40) % 2, np.arange(40), np.linspace(0, 1, 40), np.arange(40)))  # fmt: skip
    half = claim.widened(taus)._half(1e-9, 0.95)
    # 200 quantiles stand for the distribution: its tail is cut, so the interval is a little shorter.
    assert half == pytest.approx(t.ppf(0.975, 4) * np.sqrt(np.mean(errors**2)), rel=0.03)


@pytest.mark.parametrize(("levels", "spread"), [(4, 0.1), (8, 0.05), (20, 0.02)])
def test_the_error_on_one_more_level_lies_within_the_interval_at_its_stated_rate(levels, spread):
    rng, hits = np.random.default_rng(8), 0
    claim = difference_of_confidences(Rows.of(np.linspace(0, 1, 40), np.arange(40) % 2, np.arange(40), np.linspace(0, 1, 40), np.arange(40)))  # fmt: skip
    for _ in range(400):
        v = rng.uniform(0.01, 0.05, levels) ** 2
        taus = spreads(rng.normal(0, np.sqrt(spread**2 + v)), v, levels)
        hits += abs(rng.normal(0, np.hypot(spread, 0.01))) <= claim.widened(taus)._half(0.01, 0.95)
    assert hits / 400 >= 0.916  # 3.1 binomial sd below 0.95


def test_interval_and_p_value_of_a_widened_claim_agree():
    rng = np.random.default_rng(9)
    c, u = rng.random(400), rng.random(400) ** 1.4
    claim = cbpe(Rows.of(c, rng.random(400) < c, np.arange(400), u, 400 + np.arange(400)))
    for scale in np.linspace(0.005, 0.2, 12):
        drop, p = claim.widened(spreads(scale * np.array([1.0, -1, 1, -1, 1]), np.full(5, 1e-4), 4)).drop()
        assert (p <= 0.05) == (drop.low > 0 or drop.high < 0)


def test_without_a_factor_a_claim_rests_on_assumption_and_is_not_widened():
    rng = np.random.default_rng(10)
    c, u = rng.random(600), rng.random(300)
    rows = Rows.of(c, rng.random(600) < c, np.arange(600), u, 600 + np.arange(300))
    said = judged(rows, [])
    assert said.basis == "assumption"
    assert said.claim.accuracy() == cbpe(rows).accuracy()


def test_rows_that_have_moved_farther_than_any_hidden_level_are_doubted_in_proportion():
    rng = np.random.default_rng(11)
    g = rng.integers(0, 6, 3000)
    c = 1 / (1 + np.exp(-rng.normal(1 + 0.1 * g, 1)))
    y, near, far = (
        rng.random(3000) < c,
        1 / (1 + np.exp(-rng.normal(1.2, 1, 800))),
        1 / (1 + np.exp(-rng.normal(-1.5, 1, 800))),
    )
    order = np.argsort(c)
    factors = [(g[order], list(map(str, range(6))))]
    widths = []
    for u in (near, far):
        said = judged(Rows.of(c, y, np.arange(3000), u, 3000 + np.arange(800)), factors)
        assert said.basis == "back-test"
        widths.append((said.reach, said.claim.accuracy().width))
    assert widths[0][0] == 1.0
    assert widths[1][0] > 3
    assert widths[1][1] > 2 * widths[0][1]


def test_accuracy_at_other_odds_by_hand():
    c = np.repeat([0.2, 0.8], 500)
    y = np.concatenate([np.arange(500) < 100, np.arange(500) < 400])
    rows = Rows.of(c, y, np.arange(1000), c, 1000 + np.arange(1000))
    assert at_other_odds(rows, 1.0) == pytest.approx(0.5)
    # Odds 1/4 and 4, halved: 1/8 and 2.
    assert at_other_odds(rows, 0.5) == pytest.approx((1 / 9 + 2 / 3) / 2)


@pytest.mark.parametrize("accuracy", [0.55, 0.75, 0.95])
def test_so_many_labels_decide_four_times_of_five(accuracy):
    rng, known = np.random.default_rng(12), 2e-4
    n = rows_to_label(accuracy, 0.1, known=known)
    for drop in (0.0, 0.1):
        share = rng.binomial(n, accuracy - drop, 4000) / n
        there = accuracy + np.sqrt(known) * rng.normal(size=4000) - share
        half = 1.96 * np.sqrt(known + share * (1 - share) / n)
        decided = np.mean(there + half < 0.1) if drop == 0 else np.mean(there - half > 0)
        assert decided >= 0.78  # 0.8 less 3 binomial sd


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


@pytest.mark.parametrize("shape", ["few", "giant", "uneven"])
def test_cbpe_covers_where_clusters_are_few_uneven_or_one_is_giant(shape):
    rng, hits = np.random.default_rng(13), 0
    sizes = {
        "few": np.full(12, 80), "giant": np.r_[400, np.full(60, 8)], "uneven": rng.geometric(0.03, 40) + 2,
    }[shape]  # fmt: skip
    g, draws = np.repeat(np.arange(len(sizes)), sizes), 200

    def answers(a, b):
        tilt = np.sqrt(0.3) * rng.normal(size=len(sizes))[g] + np.sqrt(0.7) * rng.normal(size=len(g))
        c = rng.beta(a, b, len(g))
        return c, (ndtr(tilt) < c**1.5).astype(float)

    truth = np.mean(rng.beta(1.5, 2, 10**6) ** 1.5)
    for _ in range(draws):
        (c, y), (u, _) = answers(2, 1.5), answers(1.5, 2)
        claim = cbpe(Rows.of(c, y, g, u, len(sizes) + g)).accuracy()
        hits += claim.low <= truth <= claim.high
    assert hits / draws >= 0.89  # 3.9 binomial sd below 0.95
