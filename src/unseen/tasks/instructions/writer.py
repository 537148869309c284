"""Draws what an instruction asks, and writes one answer that does all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from unseen.tasks.draws import Draws
from unseen.tasks.instructions.kinds import MANY, Constraint
from unseen.tasks.instructions.languages import FRAMES, LANGUAGES, NOUNS
from unseen.tasks.instructions.reading import count_letters, count_words, sentences

# Subjects, each with words that a text about it would use: these are asked for and forbidden.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "lighthouse": ("ship", "coast", "storm", "lamp", "keeper", "rock", "night", "sailor", "fog", "harbour"),
    "market": ("fruit", "price", "stall", "crowd", "bread", "coin", "basket", "seller", "fish", "bargain"),
    "railway": ("train", "station", "ticket", "track", "bridge", "driver", "tunnel", "signal", "luggage", "whistle"),
    "garden": ("flower", "tree", "soil", "spade", "bee", "rose", "water", "fence", "seed", "shade"),
    "library": ("book", "shelf", "reader", "page", "author", "desk", "story", "silence", "card", "loan"),
    "kitchen": ("knife", "oven", "soup", "recipe", "salt", "plate", "spoon", "cook", "butter", "table"),
    "school": ("teacher", "lesson", "pupil", "pencil", "break", "test", "class", "friend", "chalk", "homework"),
    "mountain": ("snow", "summit", "path", "valley", "rope", "climber", "goat", "cloud", "hut", "glacier"),
    "theatre": ("stage", "actor", "curtain", "ticket", "play", "costume", "applause", "scene", "voice", "seat"),
    "hospital": ("nurse", "doctor", "bed", "medicine", "patient", "ward", "visitor", "surgeon", "wound", "fever"),
    "farm": ("cow", "field", "barn", "tractor", "wheat", "hen", "farmer", "milk", "harvest", "plough"),
    "museum": ("painting", "guide", "statue", "hall", "visitor", "frame", "history", "guard", "vase", "artist"),
}
KEYS = ("summary", "place", "reason", "detail", "question", "advice", "mood", "season", "people", "sound")
TITLES = ("A plain day", "What I saw", "Short notes", "My own view")
BEGINNINGS = ("In short", "First of all", "Let me begin", "Here is my answer", "As far as I know")
ENDINGS = ("That is all", "Thank you for reading", "And so it goes", "Now you know", "This is the end")
# Filler, disjoint from what can be asked for or forbidden.
_ADJECTIVES = ("old", "calm", "small", "bright", "quiet", "lovely", "wide", "proud", "busy", "cheap", "warm", "grey")
_NOUNS = ("child", "man", "woman", "dog", "house", "morning", "road", "idea", "hand", "window", "year", "song")
_VERBS = ("sees", "needs", "likes", "holds", "finds", "wants", "has", "joins", "shows", "hides", "seeks", "meets")
_LETTERS = "bcfgjkmpqvwxz"


@dataclass(slots=True)
class Brief:
    """What an answer has to hold, gathered before it is written."""

    subject: str
    required: list[str] = field(default_factory=list[str])
    layout: str = ""
    pieces: int = 1
    keys: tuple[str, ...] = ()
    title: str = ""
    begin: str = ""
    end: str = ""
    highlights: int = 0
    case: str = ""
    letter: str = ""
    language: str = ""


def compose(d: Draws, kinds: Sequence[str], subject: str) -> tuple[list[Constraint], str]:
    """Constraints of these kinds, and an answer that meets them all.

    Counts are set around the answer that was written, so that no two constraints can contradict each other.

    Args:
        d: Draws.
        kinds: Kinds that can stand together, in the order of the constraints.
        subject: One of ``SUBJECTS``.
    """
    words = iter(d.pick(SUBJECTS[subject], len(SUBJECTS[subject])))
    brief = Brief(subject, [subject])
    drawn = {kind: _drawn(d, kind, words, brief) for kind in sorted(kinds)}
    if "order" in drawn:
        _put_in_order(d, brief, drawn["order"].words)
    else:
        d.shuffle(brief.required)
    if "letter" in drawn:
        brief.letter = _unused_letter(d, brief)
        drawn["letter"] = replace(drawn["letter"], words=(brief.letter,))
    answer = write(d, brief)
    for kind, count in (("words", count_words), ("letters", count_letters), ("sentences", _count_sentences)):
        if kind in drawn:
            drawn[kind] = _around(d, kind, count(answer))
    return [_cased(drawn[kind], brief.case) for kind in kinds], answer


def _drawn(d: Draws, kind: str, words: Iterator[str], brief: Brief) -> Constraint:
    if kind in ("include", "exclude"):
        chosen = tuple(next(words) for _ in range(d.between(1, 3)))
        if kind == "include":
            brief.required += chosen
        return Constraint(kind, chosen)
    if kind == "count":
        word, times = next(words), d.between(2, 4)
        brief.required += [word] * times
        return Constraint(kind, (word,), times, times if d.below(2) else MANY)
    if kind == "order":
        pair = (next(words), next(words))
        brief.required += pair
        return Constraint(kind, pair)
    if kind == "json":
        brief.layout, brief.keys = kind, tuple(d.pick(KEYS, d.between(1, 4)))
        brief.pieces = len(brief.keys)
        return Constraint(kind, brief.keys)
    if kind in ("bullets", "sections", "paragraphs"):
        brief.layout, brief.pieces = kind, d.between(2, 5)
        return Constraint(kind, ("Section",) if kind == "sections" else (), brief.pieces, brief.pieces)
    if kind == "title":
        brief.title = d.choice(TITLES)
        return Constraint(kind, (brief.title,))
    if kind == "highlight":
        brief.highlights = d.between(1, 3)
        return Constraint(kind, (), brief.highlights)
    if kind == "case":
        brief.case = d.choice(("lower", "upper"))
        return Constraint(kind, (brief.case,))
    if kind == "language":
        brief.language = d.choice(LANGUAGES)
        return Constraint(kind, (brief.language,))
    if kind in ("begin", "end"):
        phrase = d.choice(BEGINNINGS if kind == "begin" else ENDINGS)
        brief.begin, brief.end = (phrase, brief.end) if kind == "begin" else (brief.begin, phrase)
        return Constraint(kind, (phrase,))
    return Constraint(kind)


def _put_in_order(d: Draws, brief: Brief, pair: tuple[str, ...]) -> None:
    d.shuffle(brief.required)
    first, second = (brief.required.index(word) for word in pair)
    if first > second:
        brief.required[first], brief.required[second] = brief.required[second], brief.required[first]


def _unused_letter(d: Draws, brief: Brief) -> str:
    fixed = [*brief.required, *brief.keys, brief.title, brief.begin, brief.end]
    if brief.layout == "sections":
        fixed.append("section")
    used = set("".join(fixed).casefold())
    return d.choice([letter for letter in _LETTERS if letter not in used])


def write(d: Draws, brief: Brief) -> str:
    """The answer: a plain sentence for each required word, laid out as asked."""
    pick = {
        name: [w for w in words if not brief.letter or brief.letter not in w]
        for name, words in (("a", _ADJECTIVES), ("n", _NOUNS), ("v", _VERBS))
    }
    said: list[str] = []
    if brief.language:
        pick["n"] = list(NOUNS[brief.language])
    for i in range(max(len(brief.required), brief.pieces, brief.highlights)):
        noun = brief.required[i] if i < len(brief.required) else d.choice(pick["n"])
        noun = f"*{noun}*" if i < brief.highlights else noun
        if brief.language:
            said.append(d.choice(FRAMES[brief.language]).format(x=noun))
            continue
        parts = [d.choice(pick["a"]), noun, d.choice(pick["v"]), "the", d.choice(pick["a"]), d.choice(pick["n"])]
        said.append(f"{'the' if brief.begin and not i else 'The'} {' '.join(parts)}.")
    if brief.begin:
        said[0] = f"{brief.begin} {said[0]}"
    text = _laid_out(brief, said)
    if brief.title:
        text = f"<<{brief.title}>>\n{text}"
    if brief.end:
        text += f"{chr(10) if brief.layout in ('bullets', 'sections') else ' '}{brief.end}."
    return {"lower": text.lower, "upper": text.upper}.get(brief.case, lambda: text)()


def _laid_out(brief: Brief, said: list[str]) -> str:
    """Sentences in their pieces; an opening phrase stands before the first bullet or heading."""
    lead: list[str] = []
    if brief.begin and brief.layout in ("bullets", "sections"):
        if len(said) == brief.pieces:
            said = [
                f"{brief.begin} the {brief.subject} stays.",
                said[0].replace(f"{brief.begin} the", "The"),
                *said[1:],
            ]
        lead, said = said[:1], said[1:]
    bounds = [i * len(said) // brief.pieces for i in range(brief.pieces + 1)]
    pieces = [" ".join(said[a:b]) for a, b in pairwise(bounds)]
    if brief.layout == "json":
        return json.dumps(dict(zip(brief.keys, pieces, strict=True)), ensure_ascii=False)
    if brief.layout == "bullets":
        return "\n".join([*lead, *(f"- {piece}" for piece in pieces)])
    if brief.layout == "sections":
        return "\n".join([*lead, *(f"Section {i}\n{piece}" for i, piece in enumerate(pieces, 1))])
    return "\n\n".join(pieces)


def _around(d: Draws, kind: str, count: int) -> Constraint:
    """A range that holds the count: at least, at most or between, with up to a fifth to spare on a side."""
    relation, room = d.below(3), max(1, count // 5)
    low = max(1, count - d.below(room + 1)) if relation != 1 else 0
    high = count + d.below(room + 1) if relation != 0 else MANY
    return Constraint(kind, (), low, high)


def _count_sentences(text: str) -> int:
    return len(sentences(text))


def _cased(c: Constraint, case: str) -> Constraint:
    """A constraint whose phrase, keys or example are shown in the case that is asked for."""
    if case and c.kind in ("json", "title", "sections", "begin", "end"):
        return replace(c, words=tuple(w.upper() if case == "upper" else w.lower() for w in c.words))
    return c
