"""Advice in the words of the caller: options of the command line are arguments in Python.

Messages and next steps are written once, with options (``--cluster patient``); what Python shows or saves goes through
here, and stays as it is inside ``terminal()``.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from unseen.errors import UnseenError

P = ParamSpec("P")
R = TypeVar("R")

# Options that have another name as an argument; the others only change dashes into underscores.
ARGUMENTS = {"range": "score_range", "factor": "factors", "shift": "shifts", "format": "reader", "remedy": "remedies"}
OPTIONS = {
    "model-column", "model", "item-column", "score", "range", "cluster", "factor", "unseen", "split", "time", "confidence",
    "human", "variant-of", "parent", "question", "prediction", "target-column", "repeat", "filter", "metric", "reader",
    "target", "learner", "shift", "drop", "inputs", "measure", "judge", "models", "items", "clusters", "rows-per-cluster",
    "unseen-share", "seeds", "rows", "select", "ignore", "seed", "level", "train", "baseline", "refits", "remedy", "workers",
    "time-limit", "budget", "resamples", "smallest-gap", "gap-that-matters", "fdr", "labelled-at-random", "accepted",
    "scorer", "prompt", "max-tokens", "log-model", "parts", "doubt", "module", "weights", "test", "loss", "layers", "memory",
    "multiverse", "dtype", "regression",
}  # fmt: skip
FLAGS = {"labelled-at-random", "parts", "doubt", "multiverse", "regression"}
# Words of a sentence that follow an option and are no value of it.
WORDS = {
    "a", "again", "and", "as", "asks", "can", "can't", "for", "has", "if", "in", "instead", "is", "looks", "names", "of", "on",
    "one", "or", "out", "takes", "the", "to", "too", "what", "where", "with",
}  # fmt: skip
# What is said in another way, before options are replaced one by one.
SAID = (
    (re.compile(r" \(in Python: [^)]*\)"), ""),
    (re.compile(r"\bunseen explain (\S+[\w)])"), r'unseen.explain("\1")'),
    (re.compile(r"\bunseen improve --judge (\w+)"), r'unseen.improve(…, judge="\1")'),
    (re.compile(r"\bunseen (improve|plan)\b(?= (?:with|--)|`)"), r"unseen.\1"),
    (re.compile(r"--classification\b"), "regression=False"),
    (re.compile(r"--format json\b"), 'audit.to_json("report.json")'),
    (re.compile(r"--output (\S+\.json)\b"), r'audit.to_json("\1")'),
    (re.compile(r"what the numbers rest on: --full\b"), 'what the numbers rest on: made.save_html("plan.html")'),
    (re.compile(r"All remedies: --full\b"), "All remedies: improved.to_frame()"),
    (re.compile(r"--full\b"), "audit.to_frame()"),
)
# Without any of these nothing is to be said in another way: looking for them takes a tenth of the time of the patterns.
SIGNS = ("--", "(in Python: ", "unseen explain ", "unseen improve", "unseen plan")
OPTION = re.compile(
    r"(?<![\w-])--(?P<name>[a-z]+(?:-[a-z]+)*)(?P<colon>:)?"
    r"(?:[ =](?P<value>'[^'\n]*'|\"[^\"\n]*\"|LOW[: ]HIGH|…|-?\w[\w:/+*'-]*(?:[.,][\w:/+*-]+)*))?"
)
# Fields of a document that are sentences, or that hold sentences by name.
SENTENCES = {
    "assumptions", "decided", "doubts", "example", "expectation", "headline", "how", "interest", "method",
    "next_step", "not_tried", "note", "notes", "null", "reason", "sentence", "statement", "unjudged", "why",
}  # fmt: skip
# What users wrote is shown as it is.
THEIRS = {"accepted", "answers", "blames", "examples", "items", "kept", "models", "settings", "sources", "subject"}

_PLAIN = frozenset((type(None), bool, int, float, str))
_terminal: ContextVar[bool] = ContextVar("terminal", default=False)


def in_python(text: str) -> str:
    """A sentence with its options as arguments.

    >>> in_python("Declare it: --cluster patient. Or say --unseen 'digits > 2' (--range LOW:HIGH).")
    "Declare it: cluster='patient'. Or say unseen='digits > 2' (score_range=(LOW, HIGH))."
    >>> print(in_python("--factor: no column 'tag'. Leave --model out; unseen explain U101 says more."))
    factors: no column 'tag'. Leave model=… out; unseen.explain("U101") says more.
    """
    if _terminal.get() or not any(sign in text for sign in SIGNS):
        return text
    for pattern, said in SAID:
        text = pattern.sub(said, text)
    return OPTION.sub(_argument, text)


def document_in_python(document: Any) -> Any:
    """A document whose sentences speak of arguments.

    >>> document_in_python({"findings": [{"next_step": "Give --train FILE.", "subject": {"name": "--train FILE"}}]})
    {'findings': [{'next_step': "Give train='FILE'.", 'subject': {'name': '--train FILE'}}]}
    """
    return document if _terminal.get() else _spoken(document)


def _spoken(document: Any) -> Any:
    # A report holds a million values, nearly all of them numbers and names: only what holds others is looked into.
    if isinstance(document, dict | Mapping):
        if SENTENCES.isdisjoint(document) and _PLAIN.issuperset(map(type, document.values())):
            return document
        made: dict[Any, Any] = {}
        for key, value in document.items():
            if key in SENTENCES:
                made[key] = _sentences(value)
            else:
                made[key] = value if type(value) in _PLAIN or key in THEIRS else _spoken(value)
        return made
    if isinstance(document, list | tuple):
        return [value if type(value) in _PLAIN else _spoken(value) for value in document]
    return document


def spoken(function: Callable[P, R]) -> Callable[P, R]:
    """A function of the library whose errors speak of arguments, unless the command line calls it."""

    @functools.wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except UnseenError as error:
            if not _terminal.get():
                error.args = tuple(in_python(a) if isinstance(a, str) else a for a in error.args)
            raise

    return told


@contextlib.contextmanager
def terminal() -> Generator[None]:
    """Inside, errors, advice and documents keep the words of the command line."""
    before = _terminal.set(True)
    try:
        yield
    finally:
        _terminal.reset(before)


def _sentences(given: Any) -> Any:
    if isinstance(given, str):
        return in_python(given)
    if isinstance(given, Mapping):
        return {key: _sentences(value) for key, value in given.items()}
    return [_sentences(one) for one in given] if isinstance(given, Sequence) else given


def _argument(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    if name not in OPTIONS:
        return match[0]
    argument = ARGUMENTS.get(name, name.replace("-", "_"))
    after = match[0][match.start("value") - match.start() - 1 :] if value else ""
    if match["colon"]:
        return f"{argument}:{after}"
    if name in FLAGS:
        return f"{argument}=True{after}"
    if value is None:
        return f"{argument}=…"
    if value.lower() in WORDS:
        return f"{argument}=…{after}"
    if value in ("LOW:HIGH", "LOW HIGH"):
        return f"{argument}=(LOW, HIGH)"
    bare = value[0] not in "'\"…" and not value.isdigit()
    return f"{argument}={value!r}" if bare else f"{argument}={value}"


__all__ = ["document_in_python", "in_python", "spoken", "terminal"]
