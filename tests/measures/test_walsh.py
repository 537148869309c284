import itertools

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.spectra.walsh import degree_profile, degrees, leak, minimum_degree_interpolator
from unseen.tasks.logic.boolean import cube, walsh_spectrum


def brute_force(values, seen):
    """Minimise weighted energies with weights that grow so fast with the degree that the order is lexicographic."""
    d = int(np.log2(len(values)))
    x = cube(d)
    monomials = np.array([[np.prod([row[i] for i in range(d) if mask >> i & 1]) for mask in range(2**d)] for row in x])
    weights = 1e-3 ** degrees(d).astype(float)  # inverse weights of the energy
    a = monomials[seen]
    gram = (a * weights) @ a.T
    coefficients = weights * (a.T @ np.linalg.solve(gram, values[seen]))
    return monomials @ coefficients


@pytest.mark.parametrize("seed", range(8))
def test_interpolator_equals_the_limit_of_weighted_least_norms(seed):
    rng = np.random.default_rng(seed)
    values, seen = rng.standard_normal(16), rng.random(16) < 0.6
    seen[0] = True
    found = minimum_degree_interpolator(values, seen)
    np.testing.assert_allclose(found[seen], values[seen], atol=1e-9)
    # The weighted problem is off its limit by about 1e-3 times its coefficients.
    np.testing.assert_allclose(found, brute_force(values, seen), atol=0.05 * np.abs(found).max())


@pytest.mark.parametrize("seed", range(5))
def test_no_other_interpolator_has_a_smaller_profile(seed):
    rng = np.random.default_rng(seed)
    values, seen = rng.standard_normal(16), rng.random(16) < 0.5
    seen[3] = True
    found = minimum_degree_interpolator(values, seen)
    best = degree_profile(found)[::-1]
    for _ in range(300):
        other = found + np.where(seen, 0.0, rng.standard_normal(16) * 10.0 ** rng.uniform(-4, 1))
        profile = degree_profile(other)[::-1]
        first = next(i for i in range(5) if abs(profile[i] - best[i]) > 1e-10)
        assert profile[first] > best[first]


@pytest.mark.parametrize(("frozen", "mask"), list(itertools.product(range(5), (3, 7, 21, 31))))
def test_a_frozen_bit_drops_out_of_every_monomial(frozen, mask):
    x = cube(5)
    monomial = x[:, [i for i in range(5) if mask >> i & 1]].prod(axis=1)
    found = walsh_spectrum(minimum_degree_interpolator(monomial, x[:, frozen] == 1))
    expected = np.zeros(32)
    expected[mask & ~(1 << frozen)] = 1
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_hamming_ball_holds_a_function_of_its_radius_exactly():
    x = cube(6)
    values = x[:, 0] * x[:, 1] - 0.5 * x[:, 4]
    np.testing.assert_allclose(minimum_degree_interpolator(values, (x < 0).sum(axis=1) <= 2), values, atol=1e-8)


def test_energies_add_up_and_leaks_are_shares():
    values = np.random.default_rng(0).standard_normal(32)
    assert degree_profile(values).sum() == pytest.approx(np.mean(values**2))
    assert leak(values, 2 * values) == pytest.approx(0.25)


def test_a_cube_without_seen_points_is_refused():
    with pytest.raises(BadInput, match="got 0 of"):
        minimum_degree_interpolator(np.ones(4), np.zeros(4, dtype=bool))
