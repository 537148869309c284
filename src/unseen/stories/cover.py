"""Which findings about scores have one cause: a greedy cover by the conditions that the findings themselves blame.

A finding is explained by conditions where, with them held equal, its effect falls below the smallest gap, or to less
than half with an interval that reaches zero, or where nothing is left that could show it. Intervals are simultaneous
over all findings, and those of a conjunction over all conjunctions of as many columns: a search chose it. No condition
is tried that no finding blames.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtri

from unseen.auditing import AuditResult
from unseen.checks.base import Found, Outcome
from unseen.checks.blame import Blame, Condition, originals
from unseen.stories.ground import Contrast, FloatArray, Ground, Left, left_of

# What a finding that has a cause measures: scores, or scores above those of other models.
OF_SCORES = ("score", "excess")
# Conditions that explain nearly as much as the best one are as good: then the simpler and better fitting one leads.
NEAR = 0.95
# The most conditions that are tried, those of the heaviest findings, and the most stories that are told.
MAX_CONDITIONS = 40
MAX_STORIES = 12
# With very many findings fewer conditions are tried: as many as there are contrasts to compute at each step over findings.
MAX_TRIED, FEW_CONDITIONS = 8_000, 8
# An effect that the data leave could be seen four times of five at this many standard errors.
POWER = 2.8


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One finding about scores.

    Attributes:
        position: In the outcomes of the audit.
        weight: Effect times certainty.
        model: The model.
        blame: What it blames.
        contrast: The rows.
        whole: Its effect with nothing held equal.
        names: Name of what is held equal for each condition that it blames.
    """

    position: int
    weight: float
    model: str
    blame: Blame
    contrast: Contrast
    whole: Left
    names: tuple[str, ...]


@dataclass(slots=True)
class Cause:
    """A condition that explains findings.

    Attributes:
        condition: The rows.
        options: Conditions that hold the same columns equal, this one among them.
        positions: Findings that it explains.
        models: Models of these findings.
        cases: The findings themselves.
    """

    condition: Condition
    options: tuple[Condition, ...]
    positions: list[int] = field(default_factory=list[int])
    models: set[str] = field(default_factory=set[str])
    cases: list[Case] = field(default_factory=list[Case])

    def add(self, case: Case) -> None:
        """Put a finding under this cause."""
        self.cases.append(case)
        self.positions.append(case.position)
        self.models.add(case.model)


def causes(result: AuditResult, found: Iterable[int], ground: Ground) -> list[Cause]:
    """The causes of findings about scores, in the order in which they were found."""
    cases = _cases(result, found, ground)
    if not cases:
        return []
    judge = _Judge(ground, result.settings.smallest_gap * ground.rows.scale, len(cases))
    groups = _groups(cases)
    open_cases, chosen = list(cases), list[Cause]()
    while open_cases and len(chosen) < MAX_STORIES:
        given = [cause.condition for cause in chosen]
        leads = judge.standing(open_cases, given)
        names = dict.fromkeys(name for case in leads for name in case.names if name in groups)
        if not names:
            break
        explained = {name: judge.explained(open_cases, [*given, groups[name][0]]) for name in names}
        weights = {name: sum(c.weight for c in own) for name, own in explained.items()}
        best = max(weights.values())
        if best <= 0:
            break
        near = [name for name, weight in weights.items() if weight >= NEAR * best]
        fits = {name: _best_fit(groups[name], explained[name], given, ground) for name in near}
        name = min(near, key=lambda n: (_plainness(groups[n][0]), -fits[n][1], n))
        cause = Cause(fits[name][0], groups[name])
        for case in explained[name]:
            cause.add(case)
        done = {id(case) for case in explained[name]}
        open_cases = [case for case in open_cases if id(case) not in done]
        chosen.append(cause)
    chosen = _needed(chosen, judge)
    _simplify(chosen, groups, judge, ground)
    _place_rest(open_cases, chosen, judge)
    chosen += _turned_round(chosen, ground)
    return [cause for cause in chosen if cause.positions]


def conditions_of(result: AuditResult, found: Iterable[int]) -> list[Condition]:
    """All conditions that findings name, with what is held equal for each side of a pair of variants."""
    named: dict[Condition, None] = {}
    for i in found:
        blame = blame_of(result.outcomes[i])
        if blame is not None and blame.condition is not None and blame.measure in OF_SCORES:
            named |= dict.fromkeys((blame.condition, *blame.also))
    return list(named)


def blame_of(outcome: Outcome) -> Blame | None:
    """What an outcome blames; None where it found nothing, or blames nothing."""
    return outcome.blames if isinstance(outcome, Found) else None


