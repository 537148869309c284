"""PPI++ against the authors' package, where it is installed (``pip install ppi-python``)."""

import numpy as np
import pytest

from unseen.estimates.intervals.prediction_powered import ppi_mean


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(5))
def test_point_and_large_interval_agree_with_the_authors(seed):
    """Their interval is θ ± z·√V; with 4,000 labels every small-sample care of ours must vanish."""
    theirs = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(seed)
    n, rows = 4000, 12_000
    y = (rng.random(rows) < 0.7) * 1.0
    f = np.clip(0.5 * y + 0.2 + 0.2 * rng.normal(size=rows), 0, 1)
    mean, weight = ppi_mean(np.where(np.arange(rows) < n, y, np.nan), f, np.arange(rows))
    point = float(np.squeeze(theirs.ppi_mean_pointestimate(y[:n], f[:n], f[n:])))
    low, high = (float(np.squeeze(x)) for x in theirs.ppi_mean_ci(y[:n], f[:n], f[n:], alpha=0.05))
    assert weight > 0.5
    assert mean.value == pytest.approx(point, abs=1e-9)
    assert (mean.low, mean.high) == pytest.approx((low, high), abs=3e-4)
