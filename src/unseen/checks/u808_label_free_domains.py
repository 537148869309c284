"""U808: how right the learner will be on a domain without labels, back-tested on the domains that have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from unseen.checks._domains import blamed, under_shift
from unseen.checks._groups import Domains, domains, drawn, none_held_out
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.learner import ClaimedDomain, ClaimedDomains, ClaimedRows
from unseen.data import Examples
from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import normal_quantile, two_sided_z
from unseen.estimates.intervals.meta import MIN_FOR_NEXT, Summary, random_effects
from unseen.estimates.unlabelled.backtest import ALPHA
from unseen.estimates.unlabelled.label_free import METHODS, Claim, Rows
from unseen.estimates.unlabelled.support import support
from unseen.estimates.unlabelled.unlabelled import rows_to_label
from unseen.refitting import Piece, Runner, UnderShift
from unseen.refitting.refits import Answers

MIN_DOMAINS = MIN_FOR_NEXT + 1
FOLDS = 5
MAX_FIT_ROWS = 20_000
MAX_SHOWN = 20


@dataclass(frozen=True)
class _Tested:
    """One domain that has labels: what each method claims of it without them, and what is true.

    Attributes:
        name: The domain.
        rows: Number of its rows.
        actual: Its accuracy.
        claims: Method → claimed accuracy.
        errors: Method → (claimed minus actual, sampling variance of that).
        supported: "" or why a claim would be refused.
        seen: Accuracy on held-back rows of the seen domains.
    """

    name: str
    rows: int
    actual: float
    claims: dict[str, float]
    errors: dict[str, tuple[float, float]]
    supported: str
    seen: float


class LabelFreeDomains(Check):
    """Accuracy on a domain without labels."""

    code = "U808"
    title = "label-free accuracy of domains"
    question = (
        "How right will the learner be on a domain that has no labels, and how far can such an estimate be trusted?"
    )
    null = "Estimates without labels are right on average over domains; rows without labels are answered as well as the others."
    interest = "A mean error, or a drop of accuracy on rows without labels, of at least smallest_gap."
    method = (
        "For each held-out domain in turn, accuracy is claimed from confidences alone: calibrated expectation (CBPE), "
        "average thresholded confidence (ATC) and difference of confidences (DoC), with held-back rows of the seen domains "
        "as the labelled side. CBPE speaks unless another method's errors on the other domains spread significantly less; "
        "these errors correct its mean error and give the interval: a prediction interval for the error on one further "
        "domain (random effects), beside the sampling error. "
        "Rows without a target are judged the same way, by a fit to all labelled rows; they never clear the learner."
    )
    assumptions = (
        "The domain without labels comes from the same population as those with labels. Where its confidences lie outside "
        "those of labelled rows, nothing is claimed."
    )
    sources = (
        "Garg et al. (2022), Leveraging unlabeled data to predict out-of-distribution performance",
        "Guillory et al. (2021), Predicting with confidence on unseen distributions",
        "NannyML documentation, Confidence-based performance estimation",
        "Nagashima, Noma & Furukawa (2019), Prediction intervals for random-effects meta-analysis",
    )
    example = (
        "site=north: accuracy without labels is about 0.71 [0.64, 0.78] on 800 rows, against 0.79 on labelled rows of the "
        "other sites."
    )
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a shift that holds out domains, and one for each domain of the rows without a target."""
        under = under_shift(subject)
        problem = under.problem
        if problem.measure != "accuracy":
            return [
                self.not_applicable(
                    f"The measure is {problem.measure}: what confidence tells without labels is accuracy.",
                    "Take the measure accuracy on a target of classes.",
                )
            ]
        families = domains(under)
        if not families:
            return [none_held_out(self, MIN_DOMAINS)]
        held = [a for h in under.held for a in h.answers]
        if held and all(a.confidence is None for a in held):
            return [
                self.not_applicable(
                    f"{under.runner.learner.name} gives no probabilities.",
                    "Take a learner with predict_proba, or calibrate this one (CalibratedClassifierCV).",
                )
            ]
        outcomes: list[Outcome] = []
        for own in families:
            about = About("factor", own.family)
            outcomes.append(
                guarded(self, about, lambda own=own, about=about: self._backtest(under, settings, own, about))
            )
        if problem.unlabelled is not None:
            about = About("data", "rows without labels")
            try:
                outcomes += self._unlabelled(under, settings, families[0])
            except (TooFewUnits, Undefined) as error:
                outcomes.append(self.not_applicable(str(error), "Label some of these rows.", about=about))
        return outcomes

    def _backtest(self, under: UnderShift, settings: Settings, own: Domains, about: About) -> Outcome:
        tested = _tested(under, own)
        rows: list[ClaimedDomain] = []
        for i, domain in enumerate(tested):
            others = [x for k, x in enumerate(tested) if k != i]
            method, summary = _chosen(others, settings.level)
            estimate = _corrected(domain.claims[method], domain.errors[method][1], summary, settings.level, domain.rows)
            covered = estimate.low <= domain.actual <= estimate.high
            rows.append(
                ClaimedDomain(
                    domain.name,
                    domain.rows,
                    domain.actual,
                    method,
                    estimate,
                    domain.seen,
                    bool(covered),
                    domain.supported,
                )
            )
        method, summary = _chosen(tested, settings.level)
        inside = sum(r.covered for r in rows)
        missed = float(np.mean([abs(r.claimed.value - r.actual) for r in rows]))
        plain = float(np.mean([abs(r.seen - r.actual) for r in rows]))
        bias = summary.mean if summary.mean.value >= 0 else -summary.mean
        way = "high" if summary.mean.value >= 0 else "low"
        said = (
            f"{own.family}: without labels the accuracy of a domain not seen is missed by {missed:.3f} on average "
            f"({method}, corrected on the other domains; taking the accuracy on seen rows misses by {plain:.3f}); the "
            f"interval held in {inside} of {len(tested)} domains"
        )
        return self.decide(
            about=about, estimate=bias, p_value=summary.p_value, settings=settings,
            found=f"{said}. Uncorrected, {method} is too {way} by {bias.format(2)}.",
            clear=f"{said}.",
            next_step="Do not read accuracy on a new domain off its confidences alone: correct them as here, or label a "
            "sample of each new domain.",
            details=ClaimedDomains(
                family=own.family, domains=tuple(rows), method=method, missed=missed, missed_by_seen=plain,
                inside=inside, error=summary.mean, about=blamed(under, own.cases),
            ),
        )  # fmt: skip

    def _unlabelled(self, under: UnderShift, settings: Settings, own: Domains) -> list[Outcome]:
        """Claims for the rows without a target, by domain."""
        method, summary = _chosen(_tested(under, own), settings.level)
        labelled, target = _answered(under)
        factor = own.cases[0].factors[0]
        table = under.problem.unlabelled.table if under.problem.unlabelled is not None else pl.DataFrame()
        level = table[factor].cast(pl.String).fill_null("(missing)").to_numpy()
        seen = float(labelled.score.mean())
        outcomes: list[Outcome] = []
        names, counts = np.unique(level.astype(str), return_counts=True)
        for name in names[np.argsort(-counts, kind="stable")][:MAX_SHOWN]:
            about = About("slice", f"{factor}={name}, without labels")
            some = np.flatnonzero(level == name)
            outcomes.append(
                guarded(
                    self, about,
                    lambda some=some, about=about: self._claimed(
                        under, settings, labelled, target, some, about, method, summary, seen
                    ),
                )
            )  # fmt: skip
        return outcomes

    def _claimed(
        self, under: UnderShift, settings: Settings, labelled: Answers, target: Answers, some: np.ndarray, about: About,
        method: str, summary: Summary, seen: float,
    ) -> Outcome:  # fmt: skip
        assert labelled.confidence is not None and target.confidence is not None  # noqa: S101, PT018
        confidence = target.confidence[some]
        n = len(under.problem)
        rows = Rows.of(
            labelled.confidence,
            labelled.score,
            under.problem.clusters()[labelled.rows],
            confidence,
            n + np.arange(len(some)),
        )
        judged = support(labelled.confidence, confidence)
        if judged.refused:
            return self.not_applicable(
                f"{about.name}: no accuracy is claimed for {len(some):,} rows: {judged.reason}.",
                "Label at least 30 of them; an estimate from confidence would be a guess there.", about=about,
            )  # fmt: skip
        claim = METHODS[method](rows)
        variance = _sampling(claim, settings.level)
        accuracy = _corrected(claim.value, variance, summary, settings.level, len(some))
        drop = replace(
            -accuracy, value=seen - accuracy.value, low=seen - accuracy.high, high=seen - accuracy.low
        )  # fmt: skip
        se = accuracy.width / 2 / normal_quantile((1 - settings.level) / 2)
        said = (
            f"{about.name}: accuracy is about {accuracy.format(2)} on {len(some):,} rows ({method}, corrected by its error on "
            f"domains with labels), against {seen:.2f} on labelled rows"
        )
        wanted = min(len(some), rows_to_label(accuracy.value, settings.gap_that_matters, level=settings.level))
        step = f"Label a random sample of about {wanted:,} of these rows to settle it: confidence can't."
        p_value = two_sided_z(drop.value / se)
        undecided = self.undecided(
            about=about, estimate=drop, settings=settings, p_value=p_value, effect=min(1.0, abs(drop.value)),
            statement=f"{said}, if this domain is like those with labels.", next_step=step,
            details=ClaimedRows(
                without_answers=True, accuracy=accuracy, labelled=seen, rows=len(some), method=method, rows_to_label=wanted
            ),
        )  # fmt: skip
        # Rows without labels never clear a learner: that they are like the others is not seen in them.
        if p_value > settings.fdr or drop.value < settings.smallest_gap:
            return undecided
        return Found(
            code=self.code, about=about, estimate=drop, p_value=p_value, effect=undecided.effect, next_step=step,
            statement=f"{said}, if this domain is like those with labels: expect a drop of {drop.format(2)}.",
            details=undecided.details, otherwise=undecided,
        )  # fmt: skip


