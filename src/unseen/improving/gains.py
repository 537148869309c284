"""Gains over the unchanged learner: on validation, by which remedies are chosen, and on the final test."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_quantile, two_sided_t
from unseen.estimates.intervals.meta import mean_of_few, random_effects
from unseen.improving.attempts import CRAFTED_FOLDS, UNCHANGED, Attempt, Candidate
from unseen.improving.design import Design, Fold
from unseen.improving.worst import LEAST_VALIDATED, Judge, Place, Scored, picking_rows, worst_places

# Repeats are fitted to overlapping rows: their variance counts with 1/S + (held back : kept), after Nadeau & Bengio (2003).
OVERLAP = 0.25
# Half a 95 % interval is 1.96 standard errors; 80 % power at 5 % needs 2.80 of them.
POWER = 2.80 / 1.96
IN_DOMAIN, CRAFTED = "in-domain rows held back", "crafted shifts of held-back rows"
Attempts = Mapping[tuple[str, int], Mapping[str, Attempt]]


@dataclass(frozen=True)
class Gained:
    """A gain over the unchanged learner on the final tests.

    Attributes:
        estimate: In score, as the judge decides; None where no interval exists.
        p_value: Two-sided, of "no gain"; None with the estimate.
        by_domain: (held-out set, its gain, rows).
        chosen: Candidate → number of final tests for which it was taken.
        reason: Why there is no interval, or "".
        shown: By both judges, mean and worst; None where one has no interval.
        worst: (domain among the worst quarter, its gain), on rows that did not pick it.
    """

    estimate: Estimate | None
    p_value: float | None
    by_domain: tuple[tuple[str, float, int], ...]
    chosen: Mapping[str, int]
    reason: str = ""
    shown: Mapping[str, Estimate | None] = field(default_factory=dict[str, "Estimate | None"])
    worst: tuple[tuple[str, float], ...] = ()

    @property
    def detectable(self) -> float | None:
        """The gain that such data would show with 80 % power."""
        return None if self.estimate is None else self.estimate.width / 2 * POWER


class Gains:
    """Reads what was fitted as gains.

    Args:
        design: What was fitted.
        attempts: (fitting, repeat) → candidate → what came of it.
        candidates: In the order in which ties are broken.
        level: Nominal coverage.
        judge: What choice and verdict rest on: the mean over domains, or the worst quarter of them.
        dropped: (fold, candidate) that are out of the choice.
    """

    def __init__(
        self, design: Design, attempts: Attempts, candidates: Sequence[Candidate], level: float, judge: Judge = "mean",
        dropped: Collection[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.design, self.attempts, self.level = design, attempts, level
        self.candidates = tuple(candidates)
        self.clusters = design.problem.clusters()
        # One held-out set has no worst quarter.
        self.judge: Judge = "mean" if design.single else judge
        self.dropped = dropped
        self._picks = picking_rows(self.clusters)
        self.fittings = {(f.name, f.repeat): f for f in design.fittings}

    def rows_gained(self, name: str, key: str, side: str) -> np.ndarray | None:
        """Score of a candidate minus that of the unchanged learner, shape (repeats, n); None where one is missing."""
        made: list[np.ndarray] = []
        for repeat in range(self.design.repeats):
            own = self.attempts.get((name, repeat), {})
            base, tried = own.get(UNCHANGED), own.get(key)
            if base is None or tried is None or side not in base.scores or side not in tried.scores:
                return None
            made.append(tried.scores[side] - base.scores[side])
        if len({len(m) for m in made}) > 1:
            # Rows held back differ by repeat in number: their means are what compares.
            return np.array([[m.mean()] for m in made])
        return np.stack(made)

    def validated(self, fold: Fold, candidate: Candidate, how: str) -> tuple[float, float] | None:
        """Mean gain in validation and its standard error; None where the candidate was not validated.

        Args:
            fold: The final test, whose rows play no part.
            candidate: A remedy under a setting.
            how: The validation of the design, ``IN_DOMAIN`` or ``CRAFTED``.
        """
        units: list[float] = []
        if (fold.name, candidate.key) in self.dropped:
            return None
        if self.judge == "worst" and how == self.design.validation:
            return self._validated_worst(fold, candidate)
        if how in (IN_DOMAIN, CRAFTED):
            sides = ["seen"] if how == IN_DOMAIN else self._crafted(candidate)
            for name in fold.inner:
                for side in sides:
                    units += self._by_repeat(fold, name, candidate, side)
                    if not units:
                        return None
            return _mean_and_error(units)
        for name, side, cases in fold.validations:
            if cases:
                found = self.rows_gained(name, candidate.key, side)
                if found is None:
                    return None
                where = self.fittings[name, 0].tests[side]
                units += [float(found[:, np.isin(where, self.design.cases[c].beyond)].mean()) for c in cases]
            elif side == "validation" and len(fold.validations) == 1:
                return self._by_rows(name, candidate, side)
            elif side == "validation":
                found = self.rows_gained(name, candidate.key, side)
                if found is None:
                    return None
                units.append(float(found.mean()))
            else:
                sides = self._crafted(candidate) if side == "crafted" else [side]
                for one in sides:
                    own = self._by_repeat(fold, name, candidate, one)
                    if not own:
                        return None
                    units += own
        return _mean_and_error(units)

    def by_domain(self, fold: Fold, candidate: Candidate) -> list[tuple[float, float]]:
        """Gain at each domain that validates and its variance by rows and repeats; empty where one is missing."""
        made: list[tuple[float, float]] = []
        for name, side, cases in fold.validations:
            scored = self._scored(name, candidate.key, side, cases)
            if scored is None:
                return []
            for one in scored:
                change = one.tried - one.unchanged
                value, variance, _, _ = _clustered(change.mean(0), one.clusters)
                between = float(np.var(change.mean(1), ddof=1)) if len(change) > 1 else 0.0
                made.append((value, variance + between / len(change)))
        return made

    def _validated_worst(self, fold: Fold, candidate: Candidate) -> tuple[float, float] | None:
        """Gain at the worst quarter of the domains that validate, and its standard error by rows.

        The spread among these domains is what is to be mended, not noise: it is no part of the error.
        """
        domains: list[Scored] = []
        for name, side, cases in fold.validations:
            found = self._scored(name, candidate.key, side, cases)
            if found is None:
                return None
            domains += found
        try:
            places = worst_places(domains, least=LEAST_VALIDATED)
        except TooFewUnits:
            return None
        error = math.sqrt(sum(p.variance + p.between / self.design.repeats for p in places)) / len(places)
        return float(np.mean([p.value for p in places])), error

    def _scored(self, name: str, key: str, side: str, cases: Sequence[int], group: int = 0) -> list[Scored] | None:
        """Scores of domains that a fitting answered, without and with a candidate; None where some are missing."""
        pairs = self._paired(name, key, side)
        if pairs is None:
            return None
        before, after = pairs
        where = self.fittings[name, 0].tests[side]
        made: list[Scored] = []
        for c in cases:
            case = self.design.cases[c]
            own = np.isin(where, case.beyond)
            rows = where[own]
            made.append(
                Scored(case.name, before[:, own], after[:, own], self._picks[rows], self.clusters[rows], group,
                       key != UNCHANGED, self.design.problem.least_variance(rows[~self._picks[rows]]))
            )  # fmt: skip
        return made

    def _paired(self, name: str, key: str, side: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Scores of the unchanged learner and of a candidate, each of shape (repeats, n); None where some are missing."""
        runs = [self.attempts.get((name, repeat), {}) for repeat in range(self.design.repeats)]
        if any(k not in own or side not in own[k].scores for own in runs for k in (UNCHANGED, key)):
            return None
        return tuple(np.stack([own[k].scores[side] for own in runs]) for k in (UNCHANGED, key))  # type: ignore[return-value]

    def _crafted(self, candidate: Candidate) -> list[str]:
        """Sides of perturbed rows: for augmentation only the families that it did not train on."""
        fold = candidate.settings.get("fold") if candidate.remedy == "crafted-augmentation" else None
        return [f"crafted {k}" for k in range(CRAFTED_FOLDS) if fold in (None, k)]

    def _by_repeat(self, fold: Fold, name: str, candidate: Candidate, side: str) -> list[float]:
        """Mean gain on a side, one a repeat, each with its own rows; empty where one is missing."""
        units: list[float] = []
        for repeat in range(self.design.repeats):
            own = self.attempts.get((name, repeat), {})
            base, tried = own.get(UNCHANGED), own.get(candidate.key)
            if base is None or tried is None or side not in base.scores or side not in tried.scores:
                return []
            weights = None
            if fold.weights is not None and side == "seen":
                weights = fold.weights[self.fittings[name, repeat].tests["seen"]]
            units.append(float(np.average(tried.scores[side] - base.scores[side], weights=weights)))
        return units

    def _by_rows(self, name: str, candidate: Candidate, side: str) -> tuple[float, float] | None:
        found = self.rows_gained(name, candidate.key, side)
        if found is None:
            return None
        where = self.fittings[name, 0].tests[side]
        value, variance, _, _ = _clustered(found.mean(0), self.clusters[where])
        between = float(np.var(found.mean(1), ddof=1)) if len(found) > 1 else 0.0
        return value, math.sqrt(variance + (1 / len(found) + OVERLAP) * between)

    def choose(self, fold: Fold, how: str, candidates: Sequence[Candidate] | None = None) -> Candidate:
        """The candidate with the largest validated gain, if that exceeds its standard error; else the unchanged learner.

        With ``candidates`` (settings of one remedy) the best of them is taken in any case.
        """
        best, top = Candidate(UNCHANGED), 0.0
        for candidate in candidates or self.candidates:
            found = self.validated(fold, candidate, how)
            if found is None or not math.isfinite(found[0]):
                continue
            value, error = found
            if candidates is not None:
                if best.remedy == UNCHANGED or value > top:
                    best, top = candidate, value
            elif value > top and value > error:
                best, top = candidate, value
        return best

    def gained(self, chosen: Sequence[Candidate]) -> Gained:
        """The gain on the final tests of what was chosen for each.

        Args:
            chosen: One candidate a fold; one that failed in the final fit counts as the unchanged learner.
        """
        taken: list[str] = []
        effects: list[tuple[str, float, float, int, float, int]] = []
        together: list[float] = []
        for number, (fold, candidate) in enumerate(zip(self.design.folds, chosen, strict=True)):
            side = next(iter(self.fittings[fold.final, 0].tests))
            found = None
            if candidate.remedy != UNCHANGED:
                found = self.rows_gained(fold.final, candidate.key, side)
            taken.append(candidate.key if found is not None else UNCHANGED)
            where = self.fittings[fold.final, 0].tests[side]
            if found is not None and len(found) > 1:
                together.append(float(np.var(found.mean(1), ddof=1)))
            for c in fold.cases:
                case = self.design.cases[c]
                own = np.isin(where, case.beyond)
                if found is None:
                    effects.append((case.name, 0.0, math.nan, int(own.sum()), 0.0, number))
                    continue
                part = found[:, own]
                value, variance, _, _ = _clustered(part.mean(0), self.clusters[where[own]])
                floor = self.design.problem.least_variance(where[own])
                between = float(np.var(part.mean(1), ddof=1)) if len(part) > 1 else 0.0
                effects.append((case.name, value, max(variance, floor), int(own.sum()), between, number))
        by_domain = tuple((e[0], e[1], e[3]) for e in effects)
        counts = dict(Counter(taken).most_common())
        if all(name == UNCHANGED for name in taken):
            return Gained(None, None, by_domain, counts, "the learner was left unchanged throughout")
        shared = float(np.mean(together)) if together else 0.0
        judged: dict[str, tuple[Estimate, float] | str] = {}
        worst: list[Place] = []
        try:
            judged["mean"] = (
                self._over_rows(effects, chosen) if self.design.single else self._over_domains(effects, shared)
            )
        except (TooFewUnits, Undefined) as error:
            judged["mean"] = str(error)
        try:
            worst = self._worst(taken)
            parts = [(p.name, p.value, p.variance, p.rows, p.between, p.group) for p in worst]
            judged["worst"] = self._over_domains(parts, shared, few=True)
        except (TooFewUnits, Undefined) as error:
            judged["worst"] = str(error)
        decides = judged[self.judge]
        shown = {name: None if isinstance(one, str) else one[0] for name, one in judged.items()}
        gains = tuple((p.name, p.value) for p in worst)
        if isinstance(decides, str):
            return Gained(None, None, by_domain, counts, decides, shown, gains)
        return Gained(*decides, by_domain, counts, "", shown, gains)

    def _worst(self, taken: Sequence[str]) -> list[Place]:
        """The worst quarter of all held-out domains, with what was taken for each final test and without."""
        if self.design.single:
            raise TooFewUnits("one held-out set has no worst quarter of domains.")
        domains: list[Scored] = []
        for number, (fold, key) in enumerate(zip(self.design.folds, taken, strict=True)):
            side = next(iter(self.fittings[fold.final, 0].tests))
            domains += self._scored(fold.final, key, side, fold.cases, number) or []
        return worst_places(domains)

    def _over_domains(
        self, effects: Sequence[tuple[str, float, float, int, float, int]], shared: float, *, few: bool = False
    ) -> tuple[Estimate, float]:
        """Random effects over domains, with the variance of fits that several domains share.

        Args:
            effects: One a domain.
            shared: Variance between repeats of the mean gain on a group of domains, which have their fits in common.
            few: Whether these are a handful, each judged by many rows: t over them would be far too wide.
        """
        y = np.array([e[1] for e in effects])
        if all(math.isnan(e[2]) for e in effects):
            raise Undefined("the learner was left unchanged in all of these domains.")
        between = float(np.mean([e[4] for e in effects if not math.isnan(e[2])]))
        v = np.array([e[2] for e in effects]) + between / self.design.repeats
        # Where the learner was left as it is the gain is 0 without noise; such domains must not outweigh the others.
        v = np.where(np.isnan(v), np.nanmedian(v), v)
        summary = random_effects(y, v, level=self.level)
        weight = 1 / (v + summary.tau**2)
        parts = np.bincount([e[5] for e in effects], weights=weight) / weight.sum()
        # Random effects take domains as independent; noise of a fit moves all domains of its group alike.
        together = shared / self.design.repeats * float(np.square(parts).sum())
        if few:
            found, p = mean_of_few(y, v, level=self.level, shared=together)
            return replace(found, method=f"{found.method}, plus the variance between seeds"), p
        mean, dof = summary.mean, len(y) - 1
        quantile = t_quantile((1 - self.level) / 2, dof)
        error = math.hypot(mean.width / 2 / quantile, math.sqrt(together))
        half = quantile * error
        method = f"{mean.method}, plus the variance between seeds"
        return (
            Estimate(mean.value, mean.value - half, mean.value + half, len(y), method, self.level),
            two_sided_t(mean.value / error, dof),
        )

    def _over_rows(
        self, effects: Sequence[tuple[str, float, float, int, float, int]], chosen: Sequence[Candidate]
    ) -> tuple[Estimate, float]:
        """Rows (or clusters) and repeats as units; held-out sets, where there are two, count alike."""
        values, variances, degrees, units = list[float](), list[float](), list[float](), 0
        share = 1 / self.design.repeats + OVERLAP
        for (_, value, variance, _, between, number), _ in zip(effects, chosen, strict=True):
            where = self.fittings[self.design.folds[number].final, 0].tests["test"]
            clusters = len(np.unique(self.clusters[where]))
            units += clusters
            values.append(value)
            if math.isnan(variance):
                continue
            total = variance + share * between
            variances.append(total)
            freedom = variance**2 / max(clusters - 1, 1) + (share * between) ** 2 / max(self.design.repeats - 1, 1)
            degrees.append(total**2 / freedom)
        value = float(np.mean(values))
        error = math.sqrt(sum(variances)) / len(values)
        dof = min(degrees)
        half = t_quantile((1 - self.level) / 2, dof) * error
        method = "paired by row, CR2 over clusters plus variance between repeats, t"
        return Estimate(value, value - half, value + half, units, method, self.level), two_sided_t(value / error, dof)


def _clustered(change: np.ndarray, clusters: np.ndarray) -> tuple[float, float, float, int]:
    """Mean change with its CR2 variance; where too few clusters stand on a side, that of the rows with a wide floor."""
    try:
        return cluster_robust(change, clusters)
    except TooFewUnits:
        return float(change.mean()), float(np.square(change).mean()), 1.0, 1


def _mean_and_error(units: Sequence[float]) -> tuple[float, float] | None:
    """Mean of validated gains, and the standard error among them (0 with a single one)."""
    if not units:
        return None
    error = float(np.std(units, ddof=1) / math.sqrt(len(units))) if len(units) > 1 else 0.0
    return float(np.mean(units)), error
