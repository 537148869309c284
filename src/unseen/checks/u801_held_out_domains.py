"""U801: what is lost on a domain that was not seen, and what to expect of the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import polars as pl

from unseen.checks._domains import Loss, blamed, losses, score_word, shown, under_shift
from unseen.checks._failures import none_answered
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.learner import BackTest, Domain, DomainsBehind, DomainScore, DomainsHeldOut, HeldOutDomain
from unseen.engine.seeds import numpy_generator
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import cluster_robust, t_interval, two_sided_t
from unseen.estimates.intervals.meta import MIN_FOR_NEXT, left_out_coverage, random_effects
from unseen.refitting import UnderShift

# Fewest domains in which some can be told from the others, and fewest independent rows in either half of one.
MIN_FOR_SPREAD, MIN_HALF = 4, 10
# A number lies elsewhere on a domain where its median there is beyond all but this share of the other rows.
RARE = 0.02
KINDS = ("held-out", "reweighted", "random", "label-noise", "perturbed", "other")


class HeldOutDomains(Check):
    """Held-out domains."""

    code = "U801"
    title = "held-out-domain gap"
    question = "How much worse is the learner on a domain that it was not trained on, and what will the next one bring?"
    null = "Having seen the domain makes no difference (per domain, and on average over domains)."
    interest = "A loss of at least smallest_gap, or domains that fall behind the others by as much, seen or not."
    method = (
        "Each domain is held out in turn and answered by fits without it; the same rows are answered by cross-fitted "
        "fits that saw other rows of the domain. The loss is the mean difference, paired by row, with the CR2 variance "
        "over clusters plus the corrected variance between refits. Over domains: random effects (Paule-Mandel), with a "
        "prediction interval for the next domain, back-tested by leaving each domain out. The spread: on one half of every "
        "domain's rows those are chosen that fall behind the median domain by gap_that_matters or more (where none does, the "
        "worst quarter); on the other half the mean score of the others minus theirs is measured (t, Welch), so that the "
        "choice costs nothing. These domains as they are, not a population of them."
    )
    assumptions = "Domains are like draws from one population of domains; the next one comes from it."
    sources = (
        "IntHout et al. (2014), The Hartung-Knapp-Sidik-Jonkman method for random effects meta-analysis",
        "Nagashima, Noma & Furukawa (2019), Prediction intervals for random-effects meta-analysis",
        "Nadeau & Bengio (2003), Inference for the generalization error",
    )
    example = (
        "held-out site: 0.04 [0.02, 0.06] of accuracy is lost at a site not seen; expect 0.71 to 0.86 at the next."
    )
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a held-out set, and one for each shift with several."""
        under = under_shift(subject)
        found = losses(subject, kinds=KINDS)
        if not found and under.failures and any(case.kind in KINDS for case in under.plan.cases):
            return [none_answered(self, under)]
        if not found:
            return [
                self.not_applicable(
                    "No held-out domain was asked for.", "Add a shift: --shift 'held-out COLUMN'.",
                    unlocks=("a held-out shift",),
                )
            ]  # fmt: skip
        outcomes: list[Outcome] = []
        for family, own in found.items():
            behind: tuple[str, ...] = ()
            if len(own) >= MIN_FOR_SPREAD:
                about = About("slice", f"worst of {family}")
                spread = guarded(
                    self, about, lambda family=family, own=own: self._spread(subject, settings, family, own)
                )
                outcomes.append(spread)
                if isinstance(spread, Found) and isinstance(spread.details, DomainsBehind):
                    behind = spread.details.behind
            if len(own) > 1:
                outcomes.append(
                    guarded(
                        self,
                        About("factor", family),
                        lambda family=family, own=own: self._over(subject, settings, family, own),
                    )
                )
            outcomes += [self._one(subject, settings, loss, behind) for loss in own]
        if outcomes:
            return outcomes
        if under.failures:
            return [none_answered(self, under)]
        return [
            self.not_applicable("No held-out set was answered.", "Give more rows for them: U800 names those left out.")
        ]

    def _one(self, subject: Subject, settings: Settings, loss: Loss, behind: tuple[str, ...]) -> Outcome:
        under = under_shift(subject)
        is_behind = loss.name in behind
        apart = _apart(under, loss)
        estimate = loss.estimate(settings.level)
        what = f"({shown(under, loss.reference)} → {shown(under, loss.unseen)}, {len(loss.held.rows):,} rows)"
        outcome = self.decide(
            about=About("slice", loss.name), estimate=estimate,
            p_value=two_sided_t(loss.value / loss.variance**0.5, loss.dof), settings=settings,
            scale=under.problem.scale,
            found=f"{loss.name}: not having seen it costs {estimate.format(2)} of {score_word(under)} {what}.",
            clear=f"{loss.name}: not having seen it costs nothing that matters {what}.",
            next_step=(
                f"Look at {apart}, then try unseen improve with this shift." if apart else
                "Look for what sets it apart (a unit, a coding, other cases), and try unseen improve with this shift."
            ),
            details=HeldOutDomain(result=_row(loss), about=blamed(under, [loss.held.case])),
        )  # fmt: skip
        if is_behind and isinstance(outcome, Clear):
            said = f"{outcome.statement.rstrip('.')}, but it falls behind the other domains, seen or not."
            step = "Look for a column that misleads there (U803); more rows of it alone do not help."
            return replace(outcome, statement=said, next_step=step)
        return outcome

    def _over(self, subject: Subject, settings: Settings, family: str, own: list[Loss]) -> Outcome:
        under, scale = under_shift(subject), under_shift(subject).problem.scale
        bounds = under.problem.how.limits
        values, variances = [x.value for x in own], [x.variance for x in own]
        summary = random_effects(values, variances, level=settings.level)
        scores = random_effects(
            [x.unseen for x in own], [x.unseen_variance for x in own], level=settings.level, bounds=bounds
        )
        seen = random_effects(
            [x.reference for x in own], [x.reference_variance for x in own], level=settings.level, bounds=bounds
        )
        backtest: BackTest | None = None
        ahead = f"a prediction for the next one needs {MIN_FOR_NEXT} domains, these are {len(own)}."
        if scores.next is not None:
            low, high = sorted((shown(under, scores.next.low), shown(under, scores.next.high)), key=float)
            ahead = (
                f"for the next one expect {score_word(under)} {shown(under, scores.mean.value)}, from {low} to {high}."
            )
            try:
                inside, of = left_out_coverage(
                    [x.unseen for x in own], [x.unseen_variance for x in own], level=settings.level
                )
                backtest = BackTest(inside, of)
                ahead += f" (Left out in turn, {inside} of {of} domains fell inside such an interval.)"
            except TooFewUnits:
                pass
        details = DomainsHeldOut(
            about=blamed(under, [x.held.case for x in own]), seen_score=seen.mean,
            family=family, domains=tuple(_row(x) for x in sorted(own, key=lambda x: -x.value)),
            mean_score=scores.mean, next_score=scores.next, next_loss=summary.next, between=summary.tau,
            share_between=summary.share_between, measure=under.problem.measure, backtest=backtest,
            expectation=None if scores.next is None else f"{family}: {ahead}",
        )  # fmt: skip
        worst = max(own, key=lambda x: x.value)
        outcome = self.decide(
            about=About("factor", family), estimate=summary.mean, p_value=summary.p_value, settings=settings,
            scale=scale, details=details,
            found=f"{family}: a domain not seen costs {summary.mean.format(2)} of {score_word(under)} on average over "
            f"{len(own)} domains (most {worst.name}: {worst.value:.2f}); {ahead}",
            clear=f"{family}: not having seen a domain costs nothing that matters on average over {len(own)} domains "
            f"({summary.mean.format(2)}); {ahead}",
            next_step="Judge the learner by the interval for the next domain, not by its mean; unseen improve tries remedies.",
        )  # fmt: skip
        if not isinstance(outcome, Found) and scores.next is not None:
            return _with_statement(outcome, ahead)
        return outcome

    def _spread(self, subject: Subject, settings: Settings, family: str, own: list[Loss]) -> Outcome:
        """Domains that fall behind the others: chosen on one half of the rows, measured on the other."""
        under = under_shift(subject)
        scale, word, clusters = under.problem.scale, score_word(under), under.problem.clusters()
        rng = numpy_generator(under.plan.seed, self.code, family, "spread")
        picked = list[float]()
        judged = list[tuple[Loss, float, float, float, float]]()
        for loss in own:
            rows, score = loss.held.rows, loss.held.unseen.mean(0)
            groups = np.unique(clusters[rows], return_inverse=True)[1]
            first = rng.permutation(int(groups.max()) + 1)[groups] % 2 == 0
            if len(np.unique(groups[first])) < MIN_HALF or len(np.unique(groups[~first])) < MIN_HALF:
                continue
            value, variance, dof, _ = cluster_robust(score[~first], groups[~first], what=loss.name)
            floor = under.problem.least_variance(rows[~first])
            dof = under.problem.degrees(rows[~first], dof)
            picked.append(float(score[first].mean()))
            judged.append((loss, value, max(variance, floor), dof, float(loss.held.reference.mean(0)[~first].mean())))
        if len(judged) < MIN_FOR_SPREAD:
            raise TooFewUnits(
                f"{family}: {len(judged)} domains have {MIN_HALF} independent rows in either half; {MIN_FOR_SPREAD} are needed "
                "to tell whether some fall behind."
            )
        behind = np.median(picked) - np.array(picked)
        worst = behind >= settings.gap_that_matters * scale
        if not worst.any() or worst.sum() > len(judged) // 2:
            worst = np.zeros(len(judged), dtype=bool)
            worst[np.argsort(-behind, kind="stable")[: max(1, len(judged) // 4)]] = True
        value, variance, dof, seen = (np.array([x[i] for x in judged]) for i in (1, 2, 3, 4))
        share = [np.where(part, 1 / part.sum(), 0.0) for part in (worst, ~worst)]
        gap = float(share[1] @ value - share[0] @ value)
        parts = (share[0] ** 2 + share[1] ** 2) * variance
        freedom = float(parts.sum() ** 2 / np.sum(parts**2 / np.maximum(dof, 1.0)))
        estimate = Estimate(
            gap, *t_interval(gap, float(parts.sum()), freedom, settings.level), len(judged),
            "others minus the domains chosen on other rows, CR2, Welch's t", settings.level,
        )  # fmt: skip
        names = [judged[i][0].name for i in np.flatnonzero(worst)[np.argsort(value[worst], kind="stable")]]
        listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        there, others = shown(under, float(share[0] @ value)), shown(under, float(share[1] @ value))
        numbers = (
            f"{word} {there} on {listed} ({shown(under, float(share[0] @ seen))} where other rows of them were seen) against "
            f"{others} on the other {len(judged) - len(names)}"
        )
        return self.decide(
            about=About("slice", f"worst of {family}"), estimate=estimate,
            p_value=two_sided_t(gap / float(parts.sum()) ** 0.5, freedom), settings=settings, scale=scale,
            found=f"{family}: {len(names)} of {len(judged)} domains fall behind by {estimate.format(2)}: {numbers}.",
            clear=f"{family}: no domain falls behind the others by an amount that matters ({estimate.format(2)}; {numbers}).",
            next_step="What holds on average does not hold there: look for a column that misleads there (U803), and try unseen "
            "improve --judge worst with this shift.",
            details=DomainsBehind(
                family=family, worst=tuple(names),
                # Each for itself, on rows on which it was not chosen, and where other rows of it were seen.
                behind=tuple(
                    judged[i][0].name for i in np.flatnonzero(worst)
                    if share[1] @ value - value[i] > 2 * variance[i] ** 0.5
                    and share[1] @ seen - seen[i] >= settings.gap_that_matters / 2 * scale
                ),
                about=blamed(under, [judged[i][0].held.case for i in np.flatnonzero(worst)]),
                domains=tuple(
                    DomainScore(x[0].name, float(x[1]), float(x[2]) ** 0.5, float(x[4]), bool(w))
                    for x, w in zip(judged, worst, strict=True)
                ),
            ),
        )  # fmt: skip


def _row(loss: Loss) -> Domain:
    seen = [float(a.score.mean()) for a in loss.held.seen]
    return Domain(
        loss.name, len(loss.held.rows), loss.value, loss.variance**0.5, loss.unseen, loss.unseen_variance**0.5,
        loss.reference, float(sum(seen) / len(seen)) if seen else None,
    )  # fmt: skip


def _apart(under: UnderShift, loss: Loss) -> str:
    """The number among the inputs that lies elsewhere on a held-out set than on the rest, in words; or ""."""
    table, rows = under.problem.examples.table, loss.held.rows
    rest = np.ones(len(under.problem), dtype=bool)
    rest[rows] = False
    found: list[tuple[float, str]] = []
    for name in under.problem.examples.inputs:
        column = table[name]
        if not column.dtype.is_numeric():
            continue
        values = column.cast(pl.Float64).fill_nan(None).to_numpy()
        here, there = values[rows], values[rest]
        here, there = here[np.isfinite(here)], there[np.isfinite(there)]
        if len(here) < MIN_HALF or len(there) < MIN_HALF:
            continue
        own, middle = float(np.median(here)), float(np.median(there))
        beyond = float(np.mean(there >= own) if own > middle else np.mean(there <= own))
        if beyond < RARE:
            found.append((beyond, f"{name}, which lies elsewhere there (median {own:.3g}, {middle:.3g} on the others)"))
    return min(found)[1] if found else ""


def _with_statement(outcome: Outcome, ahead: str) -> Outcome:
    """Where the data are too few to judge the loss, the expectation for the next domain is still told."""
    if ahead in outcome.statement:
        return outcome
    return replace(outcome, statement=f"{outcome.statement} {ahead[0].upper()}{ahead[1:]}")
