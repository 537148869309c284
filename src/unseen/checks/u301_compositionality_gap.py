"""U301: knowing the parts and still getting the whole wrong."""

from __future__ import annotations

import numpy as np

from unseen.checks._parts import CheckOfWholes, Wholes, above
from unseen.checks.base import About, Outcome, Settings
from unseen.checks.blame import Blame
from unseen.checks.blame import wholes as wholes_rows
from unseen.checks.details.models import PartsAndWhole
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import mean_estimate


class CompositionalityGap(CheckOfWholes):
    """Among composites whose parts are all right, the share that is wrong."""

    code = "U301"
    title = "compositionality gap"
    question = "When a model gets every part right, how often does it still get the whole wrong?"
    null = "Wholes whose parts are all right are wrong in at most smallest_gap of cases."
    interest = "A compositionality gap above smallest_gap."
    method = (
        "gap = share wrong among composites whose parts are all right (rows with parent = p are the parts of item p; a "
        "repeated answer counts by its mean). Clustered Wilson interval; one-sided score test against smallest_gap. "
        "Beside it stands what independence predicts for wholes: the product of the part accuracies, place by place."
    )
    assumptions = (
        "Knowing the parts is enough for the whole, and parts are asked in the same way as the whole. Clusters "
        "(composites, where nothing else is known) are independent of each other."
    )
    sources = ("Press et al. (2023), Measuring and narrowing the compositionality gap in language models, section 2.",)
    example = (
        "small-lm gets 0.64 [0.57, 0.71] of 180 wholes wrong although it gets all their parts right; the parts alone "
        "predict 0.52 of all wholes right, 0.19 are."
    )
    studies = ("compositionality-gap", "grokked-transformers", "omega")

    def judge(self, w: Wholes, settings: Settings) -> Outcome:
        """What there is to say of one model."""
        known = w.all_right
        units = distinct(w.cluster[known])
        if units < settings.min_units:
            got = f"solved all parts of only {units}" if w.lower else f"got all parts right for only {units}"
            raise TooFewUnits(f"{w.model} {got} of {len(w.item)} wholes; {settings.min_units} are needed.")
        wrong = (~w.whole[known]).astype(np.float64)
        gap = mean_estimate(wrong, w.cluster[known], level=settings.level, binary=True, what="the compositionality gap")
        actual = mean_estimate(w.whole.astype(np.float64), w.cluster, level=settings.level, binary=True)
        predicted = float(w.expected.mean())
        p = above(wrong, w.cluster[known], settings.smallest_gap)
        n = f"{int(known.sum()):,} wholes"
        if w.lower:
            said = f"{w.model} does not solve {gap.format(2)} of {n} although it solves all their parts"
            faultless = f"{w.model} solves all of {n} whose parts it solves"
        else:
            said = f"{w.model} gets {gap.format(2)} of {n} wrong although it gets all their parts right"
            faultless = f"{w.model} gets all of {n} right whose parts it gets right"
        said = said if gap.value > 0 else f"{faultless} (gap {gap.format(2)})"
        alone = (
            f"its parts alone predict {predicted:.2f} of all {len(w.item):,} wholes {'solved' if w.lower else 'right'}, and "
            f"{actual.format(2)} are"
        )
        return self.decide(
            about=About("model", w.model),
            estimate=gap,
            p_value=p,
            found=f"{said}; {alone}.{w.note}",
            clear=f"{said}: less than {settings.gap_that_matters:.2g} of them; {alone}.{w.note}",
            next_step="Let the model write the steps down or answer the parts first; U302 shows what it does instead.",
            settings=settings,
            blames=Blame((w.model,), wholes_rows(), measure="parts"),
            shared="{} of wholes are unsolved although all their parts are solved"
            if w.lower
            else "{} of wholes are wrong although all their parts are right",
            details=PartsAndWhole(
                model=w.model,
                gap=gap,
                wholes=len(w.item),
                parts_right=int(known.sum()),
                whole_accuracy=actual,
                predicted=predicted,
            ),
        )
