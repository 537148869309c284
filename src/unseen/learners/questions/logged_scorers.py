"""How the tools that write logs read an answer, from what a log says of its scorer."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from unseen.learners.questions.layout import LETTERS

# Of a text, the right answer and the number of options: what was read, and how right it is.
Read = Callable[[str, str, int], tuple[str | None, float]]
INSPECT_LINES = {
    "letter": r"(?is)ANSWER\s*:\s*([A-Za-z])(?:[^\w]|\n|$)(?!.*ANSWER\s*:)",
    "word": r"(?is)ANSWER\s*:\s*(\S+?)(?=[.,;:!?]?\s*(?:\n|$))(?!.*ANSWER\s*:)",
    "line": r"(?i)ANSWER\s*:\s*([^\n]+)\s*\Z",
}  # fmt: skip
LONGEST = 4000
TRIMMED = "!?:;()[]{}'\"`"


def reader_of(told: Mapping[str, Any] | None) -> tuple[str, Read] | None:
    """The rule of a log's scorer, in words and as a function; None where it is not known here.

    >>> rule, read = reader_of({"tool": "inspect", "metric": "match"})
    >>> rule, read("It is 42.", "42", 0)
    ('match of Inspect', ('It is 42.', 1.0))
    >>> reader_of({"tool": "inspect", "metric": "model_graded_qa"})
    """
    # A rule that is longer than any that people write is not run.
    if told is None or len(str(told)) > LONGEST:
        return None
    try:
        make = {"inspect": _inspect, "lm-eval": _lm_eval}[str(told.get("tool"))]
        return make(told)
    # A pattern of a log may be none, and settings of another version of other types.
    except (re.error, KeyError, TypeError, ValueError, AttributeError):
        return None


def _inspect(told: Mapping[str, Any]) -> tuple[str, Read] | None:
    name, case = str(told["metric"]), bool(told.get("ignore_case", True))
    if name == "choice":
        return "the letter behind ANSWER: (choice of Inspect)", _inspect_choice
    if name == "includes":
        return "includes of Inspect", lambda text, target, _: _said(text, _folded(target, case) in _folded(text, case))
    if name == "exact":
        return "exact of Inspect", lambda text, target, _: _said(
            text, bool(_squad(target)) and _squad(text) == _squad(target)
        )
    if name == "match":
        where, numeric = str(told.get("location", "end")), bool(told.get("numeric", False))
        if where not in ("begin", "end", "any", "exact"):
            return None
        return "match of Inspect", lambda text, target, _: _match(text, target, where, case, numeric)
    if name == "answer":
        return _pattern("answer of Inspect", INSPECT_LINES[str(told["pattern"])], case=True)
    if name == "pattern" and not told.get("match_all", False):
        return _pattern("pattern of Inspect", str(told["pattern"]), case=case)
    return None


def _said(text: str, right: bool) -> tuple[str | None, float]:
    return text.strip() or None, float(right)


def _folded(text: str, ignore: bool) -> str:
    return text.casefold() if ignore else text


def _squad(text: str) -> str:
    """As the ``exact`` of Inspect: one case, numbers as numbers, no marks, no articles, single spaces."""
    made: list[str] = []
    for token in re.split(" |-", text):
        plain = token.casefold()
        number = next(
            (n for n in map(_finite, (plain, plain.strip(string.whitespace + string.punctuation))) if n is not None),
            None,
        )
        plain = "".join(c for c in plain if c not in string.punctuation) if number is None else str(number)
        made.append(re.sub(r"\b(a|an|the)\b", " ", plain))
    return " ".join(" ".join(made).split())


def _inspect_choice(text: str, target: str, options: int) -> tuple[str | None, float]:
    """The letter that the solver ``multiple_choice`` reads; the last line that says ANSWER counts."""
    text = re.sub(r"\x24\s*([A-Za-z\d][A-Za-z\d ,]*?)\s*\x24", r"\1", text)
    text = re.sub(r"\*\*\s*([A-Za-z\d][A-Za-z\d ,]*?)\s*\*\*", r"\1", text)
    text = re.sub(r"(?i)(^|[:,])(\s*)\(([A-Za-z\d])\)(?=\s*(?:,|\.|\n|\Z))", r"\1\2\3", text)
    found = re.findall(r"(?i)^ANSWER\s*:\s*([A-Za-z\d ,]+)\s*(?:$|\n|\.)", text, flags=re.MULTILINE)
    found = found or re.findall(r"(?i)ANSWER\s*:\s*([A-Za-z\d ,]+)(?:[^\w]|\n|$|\.)", text)
    letter = found[-1].strip().rstrip(".").upper() if found else ""
    if not letter or letter not in LETTERS[:options]:
        return None, 0.0
    return letter, float(letter == target)


def _match(text: str, target: str, where: str, case: bool, numeric: bool) -> tuple[str | None, float]:
    value, wanted = _folded(text.strip(), case), _folded(target.strip(), case)
    if numeric:
        wanted = _no_money(wanted)
        if _number(wanted) is not None:
            words = re.split(r"\s+", _no_money(value))
            numbers = [_rounded(w) for w in words if _number(w) is not None]
            if where == "exact":
                # Exact takes off no marks, but the spaces that part thousands.
                whole = _finite(re.sub(r"\s", "", _no_money(value)))
                numbers = [] if whole is None else [format(whole, ".5g")]
            chosen = {"begin": numbers[:1], "end": numbers[-1:], "exact": numbers}.get(where, numbers)
            right = _rounded(wanted) in chosen
            return (_rounded(wanted) if right else next(iter(chosen), None)), float(right)
    value, wanted = (t.strip(string.whitespace + string.punctuation) for t in (value, wanted))
    right = {"begin": value.startswith(wanted), "end": value.endswith(wanted), "exact": value == wanted}.get(
        where, wanted in value
    )
    return _said(text, right)


def _no_money(text: str) -> str:
    text = re.sub(r"\\([$,£€*_])", r"\1", text)
    return re.sub(r"\.(?=\s|$|\D)", "", re.sub(r"[$,£€*_]", "", text))


def _number(word: str) -> float | None:
    return _finite(word.strip(TRIMMED))


def _finite(word: str) -> float | None:
    try:
        found = float(word)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


def _rounded(word: str) -> str:
    number = _number(word)
    return word if number is None else format(number, ".5g")


def _pattern(rule: str, pattern: str, *, case: bool) -> tuple[str, Read]:
    compiled = re.compile(pattern, re.IGNORECASE if case else 0)

    def read(text: str, target: str, _: int) -> tuple[str | None, float]:
        found = compiled.search(text)
        if not found:
            return None, 0.0
        groups = [g for g in (found.groups() or (found[0],)) if g is not None]
        right = any(_lower(g, case) == _lower(target, case) for g in groups)
        return next((g for g in groups if not right or _lower(g, case) == _lower(target, case)), None), float(right)

    return f"{rule} ({pattern})", read


def _lower(text: str, ignore: bool) -> str:
    return text.lower() if ignore else text


def _lm_eval(told: Mapping[str, Any]) -> tuple[str, Read] | None:
    """``exact_match`` behind the filters that most tasks have; None where another filter stands among them."""
    if told["metric"] != "exact_match":
        return None
    steps: list[Callable[[str], str]] = []
    named: list[str] = []
    for step in told.get("filter") or ():
        made = _filter(str(step["function"]), {k: v for k, v in step.items() if k != "function"})
        if made is None:
            return None
        steps.append(made)
        named += [str(step.get("regex_pattern", step["function"]))] if step["function"] != "take_first" else []
    pad = told.get("around") or ["", ""]
    ignored: Sequence[str] = [re.compile(p).pattern for p in told.get("regexes_to_ignore") or ()]
    lost = (string.punctuation if told.get("ignore_punctuation") else "") + (
        string.digits if told.get("ignore_numbers") else ""
    )

    def plain(text: str) -> str:
        for pattern in ignored:
            text = re.sub(pattern, "", text)
        return (text.lower() if told.get("ignore_case") else text).translate(str.maketrans("", "", lost))

    fallbacks = {str(s.get("fallback", "[invalid]")) for s in told.get("filter") or () if s["function"] == "regex"}

    def read(text: str, target: str, _: int) -> tuple[str | None, float]:
        for step in steps:
            text = step(text)
        return None if text in fallbacks or not text.strip() else text, float(
            plain(text) == plain(f"{pad[0]}{target}{pad[1]}")
        )

    return f"exact_match of lm-eval{' behind ' + ', '.join(named) if named else ''}", read


def _filter(name: str, given: Mapping[str, Any]) -> Callable[[str], str] | None:
    plain: dict[str, Callable[[str], str]] = {
        "take_first": lambda text: text, "remove_whitespace": str.strip, "lowercase": str.lower, "uppercase": str.upper,
    }  # fmt: skip
    if name != "regex":
        return plain.get(name)
    compiled = re.compile(str(given.get("regex_pattern", r"#### (\-?[0-9\.\,]+)")))
    place, fallback = int(given.get("group_select", 0)), str(given.get("fallback", "[invalid]"))

    def first(text: str) -> str:
        found: list[Any] = compiled.findall(text)
        # The harness would fail where there is no such match; here nothing is read.
        if not -len(found) <= place < len(found):
            return fallback
        one: Any = found[place]
        one = next((m for m in one if m), fallback) if isinstance(one, tuple) else one
        return str(one).strip()

    return first


@lru_cache(maxsize=256)
def reader_named(told: str) -> tuple[str, Read] | None:
    """``reader_of`` for what was told as JSON, made once."""
    import json

    return reader_of(json.loads(told))
