"""Remedies that can be tried on a learner under shift: on its data, its objective, its choices, and at test time."""

from unseen.remedies.base import DOMAIN, NEEDS, ORDER, Call, Remedy, foresee, label, plain_fit
from unseen.remedies.registry import all_remedies, applicable, remedy_named

__all__ = [
    "DOMAIN",
    "NEEDS",
    "ORDER",
    "Call",
    "Remedy",
    "all_remedies",
    "applicable",
    "foresee",
    "label",
    "plain_fit",
    "remedy_named",
]
