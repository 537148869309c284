"""Shifts that change rows rather than choose them: noisy training labels, perturbed unseen inputs."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Factor, Factors
from unseen.shifts.base import Guarantee, Split
from unseen.shifts.by_factor import RandomShift
from unseen.shifts.perturbations import PERTURBATIONS, Perturbation
from unseen.shifts.training_side import corrupt_labels


@dataclass
class LabelNoise(RandomShift):
    """A share of the training labels is wrong; seen and unseen keep theirs.

    Attributes:
        noise: Share of the training rows whose target becomes another one; ``corrupted`` marks them.
    """

    name: ClassVar[str] = "label-noise"
    noise: float = 0.2

    def split(self, examples: Examples, rng: np.random.Generator) -> Split:
        """A random split whose training labels are corrupted."""
        clean = super().split(examples, rng)
        made = corrupt_labels(clean, self.noise, rng)
        wrong = int(made.train.table["corrupted"].sum())
        changed = int((made.train.column(str(examples.target)) != clean.train.column(str(examples.target))).sum())
        noted = Guarantee("labels corrupted", wrong == changed, f"{changed} of {len(made.train)} training targets")
        return Split(made.train, made.seen, made.unseen, (*made.guarantees, noted))


@dataclass
class Perturbed(RandomShift):
    """The unseen side is a random part whose inputs are perturbed.

    Attributes:
        perturbation: One of ``PERTURBATIONS``.
        severity: From 0 to 1.
    """

    name: ClassVar[str] = "perturbed"
    perturbation: str = "gaussian-noise"
    severity: float = 0.5

    def split(self, examples: Examples, rng: np.random.Generator) -> Split:
        """A random split whose unseen inputs are changed; all sides get the factors perturbation and severity."""
        change = known_perturbation(self.perturbation)
        plain = super().split(examples, rng)
        unseen = change(plain.unseen, self.severity, rng)
        before, after = (side.table.select(side.inputs) for side in (plain.unseen, unseen))
        changed = sum(not a.equals(b) for a, b in zip(before.iter_columns(), after.iter_columns(), strict=True))
        noted = Guarantee("inputs changed", changed > 0, f"{changed} of {before.width} inputs")
        if not noted.holds:
            raise BadInput(f"the shift {self.describe()} changes nothing: raise its severity.")
        return Split(_unperturbed(plain.train), _unperturbed(plain.seen), unseen, (*plain.guarantees, noted))


def known_perturbation(name: str) -> Perturbation:
    """The perturbation of this name.

    Raises:
        BadInput: There is none; the message lists them.
    """
    if name not in PERTURBATIONS:
        near = get_close_matches(name, PERTURBATIONS, 3, 0.5)
        raise BadInput(
            f"no perturbation {name!r}{f' (did you mean {near[0]}?)' if near else ''}; "
            f"they are {', '.join(PERTURBATIONS)}."
        )
    return PERTURBATIONS[name]


def _unperturbed(examples: Examples) -> Examples:
    table = examples.table.with_columns(pl.lit("none").alias("perturbation"), pl.lit(0.0).alias("severity"))
    kept = [f for f in examples.factors.values() if f.name not in ("perturbation", "severity")]
    factors = Factors([*kept, Factor("perturbation", "categorical"), Factor("severity", "ordered")])
    return Examples(table, examples.inputs, examples.target, factors)
