"""Near-identical texts by MinHash: candidates share a band of hashes, and are then compared exactly."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HASHES, BANDS = 64, 16
SHINGLE = 3
# A band with more members than this is a template; comparing all its pairs would take the square of them.
MAX_BUCKET = 50


def shingles(text: str) -> frozenset[int]:
    """Hashes of all runs of three words (of the whole text where it is shorter), without case and punctuation.

    >>> len(shingles("What is two plus two?"))
    3
    """
    words = re.findall(r"\w+", text.lower())
    runs = [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]
    return frozenset(zlib.crc32(run.encode()) for run in runs)


def jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    """Shared share of two sets."""
    return len(a & b) / max(1, len(a | b))


def near_pairs(left: Sequence[str], right: Sequence[str], *, threshold: float = 0.8) -> list[tuple[int, int, float]]:
    """Pairs (i, j, similarity) with left[i] and right[j] at least as similar as the threshold, best first.

    64 MinHash values in 16 bands of 4: a pair of similarity 0.8 becomes a candidate with probability 0.9998,
    one of 0.3 with 0.12. Candidates are compared by the exact Jaccard similarity of their shingles.

    Source: Broder (1997), On the resemblance and containment of documents; Leskovec et al. (2020), ch. 3.

    >>> near_pairs(["what is one plus two please"], ["What is one plus two, please?"])
    [(0, 0, 1.0)]
    """
    sets = [shingles(text) for text in (*left, *right)]
    if not left or not right:
        return []
    bands = _bands(sets)
    candidates: set[tuple[int, int]] = set()
    for band in bands.T:
        sides: tuple[defaultdict[int, list[int]], defaultdict[int, list[int]]] = (defaultdict(list), defaultdict(list))
        for i, value in enumerate(band.tolist()):
            sides[i >= len(left)][value].append(i)
        for value, members in sides[0].items():
            others = sides[1].get(value, [])
            candidates.update((i, j) for i in members[:MAX_BUCKET] for j in others[:MAX_BUCKET])
    scored = [(i, j - len(left), jaccard(sets[i], sets[j])) for i, j in candidates]
    return sorted((p for p in scored if p[2] >= threshold), key=lambda p: (-p[2], p[0], p[1]))


def _bands(sets: Sequence[frozenset[int]]) -> NDArray[np.int64]:
    """One number per text and band, shape (texts, 16)."""
    # Fixed multipliers: the hashes are part of the method, not a draw.
    mix = np.random.default_rng(20240229)
    multiply = mix.integers(1, 2**31 - 1, HASHES, dtype=np.uint64) | np.uint64(1)
    add = mix.integers(0, 2**31 - 1, HASHES, dtype=np.uint64)
    values = np.concatenate([np.sort(np.fromiter(s, np.uint64, len(s))) for s in sets])
    starts = np.concatenate([[0], np.cumsum([len(s) for s in sets])[:-1]])
    prime = np.uint64(2**31 - 1)
    lowest = np.stack(
        [np.minimum.reduceat((values % prime * m + a) % prime, starts) for m, a in zip(multiply, add, strict=True)]
    )
    grouped = lowest.T.reshape(len(sets), BANDS, HASHES // BANDS)
    weights = mix.integers(1, 2**62, HASHES // BANDS, dtype=np.uint64) | np.uint64(1)
    return (grouped * weights).sum(axis=2).astype(np.int64)
