"""Short questions with answers of a word or a number: facts of people, countries and elements, and arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unseen.tasks.knowledge.celebrities import ATTRIBUTES, COUNTRIES, everybody, home_of

# In the order of their atomic numbers.
ELEMENTS = (
    "hydrogen H", "helium He", "lithium Li", "beryllium Be", "boron B", "carbon C", "nitrogen N", "oxygen O", "fluorine F",
    "neon Ne", "sodium Na", "magnesium Mg", "aluminium Al", "silicon Si", "phosphorus P", "sulfur S", "chlorine Cl", "argon Ar",
    "potassium K", "calcium Ca", "scandium Sc", "titanium Ti", "vanadium V", "chromium Cr", "manganese Mn", "iron Fe",
    "cobalt Co", "nickel Ni", "copper Cu", "zinc Zn", "gallium Ga", "germanium Ge", "arsenic As", "selenium Se", "bromine Br",
    "krypton Kr", "rubidium Rb", "strontium Sr", "yttrium Y", "zirconium Zr", "niobium Nb", "molybdenum Mo", "technetium Tc",
    "ruthenium Ru", "rhodium Rh", "palladium Pd", "silver Ag", "cadmium Cd", "indium In", "tin Sn", "antimony Sb",
    "tellurium Te", "iodine I", "xenon Xe",
)  # fmt: skip
FACTS = ("birthplace", "attribute", "symbol", "atomic number")
SUMS = ("sum", "difference", "product")
KINDS = (*FACTS, *SUMS)
WORDINGS: dict[str, tuple[str, str, str, str]] = {
    "birthplace": (
        "In which country was {} born?", "What is the country of birth of {}?", "What country was {} born in?",
        "Which country is the birthplace of {}?",
    ),
    "attribute": ("What is the {} of {}?", "Which {} does {} have?", "Name the {} of {}.", "Which is the {} of {}?"),
    "symbol": (
        "What is the chemical symbol of {}?", "Which symbol stands for the element {}?", "Name the chemical symbol of {}.",
        "What is the symbol of the element {}?",
    ),
    "atomic number": (
        "What is the atomic number of {}?", "Which atomic number does {} have?", "How many protons does an atom of {} have?",
        "Name the atomic number of {}.",
    ),
    "sum": ("What is {} + {}?", "How much is {} plus {}?", "Add {} and {}.", "Calculate {} + {}."),
    "difference": ("What is {} - {}?", "How much is {} minus {}?", "Take {1} away from {0}.", "Calculate {} - {}."),
    "product": ("What is {} * {}?", "How much is {} times {}?", "Multiply {} by {}.", "Calculate {} * {}."),
}  # fmt: skip
NOTES: dict[str, str] = {
    "birthplace": "{} was born in {}.",
    "attribute": "The {} of {} is {}.",
    "symbol": "The chemical symbol of {} is {}.",
    "atomic number": "The atomic number of {} is {}.",
}


@dataclass(frozen=True, slots=True)
class Short:
    """A question with a short answer.

    Attributes:
        kind: One of ``KINDS``.
        about: What goes into the wording.
        answers: Right ones; the first is shown where one is.
        wording: Which of four.
    """

    kind: str
    about: tuple[str, ...]
    answers: tuple[str, ...]
    wording: int = 0

    @property
    def text(self) -> str:
        """The question.

        >>> Short("sum", ("3", "4"), ("7",), 1).text
        'How much is 3 plus 4?'
        """
        return WORDINGS[self.kind][self.wording].format(*self.about)

    @property
    def note(self) -> str:
        """A sentence that holds the answer; only facts have one.

        >>> Short("symbol", ("tin",), ("Sn",)).note
        'The chemical symbol of tin is Sn.'
        """
        return NOTES[self.kind].format(*self.about, self.answers[0])


def drawn(kind: str, count: int, rng: np.random.Generator) -> list[Short]:
    """Questions of a kind, each in one of four wordings at random; of facts no more than there are.

    Sums and differences have numbers of two to four digits, products of one and two.

    >>> [q.text for q in drawn("symbol", 2, np.random.default_rng(0))]
    ['What is the chemical symbol of palladium?', 'What is the chemical symbol of magnesium?']
    """
    if kind in SUMS:
        made = [_sum(kind, rng) for _ in range(count)]
    else:
        every = _facts(kind)
        made = [every[i] for i in rng.permutation(len(every))[:count]]
    return [Short(kind, about, answers, int(rng.integers(4))) for about, answers in made]


def _facts(kind: str) -> Sequence[tuple[tuple[str, ...], tuple[str, ...]]]:
    if kind == "birthplace":
        return [((p,), (home_of(p), f"the {home_of(p)}")) for p in everybody()]
    if kind == "attribute":
        return [
            ((a, c), tuple(facts[i].split("|"))) for c, facts in COUNTRIES.items() for i, a in enumerate(ATTRIBUTES)
        ]
    rows = [e.split() for e in ELEMENTS]
    if kind == "symbol":
        return [((name,), (sign,)) for name, sign in rows]
    return [((name,), (str(i),)) for i, (name, _) in enumerate(rows, start=1)]


def _sum(kind: str, rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if kind == "product":
        a, b = int(rng.integers(11, 100)), int(rng.integers(3, 30))
        return (str(a), str(b)), (str(a * b),)
    a, b = (int(rng.integers(10 ** (d - 1), 10**d)) for d in rng.integers(2, 5, size=2))
    if kind == "sum":
        return (str(a), str(b)), (str(a + b),)
    return (str(max(a, b)), str(min(a, b))), (str(abs(a - b)),)


# Source: IUPAC, periodic table of the elements (names, symbols and numbers); people and countries of ``celebrities``.
