"""U904: what is guaranteed of the unseen error by bounds from the training examples alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from unseen.checks._networks import affordable, generator, of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Limit, Limited
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    import numpy as np

    from unseen.learners.networks import Inspected, Network
    from unseen.measures.bounds.bound import Bound, Units

MOST = 20_000
# Where one example goes through slowly: shares of weights kept and levels that are tried, and draws by which a noise is chosen.
SLOW_KEPT, SLOW_LEVELS, SLOW_PILOT = (1.0, 0.5, 0.25, 0.12, 0.05, 0.02), (1, 3, 8), 1
# A third of the times that an example goes forwards, with all that is tried, and with that.
PASSES, SLOW_PASSES = 32, 10
# Parameters up to which noise is drawn and weights are written within a minute.
LARGEST = 5_000_000
# Numbers of noise that the Monte Carlo estimate may draw, and the fewest networks that it takes.
NOISE, FEWEST = 300_000_000, 100


class Bounds(Check):
    """Works out bounds that hold at a stated confidence, and tells whether they say anything."""

    code = "U904"
    title = "bounds on the unseen error"
    question = "What is guaranteed of the unseen error by the training examples alone?"
    null = "none: a measure"
    interest = "Context: the tightest of several bounds, vacuous or not, beside what came out on a test set."
    method = (
        "Compression: weights pruned and rounded, the best of 72 ways (18 of a network that takes long), in the length of their "
        "adaptive arithmetic code; the tail of the binomial at the level that the code leaves. PAC-Bayes: Gaussian noise on the "
        "weights around a prior at zero, "
        "inverted relative entropy (Maurer), deviation of the prior from a grid that is paid for, error of the noisy network by "
        "Monte Carlo with its own confidence. Norms (perceptrons with ReLU): margins with the product of Frobenius norms (Golowich "
        "et al.) and of spectral norms (Neyshabur et al.), with all constants. Pruning and sketches: each pruned matrix in the "
        "length of a small sketch from which it was read back, which is longer than the code of compression wherever both were "
        "tried. Koopman operators: margins with norms and determinants of square layers, for up to three inputs and smooth "
        "activations that have an inverse; of other networks its constants are not known. All share the chance to fail evenly, so "
        "that they hold at once. Clusters, and examples with the same inputs, count once. At most 20,000 training examples, drawn "
        "at random, fewer of a network that takes minutes. A bound is vacuous where it is no smaller than the error of guessing."
    )
    assumptions = (
        "Training examples were drawn independently of each other (or whole clusters were) from what is to come: under shift no "
        "bound holds. Compression, sketches and PAC-Bayes bound the error of the compressed or noisy network, not of the network "
        "itself. The bounds from spectral norms and Koopman operators take it that no input is longer than the longest of these."
    )
    sources = (
        "Maurer (2004), A note on the PAC Bayesian theorem.",
        "Langford (2005), Tutorial on practical prediction theory for classification.",
        "Lotfi et al. (2022), PAC-Bayes compression bounds so tight that they can explain generalization.",
        "Golowich, Rakhlin & Shamir (2018), Size-independent sample complexity of neural networks.",
        "Neyshabur, Bhojanapalli & Srebro (2018), A PAC-Bayesian approach to spectrally-normalized margin bounds.",
        "Guha, Dubey & Huo (2023), Generalization bounds for magnitude-based pruning via sparse matrix sketching.",
        "Hashimoto et al. (2024), Koopman-based generalization bound: new aspect for full-rank weights.",
    )
    example = (
        "net: the error is at most 0.31 with 95 % confidence (compression: with 5 % of its weights, each one of 3 values); "
        "guessing gives 0.90. On the test set 0.03 [0.02, 0.04] came out."
    )
    needs = ("module",)
    studies = ("sublora", "gradient-norm-pac-bayes", "koopman-bound", "pruning-sketch-bounds", "supersample-bounds")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.bounds.bound import units_of, wrong
        from unseen.measures.bounds.compression import compression_bound
        from unseen.measures.bounds.koopman import koopman_bound
        from unseen.measures.bounds.norms import frobenius_bound, spectral_bound
        from unseen.measures.bounds.pac_bayes import pac_bayes_bound
        from unseen.measures.bounds.sketch import sketch_bound

        about = About("model", network.name)
        if not given.train.classes:
            return self.not_applicable(
                f"{network.name} predicts numbers, whose loss has no largest value; these bounds are of the share of wrong "
                f"answers.",
                "Nothing to do.", about=about,
            )  # fmt: skip
        if network.loss_name == "next-token":
            return self.not_applicable(
                f"{network.name} foretells each token of a text; these bounds are of one answer an example.",
                "Nothing to do.", about=about,
            )  # fmt: skip
        if network.parameters > LARGEST:
            raise Undefined(
                f"{network.name} has {network.parameters:,} parameters; bounds are worked out for {LARGEST:,} at most, and "
                f"say nothing "
                "of networks that have many more parameters than examples."
            )
        rng = self.rng(settings, network.name)
        # Fewer examples give looser bounds: less is tried before examples are left out.
        train, _ = some(given.train, affordable(network, given.train, MOST, SLOW_PASSES, MOST), rng)
        slow = affordable(network, train, len(train), PASSES, 1) < len(train)
        grid: dict[str, Any] = {"kept": SLOW_KEPT, "levels": SLOW_LEVELS} if slow else {}
        drafts: dict[str, Any] = {"pilot": SLOW_PILOT} if slow else {}
        units = units_of(train).count
        if units < settings.min_units:
            raise TooFewUnits(
                f"{network.name}: {units} independent training examples, {settings.min_units} are needed."
            )
        drawn = generator(rng)
        draws = max(FEWEST, min(3_000, NOISE // network.parameters))
        ways: tuple[tuple[str, Callable[[float], Bound]], ...] = (
            ("compression", lambda chance: compression_bound(network, train, delta=chance, **grid)),
            (
                "PAC-Bayes",
                lambda chance: pac_bayes_bound(network, train, generator=drawn, delta=chance, draws=draws, **drafts),
            ),
            ("Frobenius norms", lambda chance: frobenius_bound(network, train, delta=chance)),
            ("spectral norms", lambda chance: spectral_bound(network, train, delta=chance)),
            ("pruning and sketches", lambda chance: sketch_bound(network, train, delta=chance)),
            ("Koopman operators", lambda chance: koopman_bound(network, train, delta=chance)),
        )
        # All hold at once: they share the chance to fail.
        delta = (1 - settings.level) / len(ways)
        made: list[Bound] = []
        refused: list[str] = []
        for kind, way in ways:
            try:
                made.append(way(delta))
            except (BadInput, Undefined) as error:
                refused.append(f"{kind}: {error}")
        if not made:
            raise Undefined(refused[0])
        made.sort(key=lambda b: (b.value, b.terms.get("before it is cut at 1", 1.0)))
        came_out: Estimate | None = None
        if given.test is not None:
            came_out = limits(units_of(given.test), wrong(network, given.test), settings.level)
        best = made[0]
        rows = tuple(Limit(b.kind, b.about, b.value, settings.level, b.seen, b.vacuous, b.assumes) for b in made)
        return Context(
            code=self.code, about=about, statement=_sentence(network.name, best, settings.level, came_out), estimate=came_out,
            next_step=_step(best, units),
            details=Limited(
                network=network.name, bounds=rows, together=settings.level, guess=best.guess, examples=units,
                refused=tuple(refused), came_out=came_out,
            ),
        )  # fmt: skip


def limits(units: Units, answers: np.ndarray, level: float) -> Estimate:
    """Share of wrong answers with its exact limits (Clopper & Pearson), also where none or all are wrong.

    Args:
        units: What counts once.
        answers: 1 where an answer is wrong.
        level: Coverage.
    """
    from unseen.measures.bounds.binary import binomial_upper

    n, errors, chance = units.count, units.errors(answers), math.log((1 - level) / 2)
    low, high = 1 - binomial_upper(n - errors, n, chance), binomial_upper(errors, n, chance)
    return Estimate(errors / n, max(0.0, low), high, n, "error on the test set, tails of the binomial", level)


def _sentence(name: str, best: Bound, level: float, came_out: Estimate | None) -> str:
    of = "" if best.about == name else f": {best.about.removeprefix(name).strip()}"
    told = (
        f"no bound from its training examples says anything: the tightest ({best.kind}) is {best.value:.2f}, and guessing gives "
        f"{best.guess:.2f}"
        if best.vacuous
        else f"the error is at most {best.value:.2f} with {100 * level:.0f} % confidence ({best.kind}{of}); guessing gives "
        f"{best.guess:.2f}"
    )
    return f"{name}: {told}." + ("" if came_out is None else f" On the test set {came_out.format(2)} came out.")


def _step(best: Bound, units: int) -> str:
    if best.vacuous:
        return "Trust held-out examples instead: 300 that training has not seen bound an error of 0.10 by 0.13."
    return (
        f"It holds for what is drawn as the {units:,} training examples were, and for nothing else: keep a test set of what is to "
        "come."
    )
