"""How well items and persons fit an item response model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unseen.estimates.difficulty.irt import IrtFit, blocks, checked
from unseen.estimates.difficulty.irt_em import sigmoid

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Misfit:
    """Mean squares of standardised residuals: 1 as expected, above 1 noisier, below 1 too regular.

    Attributes:
        infit: Weighted by information, so that it looks at answers near the ability.
        outfit: Unweighted, so that it looks at surprises far from it.
        outfit_z: Outfit as a standard normal under the model (its exact variance given the abilities).
        likelihood_z: Standardised log-likelihood (l_z); below -2 the answers are improbable. NaN for items.
    """

    infit: FloatArray
    outfit: FloatArray
    outfit_z: FloatArray
    likelihood_z: FloatArray


def item_fit(matrix: ArrayLike, model: IrtFit) -> Misfit:
    """Infit and outfit of every item, shapes (items,); NaN for extreme items.

    Args:
        matrix: Scores, shape (persons, items); NaN where missing.
        model: The fitted model of the same matrix.

    Source: Wright & Masters (1982), Rating scale analysis, ch. 5.
    """
    return _misfit(matrix, model, axis=0)


def person_fit(matrix: ArrayLike, model: IrtFit) -> Misfit:
    """Infit, outfit and l_z of every person, shapes (persons,).

    Args:
        matrix: Scores, shape (persons, items); NaN where missing.
        model: The fitted model of the same matrix.

    Source: Drasgow, Levine & Williams (1985), Appropriateness measurement with polychotomous item response models
    (l_z); Wright & Masters (1982), ch. 5.
    """
    return _misfit(matrix, model, axis=1)


def _misfit(matrix: ArrayLike, model: IrtFit, *, axis: int) -> Misfit:
    values = checked(matrix)
    used = ~model.extreme
    a, b = model.discrimination[used], model.difficulty[used]
    length = int(used.sum()) if axis == 0 else len(values)
    names = ("square", "variance", "standard", "spread", "number", "surprise", "surprise_variance")
    sums = {name: np.zeros(length) for name in names}
    for rows in blocks(len(values), int(used.sum())):
        x = values[rows][:, used].astype(np.float64)
        here = ~np.isnan(x)
        p = np.clip(sigmoid(a * (model.ability[rows, None] - b)), 1e-6, 1 - 1e-6)
        w = p * (1 - p)
        residual = np.where(here, x - p, 0.0)
        logit = np.log(p / (1 - p))
        cells = {
            "square": residual**2, "variance": here * w, "standard": residual**2 / w,
            # Var(z²) of a Bernoulli is 1/w - 4.
            "spread": here * (1 / w - 4), "number": here, "surprise": residual * logit,
            "surprise_variance": here * w * logit**2,
        }  # fmt: skip
        for name, cell in cells.items():
            if axis == 0:
                sums[name] += cell.sum(axis=0)
            else:
                sums[name][rows] = cell.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = Misfit(
            infit=sums["square"] / sums["variance"],
            outfit=sums["standard"] / sums["number"],
            outfit_z=(sums["standard"] - sums["number"]) / np.sqrt(np.maximum(sums["spread"], 1e-12)),
            likelihood_z=sums["surprise"] / np.sqrt(sums["surprise_variance"]),
        )
    if axis == 1:
        return found
    full = [np.full(len(used), np.nan) for _ in range(4)]
    for target, part in zip(full[:3], (found.infit, found.outfit, found.outfit_z), strict=True):
        target[used] = part
    return Misfit(*full)
