"""U804: whether more domains or more rows would help on domains not seen."""

from __future__ import annotations

from collections.abc import Iterable

from unseen.checks._domains import under_shift
from unseen.checks._groups import Domains, domains, none_held_out
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.details.learner import Doubled, WithPValue
from unseen.estimates import Estimate
from unseen.refitting import UnderShift
from unseen.refitting.diversity import MIN_DOMAINS, Doubling, doubling


class DiversityOrSize(Check):
    """Diversity against size."""

    code = "U804"
    title = "more domains or more rows"
    question = "Would data from more domains help on domains not seen, or would more rows from the same ones?"
    null = "Neither doubling the domains nor doubling the rows changes the score on held-out domains."
    interest = "A gain of at least smallest_gap for one doubling."
    method = (
        "The domains are divided into 4 to 6 groups; each group is tested by fits to subsets of the other domains: "
        "m = 2, 4, 8 … domains with n rows in all (three sizes, equal parts of each domain), each drawn twice. "
        "For every tested domain "
        "the least-squares surface score = a + b·log2 n + c·log2 m is fitted; b is what doubling the rows brings at "
        "equal domains, c what doubling the domains brings at equal rows. Intervals are t over the groups, their "
        "variance corrected for training sets that overlap (Nadeau-Bengio). The two tests are corrected by Holm."
    )
    assumptions = (
        "A surface that is straight in the logarithms describes the sizes tried; gains shrink beyond them. Domains with "
        "few rows do not enter."
    )
    sources = (
        "Benoit et al. (2024), Unraveling the key components of OOD generalization via diversification",
        "Gulrajani & Lopez-Paz (2021), In search of lost domain generalization",
        "Nadeau & Bengio (2003), Inference for the generalization error",
    )
    example = (
        "held-out site: doubling the domains at equal rows brings 0.03 [0.01, 0.05] of accuracy, doubling the rows at "
        "equal domains brings 0.00 [-0.01, 0.01]."
    )
    needs = ("learner",)
    studies = ("diversification-ood",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a shift that holds out domains in turn."""
        under = under_shift(subject)
        families = domains(under)
        if not families:
            return [none_held_out(self, MIN_DOMAINS)]
        return [guarded(self, About("factor", d.family), lambda d=d: self._one(under, settings, d)) for d in families]

    def _one(self, under: UnderShift, settings: Settings, own: Domains) -> Outcome:
        found = doubling(under.runner, own, under.plan.seed, settings.level)
        return self._said(under, settings, own.family, found)

    def _said(self, under: UnderShift, settings: Settings, family: str, found: Doubling) -> Outcome:
        scale, about = under.problem.scale, About("factor", family)
        how = under.problem.how
        word = how.word if how.perfect is None else f"lower {how.word}"
        wide, rows, adjusted = found.domains, found.rows, [found.p_domains, found.p_rows]
        details = Doubled(
            surface=found.surface, fits=found.fits, family=family, domains=WithPValue.of(wide, adjusted[0]),
            rows=WithPValue.of(rows, adjusted[1]),
        )  # fmt: skip
        said = (
            f"{family}: doubling the domains at equal rows {_gain(wide)} of {word} on domains not seen, "
            f"doubling the rows at equal domains {_gain(rows)}"
        )
        both = ((wide, adjusted[0], "domains"), (rows, adjusted[1], "rows"))
        helps = [x for x in both if x[1] <= settings.fdr and x[0].value >= settings.smallest_gap * scale]
        # A tenth of the score's range is a large gain for one doubling; half of it must be ruled out here.
        otherwise = self.unless_found(
            settings.gap_that_matters / 2 * scale, settings=settings, estimate=wide, high=max(e.high for e, _, _ in both),
            about=about, p_value=min(adjusted), effect=min(1.0, abs(wide.value) / scale), details=details,
            clear=f"{said}: neither would help by an amount that matters.",
            if_clear="More data of this kind will not close the gap; look at inputs and learner.",
            undecided=f"{said}: not enough domains to tell.", next_step="Collect more domains.",
        )  # fmt: skip
        if helps:
            estimate, p, _ = max(helps, key=lambda x: x[0].value)
            return Found(
                code=self.code, about=about, statement=f"{said}.", next_step=_advice([x[2] for x in helps]),
                estimate=estimate, p_value=p, effect=min(1.0, estimate.value / scale), details=details,
                otherwise=otherwise,
            )  # fmt: skip
        return otherwise


def _gain(estimate: Estimate) -> str:
    """What a doubling does, with the sign in the verb."""
    return f"brings {estimate.format(3)}" if estimate.value >= 0 else f"costs {(-estimate).format(3)}"


def _advice(helps: list[str]) -> str:
    if len(helps) == 2:
        return "Collect more domains and more rows; compare the two gains with what each would cost."
    if helps[0] == "domains":
        return "Collect data from further domains; more rows from these would not do the same."
    return "Collect more rows; they need not come from further domains."
