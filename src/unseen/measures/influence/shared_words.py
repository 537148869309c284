"""Which training documents are worth a gradient: those that share rare tokens with a query."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from unseen.errors import BadInput

# Saturation of a token's count in a document, and how far a document's length divides it.
SATURATION, LENGTH = 1.5, 0.75


def overlap(
    queries: Sequence[Sequence[Hashable]],
    documents: Sequence[Sequence[Hashable]],
    *,
    saturation: float = SATURATION,
    length: float = LENGTH,
) -> np.ndarray:
    """How much each document has in common with each query (Okapi BM25): shared tokens, the rarer the more.

    Args:
        queries: Tokens of each query; a token that comes twice counts twice.
        documents: Tokens of each document.
        saturation: k₁: the larger, the more a token counts that comes again in the document.
        length: b, from 0 (documents count as they are) to 1 (counts are divided by the document's length, in means).

    Returns:
        Shape (n_queries, n_documents), from 0.

    Raises:
        BadInput: There is no document, or a setting is out of its range.

    Source: Robertson & Zaragoza (2009), The probabilistic relevance framework: BM25 and beyond, equation 3.15; as a filter
    before influence: Grosse et al. (2023), section 3.2.1.

    >>> overlap([["red", "the"]], [["the", "mill"], ["the", "red"], ["the", "sea"]]).round(2).tolist()
    [[0.13, 1.11, 0.13]]
    """
    if not documents:
        raise BadInput("overlap: there is no document to compare queries with.")
    if not (saturation >= 0 and 0 <= length <= 1):
        raise BadInput(f"overlap: saturation is 0 or more and length from 0 to 1; got {saturation:g} and {length:g}.")
    counts = [Counter(d) for d in documents]
    holds = Counter[Hashable]()
    for one in counts:
        holds.update(one.keys())
    n = len(documents)
    size = np.array([len(d) for d in documents], dtype=np.float64)
    slow = saturation * (1 - length + length * size / max(size.mean(), 1e-300))
    columns: dict[Hashable, list[tuple[int, int]]] = {}
    for row, one in enumerate(counts):
        for token, times in one.items():
            columns.setdefault(token, []).append((row, times))
    made = np.zeros((len(queries), n))
    for q, tokens in enumerate(queries):
        for token, asked in Counter(tokens).items():
            if token not in columns:
                continue
            rows, times = (np.array(x) for x in zip(*columns[token], strict=True))
            rare = math.log(1 + (n - holds[token] + 0.5) / (holds[token] + 0.5))
            made[q, rows] += asked * rare * times * (saturation + 1) / (times + slow[rows])
    return made


def candidates(
    queries: Sequence[Sequence[Hashable]], documents: Sequence[Sequence[Hashable]], k: int, *,
    saturation: float = SATURATION, length: float = LENGTH,
) -> np.ndarray:  # fmt: skip
    """The documents that have most in common with each query, whose gradients are then worth making.

    Args:
        queries: Tokens of each query.
        documents: Tokens of each document.
        k: How many a query.
        saturation: As in ``overlap``.
        length: As in ``overlap``.

    Returns:
        Row numbers, best first, ties in the order of the documents, shape (n_queries, k).

    Raises:
        BadInput: k is not from 1 to the number of documents.

    Source: Grosse et al. (2023), section 3.2.1.
    """
    if not 1 <= k <= len(documents):
        raise BadInput(f"candidates: {k} of {len(documents)} documents were asked for; give 1 to {len(documents)}.")
    made = overlap(queries, documents, saturation=saturation, length=length)
    return np.argsort(-made, axis=1, kind="stable")[:, :k]