def _tested(under: UnderShift, own: Domains) -> list[_Tested]:
    """Every domain, claimed without its labels from the first refit that did not see it.

    Raises:
        TooFewUnits: Fewer than 6 domains could be claimed.
    """
    clusters, made = under.problem.clusters(), list[_Tested]()
    for held in under.of_family(own.family):
        if not held.seen or held.seen[0].confidence is None or held.answers[0].confidence is None:
            continue
        seen, unseen = held.seen[0], held.answers[0]
        assert seen.confidence is not None and unseen.confidence is not None  # noqa: S101, PT018
        # Rows.of sorts by confidence and leaves sorted rows as they are: the outcomes then stand in its order.
        order = np.argsort(unseen.confidence, kind="stable")
        confidence, outcome = unseen.confidence[order], unseen.score[order]
        try:
            rows = Rows.of(seen.confidence, seen.score, clusters[seen.rows], confidence, clusters[unseen.rows][order])
        except TooFewUnits:
            continue
        claims = {name: method(rows) for name, method in METHODS.items()}
        errors = {}
        for name, claim in claims.items():
            error, _ = claim.error(outcome)
            half = error.width / 2 / _t(error.units)
            errors[name] = (error.value, half**2)
        judged = support(seen.confidence, unseen.confidence)
        made.append(
            _Tested(
                held.case.name, len(unseen.rows), float(outcome.mean()), {k: c.value for k, c in claims.items()}, errors,
                judged.reason if judged.refused else "", float(seen.score.mean()),
            )
        )  # fmt: skip
    if len(made) < MIN_DOMAINS:
        raise TooFewUnits(
            f"{own.family}: a back-test over domains needs {MIN_DOMAINS} with labels and confidences, got {len(made)}."
        )
    return made


