"""The tail mean is the minimum that defines it."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from unseen.atlas.studies.training._loss_tail import tail_mean
from unseen.errors import BadInput, Undefined


@pytest.mark.parametrize("level", [0.0, 0.5, 0.83, 0.9, 0.99])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_it_is_the_least_value_of_threshold_plus_scaled_excess(level, n):
    losses = np.random.default_rng(n).exponential(size=n)

    def objective(t):
        return t + np.maximum(losses - t, 0).mean() / (1 - level)

    least = min(objective(t) for t in [*losses, minimize_scalar(objective, bounds=(0, losses.max())).x])
    assert tail_mean(losses, level) == pytest.approx(least, rel=1e-9)


def test_it_grows_with_the_level_and_does_not_depend_on_order():
    losses = np.random.default_rng(0).normal(size=50)
    found = [tail_mean(losses, q) for q in (0, 0.3, 0.31, 0.9, 0.98)]
    assert np.all(np.diff(found) > 0)
    assert tail_mean(losses[::-1], 0.9) == found[3]
    assert found[0] == pytest.approx(losses.mean())


def test_what_has_no_tail_is_said():
    with pytest.raises(BadInput, match="got 0 rows"):
        tail_mean([])
    with pytest.raises(BadInput, match="level 1"):
        tail_mean([1.0], 1)
    with pytest.raises(Undefined, match="1 of them are not finite"):
        tail_mean([1.0, np.inf])
