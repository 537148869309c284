"""Overlap is the formula written out, and the filter takes what shares rare tokens."""

import math

import numpy as np
import pytest

from unseen.errors import BadInput
from unseen.measures.influence import candidates, overlap


def written_out(query, document, documents, k=1.5, b=0.75):
    n, mean = len(documents), sum(map(len, documents)) / len(documents)
    total = 0.0
    for token in query:
        holds = sum(token in d for d in documents)
        f = document.count(token)
        idf = math.log((n - holds + 0.5) / (holds + 0.5) + 1)
        total += idf * f * (k + 1) / (f + k * (1 - b + b * len(document) / mean))
    return total


def test_overlap_is_the_formula_summed_over_the_tokens_of_the_query():
    rng = np.random.default_rng(0)
    documents = [list(rng.integers(0, 12, rng.integers(1, 15))) for _ in range(40)]
    queries = [list(rng.integers(0, 14, 5)) for _ in range(6)]
    for k, b in ((1.5, 0.75), (0.5, 0.0), (3.0, 1.0)):
        found = overlap(queries, documents, saturation=k, length=b)
        wanted = [[written_out(q, d, documents, k, b) for d in documents] for q in queries]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_rare_tokens_count_more_and_unknown_ones_nothing():
    documents = [["a", "b"], ["a", "c"], ["a", "d"]]
    assert candidates([["a", "d"], ["z"]], documents, 2).tolist() == [[2, 0], [0, 1]]
    assert not overlap([["z"]], documents).any()


def test_what_can_not_be_filtered_is_said():
    with pytest.raises(BadInput, match="4 of 3 documents"):
        candidates([["a"]], [["a"]] * 3, 4)
    with pytest.raises(BadInput, match="no document"):
        overlap([["a"]], [])
    with pytest.raises(BadInput, match=r"length from 0 to 1; got 1\.5 and 2"):
        overlap([["a"]], [["a"]], length=2)
