"""U806: whether the validation at hand picks the learner that does best on domains not seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from unseen.checks._domains import score_word, under_shift
from unseen.checks._groups import Domains, balanced_groups, domains, drawn, none_held_out
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.learner import ValidatedAndTested, Validation, Validations, WithPValue
from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_interval, two_sided_t
from unseen.estimates.testing.multiplicity import holm
from unseen.refitting import Piece, Refitted, Spec, UnderShift
from unseen.shifts.perturbations import PERTURBATIONS, applicable

MIN_GROUPS, MAX_GROUPS = 3, 4
MAX_ROWS = 3000
KEPT_BACK = 0.2
SEVERITY = 0.5
# With fewer domains than this their rows are the units of the test.
MANY_DOMAINS = 6
WAYS = ("in-domain", "leave-domains-out", "crafted-shift")
CLASSES = (
    ("logistic", "logistic", {}),
    ("logistic, strongly shrunk", "logistic", {"C": 0.001}),
    ("gradient-boosting", "gradient-boosting", {}),
    ("gradient-boosting, small", "gradient-boosting", {"max_depth": 2, "max_iter": 30}),
    ("forest", "forest", {"n_estimators": 50}),
    ("forest, large leaves", "forest", {"n_estimators": 50, "min_samples_leaf": 30}),
    ("nearest-neighbours", "nearest-neighbours", {}),
    ("nearest-neighbours, many", "nearest-neighbours", {"n_neighbors": 50}),
)


@dataclass(frozen=True)
class _Scores:
    """Scores of all candidates around one test group.

    Attributes:
        validation: Way → score of each candidate, shape (candidates,).
        rows: Rows of the test group.
        test: Score of each candidate on each of them, shape (candidates, rows).
    """

    validation: dict[str, np.ndarray]
    rows: np.ndarray
    test: np.ndarray


class MisleadingValidation(Check):
    """Validation that misleads."""

    code = "U806"
    title = "validation that misleads"
    question = "Does validation inside the seen domains pick a learner that is good on domains not seen?"
    null = "The learner picked in-domain does as well on test domains as the best, and as the one picked by leaving domains out."
    interest = "A loss of at least smallest_gap by picking in-domain."
    method = (
        "Eight learners and the user's own are refitted without each pair of groups of domains: in such a fit one group "
        "validates (leave-domains-out) while the other tests, and the other way round; held-back rows of the other groups "
        "validate in-domain, and held-back rows with perturbed inputs by a crafted shift. For each test group: Spearman's "
        "correlation of validation and test scores over learners, and the score lost by each choice, paired by row. What "
        "is best is chosen on one half of the test rows and scored on the other, so that luck is no loss. Variance CR2 "
        "over domains; the two tests of the in-domain choice are corrected by Holm."
    )
    assumptions = (
        "The pool of learners is like the one that is chosen from. Fits have up to 3,000 rows: a choice may differ at the "
        "full size."
    )
    sources = (
        "Gulrajani & Lopez-Paz (2021), In search of lost domain generalization (selection methods)",
        "Efthymiadis, Tolias & Chum (2025), Crafting distribution shifts for validation and training",
        "Teney, Oh & Abbasnejad (2023), ID and OOD performance are sometimes inversely correlated on real-world datasets",
    )
    example = (
        "held-out site: picking in-domain loses 0.05 [0.02, 0.08] of accuracy on test domains against the best of 9 "
        "learners (rank correlation 0.21); leaving domains out loses 0.01 (0.74)."
    )
    needs = ("learner",)
    studies = ("crafting-shifts",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a shift that holds out domains in turn."""
        under = under_shift(subject)
        families = domains(under)
        if not families:
            return [none_held_out(self, MIN_GROUPS)]
        return [guarded(self, About("factor", d.family), lambda d=d: self._one(under, settings, d)) for d in families]

    def _one(self, under: UnderShift, settings: Settings, own: Domains) -> Outcome:
        if len(own.cases) < MIN_GROUPS:
            raise TooFewUnits(
                f"{own.family}: validation by domains needs {MIN_GROUPS} domains (one tests, one validates, one is fitted "
                f"to), these are {len(own.cases)}."
            )
        candidates = pool(under)
        groups = min(MAX_GROUPS, len(own.cases))
        group_of = balanced_groups(own.sizes, groups, numpy_generator(under.plan.seed, self.code, own.family, "groups"))
        group = np.where(own.code >= 0, group_of[own.code], -1)
        pieces = _pieces(under, own.family, own.code, group, groups, candidates)
        results = dict(zip(pieces, under.runner.run(list(pieces.values())), strict=True))
        sound = [c for c in range(len(candidates)) if not any(x.failed for (_, k), x in results.items() if k == c)]
        if len(sound) < 3:
            raise TooFewUnits(f"{own.family}: only {len(sound)} of {len(candidates)} learners could be refitted.")
        scores = [_around(g, results, sound) for g in range(groups)]
        names = [candidates[c].name for c in sound]
        return self._said(under, settings, own, scores, names)

    def _said(
        self, under: UnderShift, settings: Settings, own: Domains, scores: list[_Scores], names: list[str]
    ) -> Outcome:
        scale, about, word = under.problem.scale, About("factor", own.family), score_word(under)
        rng = numpy_generator(under.plan.seed, self.code, own.family, "halves")
        lost: dict[str, list[np.ndarray]] = {way: [] for way in WAYS}
        against: list[np.ndarray] = []
        for s in scores:
            best = _best_by_halves(s.test, under.problem.clusters()[s.rows], rng)
            picked = {way: int(np.argmax(s.validation[way])) for way in WAYS if way in s.validation}
            for way, c in picked.items():
                lost[way].append(best - s.test[c])
            against.append(s.test[picked[WAYS[1]]] - s.test[picked[WAYS[0]]])
        rows = np.concatenate([s.rows for s in scores])
        cluster = own.code[rows] if len(own.cases) >= MANY_DOMAINS else under.problem.clusters()[rows]
        tests = [
            _mean(np.concatenate(parts), cluster, own.family, settings.level, scale)
            for parts in (lost[WAYS[0]], against)
        ]
        adjusted = holm([p for _, p in tests]).tolist()
        ways: dict[str, Validation] = {}
        for way in WAYS:
            if lost[way]:
                regret = _mean(np.concatenate(lost[way]), cluster, own.family, settings.level, scale)[0]
                found = [spearman(s.validation[way], s.test.mean(1)) for s in scores]
                chosen = tuple(names[int(np.argmax(s.validation[way]))] for s in scores)
                ways[way] = Validation(regret, _correlation(found, settings.level), chosen)
        details = Validations(
            family=own.family, ways=ways, learners=tuple(names), domains=len(own.cases),
            points=tuple(
                ValidatedAndTested(way, g, n, float(v), float(t))
                for g, s in enumerate(scores) for way in s.validation
                for n, v, t in zip(names, s.validation[way], s.test.mean(1), strict=True)
            ),
            against_leave_domains_out=WithPValue.of(tests[1][0], adjusted[1]),
        )  # fmt: skip
        said = (
            f"{own.family}: of {len(names)} learners, picking in-domain loses {tests[0][0].format(2)} of {word} on test "
            f"domains against the best, and {tests[1][0].format(2)} against picking by leaving domains out."
        )
        least = settings.smallest_gap * scale
        bad = [
            (e, p) for (e, _), p in zip(tests, adjusted, strict=True) if p <= settings.fdr and e.value >= least
        ]  # fmt: skip
        common: dict[str, Any] = {"code": self.code, "about": about, "statement": said, "details": details}
        regret = tests[0][0]
        otherwise = self.unless_found(
            settings.gap_that_matters * scale, settings=settings, estimate=regret, p_value=min(adjusted),
            effect=min(1.0, abs(regret.value) / scale), undecided=f"{said[:-1]}; not enough data to tell.",
            next_step="Collect more domains.", **common,
        )  # fmt: skip
        if bad:
            estimate, p = max(bad, key=lambda x: x[0].value)
            better = min(ways, key=lambda w: ways[w].lost.value)
            step = (
                "Choose learners and settings by leaving domains out, not on rows of the seen domains."
                if better != WAYS[0]
                else "No validation here picks well: judge a choice on a fresh domain before it is used."
            )
            return Found(
                next_step=step, estimate=estimate, p_value=p, effect=min(1.0, estimate.value / scale), otherwise=otherwise,
                **common,
            )  # fmt: skip
        return otherwise


