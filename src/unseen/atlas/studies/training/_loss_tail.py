"""How large the largest losses are: the conditional value at risk."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unseen.errors import BadInput, Undefined


def tail_mean(losses: ArrayLike, level: float = 0.9) -> float:
    """Mean of the largest losses, a share 1 − level of them (CVaR).

    The row at the edge counts in part, so that the value is continuous in the level.

    Args:
        losses: One a row, shape (n,), in any unit.
        level: In [0, 1); 0 is the mean of all rows, 0.9 that of the worst tenth.

    Raises:
        BadInput: No rows, or a level outside [0, 1).
        Undefined: A loss is not a finite number.

    Source: Rockafellar & Uryasev (2000), Optimization of conditional value-at-risk.

    >>> tail_mean([1.0, 2.0, 3.0, 4.0], 0.5), tail_mean([1.0, 2.0, 3.0, 4.0], 0.9)
    (3.5, 4.0)
    """
    values = np.sort(np.asarray(losses, dtype=np.float64).ravel())[::-1]
    if not len(values) or not 0 <= level < 1:
        raise BadInput(f"a tail needs rows and a level in [0, 1), got {len(values)} rows and level {level}.")
    if not np.isfinite(values).all():
        raise Undefined(f"the tail of losses is undefined: {int((~np.isfinite(values)).sum())} of them are not finite.")
    share = (1 - level) * len(values)
    parts = np.clip(share - np.arange(len(values)), 0.0, 1.0)
    return float((parts * values).sum() / share)
