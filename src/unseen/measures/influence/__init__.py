"""Which training examples lower the loss of which test examples, by eight methods with one shape of result (extra ``torch``).

Scores are gᵀ (G + λI)⁻¹ gᵢ or what stands for it: positive where the example lowers the loss of the test example. In the
methods with a curvature G is the mean over the training sample, so that a score divided by the number of training examples
estimates how much the test loss rises if the example is left out.
"""

from unseen.engine.torch_extra import name_torch_extra
from unseen.measures.influence.gauss_newton import exact, lissa
from unseen.measures.influence.gradients import gradient_cosine, gradient_dot, tracin
from unseen.measures.influence.kronecker import Kronecker, ekfac, kfac
from unseen.measures.influence.representer_points import representer
from unseen.measures.influence.result import Influence

name_torch_extra(__name__)

__all__ = [
    "Influence", "Kronecker", "ekfac", "exact", "gradient_cosine", "gradient_dot", "kfac", "lissa", "representer", "tracin",
]  # fmt: skip
