"""Splits are measured: no shift is small, a held-out rotation is large, mixed tables become numbers."""

import numpy as np
import polars as pl
import pytest

from unseen.data import Examples
from unseen.data.digits import digit_domains
from unseen.errors import BadInput
from unseen.shifts import HeldOutLevel, LaterThan, RandomShift
from unseen.shifts.sizes import as_numbers, shift_sizes


def test_a_random_split_is_no_shift_and_a_turned_domain_is_one():
    digits = digit_domains("rotation")
    none = shift_sizes(RandomShift().split(digits, np.random.default_rng(0)), np.random.default_rng(1), draws=100)
    assert none.discrepancy.p_value > 0.05
    assert none.discrepancy.estimate.low < 0
    assert none.told_apart.estimate.low < 0.5
    far = shift_sizes(
        HeldOutLevel("domain", ["75°"]).split(digits, np.random.default_rng(0)), np.random.default_rng(1), draws=100
    )
    assert far.discrepancy.p_value < 0.02
    assert far.told_apart.estimate.low > 0.6
    assert far.discrepancy.estimate.value > none.discrepancy.estimate.high
    assert not far.missing


def table(n=3000):
    rng = np.random.default_rng(0)
    year = rng.integers(0, 10, n)
    x = rng.normal(size=n) + 0.3 * year
    return Examples.from_table(
        pl.DataFrame({
            "item": [f"i{k}" for k in range(n)], "x": [None if u < 0.05 else v for u, v in zip(rng.random(n), x, strict=True)],
            "site": rng.choice(["a", "b", "c"], n), "year": year, "target": rng.normal(size=n), "cluster": rng.integers(0, 200, n),
        }),
        inputs=["x", "site"], target="target",
    )  # fmt: skip


def test_a_drift_of_a_mixed_table_is_found_over_clusters():
    found = shift_sizes(LaterThan("year").split(table(), np.random.default_rng(0)), np.random.default_rng(1), draws=100)
    assert found.told_apart.estimate.low > 0.5
    assert found.told_apart.estimate.units <= 400
    assert found.kind.correlation.low < 0.05


def test_numbers_are_standardised_over_both_sides_and_missing_values_marked():
    examples = table(200)
    one, two = as_numbers([examples.take(range(80)), examples.take(range(80, 200))])
    both = np.concatenate([one, two])
    assert (len(one), len(two)) == (80, 120)
    np.testing.assert_allclose(both.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(both.std(0), 1, atol=1e-9)
    assert both.shape[1] == 1 + 1 + 3
    gone = examples.table["x"].is_null().to_numpy()
    assert ((both[:, 1] > 0) == gone).all()


def test_too_small_sides_have_no_sizes_and_say_why():
    split = LaterThan("year").split(table(40), np.random.default_rng(0))
    found = shift_sizes(split, np.random.default_rng(1), draws=50)
    assert found.kind is None
    assert "at least 20 are needed" in found.missing["kind"]
    constant = Examples(pl.DataFrame({"x": [1.0] * 9, "target": [0] * 9}), ("x",), "target")
    with pytest.raises(BadInput, match="none of the inputs x can be turned"):
        as_numbers([constant, constant])
