"""The remedies by name, and which of them can be tried on a problem and a learner."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Any

from unseen.engine.plugins import plugins, refused
from unseen.errors import BadInput
from unseen.learners.frames import reads_frames
from unseen.refitting import Problem, Spec, resolve
from unseen.remedies.base import NEEDS, Remedy


@cache
def all_remedies() -> dict[str, Remedy]:
    """Every remedy by its name: data first, then objectives, then test time.

    >>> "em-recalibration" in all_remedies()
    True
    """
    from unseen.remedies import choices, columns, data, objectives, prompting, reweighting, test_time

    parts = (data, columns, reweighting, choices, objectives, test_time, prompting)
    own = {r.name: r for part in parts for r in part.REMEDIES}
    for plugin in plugins("remedy"):
        offered = plugin.value
        if not isinstance(offered, Remedy):
            refused("remedy", plugin.name, plugin.package, "it is no unseen.remedies.Remedy")
        elif offered.name in own:
            refused("remedy", plugin.name, plugin.package, f"there is a remedy {offered.name!r} already")
        else:
            own[offered.name] = offered
    return own


def remedy_named(name: str) -> Remedy:
    """One remedy.

    Raises:
        BadInput: There is none of this name.
    """
    found = all_remedies()
    if name not in found:
        near = get_close_matches(name, found, 2, 0.4)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise BadInput(f"no remedy {name!r}{hint}; there are {', '.join(found)}.")
    return found[name]


def applicable(
    problem: Problem, spec: Spec, *, domains: int, ordered: bool
) -> tuple[list[Remedy], list[tuple[Remedy, str]]]:
    """Remedies that can be tried, and those that can't with the reason.

    Args:
        problem: The data.
        spec: The learner.
        domains: Domains that training will hold at least.
        ordered: Whether the shift goes along an order.
    """
    met = _met(problem, resolve(spec), domains, ordered)
    fitting, others = list[Remedy](), list[tuple[Remedy, str]]()
    for remedy in all_remedies().values():
        if remedy.kind == "prompting":
            # Ways to ask a language model have no place beside a learner that is fitted: they are tried with --model.
            continue
        missing = [need for need in remedy.needs if not met[need]()]
        if missing:
            others.append((remedy, f"needs {NEEDS[missing[0]]}"))
        else:
            fitting.append(remedy)
    return fitting, others


def _met(problem: Problem, learner: Any, domains: int, ordered: bool) -> dict[str, Callable[[], bool]]:
    """Each need, and whether it is met; looked at only where a remedy asks."""
    from unseen.remedies.choices import knobs_of
    from unseen.remedies.columns import constraint_of, numbers_of
    from unseen.shifts.perturbations import PERTURBATIONS, families
    from unseen.shifts.perturbations import applicable as changing
    from unseen.shifts.perturbations.base import columns_of

    estimator = getattr(learner, "estimator", None)
    torch_learner = hasattr(learner, "build") and hasattr(learner, "objective")

    def probabilities() -> bool:
        if problem.regression:
            return False
        if estimator is not None:
            return hasattr(estimator, "predict_proba")
        return hasattr(type(learner), "probabilities")

    def features() -> bool:
        return _module_has_features(learner) if torch_learner else hasattr(learner, "features")

    return {
        "classes": lambda: not problem.regression,
        "probabilities": probabilities,
        "features": features,
        "domains": lambda: domains >= 2,
        "order": lambda: ordered,
        "torch": lambda: torch_learner,
        "estimator": lambda: estimator is not None,
        "knobs": lambda: bool(knobs_of(estimator)),
        "directions": lambda: constraint_of(estimator) is not None,
        "columns": lambda: _compares(problem),
        "number columns": lambda: bool(numbers_of(problem.examples)),
        "module features": lambda: torch_learner and _module_has_features(learner),
        "norms": lambda: torch_learner and _layers(learner, ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")),
        "rows apart": lambda: torch_learner and not _layers(learner, ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")),
        "any norms": lambda: (
            torch_learner and _layers(learner, ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm"))
        ),
        "perturbable": lambda: len(families(changing(PERTURBATIONS.values(), problem.examples))) >= 2,
        "images": lambda: bool(columns_of(problem.examples, "image")),
        # A pipeline that reads the data frame itself shows no numbers.
        "numbers": lambda: not reads_frames(estimator),
    }


def _compares(problem: Problem) -> bool:
    """Whether there are two columns or more, and one of them of a kind whose effect can be compared."""
    from unseen.remedies.columns import effects_table

    try:
        effects_table(problem.examples)
    except BadInput:
        return False
    return len(problem.examples.inputs) >= 2


def _built(learner: Any) -> Any:
    """A throw-away module, only to look at its parts."""
    from unseen.engine.seeds import seeded_torch

    with seeded_torch(0):
        return learner.build(8, 2)


def _module_has_features(learner: Any) -> bool:
    try:
        module = _built(learner)
    except Exception:
        return False
    return hasattr(module, "features") and hasattr(module, "head")


def _layers(learner: Any, names: tuple[str, ...]) -> bool:
    try:
        module = _built(learner)
    except Exception:
        return False
    return any(type(m).__name__ in names for m in module.modules())
