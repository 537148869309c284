"""The kinds of constraints: for each an exact checker, and an edit that makes an answer just miss it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unseen.tasks.instructions.languages import is_in, spoilt
from unseen.tasks.instructions.reading import (
    as_read,
    count_letters,
    count_words,
    headings,
    is_title,
    occurrences,
    paragraphs,
    sentences,
    whole,
    word_spans,
)

HIGHLIGHT = re.compile(r"(?<!\*)\*(?![\s*])[^*\n]*[^\W_][^*\n]*(?<!\s)\*(?!\*)")
BULLET = re.compile(r"\s*[-*•]\s+\S")
FEW, MANY = 0, 10**9


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that an answer has to be.

    Attributes:
        kind: One of ``KINDS``.
        words: The words, keys, phrase or letter that it speaks of; for ``case`` its one word is lower or upper, for
            ``language`` the language.
        low: Smallest count that meets it.
        high: Largest count that meets it; ``MANY`` where there is none.
    """

    kind: str
    words: tuple[str, ...] = ()
    low: int = FEW
    high: int = MANY

    def met(self, answer: str) -> bool:
        """Whether an answer meets it; an empty answer meets nothing."""
        text = as_read(answer)
        return bool(text) and KINDS[self.kind].check(self, text)

    def missed(self, answer: str) -> str:
        """An answer that just misses it, from one that meets it (off by one; the keyword inside another word; …)."""
        return KINDS[self.kind].miss(self, answer)

    def fits(self, count: int) -> bool:
        """Whether a count lies in its range."""
        return self.low <= count <= self.high


@dataclass(frozen=True, slots=True)
class KindOf:
    """What belongs to a kind.

    Attributes:
        group: length, keywords, layout, style, ends or language.
        hardness: Rank used for the order of constraints; 1 is easiest. Our own guess, not measured.
        check: Whether a text that was read meets a constraint.
        miss: An edit of a text that meets it.
        excludes: Kinds that can't stand beside it.
    """

    group: str
    hardness: int
    check: Callable[[Constraint, str], bool]
    miss: Callable[[Constraint, str], str]
    excludes: frozenset[str] = frozenset()


def conflict(a: str, b: str) -> bool:
    """Whether two kinds can't stand in one instruction."""
    return a == b or b in KINDS[a].excludes or a in KINDS[b].excludes


def _json(c: Constraint, text: str) -> bool:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and set(found) == set(c.words)


def _sections(c: Constraint, text: str) -> bool:
    found, lines = headings(text), text.split("\n")
    ends = [line for _, line in found[1:]] + [len(lines)]
    filled = all(
        count_words("\n".join(lines[line + 1 : end])) for (_, line), end in zip(found, ends, strict=bool(found))
    )
    return [number for number, _ in found] == list(range(1, c.low + 1)) and filled


def _in_order(c: Constraint, text: str) -> bool:
    first, second = (occurrences(word, text) for word in c.words)
    return bool(first and second) and first[0] < second[0]


def _begins(c: Constraint, text: str) -> bool:
    return occurrences(c.words[0], text)[:1] == [0]


def _ends(c: Constraint, text: str) -> bool:
    bare = text.rstrip(" \n\t.!?*\"'”’)")
    return occurrences(c.words[0], bare)[-1:] == [len(bare) - len(c.words[0])]


def _case(c: Constraint, text: str) -> bool:
    wrong = str.isupper if c.words == ("lower",) else str.islower
    return count_letters(text) > 0 and not any(map(wrong, text))


def _too_many_words(c: Constraint, text: str) -> str:
    spans = word_spans(text)
    if c.high < MANY:
        return text + " indeed" * (c.high + 1 - len(spans))
    return text[: spans[c.low - 1][0]]


def _too_many_letters(c: Constraint, text: str) -> str:
    count = count_letters(text)
    if c.high < MANY:
        return text + " " + "a" * (c.high + 1 - count)
    while count_letters(text) >= c.low:
        text = text[:-1]
    return text


def _too_many_sentences(c: Constraint, text: str) -> str:
    found = len(sentences(text))
    if c.high < MANY:
        return text + "\nMore." * (c.high + 1 - found)
    while len(sentences(text)) >= c.low:
        text = text[:-1]
    return text


def _glued(c: Constraint, text: str) -> str:
    return whole(c.words[-1]).sub(lambda m: m[0] + "ish", text)


