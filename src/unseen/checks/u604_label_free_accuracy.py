"""U604: how right a model is where nobody has marked its answers, or a refusal to say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unseen.checks._confident import Confident, confident, enough, in_split, unusable
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.errors import TooFewUnits
from unseen.estimates.backtest import Backtest, backtest
from unseen.estimates.label_free import METHODS, Claim, Rows, difference_of_confidences
from unseen.estimates.support import Column, Support, support
from unseen.responses import Responses

MAX_LEVELS = 8


@dataclass(frozen=True, eq=False)
class _Case:
    """Labelled and target rows of one model, with what the methods say of the target."""

    model: str
    support: Support
    claims: list[Claim]
    tests: dict[str, Backtest]
    labelled: Confident
    target: Confident

    @property
    def best(self) -> Claim:
        """The claim of the method with the smallest back-test error; CBPE where none could be made."""
        return min(
            self.claims, key=lambda c: self.tests[c.method].error if c.method in self.tests else c.method != "CBPE"
        )


class LabelFreeAccuracy(Check):
    """Estimates the accuracy of unlabelled rows from confidence, or refuses."""

    code = "U604"
    title = "accuracy without labels"
    question = "How right is a model on rows that nobody has marked?"
    null = "Unlabelled rows: accuracy is that of labelled rows. Unseen rows as if unlabelled: the estimate is right."
    interest = "A drop (or, in the back-test, an error) of at least smallest_gap."
    method = (
        "Three methods: calibrated expectation (CBPE), average thresholded confidence (ATC) and difference of "
        "confidences (DoC), and agreement between models where their predictions are given. Intervals hold the "
        "sampling error of the labelled and the unlabelled side (influence functions, clusters), widened by how far the "
        "method missed "
        "levels of the factors that were hidden from it (leave one level out). The method that missed least speaks. It "
        "is refused where more than 5 % of the rows lie outside the labelled ones in confidence or any factor, or "
        "where fewer than 30 labelled rows resemble them. Without unlabelled rows the unseen ones are taken as such."
    )
    assumptions = (
        "Rows of equal confidence are right equally often on both sides. Support is necessary for that, not "
        "sufficient: the back-test shows how well it held from level to level."
    )
    sources = (
        "Garg et al. (2022), Leveraging unlabeled data to predict out-of-distribution performance.",
        "Guillory et al. (2021), Predicting with confidence on unseen distributions.",
        "Jiang et al. (2022), Assessing generalization of SGD via disagreement.",
        "Baek et al. (2022), Agreement-on-the-line.",
        "NannyML documentation, Confidence-based performance estimation.",
    )
    example = (
        "small-lm is right in about 0.62 [0.55, 0.69] of 500 unlabelled rows (CBPE), against 0.71 on labelled ones; it "
        "missed hidden levels by 0.03 on average."
    )
    needs = ("responses", "confidence")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model."""
        if (refused := unusable(self, subject)) is not None:
            return [refused]
        responses = subject.responses
        assert responses is not None  # noqa: S101
        unlabelled = any(np.isnan(part.outcome).any() for part in confident(subject))
        if not unlabelled and not (responses.has("split") and in_split(subject, "unseen").any()):
            return [
                self.not_applicable(
                    "There are no unlabelled rows, and no unseen ones to stand in for them.",
                    "Add rows with a confidence and an empty score, or say what is unseen (--unseen 'digits > 2').",
                    unlocks=("split",),
                )
            ]
        agree = _agreement(responses)
        judge = self._estimate if unlabelled else self._rehearse
        outcomes = [
            guarded(self, About("model", part.model), lambda p=part: judge(subject, p, agree, settings))
            for part in confident(subject)
            if not unlabelled or np.isnan(part.outcome).any()
        ]
        return outcomes

    def _estimate(self, subject: Subject, part: Confident, agree: Any, settings: Settings) -> Outcome:
        known = ~np.isnan(part.outcome)
        case = _case(subject, part.where(known), part.where(~known), agree, settings)
        claim, labelled = case.best, float(case.labelled.outcome.mean())
        accuracy = claim.accuracy(settings.level)
        n = f"{len(case.target.row):,}"
        if case.support.refused:
            return self._refusal(case, f"No accuracy is given for {n} unlabelled rows of {part.model}", settings)
        drop, p = claim.drop(settings.level)
        said = (
            f"{part.model} is right in about {accuracy.format(2)} of {n} unlabelled rows ({claim.method}), against "
            f"{labelled:.2f} on labelled ones{_missed(case)}"
        )
        return self.decide(
            about=About("model", part.model),
            estimate=drop,
            p_value=p,
            found=f"{said}: a drop of {drop.format(2)}.",
            clear=f"{said}: no drop beyond chance or worth reporting.",
            next_step="Mark a random sample of the unlabelled rows to confirm the drop before acting on it.",
            settings=settings,
            details=_details(case, settings),
        )

    def _rehearse(self, subject: Subject, part: Confident, agree: Any, settings: Settings) -> Outcome:
        unseen = in_split(subject, "unseen")[part.row]
        case = _case(subject, part.where(~unseen), part.where(unseen), agree, settings)
        actual = float(case.target.outcome.mean())
        if case.support.refused:
            return self._refusal(
                case,
                f"Without labels, no accuracy would be given for the unseen rows of {part.model}",
                settings,
                actual,
            )
        error, p = case.best.widened(0.0).error(case.target.outcome, settings.level)
        # Either way of being wrong misleads; the rule asks for an effect that is worse when larger.
        error = error if error.value >= 0 else -error
        claimed = case.best.accuracy(settings.level)
        said = (
            f"Without labels, {case.best.method} would put {part.model} at {claimed.format(2)} on unseen rows; it is "
            f"right in {actual:.2f}{_missed(case)}"
        )
        return self.decide(
            about=About("model", part.model),
            estimate=error,
            p_value=p,
            found=f"{said}: label-free estimates mislead here, by {error.format(2)}.",
            clear=f"{said}: the error of {error.format(2)} is too small to matter.",
            next_step="Do not monitor this model by its confidence alone: mark a sample of new rows now and then.",
            settings=settings,
            details=_details(case, settings) | {"actual": actual},
        )

    def _refusal(self, case: _Case, what: str, settings: Settings, actual: float | None = None) -> Outcome:
        would = case.best.accuracy(settings.level)
        aside = (
            f" ({case.best.method} would have said {would.format(2)}; the truth is {actual:.2f})"
            if actual is not None
            else ""
        )
        return self.not_applicable(
            f"{what}: {case.support.reason}{aside}.",
            "Mark at least 30 such rows; an estimate from confidence would be a guess there.",
            about=About("model", case.model),
            details=_details(case, settings) | {"actual": actual},
        )


