"""Perturbations of text: typing errors, casing, spacing, punctuation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.shifts.perturbations.base import Perturbation

# Keys beside each other on an English keyboard.
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEAR: dict[str, str] = {
    key: "".join(row[j] for j in (i - 1, i + 1) if 0 <= j < len(row)) for row in ROWS for i, key in enumerate(row)
}
TextChange = Callable[[str, float, np.random.Generator], str]


def _over(change: TextChange) -> Callable[[Examples, tuple[str, ...], float, np.random.Generator], list[pl.Series]]:
    def apply(
        examples: Examples, columns: tuple[str, ...], severity: float, rng: np.random.Generator
    ) -> list[pl.Series]:
        return [
            pl.Series(
                name,
                [None if v is None else change(v, severity, rng) for v in examples.table[name].to_list()],
                dtype=pl.String,
            )
            for name in columns
        ]

    return apply


def with_typos(text: str, severity: float, rng: np.random.Generator) -> str:
    """Swap, drop, double or mistype a letter; each letter is hit with a probability of 0.2 × severity.

    >>> with_typos("generalisation", 0.0, np.random.default_rng(0))
    'generalisation'
    """
    hit = rng.random(len(text)) < 0.2 * severity
    letters = list(text)
    for i in np.flatnonzero(hit).tolist():
        if not letters[i].isalpha():
            continue
        kind = int(rng.integers(4))
        if kind == 0 and i + 1 < len(letters):
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        elif kind == 1:
            letters[i] = ""
        elif kind == 2:
            letters[i] *= 2
        else:
            near = NEAR.get(letters[i].lower(), letters[i])
            key = near[int(rng.integers(len(near)))]
            letters[i] = key.upper() if letters[i].isupper() else key
    return "".join(letters)


def with_casing(text: str, severity: float, rng: np.random.Generator) -> str:
    """Write words in capitals, or with the case of every letter turned; each word with the probability severity."""
    words = text.split(" ")
    hit, turned = rng.random(len(words)) < severity, rng.random(len(words)) < 0.5
    return " ".join((w.swapcase() if t else w.upper()) if h else w for w, h, t in zip(words, hit, turned, strict=True))


def with_spacing(text: str, severity: float, rng: np.random.Generator) -> str:
    """Drop or double a space, each with a probability of half the severity together."""
    drawn = rng.random(len(text))
    return "".join(
        c if c != " " or d >= 0.5 * severity else ("" if d < 0.25 * severity else "  ")
        for c, d in zip(text, drawn, strict=True)
    )


def without_punctuation(text: str, severity: float, rng: np.random.Generator) -> str:
    """Drop each mark that is neither letter, digit nor space, with the probability severity."""
    drawn = rng.random(len(text))
    return "".join(c for c, d in zip(text, drawn, strict=True) if c.isalnum() or c.isspace() or d >= severity)


TEXT: tuple[Perturbation, ...] = tuple(
    Perturbation(name, family, "text", title, _over(change))
    for name, family, title, change in (
        ("typos", "typos", "a fifth of the letters mistyped", with_typos),
        ("casing", "casing", "every word in another case", with_casing),
        ("spacing", "spacing", "half of the spaces dropped or doubled", with_spacing),
        ("punctuation", "punctuation", "no punctuation", without_punctuation),
    )
)