def _cases(result: AuditResult, found: Iterable[int], ground: Ground) -> list[Case]:
    known: dict[tuple[str, Condition, Condition | None, bool], int] = {}
    contrasts: list[Contrast] = []
    named: list[tuple[int, str, Blame, int]] = []
    for i in found:
        blame = blame_of(result.outcomes[i])
        if blame is None or blame.condition is None or blame.measure not in OF_SCORES:
            continue
        for model in blame.models:
            key = (model, blame.condition, blame.against, blame.measure == "excess")
            if key not in known:
                known[key] = len(contrasts)
                contrasts.append(ground.contrast(*key[:3], excess=key[3]))
            named.append((i, model, blame, known[key]))
    wholes = left_of(contrasts, [])
    return [
        Case(i, result.weight(i), model, blame, contrasts[k], wholes[k], tuple(map(ground.held_equal, _blamed(blame))))
        for i, model, blame, k in named
        if math.isfinite(wholes[k].error) and wholes[k].value > 0
    ]


def _blamed(blame: Blame) -> tuple[Condition, ...]:
    assert blame.condition is not None  # noqa: S101
    return (blame.condition, *blame.also)


def _groups(cases: Sequence[Case]) -> dict[str, tuple[Condition, ...]]:
    """Conditions by what they hold equal; those of the heaviest findings where there are many."""
    weight: defaultdict[str, float] = defaultdict(float)
    members: defaultdict[str, dict[Condition, None]] = defaultdict(dict)
    for case in cases:
        for k, (name, condition) in enumerate(zip(case.names, _blamed(case.blame), strict=True)):
            weight[name] += case.weight / (1 + k)
            members[name][condition] = None
    most = max(FEW_CONDITIONS, min(MAX_CONDITIONS, MAX_TRIED // len(cases)))
    first = sorted(weight, key=lambda name: (-weight[name], name))[:most]
    return {name: tuple(members[name]) for name in first}


@dataclass(slots=True)
class _Judge:
    """Whether conditions explain findings; what was computed is kept."""

    ground: Ground
    smallest: float
    count: int
    known: dict[frozenset[str], dict[int, Left]] = field(default_factory=dict[frozenset[str], dict[int, Left]])
    quantiles: dict[tuple[int, bool], float] = field(default_factory=dict[tuple[int, bool], float])

    def quantile(self, case: Case, *, beside: bool = False) -> float:
        """Of intervals that hold for all findings at once, and for all conditions that a search could have chosen.

        Args:
            case: The finding.
            beside: Whether it is to be a cause beside others: of a first cause of one column the audit's own correction holds,
                of what is left when others are held equal no test was made, and it pays for all columns and levels.
        """
        condition = case.blame.condition
        terms = 1 if condition is None else len(condition.terms)
        key = (terms, beside)
        if key not in self.quantiles:
            searched = self.ground.conjunctions(terms) if terms > 1 or beside else 1
            self.quantiles[key] = float(ndtri(1 - 0.025 / max(self.count * searched, 1)))
        return self.quantiles[key]

    def left(self, cases: Sequence[Case], given: Sequence[Condition]) -> list[Left]:
        """What is left of findings with conditions held equal."""
        if not given:
            return [case.whole for case in cases]
        held = {self.ground.held_equal(c): c for c in given}
        known = self.known.setdefault(frozenset(held), {})
        new = {id(c.contrast): c.contrast for c in cases if id(c.contrast) not in known}
        known |= zip(new, left_of(list(new.values()), list(held.values()), least=self.smallest), strict=True)
        return [known[id(case.contrast)] for case in cases]

    def explained(self, cases: Sequence[Case], given: Sequence[Condition]) -> list[Case]:
        """Those that the conditions explain by the rule of this module."""
        return [case for case, left in zip(cases, self.left(cases, given), strict=True) if self._explains(case, left)]

    def standing(self, cases: Sequence[Case], given: Sequence[Condition]) -> list[Case]:
        """Those of which more is left than the conditions explain: evidence of a cause of its own."""
        beside = bool(given)
        return [
            case
            for case, left in zip(cases, self.left(cases, given), strict=True)
            if left.value >= self.smallest and left.low(self.quantile(case, beside=beside)) > 0
        ]

    def least_left(self, case: Case, chosen: Sequence[Cause]) -> Cause:
        """The cause with which least is left of a finding."""
        return min(chosen, key=lambda cause: self.left([case], [cause.condition])[0].value)

    def _explains(self, case: Case, left: Left) -> bool:
        if left.value < self.smallest or POWER * left.error > case.whole.value:
            return True
        return left.value < case.whole.value / 2 and left.low(self.quantile(case)) <= 0


def _needed(chosen: Sequence[Cause], judge: _Judge) -> list[Cause]:
    """The causes without those whose findings the others explain: what led early may be two causes that meet."""
    left = list(chosen)
    for cause in sorted(chosen, key=lambda c: (-len(c.condition.terms), sum(case.weight for case in c.cases))):
        others = [o for o in left if o is not cause]
        given = [o.condition for o in others]
        if not others or judge.standing(cause.cases, given):
            continue
        left = others
        for other in others:
            judge.left(cause.cases, [other.condition])
        for case in cause.cases:
            judge.least_left(case, others).add(case)
    return left


def _simplify(chosen: Sequence[Cause], groups: dict[str, tuple[Condition, ...]], judge: _Judge, ground: Ground) -> None:
    """A conjunction gives way to a condition on fewer of its columns that explains the same beside the other causes."""
    for cause in chosen:
        columns = set(cause.condition.columns)
        given = [o.condition for o in chosen if o is not cause]
        simpler = [
            (name, options)
            for name, options in groups.items()
            if set(options[0].columns) < columns
            and all(ground.held_equal(c) != name for c in given)
            and len(judge.explained(cause.cases, [*given, options[0]])) == len(cause.cases)
        ]
        fits = [(_best_fit(options, cause.cases, given, ground), options) for _, options in simpler]
        if fits:
            (cause.condition, _), cause.options = max(fits, key=lambda f: f[0][1])


def _plainness(condition: Condition) -> tuple[int, int]:
    """A side of the split names no cause, and a single column is a simpler one than two."""
    return (sum(term.kind == "split" for term in condition.terms), len(condition.terms))


def _best_fit(
    options: Sequence[Condition], cases: Sequence[Case], given: Sequence[Condition], ground: Ground
) -> tuple[Condition, float]:
    """The condition that takes most of the variation of scores, others held equal, and how much."""
    models = dict.fromkeys(case.model for case in cases)
    at = np.concatenate([ground.part(m) for m in models]) if models else np.zeros(0, dtype=np.intp)
    return best_of(options, at, given, ground)


def best_of(
    options: Sequence[Condition], at: np.ndarray, given: Sequence[Condition], ground: Ground
) -> tuple[Condition, float]:
    """The condition that takes most of the variation of the scores of some rows, others held equal, and how much."""
    held = {ground.held_equal(c): c for c in given}.values()
    cells = ground.cells_by([*options, *held], at)
    size = np.bincount(cells.local, minlength=len(cells.first)).astype(np.float64)
    y = np.asarray(np.bincount(cells.local, weights=ground.rows.score[at], minlength=len(size)), dtype=np.float64)
    z = np.concatenate([np.ones((len(size), 1)), *map(cells.columns, held)], axis=1)
    weighted = z * size[:, None]
    gram = weighted.T @ z
    gram[np.diag_indices_from(gram)] += 1e-9 * max(len(at), 1)
    best: tuple[Condition, float] = (options[0], -1.0)
    for condition in options:
        a: FloatArray = cells.mask(condition).astype(np.float64)
        rest = a - z @ np.linalg.solve(gram, weighted.T @ a)
        spread = float(size @ (rest * rest))
        drop = -float(rest @ y)
        taken = drop * drop / spread if spread > 1e-9 * max(len(at), 1) and drop > 0 else 0.0
        if taken > best[1] * (1 + 1e-9):
            best = (condition, taken)
    return best


def _turned_round(chosen: Sequence[Cause], ground: Ground) -> list[Cause]:
    """Causes of models that score no lower on the rows of a cause: what is held equal takes their effect, too.

    Each of them goes to the conditions that its own findings blame. Models for which none of these has lower scores are
    left out: their findings are told by their theme.
    """
    turned = dict[Condition, Cause]()
    for cause in chosen:
        given = [o.condition for o in chosen if o is not cause]
        for model in _no_lower(cause.condition, sorted(cause.models), given, ground):
            own = [case for case in cause.cases if case.model == model]
            if all(case.blame.measure == "excess" for case in own):
                continue
            cause.cases = [case for case in cause.cases if case.model != model]
            cause.models.discard(model)
            for case in own:
                cause.positions.remove(case.position)
            blamed = dict.fromkeys(c for case in own if case.blame.measure == "score" for c in _blamed(case.blame))
            lower = [c for c in blamed if not _no_lower(c, [model], given, ground)]
            if not lower:
                continue
            best = best_of(lower, ground.part(model), given, ground)[0]
            home = next((o for o in chosen if o.condition == best), None) or turned.setdefault(
                best, Cause(best, (best,))
            )
            for case in own:
                home.add(case)
    return list(turned.values())


def _no_lower(
    condition: Condition, models: Sequence[str], given: Sequence[Condition], ground: Ground
) -> list[str]:  # fmt: skip
    """Models whose score is no lower where a condition holds, others held equal."""
    against = originals() if any(term.kind == "variant" for term in condition.terms) else None
    contrasts = [ground.contrast(model, condition, against, excess=False) for model in models]
    left = left_of(contrasts, given)
    return [m for m, of in zip(models, left, strict=True) if math.isfinite(of.error) and of.value <= 0]


def _place_rest(open_cases: Sequence[Case], chosen: Sequence[Cause], judge: _Judge) -> None:
    """Findings that are neither explained nor evidence of a cause go where least is left of them."""
    if not chosen:
        return
    standing = {id(case) for case in judge.standing(open_cases, [cause.condition for cause in chosen])}
    rest = [case for case in open_cases if id(case) not in standing]
    for cause in chosen:
        judge.left(rest, [cause.condition])
    for case in rest:
        judge.least_left(case, chosen).add(case)


__all__ = ["Case", "Cause", "best_of", "blame_of", "causes", "conditions_of"]
