"""Label shift on two and more classes with known frequencies."""

import numpy as np
import pytest

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.unlabelled.label_free import Rows, cbpe
from unseen.estimates.unlabelled.label_shift import label_shift
from unseen.estimates.unlabelled.unlabelled import Classes, judged


def draw(rng, n, share, per=1, gain=2.0):
    """Truth, prediction, confidence and whether it is right, of a classifier by a margin; clusters share class and noise."""
    truth = np.repeat(rng.random(n // per) < share, per).astype(int)
    z = np.sqrt(0.3) * np.repeat(rng.normal(size=n // per), per) + np.sqrt(0.7) * rng.normal(size=n)
    margin = np.where(truth == 1, 0.4, -1.5) + z
    guess = (margin > 0).astype(int)
    return truth, guess, 1 / (1 + np.exp(-gain * np.abs(margin))), guess == truth


def case(rng, source, target, *, n=2000, m=1000, per=1, keep=None):
    truth, guess, c, y = draw(rng, n, source, per)
    _, other, t, right = draw(rng, m, target, per)
    if keep is not None:
        mask = rng.random(m) < keep(t)
        other, t, right = other[mask], t[mask], right[mask]
    i, j = np.argsort(c, kind="stable"), np.argsort(t, kind="stable")
    rows = Rows.of(c[i], y[i], (np.arange(n) // per)[i], t[j], (n + np.arange(len(t)) // per)[j])
    return rows, guess[i], truth[i], other[j], right[j]


def saerens(per_class, counts, start):
    """Saerens, Latinne & Decaestecker's EM on cells: the slow algorithm."""
    pi = start.copy()
    for _ in range(5000):
        joint = per_class * pi
        pi = (counts[:, None] * joint / joint.sum(axis=1, keepdims=True)).sum(axis=0) / counts.sum()
    return pi


def test_frequencies_are_those_of_em_within_a_fraction_of_their_error():
    rng = np.random.default_rng(0)
    rows, guess, truth, other, _ = case(rng, 0.3, 0.7, n=6000, m=4000)
    found = label_shift(rows, guess, truth, other)
    edges = [np.quantile(rows.confidence[guess == k], [0.2, 0.4, 0.6, 0.8]) for k in (0, 1)]

    def cells(g, c):
        return np.array([5 * k + np.searchsorted(edges[k], x, side="right") for k, x in zip(g, c, strict=True)])

    joint = np.bincount(cells(guess, rows.confidence) * 2 + truth, minlength=20).reshape(10, 2)
    em = saerens(joint / joint.sum(axis=0), np.bincount(cells(other, rows.target), minlength=10), np.array([0.5, 0.5]))
    np.testing.assert_allclose(found.target, em, atol=0.01)
    assert abs(found.target[1] - 0.7) < 0.05


@pytest.mark.parametrize("per", [1, 10])
def test_accuracy_under_label_shift_is_covered_where_cbpe_fails(per):
    rng, hits, before, accepted = np.random.default_rng(1), 0, 0, 0
    truth = np.mean(draw(np.random.default_rng(2), 400_000, 0.75)[3])
    for _ in range(120):
        rows, guess, klass, other, _ = case(rng, 0.25, 0.75, per=per)
        found = label_shift(rows, guess, klass, other)
        said = found.claim.accuracy()
        hits += said.low <= truth <= said.high
        accepted += found.holds()
        old = cbpe(rows).accuracy()
        before += old.low <= truth <= old.high
    assert hits / 120 >= 0.88  # 3.5 binomial sd below 0.95
    assert accepted / 120 >= 0.9  # 0.99 nominal, an estimated covariance costs some
    assert before / 120 < 0.2


def test_no_shift_and_covariate_shift_are_not_taken_for_label_shift():
    rng = np.random.default_rng(3)
    none = [label_shift(*case(rng, 0.4, 0.4)[:4]).holds() for _ in range(80)]
    assert np.mean(none) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)
    other = [label_shift(*case(rng, 0.4, 0.4, m=4000, keep=lambda t: (1.5 - t) ** 4)[:4]).holds() for _ in range(20)]
    assert np.mean(other) <= 0.1


def test_label_shift_speaks_where_it_holds_and_cbpe_where_it_does_not():
    rng = np.random.default_rng(4)
    rows, guess, truth, other, _ = case(rng, 0.25, 0.75)
    assert judged(rows, [], classes=Classes(guess, truth, other)).claim.method == "label shift"
    rows, guess, truth, other, _ = case(rng, 0.25, 0.25)
    assert judged(rows, [], classes=Classes(guess, truth, other)).claim.method == "CBPE"


def test_influence_equals_the_jackknife():
    rng = np.random.default_rng(5)
    rows, guess, truth, other, _ = case(rng, 0.4, 0.6, n=800, m=600)
    whole = label_shift(rows, guess, truth, other).claim
    some = rng.choice(600, 60, replace=False)
    changes = []
    for i in some:
        keep = np.arange(600) != i
        part = Rows(rows.confidence, rows.outcome, rows.cluster, rows.target[keep], rows.target_cluster[keep])
        changes.append(599 * (whole.value - label_shift(part, guess, truth, other[keep]).claim.value))
    # The weights of the fit move a little as well, which the influence leaves out: they are of second order.
    assert np.corrcoef(changes, 600 * whole.target[some])[0, 1] > 0.98


def test_what_cannot_be_told_is_said():
    rng = np.random.default_rng(6)
    rows, guess, _, other, _ = case(rng, 0.4, 0.6, n=400, m=300)
    with pytest.raises(TooFewUnits, match="2 to 30 classes of 20 labelled rows, got 1 of 1"):
        label_shift(rows, guess, np.zeros(400), other)
    with pytest.raises(Undefined, match="predictions hardly depend on the class"):
        label_shift(rows, guess, rng.integers(0, 2, 400), other)
