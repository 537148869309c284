"""U802: what is lost beyond the range of an ordered factor, and whether it grows with the distance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from unseen.checks._domains import Loss, blamed, losses, score_word, shown, under_shift
from unseen.checks._failures import none_answered
from unseen.checks._levels import numbers
from unseen.checks.base import About, Check, Outcome, Settings, Subject
from unseen.checks.details.learner import Extrapolated, LossAt, WithPValue
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.contrasts.trend import change_over
from unseen.estimates.intervals.means import cluster_robust, t_interval, two_sided_t

BINS = 4
KINDS = ("later", "beyond")


class Extrapolation(Check):
    """Extrapolation along an ordered factor."""

    code = "U802"
    title = "extrapolation along a factor"
    question = "How much worse is the learner beyond the range it was trained on, and does it get worse further out?"
    null = "Having seen values beyond the boundary makes no difference."
    interest = "A loss of at least smallest_gap."
    method = (
        "The learner is fitted inside the boundary and answers the rows beyond; cross-fitted fits that saw rows beyond "
        "answer the same rows. The loss is the mean difference, paired by row (CR2 over clusters plus the corrected "
        "variance between refits). Its trend over the distance from the boundary is a least-squares line."
    )
    assumptions = (
        "Rows beyond the boundary are independent, or clusters say which are not; what else changes is part of it."
    )
    sources = (
        "Yao et al. (2022), Wild-Time: a benchmark of in-the-wild distribution shift over time",
        "Nadeau & Bengio (2003), Inference for the generalization error",
    )
    example = "later month: 0.03 [0.02, 0.04] of accuracy is lost after month 9, and it grows by 0.02 to month 12."
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a shift."""
        under, found = under_shift(subject), losses(subject, kinds=KINDS)
        if not found and under.failures and any(case.kind in KINDS for case in under.plan.cases):
            return [none_answered(self, under)]
        if not found:
            return [
                self.not_applicable(
                    "No shift along an ordered factor was asked for.",
                    "Add a shift: --shift 'later COLUMN' or --shift 'beyond COLUMN'.", unlocks=("an ordered shift",),
                )
            ]  # fmt: skip
        return [self._one(subject, settings, family, loss) for family, own in found.items() for loss in own]

    def _one(self, subject: Subject, settings: Settings, family: str, loss: Loss) -> Outcome:
        under = under_shift(subject)
        estimate = loss.estimate(settings.level)
        factor = loss.held.case.factors[0]
        where = numbers(under.problem.examples.table[factor])[loss.held.rows]
        alone = not under.problem.how.of_sets
        details = Extrapolated(
            family=family, factor=factor, about=blamed(under, [loss.held.case]),
            levels=self._levels(subject, settings, loss, where) if alone else None,
        )  # fmt: skip
        tail = ""
        known = ~np.isnan(where)
        try:
            if not alone:
                raise Undefined("rows that are scored together have no loss of their own along an order.")
            if len(np.unique(where[known])) < 3:
                raise TooFewUnits("a trend needs three different values.")
            span = float(where[known].max() - where[known].min())
            clusters = under.problem.clusters()[loss.held.rows]
            trend, p = change_over(
                where[known], loss.held.loss[known], clusters[known], span, level=settings.level, what=factor
            )
            details = replace(details, trend=WithPValue.of(trend, p))
            if p <= settings.fdr:
                way = "grows" if trend.value > 0 else "falls"
                tail = f"; from the nearest to the furthest the loss {way} by {abs(trend.value):.2f}"
        except (TooFewUnits, Undefined):
            pass
        what = f"({shown(under, loss.reference)} → {shown(under, loss.unseen)}, {len(loss.held.rows):,} rows)"
        return self.decide(
            about=About("factor", family), estimate=estimate,
            p_value=two_sided_t(loss.value / loss.variance**0.5, loss.dof), settings=settings, scale=under.problem.scale,
            found=f"{loss.name}: extrapolating costs {estimate.format(2)} of {score_word(under)} {what}{tail}.",
            clear=f"{loss.name}: extrapolating costs nothing that matters {what}{tail}.",
            next_step="Refit when new values come in, or try unseen improve with this shift.", details=details,
        )  # fmt: skip

    def _levels(self, subject: Subject, settings: Settings, loss: Loss, where: np.ndarray) -> tuple[LossAt, ...]:
        """The loss in bins of equal size by distance, for the picture."""
        clusters = under_shift(subject).problem.clusters()[loss.held.rows]
        known = ~np.isnan(where)
        edges = np.unique(np.quantile(where[known], np.linspace(0, 1, BINS + 1)[1:-1]))
        bins = np.searchsorted(edges, where)
        rows: list[LossAt] = []
        for b in range(len(edges) + 1):
            part = known & (bins == b)
            try:
                mean, variance, dof, units = cluster_robust(loss.held.loss[part], clusters[part], what="this bin")
            except TooFewUnits:
                continue
            low, high = t_interval(mean, variance, max(dof, 1.0), settings.level)
            if low < high:
                rows.append(LossAt(float(where[part].mean()), mean, low, high, units))
        return tuple(rows)