def _t(units: int) -> float:
    from unseen.estimates.intervals.means import t_quantile

    return t_quantile(0.025, units - 1.0)


def _chosen(tested: list[_Tested], level: float) -> tuple[str, Summary]:
    """CBPE, or the method whose errors lie significantly nearer to their mean over these domains; and their summary.

    Wilcoxon's signed ranks, corrected for the number of methods: the smallest of three spreads is often so by chance.
    """
    from scipy import stats

    errors = {m: np.array([x.errors[m][0] for x in tested]) for m in METHODS}
    away = {m: np.abs(e - e.mean()) for m, e in errors.items()}
    p: dict[str, float] = {}
    for m, far in away.items():
        if m != "CBPE" and np.any(away["CBPE"] != far):
            test: Any = stats.wilcoxon(away["CBPE"] - far, alternative="greater")
            p[m] = float(test.pvalue) * (len(METHODS) - 1)
    best = min(p, key=lambda m: p[m], default="CBPE")
    method = best if p and p[best] <= ALPHA else "CBPE"
    return method, random_effects(errors[method], [x.errors[method][1] for x in tested], level=level)


def _corrected(claimed: float, variance: float, errors: Summary, level: float, units: int) -> Estimate:
    """The claim minus the mean error, with the prediction interval of the error and the sampling error of the claim."""
    assert errors.next is not None, "at least 5 domains are summed up"  # noqa: S101
    value = min(1.0, max(0.0, claimed - errors.mean.value))
    sampling = normal_quantile((1 - level) / 2) ** 2 * variance
    low = value - float(np.hypot(errors.next.high - errors.next.value, sampling**0.5))
    high = value + float(np.hypot(errors.next.value - errors.next.low, sampling**0.5))
    return Estimate(
        value, max(0.0, low), min(1.0, high), units, "label-free claim, corrected and widened by its errors on other domains",
        level,
    )  # fmt: skip


