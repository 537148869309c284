"""Every checker meets answers that are right but for one edit, and says of them what a plain reading says."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from unseen import tasks
from unseen.tasks.draws import Draws
from unseen.tasks.instructions.kinds import KINDS, Constraint, conflict
from unseen.tasks.instructions.languages import FRAMES, LANGUAGES, NOUNS, SMALL, is_in
from unseen.tasks.instructions.writer import BEGINNINGS, ENDINGS, KEYS, SUBJECTS, TITLES

TASK = tasks.load("verifiable-instructions")
LETTERS = "aeinrst"
EDITS = ("cut a sign", "add a letter", "double a sign", "turn the case", "cut a word", "double a word", "swap words", "cut a line", "double a line",
         "add a stop", "add a comma", "add a digit", "join lines", "part lines", "add a bullet", "foreign word", "accent", "star", "add a key")  # fmt: skip


def edited(d: Draws, text: str, c: Constraint) -> str:
    """A text with one small change, half of them near what the constraint speaks of."""
    edit, near = d.choice(EDITS), [text.lower().find(w.lower()) for w in c.words if w.lower() in text.lower()]
    at = min(len(text) - 1, d.choice(near) + d.below(8)) if near and d.below(2) else d.below(len(text))
    words, lines = text.split(" "), text.split("\n")
    i, j = d.below(len(words)), d.below(len(lines))
    changed = {
        "cut a sign": text[:at] + text[at + 1 :],
        "add a letter": text[:at] + d.choice(LETTERS) + text[at:],
        "double a sign": text[: at + 1] + text[at:],
        "turn the case": text[:at] + text[at].swapcase() + text[at + 1 :],
        "cut a word": " ".join(words[:i] + words[i + 1 :]),
        "double a word": " ".join(words[: i + 1] + words[i:]),
        "swap words": " ".join([*words[:i], *reversed(words[i : i + 2]), *words[i + 2 :]]),
        "cut a line": "\n".join(lines[:j] + lines[j + 1 :]),
        "double a line": "\n".join(lines[: j + 1] + lines[j:]),
        "add a stop": text[:at] + "." + text[at:],
        "add a comma": text[:at] + "," + text[at:],
        "add a digit": text[:at] + "7" + text[at:],
        "join lines": text.replace("\n", " ", 1),
        "part lines": text[:at] + "\n" + text[at:],
        "add a bullet": text + "\n- x",
        "foreign word": text[:at] + " the " + text[at:],
        "accent": text[:at] + "é" + text[at:],
        "add a key": f'{text[:-1]}, "more": 1}}' if text.endswith("}") else f"{text} more",
        "star": text[:at] + "*" + text[at:],
    }[edit]
    return changed.strip()


def words_of(text: str) -> list[str]:
    found, word = [], ""
    for i, sign in enumerate(text):
        inside = sign in "'’-" and word[-1:].isalnum() and text[i + 1 : i + 2].isalnum()
        if sign.isalnum() or inside:
            word += sign
        else:
            found, word = [*found, word], ""
    return [w for w in [*found, word] if w]


def places(word: str, text: str) -> list[int]:
    low, text = word.lower(), text.lower()
    joins = [i for i, sign in enumerate(text) if sign.isalnum() or sign == "_"]
    return [i for i in range(len(text)) if text.startswith(low, i) and i - 1 not in joins and i + len(low) not in joins]


def is_title(line: str) -> bool:
    line = line.strip()
    inner = line[2:-2]
    return (
        line.startswith("<<")
        and line.endswith(">>")
        and len(line) > 4
        and not set("<>") & set(inner)
        and any(map(str.isalnum, inner))
    )


def heading(line: str) -> int | None:
    bare = "".join(s if s.isalnum() or s == "_" else " " for s in line).split()
    rest = [s for s in line.strip() if not s.isalnum() and not s.isspace()]
    if len(bare) == 2 and bare[0].lower() == "section" and bare[1].isascii() and bare[1].isdigit() and "_" not in rest:
        middle = line.lower().split("section", 1)[1].split(bare[1])[0]
        return int(bare[1]) if middle and not middle.strip() else None
    return None


def stops(text: str) -> int:
    number = 0
    for line in text.split("\n"):
        if is_title(line) or heading(line) is not None:
            continue
        piece, i = "", 0
        while i < len(line):
            if line[i] in ".!?":
                end = i
                while end < len(line) and line[end] in ".!?":
                    end += 1
                # What closes a sentence may follow; then a space or the end.
                tails = [t for t in range(end, len(line) + 1) if all(s in "\"'”’)]*" for s in line[end:t])]
                close = next((t for t in reversed(tails) if t == len(line) or line[t].isspace()), None)
                if close is not None:
                    number, piece, i = number + bool(words_of(piece)), "", close
                    continue
                piece, i = piece + line[i:end], end
                continue
            piece, i = piece + line[i], i + 1
        number += bool(words_of(piece))
    return number


def starred(text: str) -> int:
    """Parts between single asterisks on one line, from the left."""
    number, i = 0, 0
    while i < len(text):
        if text[i] == "*" and text[i - 1 : i] != "*" if i else text[i] == "*":
            end = text.find("*", i + 1)
            inner = text[i + 1 : end] if end > 0 else ""
            good = (
                inner
                and "\n" not in inner
                and not inner[0].isspace()
                and not inner[-1].isspace()
                and any(map(str.isalnum, inner))
            )
            if good and text[end + 1 : end + 2] != "*":
                number, i = number + 1, end + 1
                continue
        i += 1
    return number


def plainly(c: Constraint, text: str) -> bool:
    """What a constraint means, sign by sign."""
    lines, words = text.split("\n"), words_of(text)
    if not text:
        return False
    if c.kind in ("words", "letters", "sentences"):
        count = {"words": len(words), "letters": sum(map(str.isalpha, text)), "sentences": stops(text)}[c.kind]
        return c.low <= count <= c.high
    if c.kind == "include":
        return all(places(w, text) for w in c.words)
    if c.kind == "exclude":
        return not any(places(w, text) for w in c.words)
    if c.kind == "count":
        return c.low <= len(places(c.words[0], text)) <= c.high
    if c.kind == "order":
        a, b = (places(w, text) for w in c.words)
        return bool(a) and bool(b) and a[0] < b[0]
    if c.kind == "json":
        try:
            pairs = json.loads(text, object_pairs_hook=list)
        except ValueError:
            return False
        return isinstance(pairs, list) and text.startswith("{") and sorted(k for k, _ in pairs) == sorted(c.words)
    if c.kind == "bullets":
        bare = [line.strip() for line in lines]
        return (
            sum(line[:1] in tuple("-*•") and line[1:2].isspace() and bool(line[1:].strip()) for line in bare) == c.low
        )
    if c.kind == "sections":
        at = [i for i, line in enumerate(lines) if heading(line) is not None]
        filled = all(
            any(words_of(line) for line in lines[a + 1 : b]) for a, b in zip(at, [*at[1:], len(lines)], strict=True)
        )
        return [heading(lines[i]) for i in at] == list(range(1, c.low + 1)) and filled
    if c.kind == "paragraphs":
        body = lines[1:] if is_title(lines[0]) else lines
        number, open_ = 0, False
        for line in body:
            number, open_ = number + (bool(line.strip()) and not open_), bool(line.strip())
        return number == c.low
    if c.kind == "title":
        return is_title(lines[0])
    if c.kind == "highlight":
        return starred(text) >= c.low
    if c.kind == "case":
        other = [s for s in text if (s.isupper() if c.words == ("lower",) else s.islower())]
        return any(map(str.isalpha, text)) and not other
    if c.kind in ("no-commas", "no-digits"):
        return not any(s in ",，、" if c.kind == "no-commas" else s.isdigit() for s in text)
    if c.kind == "alphabet":
        letters = [s for s in text if s.isalpha()]
        return bool(letters) and all(ord(s) < 128 for s in letters)
    if c.kind == "letter":
        return c.words[0].lower() not in text.lower()
    if c.kind == "begin":
        return 0 in places(c.words[0], text)
    if c.kind == "end":
        bare = text.rstrip(" \n\t.!?*\"'”’)")
        return len(bare) - len(c.words[0]) in places(c.words[0], bare)
    own, every = (
        sum(w.lower() in some for w in words for some in lists) for lists in ([SMALL[c.words[0]]], SMALL.values())
    )
    return own > 0 and own / every >= 0.8 and 10 * own >= len(words)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_checker_and_a_plain_reading_agree_on_answers_with_one_edit(kind):
    d, said = Draws(f"edits {kind}"), Counter()
    for seed in range(120):
        other = d.choice([k for k in KINDS if not conflict(k, kind)])
        e = TASK.draw(seed, number=2, kinds=(kind, other))
        for c in TASK.constraints(e):
            if c.kind != kind:
                continue
            for _ in range(12):
                text = edited(d, str(e.target), c)
                assert c.met(text) == plainly(c, text), (c, text)
                said[c.met(text)] += 1
    assert min(said[True], said[False]) >= 5, said


def test_no_small_word_is_in_two_lists_and_none_can_be_asked_for():
    every = [word for some in SMALL.values() for word in some]
    assert len(every) == len(set(every))
    asked = set(SUBJECTS).union(*SUBJECTS.values(), KEYS)
    phrases = {w.casefold() for phrase in (*BEGINNINGS, *ENDINGS, *TITLES) for w in phrase.split()}
    written = {
        w.casefold()
        for lines in (FRAMES, NOUNS)
        for some in lines.values()
        for line in some
        for w in words_of(line.replace("{x}", ""))
    }
    assert not asked & (set(every) | written)
    assert not phrases & (set(every) - SMALL["English"])


def test_each_sentence_is_in_its_language_alone_whatever_word_stands_in_it():
    for language, frames in FRAMES.items():
        for frame in frames:
            for noun in (*NOUNS[language], "lighthouse", "*ship*"):
                said = frame.format(x=noun)
                assert [name for name in SMALL if is_in(name, said)] == [language]
                assert not set(",0123456789") & set(said)


# The first article of the Universal Declaration of Human Rights, and another sentence of each language.
REAL = {
    "English": ("All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience.",
                "It was the best of times and they had been there."),
    "German": ("Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt.",
               "Der Zug kommt nicht vor zehn Uhr, aber das macht nichts."),
    "French": ("Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de conscience.",
               "Nous avons une maison dans le village, mais elle est très vieille."),
    "Spanish": ("Todos los seres humanos nacen libres e iguales en dignidad y derechos, y deben comportarse fraternalmente los unos con los otros.",
                "El tren sale muy temprano por la mañana, pero hay otro más tarde."),
    "Italian": ("Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di coscienza.",
                "Il libro che leggo è molto bello e sono sempre felice."),
}  # fmt: skip


def test_real_texts_are_in_their_language_alone():
    assert set(REAL) == set(SMALL)
    for language, texts in REAL.items():
        for text in texts:
            assert [name for name in SMALL if is_in(name, text)] == [language], text
    assert set(LANGUAGES) == set(REAL) - {"English"}
