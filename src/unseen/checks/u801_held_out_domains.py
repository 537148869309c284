"""U801: what is lost on a domain that was not seen, and what to expect of the next one."""

from __future__ import annotations

from collections.abc import Iterable

from unseen.checks._domains import Loss, losses, score_word, shown, under_shift
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.errors import TooFewUnits
from unseen.estimates.means import two_sided_t
from unseen.estimates.meta import MIN_FOR_NEXT, left_out_coverage, random_effects

KINDS = ("held-out", "reweighted", "random", "label-noise", "perturbed", "other")


class HeldOutDomains(Check):
    """Held-out domains."""

    code = "U801"
    title = "held-out-domain gap"
    question = "How much worse is the learner on a domain that it was not trained on, and what will the next one bring?"
    null = "Having seen the domain makes no difference (per domain, and on average over domains)."
    interest = "A loss of at least smallest_gap."
    method = (
        "Each domain is held out in turn and answered by fits without it; the same rows are answered by cross-fitted "
        "fits that saw other rows of the domain. The loss is the mean difference, paired by row, with the CR2 variance "
        "over clusters plus the corrected variance between refits. Over domains: random effects (Paule-Mandel), with a "
        "prediction interval for the next domain, back-tested by leaving each domain out."
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
        if not found:
            return [
                self.not_applicable(
                    "No held-out domain was asked for.", "Add a shift: --shift 'held-out COLUMN'.",
                    unlocks=("a held-out shift",),
                )
            ]  # fmt: skip
        outcomes: list[Outcome] = []
        for family, own in found.items():
            if len(own) > 1:
                outcomes.append(
                    guarded(
                        self,
                        About("factor", family),
                        lambda family=family, own=own: self._over(subject, settings, family, own),
                    )
                )
            outcomes += [self._one(subject, settings, loss) for loss in own]
        return outcomes or [self.not_applicable("No held-out set was answered.", f"See U800: {list(under.failures)}")]

    def _one(self, subject: Subject, settings: Settings, loss: Loss) -> Outcome:
        under = under_shift(subject)
        estimate = loss.estimate(settings.level)
        what = f"({shown(under, loss.reference)} → {shown(under, loss.unseen)}, {len(loss.held.rows):,} rows)"
        return self.decide(
            about=About("slice", loss.name), estimate=estimate,
            p_value=two_sided_t(loss.value / loss.variance**0.5, loss.dof), settings=settings,
            scale=under.problem.scale,
            found=f"{loss.name}: not having seen it costs {estimate.format(2)} of {score_word(under)} {what}.",
            clear=f"{loss.name}: not having seen it costs nothing that matters {what}.",
            next_step="See which factor sets it apart (U807), and try unseen improve with this shift.",
            details=_row(loss),
        )  # fmt: skip

    def _over(self, subject: Subject, settings: Settings, family: str, own: list[Loss]) -> Outcome:
        under, scale = under_shift(subject), under_shift(subject).problem.scale
        bounds = None if under.problem.regression else (0.0, 1.0)
        values, variances = [x.value for x in own], [x.variance for x in own]
        summary = random_effects(values, variances, level=settings.level)
        scores = random_effects(
            [x.unseen for x in own], [x.unseen_variance for x in own], level=settings.level, bounds=bounds
        )
        details = {
            "family": family, "domains": [_row(x) for x in sorted(own, key=lambda x: -x.value)],
            "mean_score": scores.mean.to_dict(), "next_score": scores.next and scores.next.to_dict(),
            "next_loss": summary.next and summary.next.to_dict(), "between": summary.tau,
            "share_between": summary.share_between, "measure": under.problem.measure,
        }  # fmt: skip
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
                details["backtest"] = {"inside": inside, "domains": of}
                ahead += f" (Left out in turn, {inside} of {of} domains fell inside such an interval.)"
            except TooFewUnits:
                pass
        if scores.next is not None:
            details["expectation"] = f"{family}: {ahead}"
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


def _row(loss: Loss) -> dict[str, object]:
    seen = [float(a.score.mean()) for a in loss.held.seen]
    return {
        "domain": loss.name, "rows": len(loss.held.rows), "loss": loss.value, "se": loss.variance**0.5,
        "unseen": loss.unseen, "unseen_se": loss.unseen_variance**0.5, "reference": loss.reference,
        "seen": float(sum(seen) / len(seen)) if seen else None,
    }  # fmt: skip


def _with_statement(outcome: Outcome, ahead: str) -> Outcome:
    """Where the data are too few to judge the loss, the expectation for the next domain is still told."""
    from dataclasses import replace

    if ahead in outcome.statement:
        return outcome
    return replace(outcome, statement=f"{outcome.statement} {ahead[0].upper()}{ahead[1:]}")