def _sampling(claim: Claim, level: float) -> float:
    """Sampling variance of a claim."""
    return (claim.accuracy(level).width / 2 / normal_quantile((1 - level) / 2)) ** 2


def _answered(under: UnderShift) -> tuple[Answers, Answers]:
    """Cross-fitted answers on labelled rows, and answers of a fit to all of them on the rows without a target.

    Raises:
        Undefined: The learner failed, or gives no probabilities.
    """
    problem, seed = under.problem, under.plan.seed
    assert problem.unlabelled is not None  # noqa: S101
    table, more = problem.examples.table, problem.unlabelled.table
    # A refit scores what it answers: rows without a target get one that nobody reads.
    filled = more.with_columns(
        pl.lit(problem.classes[0]).alias(problem.target),
        pl.concat_str(pl.lit("unlabelled "), pl.int_range(pl.len()).cast(pl.String)).alias("item"),
    )
    table = table.with_columns(pl.col("item").cast(pl.String))
    both = pl.concat([table, filled.select(table.columns).cast(table.schema)])
    examples = Examples(both, problem.examples.inputs, problem.target, problem.examples.factors)
    runner = Runner(
        replace(problem, examples=examples, unlabelled=None), under.runner.learner, executor=under.runner.executor,
        workers=under.runner.workers, store=under.runner.store, seconds=under.runner.seconds,
    )  # fmt: skip
    n = len(problem)
    clusters = problem.clusters()
    fold = numpy_generator(seed, "U808", "folds").permutation(np.arange(int(clusters.max()) + 1) % FOLDS)[clusters]
    rows = drawn(np.arange(n), MAX_FIT_ROWS, numpy_generator(seed, "U808", "rows"))
    pieces = [
        Piece(
            f"rows without labels, fold {k + 1}", rows[fold[rows] != k], {"labelled": rows[fold[rows] == k]},
            spawn(seed, "U808", k),
        )
        for k in range(FOLDS)
    ]  # fmt: skip
    pieces.append(Piece("rows without labels", rows, {"target": np.arange(n, len(both))}, spawn(seed, "U808")))
    results = runner.run(pieces)
    failed = next((x.failed for x in results if x.failed), "")
    if failed:
        raise Undefined(f"the rows without labels could not be answered: {failed}")
    parts = [x.answers["labelled"] for x in results[:-1]]
    target = results[-1].answers["target"]
    if target.confidence is None or any(p.confidence is None for p in parts):
        raise Undefined(f"{under.runner.learner.name} gives no probabilities.")
    labelled = Answers(
        np.concatenate([p.rows for p in parts]), np.concatenate([p.score for p in parts]),
        np.concatenate([p.confidence for p in parts if p.confidence is not None]), None,
        np.concatenate([p.prediction for p in parts]),
    )  # fmt: skip
    return labelled, target