def _count_off(c: Constraint, text: str) -> str:
    if c.high < MANY:
        return text + f" {c.words[0]}" * (c.high + 1 - len(occurrences(c.words[0], text)))
    return _glued(c, text)


def _swapped(c: Constraint, text: str) -> str:
    a, b = c.words
    return re.sub(
        rf"{whole(a).pattern}|{whole(b).pattern}",
        lambda m: b if m[0].casefold() == a.casefold() else a,
        text,
        flags=re.IGNORECASE,
    )


def _one_letter_flipped(c: Constraint, text: str) -> str:
    at = next(i for i, char in enumerate(text) if char.isalpha())
    return text[:at] + text[at].swapcase() + text[at + 1 :]


_LAYOUTS = frozenset({"json", "bullets", "sections", "paragraphs"})
KINDS: Mapping[str, KindOf] = {
    "words": KindOf("length", 10, lambda c, t: c.fits(count_words(t)), _too_many_words),
    "sentences": KindOf("length", 11, lambda c, t: c.fits(len(sentences(t))), _too_many_sentences),
    "letters": KindOf("length", 12, lambda c, t: c.fits(count_letters(t)), _too_many_letters),
    "include": KindOf("keywords", 2, lambda c, t: all(occurrences(w, t) for w in c.words), _glued),
    "exclude": KindOf(
        "keywords", 3, lambda c, t: not any(occurrences(w, t) for w in c.words), lambda c, t: f"{t} {c.words[-1]}"
    ),
    "count": KindOf("keywords", 9, lambda c, t: c.fits(len(occurrences(c.words[0], t))), _count_off),
    "order": KindOf("keywords", 6, _in_order, _swapped),
    "json": KindOf(
        "layout",
        14,
        _json,
        lambda c, t: t.rstrip()[:-1],
        _LAYOUTS | {"title", "highlight", "begin", "end", "sentences", "no-commas"},
    ),
    "bullets": KindOf(
        "layout",
        7,
        lambda c, t: sum(BULLET.match(line) is not None for line in t.split("\n")) == c.low,
        lambda c, t: t + "\n- more",
        _LAYOUTS,
    ),
    "sections": KindOf(
        "layout",
        13,
        _sections,
        lambda c, t: re.sub(rf"(?i)(section) {c.low}\b", rf"\1 {c.low + 1}", t),
        _LAYOUTS | {"no-digits"},
    ),
    "paragraphs": KindOf("layout", 8, lambda c, t: len(paragraphs(t)) == c.low, lambda c, t: t + "\n\nMore.", _LAYOUTS),
    "title": KindOf(
        "layout",
        5,
        lambda c, t: is_title(t.split("\n")[0]),
        lambda c, t: t.replace(">>", ">", 1),
        frozenset({"begin"}),
    ),
    "highlight": KindOf(
        "layout",
        4,
        lambda c, t: len(HIGHLIGHT.findall(t)) >= c.low,
        lambda c, t: HIGHLIGHT.sub(lambda m: m[0].strip("*"), t, count=len(HIGHLIGHT.findall(t)) - c.low + 1),
    ),
    "case": KindOf("style", 4, _case, _one_letter_flipped),
    "no-commas": KindOf(
        "style",
        3,
        lambda c, t: not set(",，、") & set(t),
        lambda c, t: t.replace(" ", ", ", 1) if " " in t else t + ",",
    ),
    "no-digits": KindOf("style", 1, lambda c, t: not any(map(str.isdigit, t)), lambda c, t: t + " 7"),
    "alphabet": KindOf(
        "style",
        1,
        lambda c, t: count_letters(t) > 0 and all(x.isascii() for x in t if x.isalpha()),
        lambda c, t: t + " café",
    ),
    "letter": KindOf(
        "style", 15, lambda c, t: c.words[0].casefold() not in t.casefold(), lambda c, t: f"{t} {c.words[0]}"
    ),
    "begin": KindOf("ends", 5, _begins, lambda c, t: "Well " + t),
    "language": KindOf(
        "language",
        10,
        lambda c, t: is_in(c.words[0], t),
        lambda c, t: spoilt(c.words[0], t),
        frozenset({"title", "alphabet", "letter", "begin", "end"}),
    ),
    "end": KindOf("ends", 6, _ends, lambda c, t: t + " Goodbye"),
}
# What is drawn where no kind is named: a language besides would change what seeds give, and it leaves out many others.
USUAL = tuple(kind for kind in KINDS if kind != "language")
