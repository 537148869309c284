"""``(X, y)``, as estimators take them, as one table."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from unseen.errors import BadInput
from unseen.responses.validation import to_polars


def with_target(source: Any, target: str | None) -> tuple[Any, str | None]:
    """A table and the name of its target: ``(X, y)``, as estimators take them, become one; what is no pair stays as it is.

    Args:
        source: What was given. X is a data frame, whose columns keep their names, or an array of shape (n, d), whose columns
            become x0, x1, …; y has n values.
        target: Name for y; without it the name that y has, or "target".

    Raises:
        BadInput: X is no table, y is no column of as many values, or X has a column of that name.

    >>> with_target((np.eye(2), [0, 1]), "sick")[0].columns
    ['x0', 'x1', 'sick']
    """
    if not (isinstance(source, tuple) and len(source) == 2):
        return source, target
    inputs, labels = source
    if isinstance(inputs, np.ndarray | list | tuple):
        values = np.asarray(inputs)
        if values.ndim != 2:
            raise BadInput(f"X of (X, y) must have the shape (rows, columns); it has {values.shape}.")
        table = pl.DataFrame({f"x{i}": column for i, column in enumerate(values.T)})
    else:
        table = to_polars(inputs)
    named = getattr(labels, "name", None) or (
        next(iter(labels.columns)) if len(getattr(labels, "columns", ())) == 1 else None
    )
    name = target or str(named or "target")
    column = np.asarray(labels)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1 or len(column) != table.height:
        raise BadInput(
            f"y of (X, y) must have one value a row: X has {table.height:,} rows, y the shape {column.shape}."
        )
    if name in table.columns:
        raise BadInput(
            f"X of (X, y) has a column {name!r} already, which y is to be called. Give y another name: target='outcome'."
        )
    return table.with_columns(pl.Series(name, column.tolist() if column.dtype == object else column)), name
