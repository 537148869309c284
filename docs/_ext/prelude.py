"""Names that Python examples find: a table of answers that is also a table to learn from, and a pipeline's parts."""

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression  # noqa: F401
from sklearn.pipeline import make_pipeline  # noqa: F401
from sklearn.preprocessing import StandardScaler  # noqa: F401

import unseen  # noqa: F401

_rng = np.random.default_rng(0)
_n = 120
_digits = _rng.integers(1, 5, _n)
_dose = _rng.normal(size=_n)
_items = pl.DataFrame({
    "item": [f"sum-{i}" for i in range(_n)],
    "digits": _digits,
    "template": [f"t{i % 30}" for i in range(_n)],
    "site": [f"site-{i % 3}" for i in range(_n)],
    "carrier": [f"carrier-{i % 3}" for i in range(_n)],
    "dose": _dose,
    "sick": (_dose + _rng.normal(size=_n) > 0).astype(int),
    "late": (_dose + _rng.normal(size=_n) > 0).astype(int),
})  # fmt: skip
frame = pl.concat([
    _items.with_columns(model=pl.lit(name), score=pl.Series((_rng.random(_n) < base - 0.15 * (_digits > 2)).astype(float)))
    for name, base in (("small", 0.7), ("large", 0.9))
])  # fmt: skip
