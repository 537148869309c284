"""Intrinsic dimension against scikit-dimension where it is installed (extra ``oracles``)."""

from __future__ import annotations

import numpy as np
import pytest

skdim = pytest.importorskip("skdim")

from unseen.measures.difficulty_in_bits.intrinsic_dimension import two_nn  # noqa: E402


@pytest.mark.parametrize(("d", "n", "discard"), [(2, 500, 0.1), (8, 500, 0.1), (3, 300, 0.3)])
def test_two_nearest_neighbours_are_those_of_scikit_dimension(d, n, discard):
    rng = np.random.default_rng(d)
    for x in (rng.random((n, d)), rng.normal(size=(n, d)) @ rng.normal(size=(d, 12))):
        theirs = skdim.id.TwoNN(discard_fraction=discard).fit(x).dimension_
        # They leave out whole numbers of points: one in 300 more or less moves the slope by less than one in 100.
        assert two_nn(x, discard=discard).value == pytest.approx(theirs, rel=0.01)
