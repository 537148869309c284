"""Perturbations of tables: missing values, wrong units, swapped columns, noise."""

from __future__ import annotations

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.shifts.perturbations.base import Perturbation


def _numeric(examples: Examples, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Numeric columns as floats, shape (n, width): 1 for a plain column, more for an array."""
    found: dict[str, np.ndarray] = {}
    for name in columns:
        dtype = examples.table.schema[name]
        if isinstance(dtype, pl.Array) or dtype.is_numeric():
            values = examples.table[name].to_numpy().astype(np.float64)
            found[name] = values.reshape(len(examples), -1)
    return found


def _written(examples: Examples, name: str, values: np.ndarray) -> pl.Series:
    """Floats back as a column: arrays keep their width, missing values of a plain column are null."""
    dtype = examples.table.schema[name]
    if isinstance(dtype, pl.Array):
        return pl.Series(name, values.astype(np.float32), dtype=pl.Array(pl.Float32, dtype.shape))
    return pl.Series(name, values[:, 0], nan_to_null=True)


def _missing(
    examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
) -> list[pl.Series]:
    """Each value is missing with a probability of half the severity."""
    made: list[pl.Series] = []
    for name in columns:
        column = examples.table[name]
        if isinstance(column.dtype, pl.Array):
            values = _numeric(examples, (name,))[name]
            gone = rng.random(values.shape) < 0.5 * severity
            made.append(_written(examples, name, np.where(gone, np.nan, values)))
        else:
            gone = pl.Series(rng.random(len(column)) < 0.5 * severity)
            made.append(column.to_frame().select(pl.when(~gone).then(pl.col(name))).to_series().alias(name))
    return made


def _missing_columns(
    examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
) -> list[pl.Series]:
    """Whole columns are missing: half of them at severity 1, at least one."""
    chosen = rng.permutation(len(columns))[: max(1, round(0.5 * severity * len(columns)))]
    made: list[pl.Series] = []
    for name in (columns[i] for i in sorted(chosen.tolist())):
        dtype = examples.table.schema[name]
        if isinstance(dtype, pl.Array):
            made.append(_written(examples, name, np.full((len(examples), *dtype.shape), np.nan)))
        else:
            made.append(pl.Series(name, [None] * len(examples), dtype=dtype))
    return made


def _scaled(examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator) -> list[pl.Series]:
    """Half of the numbers (at least one) are in another unit: ten times larger or smaller at severity 1."""
    numeric = _numeric(examples, columns)
    width = sum(values.shape[1] for values in numeric.values())
    power = np.zeros(width)
    chosen = rng.permutation(width)[: max(1, round(width / 2))]
    power[chosen] = severity * rng.choice([-1.0, 1.0], size=len(chosen))
    made: list[pl.Series] = []
    for name, values in numeric.items():
        own, power = power[: values.shape[1]], power[values.shape[1] :]
        made.append(_written(examples, name, values * 10**own))
    return made


def _offset(examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator) -> list[pl.Series]:
    """Each number is off by two standard deviations at severity 1, upwards or downwards."""
    made: list[pl.Series] = []
    for name, values in _numeric(examples, columns).items():
        sign = rng.choice([-1.0, 1.0], size=values.shape[1])
        made.append(_written(examples, name, values + 2 * severity * sign * _deviation(values)))
    return made


def _swapped(
    examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
) -> list[pl.Series]:
    """Pairs of numeric columns change places, in a share of the rows that is the severity."""
    numeric = _numeric(examples, columns)
    if not numeric:
        return []
    places = [(name, k) for name, values in numeric.items() for k in range(values.shape[1])]
    order = rng.permutation(len(places)).tolist()
    changed = {name: values.copy() for name, values in numeric.items()}
    for first, second in zip(order[::2], order[1::2], strict=False):
        (a, i), (b, j) = places[first], places[second]
        rows = rng.random(len(examples)) < severity
        changed[a][rows, i], changed[b][rows, j] = numeric[b][rows, j], numeric[a][rows, i]
    return [_written(examples, name, values) for name, values in changed.items()]


def _noise(examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator) -> list[pl.Series]:
    """Normal noise of one standard deviation of the column at severity 1."""
    return [
        _written(examples, name, values + severity * _deviation(values) * rng.normal(size=values.shape))
        for name, values in _numeric(examples, columns).items()
    ]


def _categories(
    examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
) -> list[pl.Series]:
    """A category is replaced by that of a random row, with a probability of the severity."""
    made: list[pl.Series] = []
    for name in columns:
        column = examples.table[name]
        if isinstance(column.dtype, pl.Array) or column.dtype.is_numeric():
            continue
        rows = np.arange(len(column))
        moved = rng.random(len(column)) < severity
        rows[moved] = rng.integers(0, len(column), int(moved.sum()))
        made.append(column[rows])
    return made


def _deviation(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values).any(0)
    return np.where(known, np.nanstd(np.where(known, values, 0.0), axis=0), 0.0)


TABLES: tuple[Perturbation, ...] = tuple(
    Perturbation(name, family, "table", title, change)
    for name, family, title, change in (
        ("missing", "missing", "half of the values are missing", _missing),
        ("missing-columns", "missing", "half of the columns are missing", _missing_columns),
        ("scaled", "scale", "half of the numbers are in units ten times larger or smaller", _scaled),
        ("offset", "scale", "every number is off by two standard deviations", _offset),
        ("swapped", "swap", "pairs of numeric columns change places", _swapped),
        ("table-noise", "noise", "normal noise of one standard deviation", _noise),
        ("category-noise", "noise", "categories are drawn from other rows", _categories),
    )
)
