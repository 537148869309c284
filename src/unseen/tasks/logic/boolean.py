"""Functions on the Boolean cube with an unseen part, and their Fourier–Walsh spectrum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.base import Example, Finite, of_tokens, tokens_of

Floats = NDArray[np.float64]


def cube(dimension: int) -> Floats:
    """All points of {-1, 1}^d, shape (2**d, d); bit i of the row number set means x_i = -1."""
    rows = np.arange(2**dimension)
    return 1.0 - 2.0 * ((rows[:, None] >> np.arange(dimension)) & 1)


def walsh_spectrum(values: Floats) -> Floats:
    """Fourier–Walsh coefficients of a function on the cube.

    Args:
        values: Shape (2**d,), in the order of ``cube``.

    Returns:
        Shape (2**d,); entry T (bit i set: x_i in the set) is the mean of f(x) times the product of x_i over T.

    Raises:
        BadInput: The number of values is no power of two.

    Source: O'Donnell (2014), Analysis of Boolean Functions, section 1.2; fast transform in d passes.

    >>> walsh_spectrum(np.array([1.0, -1.0, 1.0, -1.0]))
    array([0., 1., 0., 0.])
    """
    n = len(values)
    if n & (n - 1) or not n:
        raise BadInput(f"walsh_spectrum needs 2**d values, got {n}.")
    out = np.asarray(values, dtype=np.float64).copy()
    half = 1
    while half < n:
        pairs = out.reshape(-1, 2, half)
        out = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(n)
        half *= 2
    return out / n


def from_spectrum(coefficients: Mapping[int, float], dimension: int) -> Floats:
    """Values on the cube, shape (2**d,), of the polynomial with these coefficients (sets as bit masks)."""
    points = cube(dimension)
    out = np.zeros(2**dimension)
    for mask, weight in coefficients.items():
        members = [i for i in range(dimension) if mask >> i & 1]
        out += weight * points[:, members].prod(axis=1)
    return out


def parse_polynomial(text: str, dimension: int) -> dict[int, float]:
    """Coefficients of a polynomial such as ``1.5*x0*x1 - x2 + 0.25``.

    Raises:
        BadInput: A term that is neither a number nor a product of variables, or a variable beyond the dimension.

    >>> parse_polynomial("1.5*x0*x1 - x2 + 0.25", 3)
    {3: 1.5, 4: -1.0, 0: 0.25}
    """
    terms = re.findall(r"[+-]?[^+-]+", text.replace(" ", ""))
    if not terms:
        raise BadInput(f"the function {text!r} has no term. Write for example x0*x1 - 0.5*x2.")
    out: dict[int, float] = {}
    for term in terms:
        weight, mask = (-1.0 if term[0] == "-" else 1.0), 0
        for factor in term.lstrip("+-").split("*"):
            if re.fullmatch(r"\d+(\.\d*)?", factor):
                weight *= float(factor)
            elif re.fullmatch(r"x\d+", factor) and int(factor[1:]) < dimension:
                mask ^= 1 << int(factor[1:])  # x² = 1
            else:
                raise BadInput(
                    f"the term {term!r} of the function {text!r} holds {factor!r}; write numbers and "
                    f"x0 … x{dimension - 1} joined by *, or one of parity, majority, monomials."
                )
        out[mask] = out.get(mask, 0.0) + weight
    return out


class BooleanCube(Finite):
    """A function of d signs; the part of the cube that training sees is a setting.

    Functions: ``parity`` (of all), ``majority`` (its sign, 0 for a tie), ``monomials`` (x0 + x0·x1 + … +
    x0···x_{d-1}), or a
    Fourier–Walsh polynomial written out. Seen part: frozen bits (``x0=1``, ``x0=1,x3=-1``: all of them hold) or a
    Hamming ball
    (``weight<=3`` or ``weight>=3``, the weight being the number of -1).
    """

    name = "boolean-cube"
    title = "A Boolean function with an unseen part of the cube"
    source = "Abbe et al. (2023), Generalization on the Unseen, Logic Reasoning and Degree Curriculum, section 2"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {"part": "categorical", "weight": "ordered", "value": "ordered"}
    settings: ClassVar[Mapping[str, Any]] = {"dimension": 8, "function": "x0*x1", "seen": "x0=1"}
    options: ClassVar[Mapping[str, Any]] = {
        "part": ("seen", "unseen"),
        "weight": (0, 20),
        "value": (-1e9, 1e9),
    }
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "dimension": (1, 20),
        "weight": (0, 20),
        "value": (-1e9, 1e9),
    }

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.dimension: int = self.given["dimension"]
        self.size = 2**self.dimension
        self.values = self._values(self.given["function"])
        self.mask = self._seen(self.given["seen"])
        if self.mask.all() or not self.mask.any():
            side = "unseen" if self.mask.all() else "seen"
            raise BadInput(f"task {self.name!r} has an empty {side} part under seen={self.given['seen']!r}.")

    def _values(self, function: str) -> Floats:
        points = cube(self.dimension)
        if function == "parity":
            return points.prod(axis=1)
        if function == "majority":
            return np.sign(points.sum(axis=1))
        if function == "monomials":
            return np.cumprod(points, axis=1).sum(axis=1)
        return from_spectrum(parse_polynomial(function, self.dimension), self.dimension)

    def _seen(self, rule: str) -> NDArray[np.bool_]:
        points = cube(self.dimension)
        if ball := re.fullmatch(r"\s*weight\s*(<=|>=)\s*(\d+)\s*", rule):
            weight = (points < 0).sum(axis=1)
            return weight <= int(ball[2]) if ball[1] == "<=" else weight >= int(ball[2])
        seen = np.ones(len(points), dtype=bool)
        for condition in rule.split(","):
            frozen = re.fullmatch(r"\s*x(\d+)\s*=\s*([+-]?1)\s*", condition)
            if frozen is None or int(frozen[1]) >= self.dimension:
                raise BadInput(
                    f"the seen part {rule!r} can't be read at {condition!r}; write x0=1, or x0=1,x2=-1, or weight<=3, "
                    f"with variables x0 … x{self.dimension - 1}."
                )
            seen &= points[:, int(frozen[1])] == int(frozen[2])
        return seen

    @property
    def spectrum(self) -> Floats:
        """Fourier–Walsh coefficients of the target function, shape (2**d,)."""
        return walsh_spectrum(self.values)

    def at(self, index: int) -> Example:
        """Point number ``index`` of the cube."""
        tokens = ["-1" if index >> i & 1 else "1" for i in range(self.dimension)]
        value = float(self.values[index])
        factors = {"part": "seen" if self.mask[index] else "unseen", "weight": index.bit_count(), "value": value}
        return of_tokens(tokens, [f"{value:.12g}"], factors)

    def verify(self, example: Example, answer: object) -> float:
        """Equal as numbers, to nine digits."""
        words = tokens_of(answer)
        if not words or len(words) != 1:
            return 0.0
        try:
            given = float(words[0])
        except ValueError:
            return 0.0
        return float(abs(given - float(example.target[0])) <= 1e-9)
