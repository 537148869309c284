import cmath

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.spectra.fourier import inverse_participation_ratio, neuron_ratios, spectrum_power


def naive_power(row):
    """Discrete Fourier transform by its definition, frequencies k and p - k added."""
    p = len(row)
    raw = [abs(sum(v * cmath.exp(-2j * cmath.pi * k * t / p) for t, v in enumerate(row))) ** 2 / p for k in range(p)]
    return [raw[k] + (raw[p - k] if 0 < k < p - k else 0) for k in range(p // 2 + 1)]


@pytest.mark.parametrize("p", [3, 4, 7, 10, 31])
def test_powers_and_ratios_equal_the_naive_transform(p):
    rows = np.random.default_rng(p).standard_normal((5, p))
    naive = np.array([naive_power(row) for row in rows])
    np.testing.assert_allclose(spectrum_power(rows), naive, atol=1e-10)
    np.testing.assert_allclose(naive.sum(axis=1), (rows**2).sum(axis=1))
    kept = naive[:, 1:]
    expected = (kept**2).sum(axis=1) / kept.sum(axis=1) ** 2
    np.testing.assert_allclose(inverse_participation_ratio(rows), expected)
    np.testing.assert_allclose(inverse_participation_ratio(5 + 3 * rows), expected)  # scale and constant play no part


def test_two_equal_waves_share_and_one_wave_does_not():
    t = np.arange(31)
    one = np.sin(2 * np.pi * 5 * t / 31 + 1.1)
    two = one + np.cos(2 * np.pi * 9 * t / 31)
    np.testing.assert_allclose(inverse_participation_ratio(np.stack([one, two])), [1, 0.5])
    np.testing.assert_allclose(inverse_participation_ratio(np.stack([one, two]), order=3), [1, 0.25])
    np.testing.assert_allclose(neuron_ratios([one[None], two[None], two[None]]), [2 / 3])


def test_a_constant_row_has_no_frequency():
    assert inverse_participation_ratio(np.full((1, 9), 2.0)) == pytest.approx([0.0])


def test_too_few_residues_are_named():
    with pytest.raises(BadInput, match="got 2 and 2"):
        inverse_participation_ratio(np.ones((1, 2)))
