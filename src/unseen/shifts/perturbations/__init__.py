"""Changes of inputs that leave the target as it is, in named families: images, tables and text."""

from collections.abc import Mapping

from unseen.shifts.perturbations.base import Perturbation, applicable, families, family_folds
from unseen.shifts.perturbations.images import IMAGES
from unseen.shifts.perturbations.tables import TABLES
from unseen.shifts.perturbations.text import TEXT

PERTURBATIONS: Mapping[str, Perturbation] = {p.name: p for p in (*IMAGES, *TABLES, *TEXT)}

__all__ = ["PERTURBATIONS", "Perturbation", "applicable", "families", "family_folds"]
