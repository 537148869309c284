"""Readers, one file a format: ``sniff`` looks at the content, ``read`` gives a table with our names and notes.

The order is that of detection: the particular before the general.
"""

from __future__ import annotations

from types import ModuleType

from unseen.responses.readers import (
    deepeval,
    evalplus,
    every_eval_ever,
    helm,
    hf_evaluate,
    inspect_log,
    lighteval,
    lm_eval,
    mlflow,
    openai_evals,
    plain,
    promptfoo,
    py_irt,
    ragas,
    swe_bench,
    weave,
)  # fmt: skip
from unseen.responses.readers._plugged import PluggedReader, plugged

_OWN: dict[str, ModuleType] = {
    reader.NAME: reader
    for reader in (
        lm_eval, inspect_log, helm, lighteval, every_eval_ever, py_irt, promptfoo, deepeval, mlflow, evalplus, swe_bench,
        openai_evals, weave, hf_evaluate, ragas,
    )
}  # fmt: skip
# Readers of other packages come before plain tables, which nearly anything is, and after all that is known here.
PLUGGED = plugged({*_OWN, plain.NAME})
READERS: dict[str, ModuleType | PluggedReader] = {**_OWN, **PLUGGED, plain.NAME: plain}
# Files that belong to a log and are read with it, not by themselves.
COMPANIONS = (lm_eval.companion, helm.companion, inspect_log.companion)

__all__ = ["COMPANIONS", "PLUGGED", "READERS", "PluggedReader"]
