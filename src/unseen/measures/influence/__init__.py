"""Which training examples lower the loss of which test examples, by eight methods with one shape of result (extra ``torch``).

Scores are gᵀ (G + λI)⁻¹ gᵢ or what stands for it: positive where the example lowers the loss of the test example. In the
methods with a curvature G is the mean over the training sample, so that a score divided by the number of training examples
estimates how much the test loss rises if the example is left out.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unseen.engine.torch_extra import name_torch_extra, needs_torch

if TYPE_CHECKING:
    from unseen.measures.influence.gauss_newton import exact, lissa
    from unseen.measures.influence.gradients import gradient_cosine, gradient_dot, tracin
    from unseen.measures.influence.kronecker import Kronecker, ekfac, kfac
    from unseen.measures.influence.low_rank import low_rank_scores
    from unseen.measures.influence.representer_points import representer
    from unseen.measures.influence.result import Influence
    from unseen.measures.influence.shared_words import candidates, overlap
    from unseen.measures.influence.shifted import shifted_solves

name_torch_extra(__name__)

_HOMES = {
    "Influence": "result",
    "Kronecker": "kronecker",
    "candidates": "shared_words",
    "ekfac": "kronecker",
    "exact": "gauss_newton",
    "gradient_cosine": "gradients",
    "gradient_dot": "gradients",
    "kfac": "kronecker",
    "lissa": "gauss_newton",
    "low_rank_scores": "low_rank",
    "overlap": "shared_words",
    "representer": "representer_points",
    "shifted_solves": "shifted",
    "tracin": "gradients",
}
__all__ = [
    "Influence", "Kronecker", "candidates", "ekfac", "exact", "gradient_cosine", "gradient_dot", "kfac", "lissa",
    "low_rank_scores", "overlap", "representer", "shifted_solves", "tracin",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"unseen.measures.influence has no {name!r}; it has {', '.join(__all__)}.")
    with needs_torch(f"unseen.measures.influence.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
