"""How an answer is read before it is counted: one rule for words, sentences, letters and whole-word matches."""

from __future__ import annotations

import re
import unicodedata

# Runs of letters and digits, with apostrophes and hyphens inside: "don't" and "ice-cream" are one word each.
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FENCE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
# A stop counts where white space, a closing mark or the end follows ("3.5" holds none); East Asian stops always count.
_STOP = re.compile(r"[.!?]+[\"'”’)\]*]*(?=\s|$)|[。！？]+")
_HEADING = re.compile(r"\W*section\s+([0-9]+)\W*", re.IGNORECASE)
_TITLE = re.compile(r"<<[^<>]*[^\W_][^<>]*>>")
_JOINED = r"[\w\u0300-\u036f]"


def as_read(answer: str) -> str:
    r"""The answer in composed letters, without white space or one code fence around it.

    >>> as_read("```json\n{}\n```\n")
    '{}'
    """
    text = unicodedata.normalize("NFC", answer).replace("\r\n", "\n").replace("\r", "\n").strip()
    fenced = _FENCE.fullmatch(text)
    return fenced[1].strip() if fenced and "```" not in fenced[1] else text


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where words begin and end."""
    return [m.span() for m in _WORD.finditer(text)]


def count_words(text: str) -> int:
    """Number of words; numbers, headings, titles and keys count.

    >>> count_words("- Don't eat 3 ice-creams, Ünal.")
    5
    """
    return len(_WORD.findall(text))


def count_letters(text: str) -> int:
    """Number of letters of any alphabet; digits, marks and spaces do not count.

    >>> count_letters("Añ 1-б")
    3
    """
    return sum(map(str.isalpha, text))


def sentences(text: str) -> list[str]:
    r"""Pieces with a word that end in . ! ? or with their line; titles and section headings are none.

    An abbreviation before a space ends a sentence ("Dr. Who" is two): the rule is exact, not clever.

    >>> sentences("<<On rain>>\nIt rained 3.5 mm. Why?\n- no end")
    ['It rained 3.5 mm', ' Why', '- no end']
    """
    lines = [line for line in text.split("\n") if not is_title(line) and not _HEADING.fullmatch(line)]
    return [piece for line in lines for piece in _STOP.split(line) if _WORD.search(piece)]


def is_title(line: str) -> bool:
    """Whether a line is a title in double angular brackets."""
    return _TITLE.fullmatch(line.strip()) is not None


def headings(text: str) -> list[tuple[int, int]]:
    """Number of each section heading and its line."""
    found = ((_HEADING.fullmatch(line), i) for i, line in enumerate(text.split("\n")))
    return [(int(m[1]), i) for m, i in found if m and len(m[1]) < 10]


def paragraphs(text: str) -> list[str]:
    """Pieces between blank lines; a title on the first line belongs to none."""
    first, _, rest = text.partition("\n")
    body = rest if is_title(first) else text
    return [p for p in re.split(r"\n\s*\n", body) if p.strip()]


def occurrences(word: str, text: str) -> list[int]:
    """Where a word stands as a whole word, whatever its case; inside another word it does not count.

    >>> occurrences("ship", "Ships and warship: the SHIP, ship-shape.")
    [23, 29]
    """
    return [m.start() for m in whole(word).finditer(text)]


def whole(word: str) -> re.Pattern[str]:
    """The pattern of a whole word."""
    return re.compile(rf"(?<!{_JOINED}){re.escape(word)}(?!{_JOINED})", re.IGNORECASE)