def pool(under: UnderShift) -> list[Spec]:
    """The user's learner and eight others of four kinds, each in two strengths."""
    learner, regression = under.runner.learner, under.problem.regression
    made = [learner]
    for name, source, settings in CLASSES:
        if source == learner.source and not settings and not learner.settings:
            continue
        own = (
            {("alpha" if k == "C" else k): (1 / v if k == "C" else v) for k, v in settings.items()}
            if regression
            else settings
        )
        made.append(Spec(name, source, regression=regression, settings=own))
    return [replace(s, name=f"{s.name} (given)") if i == 0 else s for i, s in enumerate(made)]


def _pieces(
    under: UnderShift, family: str, code: np.ndarray, group: np.ndarray, groups: int, candidates: list[Spec]
) -> dict[tuple[tuple[int, int], int], Piece]:
    """(pair of groups left out, candidate) → the refit."""
    seed, clusters, made = under.plan.seed, under.problem.clusters(), dict[tuple[tuple[int, int], int], Piece]()
    rng = numpy_generator(seed, "U806", family, "rows")
    rows = {g: drawn(np.flatnonzero(group == g), MAX_ROWS // groups, rng) for g in range(groups)}
    changes = _changes(under)
    for i, (a, b) in enumerate(combinations(range(groups), 2)):
        rest = np.sort(np.concatenate([rows[g] for g in range(groups) if g not in (a, b)]))
        own = np.unique(clusters[rest])
        back = np.isin(
            clusters[rest], numpy_generator(seed, "U806", family, i).permutation(own)[: int(KEPT_BACK * len(own))]
        )
        tests = {"first": rows[a], "second": rows[b], "in-domain": rest[back]}
        options = {}
        if changes:
            tests["crafted-shift"] = rest[back]
            options = {"perturb": {"name": changes[i % len(changes)], "severity": SEVERITY, "sides": ["crafted-shift"]}}
        for c, spec in enumerate(candidates):
            made[(a, b), c] = Piece(
                f"{family}: {spec.name}, without groups {a + 1} and {b + 1}", rest[~back], tests,
                spawn(seed, "U806", family, i, c), spec, options, {s: code[tests[s]] for s in ("first", "second")},
            )  # fmt: skip
    return made


def _changes(under: UnderShift) -> list[str]:
    """One perturbation of each family that finds an input to change."""
    found: dict[str, str] = {}
    for one in applicable(PERTURBATIONS.values(), under.problem.examples):
        found.setdefault(one.family, one.name)
    return list(found.values())


def _around(g: int, results: dict[tuple[tuple[int, int], int], Refitted], sound: list[int]) -> _Scores:
    """All scores where group g is the one that tests."""
    validation: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    test: list[list[np.ndarray]] = []
    rows = np.zeros(0, dtype=np.int64)
    for pair in sorted({p for p, _ in results if g in p}):
        sides = ("first", "second") if pair[0] == g else ("second", "first")
        answers = [results[pair, c].answers for c in sound]
        rows = answers[0][sides[0]].rows
        test.append([a[sides[0]].score for a in answers])
        validation[WAYS[1]].append([_known_mean(a[sides[1]].score) for a in answers])
        for way in (WAYS[0], WAYS[2]):
            if all(way in a for a in answers):
                validation[way].append([_known_mean(a[way].score) for a in answers])
    found = np.mean(test, axis=0)
    # Where a domain's labels leave the measure undefined, they do so for every learner.
    known = np.isfinite(found).all(0)
    return _Scores({w: np.mean(v, axis=0) for w, v in validation.items() if v}, rows[known], found[:, known])


def _known_mean(score: np.ndarray) -> float:
    """Mean over the rows of domains in which the measure is defined."""
    known = score[np.isfinite(score)]
    return float(known.mean()) if len(known) else float("nan")


def _best_by_halves(test: np.ndarray, cluster: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Score on each row of the candidate that is best on the other half of the clusters, shape (rows,)."""
    own, at = np.unique(cluster, return_inverse=True)
    half = (rng.permutation(len(own)) % 2 == 0)[at]
    best = np.empty(test.shape[1])
    for part in (half, ~half):
        best[part] = test[int(np.argmax(test[:, ~part].mean(1)))][part]
    return best


def _mean(values: np.ndarray, cluster: np.ndarray, what: str, level: float, scale: float) -> tuple[Estimate, float]:
    """Mean over rows, positive is bad, with its two-sided p-value."""
    mean, variance, dof, units = cluster_robust(values, cluster, what=what)
    # The same learner picked twice differs nowhere; one row in n + 2 could have differed by 1/2.
    variance, dof = max(variance, 0.25 / (len(values) + 2) ** 2 * scale**2), max(dof, 1.0)
    low, high = t_interval(mean, variance, dof, level)
    return Estimate(mean, low, high, units, "paired by row, CR2, t", level), two_sided_t(mean / variance**0.5, dof)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation with mid-ranks; NaN where a side is constant.

    >>> round(spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])), 3)
    0.8
    """
    from scipy.stats import rankdata

    a, b = (np.asarray(rankdata(np.round(v, 9)), dtype=float) for v in (x, y))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _correlation(found: list[float], level: float) -> Estimate | None:
    """Mean correlation over test groups with a t interval cut at ±1; None where no interval exists."""
    r = np.array([v for v in found if np.isfinite(v)])
    if len(r) < 2 or float(r.var(ddof=1)) < 1e-12:
        return None
    low, high = t_interval(float(r.mean()), float(r.var(ddof=1)) / len(r), len(r) - 1, level)
    low, high = max(-1.0, low), min(1.0, high)
    return Estimate(float(r.mean()), low, high, len(r), "mean Spearman correlation over test groups, t", level)
