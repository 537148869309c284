"""What came from a user's file, made fit to be printed: no escape codes, no workflow commands, no endless cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

# The longest value of a user that a message quotes, and the most names that it lists.
MAX_VALUE = 200
MAX_NAMES = 20
# No message of ours is longer; what is, quotes something that should not be quoted whole.
MAX_MESSAGE = 3000
# What an encoding that lacks a sign of ours shows instead.
TWINS = {
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "−": "-", "–": "-", "—": "-",
    "×": "x", "·": "|", "•": "*", "…": "...", "∞": "inf", "±": "+-", "▸": ">", "\u200b": "",
}  # fmt: skip
# What moves a cursor or rings a bell; line ends and tabs do not.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COMMAND = re.compile(r"(?m)^(\s*)::")
# A run of text that no sentence of ours holds: quoted, or without a space.
_LONG = re.compile(rf"(?:'[^'\n]{{{MAX_VALUE + 1},}}'|\"[^\"\n]{{{MAX_VALUE + 1},}}\"|\S{{{MAX_VALUE + 1},}})")


def value(given: object, limit: int = MAX_VALUE) -> str:
    r"""One value of a user as it may stand in a sentence: on one line, at most ``limit`` characters.

    >>> value("a\x1b[31m\nb"), value("x" * 300)[-3:], len(value("x" * 300))
    ('a [31m b', 'xx…', 200)
    """
    text = line(str(given)[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def names(given: object, most: int = MAX_NAMES) -> str:
    """A list of names, the rest of a long one counted.

    >>> names(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    listed = [value(name) for name in given]  # type: ignore[attr-defined]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def enumerated(given: Sequence[object], most: int = 3) -> str:
    """Names as a sentence lists them, the rest of a long list counted.

    >>> enumerated(["a", "b", "c"]), enumerated(["a"]), enumerated(["a", "b", "c", "d", "e"])
    ('a, b and c', 'a', 'a, b, c and 2 more')
    """
    if len(given) < 2 or len(given) > most:
        return names(given, most)
    return f"{names(given[:-1])} and {value(given[-1])}"


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "item"), counted(3000, "item")
    ('1 item', '3,000 items')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def brief(value: float, low: float | None, high: float | None) -> str:
    """Value and interval in few characters; an end that is not known is infinite.

    >>> brief(0.27, 0.214, 1.0), brief(12.3, 9.0, None), brief(-0.1, -0.2, -0.001)
    ('0.27 [.21, 1.0]', '12 [9.0, ∞]', '-0.10 [-.20, .00]')
    """
    return f"{_end(value, full=True)} [{'-' if low is None else ''}{_end(low)}, {_end(high)}]"


def _end(value: float | None, *, full: bool = False) -> str:
    if value is None:
        return "∞"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.0f}"
    text = f"{value:.2f}" if size < 0.995 or full else f"{value:.1f}"
    if not full and text.lstrip("-").startswith("0."):
        text = text.replace("0.", ".", 1)
    return text.lstrip("-") if text.strip("-0.") == "" else text


def line(words: str) -> str:
    r"""Text for a terminal: nothing in it moves the cursor, and a log of a workflow does not take it for a command.

    >>> line("a\x1b]0;t\x07 ::error::b ##[group]"), line("m::f")
    ('a ]0;t  :​:error:​:b #​#[group]', 'm:​:f')
    """
    printable = "".join(c if c.isprintable() else " " for c in words)
    # A zero-width space parts what a runner would read as a command, wherever a line may be broken.
    return printable.replace("::", ":\u200b:").replace("##[", "#\u200b#[")


def screened(text: str) -> str:
    r"""Text of many lines: they stay, and nothing in it moves a cursor or commands a workflow.

    >>> screened("# a\x1b[31m\n::error::b\n## ##[group]")
    '# a [31m\n:\u200b:error::b\n## #\u200b#[group]'
    """
    return _COMMAND.sub("\\1:\u200b:", _CONTROL.sub(" ", text)).replace("##[", "#\u200b#[")


def message(words: str) -> str:
    r"""An error message: lines stay lines, each fit to be printed, and no quoted value fills the screen.

    >>> message("file.csv: 'abc'\n  try\tthis")
    "file.csv: 'abc'\n  try this"
    """
    short = _LONG.sub(lambda m: m[0][: MAX_VALUE - 1] + "…" + (m[0][-1] if m[0][0] in "'\"" else ""), words[:1_000_000])
    kept = short if len(short) <= MAX_MESSAGE else short[: MAX_MESSAGE - 1] + "…"
    return "\n".join(line(part) for part in kept.split("\n"))


__all__ = [
    "MAX_NAMES",
    "MAX_VALUE",
    "TWINS",
    "brief",
    "counted",
    "enumerated",
    "line",
    "message",
    "names",
    "screened",
    "value",
]