def _case(subject: Subject, labelled: Confident, target: Confident, agree: Any, settings: Settings) -> _Case:
    labelled.need(enough(settings), "on labelled rows")
    target.need(enough(settings), "on unlabelled rows")
    responses = subject.responses
    assert responses is not None  # noqa: S101
    rows = Rows.of(labelled.confidence, labelled.outcome, labelled.cluster, target.confidence, target.cluster)
    tests = _tests(responses, labelled)
    claims = [method(rows) for method in METHODS.values()]
    if agree is not None:
        same = agree[labelled.row], agree[target.row]
        if not any(np.isnan(x).any() for x in same):
            pair = Rows.of(same[0], labelled.outcome, labelled.cluster, same[1], target.cluster)
            claims.append(difference_of_confidences(pair, method="agreement"))
    claims = [c.widened(tests[c.method].tau) if c.method in tests else c for c in claims]
    columns = {
        name: Column(values[labelled.row], values[target.row], ordered)
        for name, values, ordered, _ in _factors(responses)
    }
    return _Case(
        labelled.model, support(labelled.confidence, target.confidence, columns), claims, tests, labelled, target
    )


def _tests(responses: Responses, labelled: Confident) -> dict[str, Backtest]:
    """Back-tests over the levels of all factors; empty where there are too few levels."""
    factors: list[tuple[Any, list[str]]] = []
    for name, values, ordered, levels in _factors(responses):
        column = values[labelled.row]
        if ordered:
            known = column[~np.isnan(column)]
            if not len(known):
                continue
            edges = np.unique(np.quantile(known, np.linspace(0, 1, MAX_LEVELS + 1)[:-1]))
            codes = np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="right") - 1)
            names = [f"{name} from {edge:g}" for edge in edges]
        else:
            codes, names = column, [f"{name} = {level}" for level in levels]
        factors.append((codes, names))
    try:
        return backtest(labelled.confidence, labelled.outcome, factors, design=_design(labelled))
    except TooFewUnits:
        return {}


