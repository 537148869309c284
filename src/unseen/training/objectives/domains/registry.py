"""The domain objectives by name."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any

from unseen.errors import BadInput
from unseen.training.objectives.domains.alignment import CORAL, DANN, MMD
from unseen.training.objectives.domains.base import DomainObjective
from unseen.training.objectives.domains.feasible import FeasibleLearning, ResilientFeasible
from unseen.training.objectives.domains.logit_shift import LogitAdjustment, MemorisationAware
from unseen.training.objectives.domains.mixing import Mixup
from unseen.training.objectives.domains.risks import IRM, GroupDRO, VREx
from unseen.training.objectives.domains.rowwise import ERM, Focal, LabelSmoothing, WeightedLikelihood
from unseen.training.objectives.domains.two_heads import DBAT, DivDis

OBJECTIVES: dict[str, type[DomainObjective]] = {
    made.name: made
    for made in (
        ERM, LabelSmoothing, Focal, WeightedLikelihood, GroupDRO, IRM, VREx, CORAL, MMD, DANN, Mixup, LogitAdjustment,
        MemorisationAware, FeasibleLearning, ResilientFeasible, DivDis, DBAT,
    )
}  # fmt: skip


def objective_named(name: str, **hyper: Any) -> DomainObjective:
    """A new objective.

    Args:
        name: A key of ``OBJECTIVES``.
        **hyper: Its hyper-parameters, where they are not the defaults.

    Raises:
        BadInput: There is no such name, or no such hyper-parameter.

    >>> objective_named("irm", weight=10.0).weight
    10.0
    """
    if name not in OBJECTIVES:
        near = get_close_matches(name, OBJECTIVES, 2, 0.4)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise BadInput(f"no objective {name!r}{hint}; there are {', '.join(OBJECTIVES)}.")
    known = hyper_parameters(name)
    unknown = sorted(set(hyper) - set(known))
    if unknown:
        raise BadInput(f"{name} has no hyper-parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}.")
    return OBJECTIVES[name](**hyper)


def hyper_parameters(name: str) -> dict[str, Any]:
    """Hyper-parameters of an objective and their defaults.

    >>> hyper_parameters("group-dro")
    {'eta': 0.01, 'adjustment': 0.0}
    """
    found = inspect.signature(OBJECTIVES[name].__init__).parameters.values()
    return {p.name: p.default for p in found if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD}
