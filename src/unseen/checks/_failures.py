"""What a user can do where a learner failed, read from what it raised."""

from __future__ import annotations

import re

import polars as pl

from unseen.checks.base import Check, Outcome
from unseen.engine.losses import LostKind
from unseen.refitting import UnderShift

# How scikit-learn and pandas say that a text stands where a number must.
_NOT_A_NUMBER = re.compile(
    r"could not convert string to float:? *(?P<value>'[^']*'|\"[^\"]*\"|\S+)?|non-numeric data: *(?P<other>'[^']*')",
    re.IGNORECASE,
)
# How numpy says that an array was asked for a column by its name, or for a method of a data frame.
_BY_NAME = re.compile(r"only integers, slices|'numpy\.ndarray' object has no attribute")
# Words around a column that is asked for and is not there.
_MISSING = re.compile(
    r"not a column|not in (?:the )?(?:index|columns)|KeyError|columns are missing|missing:", re.IGNORECASE
)
_FEWER = "Run fewer refits at once (--workers 1; in Python: workers=1), or give fewer rows or a smaller learner."
# What helps where the learner did not raise, but took its process with it.
_OF_A_LOST_WORKER: dict[LostKind, str] = {
    "time": "Give each refit more time (--time-limit), fewer rows, or a learner that is fitted sooner.",
    "memory": _FEWER,
    "killed": _FEWER,
    "left": "A learner tells of a failure by raising an exception: take the call that ends the program out of it.",
    "died": "Fit the learner by hand, in a process of its own, to see what ends that process (os._exit, a crash of compiled code).",
}


def remedy_for(under: UnderShift, message: str) -> str:
    """A likely remedy.

    Args:
        under: The refits; their table names the column.
        message: What the learner raised.
    """
    problem = under.problem
    if (kind := under.lost.get(message)) is not None:
        return _OF_A_LOST_WORKER[kind]
    told = _NOT_A_NUMBER.search(message)
    if told:
        value = (told["value"] or told["other"] or "").strip("'\"")
        held = _columns_with(under, value)
        which = f"column {held[0]} holds {value!r}" if held else "a column holds text"
        return (
            f"The learner takes only numbers there, and {which}: make it a number or missing where it is none, encode it "
            "(OneHotEncoder with handle_unknown='ignore'), or leave it out (--drop)."
        )
    if _MISSING.search(message):
        named = [c for c in (problem.target, *problem.left_out) if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", message)]
        if named:
            why = "the target" if named[0] == problem.target else problem.left_out[named[0]]
            return (
                f"The learner asks for the column {named[0]}, which it is not given ({why}): take {named[0]} out of its own "
                "list of columns."
            )
        return (
            "The learner asks for a column that it is not given: its features are "
            + ", ".join(problem.examples.inputs[:12])
            + (" …." if len(problem.examples.inputs) > 12 else ".")
        )
    if "infinity" in message or "infinite" in message:
        held = [c for c in problem.examples.inputs if _infinite(problem.examples.table[c])]
        which = f"{', '.join(held[:5])} hold{'s' if len(held) == 1 else ''} infinite numbers: " if held else ""
        return f"{which}replace infinite numbers by missing ones or by a bound, or leave the column out (--drop)."
    if "NaN" in message or "missing values" in message:
        return "The learner takes no missing values: put an imputer (SimpleImputer) before it."
    if "unknown category" in message or "unknown categories" in message or "unseen label" in message:
        return "A held-out domain has levels that the learner never saw: OneHotEncoder(handle_unknown='ignore') passes over them."
    if "are no class of the target" in message:
        return (
            "The learner answers in codes of its own: predict must give back the classes that fit was given "
            "(LabelEncoder.inverse_transform)."
        )
    if _BY_NAME.search(message):
        return (
            "The learner is given an array of numbers, not a data frame: text and categories are encoded before it. One that "
            "reads columns by name gets them in a pipeline with a ColumnTransformer: "
            "make_pipeline(ColumnTransformer([('all', 'passthrough', COLUMNS)], verbose_feature_names_out=False)"
            ".set_output(transform='pandas'), learner)."
        )
    return "Fit the learner by hand to the same columns to see where it fails, and mend it there."


def none_answered(check: Check, under: UnderShift) -> Outcome:
    """Said where the learner raised in every refit that is needed here: what it raised, and what would help."""
    message, where = next(iter(under.failures.items()))
    failed, tried = sum(map(len, under.failures.values())), len(under.refitted) - len(under.untried)
    return check.not_applicable(
        f"{under.runner.learner.name} failed in {failed} of {tried} refits, so no held-out set was answered. The first said: "
        f"{message} ({where[0]}).",
        remedy_for(under, message),
    )


def _infinite(column: pl.Series) -> bool:
    return column.dtype.is_float() and bool(column.is_infinite().any())


def _columns_with(under: UnderShift, value: str) -> list[str]:
    """Inputs of text that hold a value."""
    table = under.problem.examples.table
    texts = [c for c in under.problem.examples.inputs if table.schema[c] in (pl.String, pl.Categorical)]
    return [c for c in texts if value and bool((table[c].cast(pl.String) == value).any())]


__all__ = ["none_answered", "remedy_for"]
