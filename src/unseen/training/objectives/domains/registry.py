"""The domain objectives by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import product
from typing import Any

from unseen.errors import BadInput
from unseen.training.objectives.domains.adversarial import Adversarial
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
        MemorisationAware, FeasibleLearning, ResilientFeasible, DivDis, DBAT, Adversarial,
    )
}  # fmt: skip

# Few values each, around the defaults and within the ranges that DomainBed searches.
GRID: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "label-smoothing": {"smoothing": (0.05, 0.1, 0.2)}, "focal": {"gamma": (1.0, 2.0)},
    "group-dro": {"eta": (0.001, 0.01, 0.1)}, "irm": {"weight": (1.0, 100.0, 10_000.0)},
    "v-rex": {"weight": (1.0, 10.0, 1_000.0)}, "coral": {"weight": (0.1, 1.0, 10.0)},
    "mmd": {"weight": (0.1, 1.0, 10.0)}, "dann": {"weight": (0.1, 1.0)}, "mixup": {"alpha": (0.1, 0.2, 0.4)},
    "logit-adjustment": {"tau": (0.5, 1.0), "by_domain": (False, True)},
    "memorisation-aware": {"temperature": (0.1, 1.0)}, "feasible": {"epsilon": (0.05, 0.2, 0.5)},
    "feasible-relaxed": {"epsilon": (0.05, 0.2), "alpha": (0.1, 1.0)}, "adversarial": {"epsilon": (0.05, 0.1, 0.2)},
}  # fmt: skip


def candidates(name: str) -> list[dict[str, Any]]:
    """Settings worth a try when hyper-parameters are chosen; the defaults alone where there is nothing to choose.

    >>> candidates("focal"), candidates("erm")
    ([{'gamma': 1.0}, {'gamma': 2.0}], [{}])
    """
    grid = GRID.get(name, {})
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


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