def _design(rows: Confident) -> float:
    """Variance of the clustered mean over that of independent rows, at least 1."""
    residual = rows.outcome - rows.outcome.mean()
    spread = float(residual @ residual)
    sums = np.bincount(rows.cluster, weights=residual)
    return max(1.0, float(sums @ sums) / spread) if spread > 0 else 1.0


def _factors(responses: Responses) -> list[tuple[str, Any, bool, tuple[Any, ...]]]:
    """Factors as arrays over the rows of the table: name, numbers or codes, whether ordered, levels."""
    found: list[tuple[str, Any, bool, tuple[Any, ...]]] = []
    for name in responses.factors.of_kind("ordered", "categorical"):
        ordered = responses.factors[name].kind == "ordered"
        if ordered and responses.table[name].dtype.is_numeric():
            found.append((name, responses.column(name), True, ()))
        elif not ordered:
            coded = responses.codes(name)
            if len(coded.levels) <= 200:
                found.append((name, coded.codes, False, coded.levels))
    return found


def _agreement(responses: Responses) -> Any:
    """Share of the other models that give the same prediction to the item, shape (rows,); None without predictions."""
    if not responses.has("prediction") or len(responses.models) < 2 or responses.table["prediction"].null_count():
        return None
    item = responses.codes("item").codes.astype(np.uint64)
    key = responses.table["prediction"].hash().to_numpy() ^ (item * np.uint64(0x9E3779B97F4A7C15))
    order = np.argsort(key)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(key[order]) != 0) + 1, [len(key)]])
    same = np.empty(len(key))
    same[order] = np.repeat(np.diff(edges), np.diff(edges))
    total = np.bincount(item.astype(np.int64))[item.astype(np.int64)]
    return np.where(total > 1, (same - 1) / np.maximum(total - 1, 1), np.nan)


def _missed(case: _Case) -> str:
    test = case.tests.get(case.best.method)
    return (
        f" (it missed hidden levels by {test.error:.2f} on average)"
        if test
        else " (no level could be hidden to test it)"
    )


def _details(case: _Case, settings: Settings) -> dict[str, Any]:
    methods: list[dict[str, Any]] = []
    for claim in case.claims:
        estimate, test = claim.accuracy(settings.level), case.tests.get(claim.method)
        methods.append({
            "method": claim.method, "value": estimate.value, "low": estimate.low, "high": estimate.high,
            "backtest_error": test.error if test else None, "worst": test.worst if test else None,
            "worst_level": test.worst_level if test else None,
        })  # fmt: skip
    return {
        "model": case.model,
        "methods": methods,
        "best": case.best.method,
        "labelled_accuracy": float(case.labelled.outcome.mean()),
        "labelled_rows": len(case.labelled.row),
        "unlabelled_rows": len(case.target.row),
        "levels": case.tests[case.best.method].levels if case.best.method in case.tests else [],
        "support": case.support.to_dict(),
        "refused": case.support.refused,
        "reason": case.support.reason,
    }
