"""A subject and remedies in, a ranking and an honest verdict out."""

from unseen.improving.attempts import UNCHANGED, Candidate
from unseen.improving.design import Design, design
from unseen.improving.gains import CRAFTED, IN_DOMAIN, Gained, Gains
from unseen.improving.improve import Improvement, Ranked, Selected, improve

__all__ = [
    "CRAFTED",
    "IN_DOMAIN",
    "UNCHANGED",
    "Candidate",
    "Design",
    "Gained",
    "Gains",
    "Improvement",
    "Ranked",
    "Selected",
    "design",
    "improve",
]
