from itertools import combinations, product

import numpy as np
import pytest

from unseen.estimates.contrasts.slices import Axis, Search, Slice, search


def _brute(axes, y, min_rows):
    best = (-np.inf, None)
    for depth in (1, 2, 3):
        for chosen in combinations(range(len(axes)), depth):
            for conditions in product(*(axes[i].conditions() for i in chosen)):
                inside = np.ones(len(y), dtype=bool)
                for i, (first, last) in zip(chosen, conditions, strict=True):
                    inside &= (axes[i].codes >= first) & (axes[i].codes <= last)
                a, b = inside.sum(), (~inside).sum()
                if min(a, b) < min_rows:
                    continue
                z = (y[~inside].mean() - y[inside].mean()) / np.sqrt(y.var() * (1 / a + 1 / b))
                best = max(best, (z, inside.sum()), key=lambda t: t[0])
    return best


def test_the_best_slice_is_that_of_brute_force():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        axes = [
            Axis(rng.integers(0, 4, 800), 4, ordered=True),
            Axis(rng.integers(0, 3, 800), 3),
            Axis(rng.integers(0, 2, 800), 2),
        ]
        bad = (axes[0].codes >= 2) & (axes[1].codes == 1)
        y = (rng.random(800) < np.where(bad, 0.3, 0.7)).astype(float)
        z, rows = _brute(axes, y, 20)
        found = search(axes, y, min_rows=20)
        np.testing.assert_allclose(found[0].z, z, rtol=1e-9)
        assert found[0].rows == rows == found[0].mask(axes).sum()
        # The sums of scores that are not binary take the other way through.
        np.testing.assert_allclose(search(axes, y * 2 + 1, min_rows=20)[0].z, z, rtol=1e-9)


def test_nested_slices_are_merged():
    rng = np.random.default_rng(9)
    axes = [Axis(rng.integers(0, 2, 2000), 2), Axis(rng.integers(0, 3, 2000), 3), Axis(rng.integers(0, 3, 2000), 3)]
    y = (rng.random(2000) < np.where(axes[0].codes == 1, 0.2, 0.8)).astype(float)
    found = search(axes, y)
    assert found[0].conditions == ((0, 1, 1),)
    assert not any(found[0].contains(f) and f.mean > found[0].mean - 0.02 for f in found[1:])


def test_one_slice_contains_another_by_its_conditions():
    wide, narrow = Slice(((0, 1, 3),), 10, 0.0, 0.0, 0.0), Slice(((0, 2, 2), (1, 0, 0)), 5, 0.0, 0.0, 0.0)
    assert wide.contains(narrow)
    assert not narrow.contains(wide)


@pytest.mark.parametrize("many", [1, 7, 200])
def test_models_that_are_searched_at_once_get_the_slices_that_each_gets_alone(many):
    rng = np.random.default_rng(many)
    axes = [Axis(rng.integers(0, k, 300), k, ordered=k > 3) for k in (2, 3, 4, 5)]
    weak = (axes[1].codes == 1) & (axes[3].codes > 2)
    scores = [
        np.where(weak, 0.3, 0.8) + rng.normal(0, 0.2, 300)
        if m % 2
        else (rng.random(300) < np.where(weak, 0.3, 0.8)) * 1.0
        for m in range(many)
    ]
    of = Search(axes)
    together = of.best_of(scores, smallest_gap=0.02)
    assert any(together)
    for score, found in zip(scores, together, strict=True):
        alone = of.best(score, smallest_gap=0.02)
        assert [s.conditions for s in found] == [s.conditions for s in alone]
        np.testing.assert_allclose([s.z for s in found], [s.z for s in alone], rtol=1e-9)
