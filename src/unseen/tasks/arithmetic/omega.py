"""Omega: twelve templated families of mathematics, with pairs of train and test sets along three axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from unseen.factors import Kind
from unseen.tasks.arithmetic.omega_counting import COUNTING_FAMILIES
from unseen.tasks.arithmetic.omega_family import Family
from unseen.tasks.arithmetic.omega_numbers import NUMBER_FAMILIES
from unseen.tasks.base import Example, Generated, of_text, tokens_of
from unseen.tasks.draws import Draws

Axis = Literal["exploratory", "compositional", "transformative"]
MODULUS = 10
FAMILIES: dict[str, Family] = {**NUMBER_FAMILIES, **COUNTING_FAMILIES}


@dataclass(frozen=True)
class Pair:
    """Options of ``Omega`` for the training side and the test side of one question about generalisation."""

    axis: Axis
    name: str
    train: tuple[Mapping[str, Any], ...]
    test: Mapping[str, Any]


class Omega(Generated):
    """A problem in words with a whole number as its answer.

    ``level`` (1 … 5) sets the size of the problem; ``kind``: plain, transformed (an insight replaces the routine) or
    composed (the
    answer of a problem of ``family``, modulo ten, is added to that of a problem of ``second``: both skills in one
    question).
    """

    name = "omega"
    title = "Twelve templated families of mathematics"
    source = (
        "Sun et al. (2025), OMEGA, section 3: the three axes and six domains; the twelve templates are reconstructed, "
        "with a composition that is the same for all pairs"
    )
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "family": "categorical",
        "second": "categorical",
        "domain": "categorical",
        "level": "ordered",
        "kind": "categorical",
    }
    options: ClassVar[Mapping[str, Any]] = {
        "family": tuple(FAMILIES),
        "second": tuple(FAMILIES),
        "level": (1, 5),
        "kind": ("plain",),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"kind": ("plain", "transformed", "composed")}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"level": (1, 5)}

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Family, level, kind, then the parameters of the template."""
        if len(o["second"]) < len(FAMILIES) and o["kind"] != ("composed",):
            raise self.impossible('a second family stands in composed problems alone; add kind="composed"')
        family, level, kind = d.choice(o["family"]), d.between(*o["level"]), d.choice(o["kind"])
        template = FAMILIES[family]
        params = template.draw(d, level, kind == "transformed")
        text, answer = template.text(params), template.solve(params)
        factors = {"family": family, "second": "none", "domain": template.domain, "level": level, "kind": kind}
        hidden: dict[str, Any] = {"family": family, "params": params}
        if kind == "composed":
            second = d.choice(o["second"])
            more = FAMILIES[second].draw(d, level, False)
            text = (
                f"Problem A: {text} Problem B: {FAMILIES[second].text(more)} "
                f"Add the answer of A modulo {MODULUS} to the answer of B."
            )
            answer = answer % MODULUS + FAMILIES[second].solve(more)
            factors["second"] = second
            hidden |= {"second": second, "more": more}
        return of_text(text, str(answer), factors, hidden)

    def verify(self, example: Example, answer: object) -> float:
        """The same whole number, however it is written."""
        words = tokens_of(answer)
        if not words or len(words) != 1 or len(words[0]) > 4000:
            return 0.0
        try:
            return float(int(words[0].strip(" .$").replace(",", "")) == int(str(example.target)))
        except ValueError:
            return 0.0

    def oracle(self, example: Example) -> str | None:
        """By the brute-force twin; None for transformed items, which it can't reach."""
        hidden = example.hidden
        if example.factors["kind"] == "transformed":
            return None
        answer = FAMILIES[hidden["family"]].brute(hidden["params"])
        if example.factors["kind"] == "composed":
            answer = answer % MODULUS + FAMILIES[hidden["second"]].brute(hidden["more"])
        return str(answer)

    @staticmethod
    def pairs() -> list[Pair]:
        """Every train-test pair, one a family on each axis; composed families are of two domains.

        >>> [len([p for p in Omega.pairs() if p.axis == a]) for a in ("exploratory", "compositional", "transformative")]
        [12, 12, 12]
        """
        names = list(FAMILIES)
        out: list[Pair] = []
        for i, name in enumerate(names):
            plain = {"family": name, "kind": "plain"}
            out.append(Pair("exploratory", name, ({**plain, "level": (1, 2)},), {**plain, "level": (3, 5)}))
            out.append(
                Pair("transformative", name, ({**plain, "level": (1, 5)},), {"family": name, "kind": "transformed"})
            )
            # Two places on in the list is always another domain.
            other = names[(i + 2) % len(names)]
            composed = {"family": name, "second": other, "kind": "composed", "level": (1, 3)}
            trained = tuple({"family": each, "kind": "plain", "level": (1, 3)} for each in (name, other))
            out.append(Pair("compositional", f"{name} + {other}", trained, composed))
        return out
