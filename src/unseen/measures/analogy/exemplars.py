"""The generalised context model: what a new form does follows from how near stored forms are that do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from unseen.errors import BadInput

Features = Mapping[str, frozenset[str]]


def natural_classes(features: Features) -> set[frozenset[str]]:
    """All sets of segments that some features have in common.

    Args:
        features: Features of each segment.

    >>> made = natural_classes({"p": frozenset({"lab"}), "b": frozenset({"lab", "voi"})})
    >>> sorted("".join(sorted(c)) for c in made)
    ['b', 'bp']
    """
    bundles = {
        frozenset(some)
        for own in features.values()
        for k in range(len(own) + 1)
        for some in combinations(sorted(own), k)
    }
    return {frozenset(s for s, own in features.items() if bundle <= own) for bundle in bundles}


def class_distances(features: Features) -> dict[tuple[str, str], float]:
    """Distance of two segments: share of the natural classes of either that they don't share.

    Args:
        features: Features of each segment.

    Source: Frisch, Pierrehumbert & Broe (2004), Similarity avoidance and the OCP; Albright & Hayes (2003).

    >>> class_distances({"p": frozenset({"lab"}), "b": frozenset({"lab", "voi"})})["p", "b"]
    0.5
    """
    classes = natural_classes(features)
    of = {s: {c for c in classes if s in c} for s in features}
    return {(a, b): 1 - len(of[a] & of[b]) / len(of[a] | of[b]) for a in features for b in features}


def form_distances(
    form: str, stored: Sequence[str], distances: Mapping[tuple[str, str], float], *, gap: float = 0.6
) -> np.ndarray:
    """Least cost of turning a form into each stored one, segment by segment, shape (N,).

    Args:
        form: A string of segments.
        stored: Strings of segments.
        distances: Cost of a segment in place of another.
        gap: Cost of a segment more or less.

    Raises:
        BadInput: A segment has no distance.
    """
    symbols = sorted({s for pair in distances for s in pair})
    code = {s: i for i, s in enumerate(symbols)}
    if unknown := sorted(set("".join([form, *stored])) - set(code)):
        raise BadInput(f"segment {unknown[0]!r} has no distance; known are {' '.join(symbols)}.")
    cost = np.array([[0.0 if a == b else distances[a, b] for b in symbols] for a in symbols])
    lengths = np.array([len(s) for s in stored], dtype=int)
    longest = int(lengths.max(initial=0))
    codes = np.array([[code[c] for c in s.ljust(longest, symbols[0])] for s in stored], dtype=int).reshape(-1, longest)
    before = np.tile(gap * np.arange(longest + 1), (len(stored), 1))
    for i, segment in enumerate(form, 1):
        now = np.empty_like(before)
        now[:, 0] = gap * i
        for j in range(1, longest + 1):
            swapped = before[:, j - 1] + cost[code[segment], codes[:, j - 1]]
            now[:, j] = np.minimum(np.minimum(before[:, j], now[:, j - 1]) + gap, swapped)
        before = now
    return before[np.arange(len(stored)), lengths]


def pair_weights(counts: np.ndarray, tokens: bool) -> np.ndarray:
    """What a stored form counts for each outcome: 1 where it was seen (types), or log10(count + 1) (tokens)."""
    return np.log10(np.asarray(counts, dtype=float) + 1) if tokens else (np.asarray(counts) > 0).astype(float)


def exemplar_support(
    forms: Sequence[str],
    stored: Sequence[str],
    counts: np.ndarray,
    distances: Mapping[tuple[str, str], float],
    *,
    tokens: bool = False,
    gap: float = 0.6,
    scale: float = 0.3,
    power: float = 1.0,
) -> np.ndarray:
    """Summed similarity exp(-(d / scale)^power) of each form to the stored forms of each outcome, shape (m, K).

    A form that is stored itself is left out where it is asked.

    Args:
        forms: What is asked.
        stored: Forms that were seen.
        counts: How often each was seen with each outcome, shape (N, K).
        distances: Of segments; see ``class_distances``.
        tokens: Weigh stored forms by log10(count + 1); else each that was seen counts once.
        gap: Cost of a segment more or less.
        scale: Distance at which similarity falls to 1/e.
        power: 1 for exponential, 2 for Gaussian similarity.

    Raises:
        BadInput: Counts don't fit the stored forms.

    Source: Nosofsky (1986), Attention, similarity, and the identification–categorization relationship; Nakisa, Plunkett & Hahn
    (2001); constants of Hofmann et al. (2025), valentinhofmann/llms-adjective-nominalization, src/gcm.

    >>> near = {("a", "a"): 0.0, ("b", "b"): 0.0, ("a", "b"): 0.3, ("b", "a"): 0.3}
    >>> exemplar_support(["aa"], ["ab", "bb"], np.array([[5, 0], [0, 2]]), near).round(3).tolist()
    [[0.368, 0.135]]
    """
    if counts.ndim != 2 or len(counts) != len(stored):
        raise BadInput(f"counts of {len(stored)} stored forms have shape (N, K); got {counts.shape}.")
    weights, known = pair_weights(counts, tokens), np.asarray(stored)
    found = np.empty((len(forms), counts.shape[1]))
    for row, form in enumerate(forms):
        near = np.exp(-((form_distances(form, stored, distances, gap=gap) / scale) ** power))
        found[row] = np.where(known == form, 0.0, near) @ weights
    return found
