"""U908: how many bits a network's test answers show beyond what its training examples give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from unseen.checks._networks import of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.network import Asked
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network, Sample

# Cubes of these are what it costs.
MOST_TRAIN, MOST_TEST = 3_000, 200
# Rows whose neighbours are looked for, and the error that the complexity asks for.
MOST_POINTS, ERROR = 2_000, 0.01


class Bits(Check):
    """Counts bits beyond the training examples among functions that fit them, and says among which."""

    code = "U908"
    title = "bits beyond the training examples"
    question = "How many bits do the test answers show beyond what the training examples give?"
    null = "none: a measure"
    interest = (
        "Context: difficulty and inductive bias in bits, which depend on the functions among which they are counted."
    )
    method = (
        "Among functions of a Gaussian process with exponential covariance (length and height by marginal likelihood of the "
        "training examples) that fit the training examples as closely as the network, the share whose mean squared error on the "
        "test examples is as small as the network's: minus its binary logarithm, by the saddlepoint of the sum of squares. From it "
        "the same of their mean is taken, which knows nothing but the training examples. Interval: jackknife over 20 groups of "
        "test clusters. At most 3,000 training and 200 test examples, drawn at random. Beside it the intrinsic dimension of the "
        "training inputs (two nearest neighbours, clusters count once) and, of classes, the inductive-bias complexity at that "
        "dimension and the smallest distance between two classes, for an error of 0.01."
    )
    assumptions = (
        "Bits are relative to the functions and to the number of test examples: another covariance gives others, and more test "
        "examples give more. They are compared between networks on the same data, and foretell nothing by themselves. Where they "
        "come from (architecture, pretraining, augmentation, further examples) is not told. The complexity takes all functions of "
        "the resolution as equally likely, is an upper bound by its derivation, and moves by powers of ten with the dimension."
    )
    sources = (
        "Boopathy et al. (2024), Towards exact computation of inductive bias.",
        "Boopathy et al. (2023), Model-agnostic measure of generalization difficulty.",
        "Facco, d'Errico, Rodriguez & Laio (2017), Estimating the intrinsic dimension of datasets by a minimal neighborhood "
        "information.",
    )
    example = (
        "net: its answers to 200 test examples show 565 [196, 933] bits beyond what its 600 training examples give, counted among "
        "functions of a Gaussian process that fit as closely; the inputs vary in 8.6 [7.7, 9.5] directions."
    )
    needs = ("module",)
    studies = ("exact-inductive-bias", "inductive-bias-complexity")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.bounds.bound import units_of
        from unseen.measures.difficulty_in_bits.beyond import bits_beyond

        if not given.train.inputs.is_floating_point():
            raise Undefined(f"{network.name} reads whole numbers (tokens), between which there are no distances.")
        if given.train.classes and given.train.targets.reshape(len(given.train), -1).shape[1] > 1:
            raise Undefined(
                f"{network.name} answers each step of a sequence; bits are counted of one answer an example."
            )
        rng = self.rng(settings, network.name)
        dimension, missing = _dimension(given, settings, rng)
        resolution, complexity, refused = _complexity(given, dimension, rng)
        notes, name = [*missing, *refused], network.name
        if given.test is None:
            if dimension is None:
                raise Undefined(notes[0])
            return Context(
                code=self.code, about=About("model", network.name), estimate=dimension,
                statement=f"{name}: the training inputs vary in {dimension.format(1)} directions{_asks(complexity, given)}.",
                next_step="Give a test set: bits that its answers show beyond the training examples are counted from it.",
                details=Asked(
                    network=network.name, bits=None, predictor=None, mean=None, error=None, mean_error=None,
                    examples=len(given.train), tests=0, dimension=dimension, resolution=resolution, complexity=complexity,
                    refused=tuple(notes),
                ),
            )  # fmt: skip
        train, _ = some(given.train, MOST_TRAIN, rng)
        test, _ = some(given.test, MOST_TEST, rng)
        found = bits_beyond(_three(network, train), _three(network, test), units_of(test).of, level=settings.level)
        few = (
            ""
            if len(train) == len(given.train)
            else f" (of {len(given.train):,}: what the others give is among the bits)"
        )
        where = "" if dimension is None else f"; the inputs vary in {dimension.format(1)} directions"
        return Context(
            code=self.code, about=About("model", network.name), estimate=found.bits,
            statement=f"{name}: its answers to {len(test):,} test examples show {found.bits.format(0)} bits beyond what its "
            f"{len(train):,} training examples{few} give, counted among functions of a Gaussian process that fit as "
            f"closely{_open(found.bits)}{where}.",
            next_step="Compare networks on the same test examples: bits of other data, or of more test examples, are others.",
            details=Asked(
                network=network.name, bits=found.bits, predictor=found.predictor, mean=found.mean, error=found.error,
                mean_error=found.mean_error, examples=len(train), tests=len(test), dimension=dimension, resolution=resolution,
                complexity=complexity, refused=tuple(notes),
            ),
        )  # fmt: skip


def _dimension(given: Inspected, settings: Settings, rng: np.random.Generator) -> tuple[Estimate | None, list[str]]:
    """Intrinsic dimension of the training inputs, or why there is none."""
    from unseen.measures.difficulty_in_bits.intrinsic_dimension import two_nn

    few, _ = some(given.train, MOST_POINTS, rng)
    try:
        return two_nn(few.inputs.double().numpy(), few.clusters, level=settings.level), []
    except (TooFewUnits, Undefined) as error:
        return None, [str(error)]


def _complexity(
    given: Inspected, dimension: Estimate | None, rng: np.random.Generator
) -> tuple[float | None, Estimate | None, list[str]]:
    """Smallest distance between classes and the bits that it asks for, or why there are none."""
    from unseen.measures.difficulty_in_bits.complexity import Task, complexity_over
    from unseen.measures.difficulty_in_bits.intrinsic_dimension import separation

    if not given.train.classes or dimension is None:
        return None, None, []
    few, _ = some(given.train, MOST_POINTS, rng)
    x = few.inputs.double().numpy().reshape(len(few), -1)
    y = few.targets.reshape(-1).numpy()
    try:
        apart = separation(x, y)
        radius = float(np.linalg.norm(x - x.mean(0), axis=1).max())
        task = Task.classification(
            examples=len(given.train), radius=radius, separation=apart, classes=len(np.unique(y)), error=ERROR
        )
        return apart, complexity_over(dimension, task), []
    except Undefined as error:
        return None, None, [str(error)]


def _open(bits: Estimate) -> str:
    """What an interval on both sides of zero, or below it, says."""
    if bits.high < 0:
        return " (it errs more than the mean of these functions)"
    return " (whether there are any is open)" if bits.low <= 0 else ""


def _asks(complexity: Estimate | None, given: Inspected) -> str:
    if complexity is None or not np.isfinite(complexity.high):
        return ""
    low, high = (int(np.floor(np.log10(max(v, 1.0)))) for v in (complexity.low, complexity.high))
    told = f"10^{low}" if low == high else f"10^{low} to 10^{high}"
    return (
        f"; to tell its classes apart there asks for about {told} bits beyond {len(given.train):,} training examples, if all "
        "functions of that resolution are as likely"
    )


def _three(network: Network, sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and what the network says: probabilities of classes, or numbers."""
    import torch

    outputs = network.outputs(sample.inputs)
    x = sample.inputs.double().numpy().reshape(len(sample), -1)
    if not sample.classes:
        return (
            x,
            sample.targets.double().numpy().reshape(len(sample), -1),
            outputs.double().numpy().reshape(len(sample), -1),
        )
    chances = torch.softmax(network.class_scores(outputs).double(), 1).numpy()
    return x, np.eye(chances.shape[1])[sample.targets.reshape(-1).numpy()], chances
