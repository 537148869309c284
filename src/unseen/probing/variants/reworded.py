"""Questions in the words of a named model: what it proposes is checked twice before it is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from unseen.learners.language.base import Generation, LanguageModel, Prompt
from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants.base import Variant

PROPOSALS, WARM = 3, 0.7
# Tokens of a proposal, beyond those of a question that has so many letters a token.
LETTERS_A_TOKEN, ROOM = 2, 24
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# Words with a capital inside a sentence, and what stands in quotes: what a question is about.
NAME = re.compile(r"(?<![.?!:]\s)(?<!^)\b[A-Z][\w'-]*")
QUOTED = re.compile(r"[\"“”']([^\"“”']{2,})[\"“”']")
TURNING = re.compile(
    r"\b(not|never|except|least|most|without|unless|n't|false|true|incorrect|wrong|only|all|none|any)\b", re.I
)


class Reworded(Variant):
    """Asks a question as a model put it.

    Args:
        texts: By the name of an item, the proposals that were kept.
        why: By the name of an item, why none was.
    """

    name = "paraphrase"
    title = "the same question in the words of a model"
    invariant = (
        "the same numbers, names, quotations and words that turn the sense; the answer is not given away; options stay."
    )

    def __init__(self, texts: Mapping[str, Sequence[str]], why: Mapping[str, str]) -> None:
        self._texts, self._why = texts, why

    def why_not(self, item: Item) -> str:
        """Why it does not apply."""
        return "" if self._texts.get(item.name) else self._why.get(item.name, "no proposal was made")

    def rewrite(self, item: Item, rng: np.random.Generator) -> Sequence[Form]:
        """Each proposal that was kept."""
        del rng
        return [
            self.form(item, f"words of a model {i}", question=t) for i, t in enumerate(self._texts[item.name], start=1)
        ]

    def keeps(self, item: Item, form: Form) -> bool:
        """As the first check says; options are untouched."""
        return not differs(item, form.item.question) and form.item.options == item.options


def differs(item: Item, text: str) -> str:
    """Why a text can't be the same question; "" where nothing speaks against it.

    >>> item = Item("1", "What is the capital of France?", "Paris")
    >>> differs(item, "Which city is France's capital?"), differs(item, "What is the capital, Paris, of France?")
    ('', 'it gives the answer away')
    >>> differs(Item("2", "Tom has 3 pens and buys 4. How many has he?", "7"), "Tom has 3 pens. How many has he?")
    'its numbers are others'
    """
    old = item.question
    if not text.strip() or _folded(text) == _folded(old):
        return "it is empty, or the same text"
    if Counter(NUMBER.findall(old)) != Counter(NUMBER.findall(text)):
        return "its numbers are others"
    # A possessive is the name all the same; a name that begins the new text is looked for there too.
    if any(name.removesuffix("'s") not in text for name in {*NAME.findall(old), *QUOTED.findall(old)}):
        return "a name is missing"
    known = _folded(old)
    if Counter(w.lower() for w in TURNING.findall(old)) != Counter(w.lower() for w in TURNING.findall(text)):
        return "a word that turns the sense is missing or new"
    if _folded(item.target) in _folded(text) and _folded(item.target) not in known:
        return "it gives the answer away"
    if any(_folded(n.removesuffix("'s")) not in known for n in NAME.findall(text)):
        return "a name is new"
    if not 0.4 <= len(text) / len(old) <= 2.5:
        return "it is much shorter or longer"
    return (
        "" if text.rstrip().endswith("?") == old.rstrip().endswith("?") else "it is no question, or one where none was"
    )


def _folded(text: str) -> str:
    return " " + " ".join(re.findall(r"\w+", text.casefold())) + " "


def request(item: Item) -> str:
    """What the model is asked for."""
    return (
        "Rewrite the following question in other words. Keep every number, name and technical term. Do not answer it. Give the "
        f"new question alone, on one line.\n\n{item.question}"
    )


def same(item: Item, text: str, order: tuple[str, str]) -> str:
    """The second check: whether both ask the same.

    >>> print(same(Item("1", "2 + 2 =", "4"), "Add 2 and 2.", ("yes", "no")))
    First question: 2 + 2 =
    Second question: Add 2 and 2.
    Do both questions ask for exactly the same, so that every right answer to one is right for the other?
    (A) yes
    (B) no
    Answer with the letter alone.
    """
    return "\n".join((
        f"First question: {item.question}", f"Second question: {text}",
        "Do both questions ask for exactly the same, so that every right answer to one is right for the other?",
        f"(A) {order[0]}", f"(B) {order[1]}", "Answer with the letter alone.",
    ))  # fmt: skip


def reworded(
    items: Sequence[Item], model: LanguageModel, *, most: int = 2, seed: int = 0
) -> tuple[Reworded, list[str]]:
    """Proposals of a model for each item, those that pass both checks, and notes.

    First what can be told from the texts: numbers, names, quotations and words that turn the sense are the same, and the
    answer is not given away. Then the model is asked whether both ask the same, once with "yes" as the first option and once
    as the second: it must say yes both times.

    Args:
        items: Of which forms are wanted.
        model: Who proposes and who checks.
        most: Forms of an item at most.
        seed: Of the proposals.
    """
    longest = max((len(item.question) for item in items), default=0) // LETTERS_A_TOKEN + ROOM
    made = Generation(max_tokens=longest, temperature=WARM, samples=PROPOSALS, seed=seed)
    answers = model.generate([_sent(request(item), model) for item in items], made)
    refused: Counter[str] = Counter()
    open_: list[tuple[Item, str]] = []
    why: dict[str, str] = {}
    for item, answer in zip(items, answers, strict=True):
        seen: set[str] = set()
        for completion in answer.completions:
            text = completion.text.strip().split("\n")[0].strip().strip('"“”').strip()
            told = differs(item, text) or ("it was proposed before" if text in seen else "")
            seen.add(text)
            if told:
                refused[told] += 1
                why[item.name] = f"no proposal passed the checks (such as: {told})"
            else:
                open_.append((item, text))
    asked = [_sent(same(item, text, order), model) for item, text in open_ for order in (("yes", "no"), ("no", "yes"))]
    said = [_letter(a.text) for a in model.generate(asked, Generation(max_tokens=4))] if asked else []
    texts: dict[str, list[str]] = {}
    for i, (item, text) in enumerate(open_):
        if (said[2 * i], said[2 * i + 1]) != ("A", "B"):
            refused["the model does not call it the same question in both orders"] += 1
            why[item.name] = "no proposal passed the checks (such as: not called the same question)"
        elif len(texts.setdefault(item.name, [])) < most:
            texts[item.name].append(text)
    kept, total = sum(map(len, texts.values())), len(items) * PROPOSALS
    reasons = "; ".join(f"{n:,}: {reason}" for reason, n in refused.most_common(4))
    note = f"words of {model.name}: {kept:,} of {total:,} proposals are asked{f' ({reasons})' if reasons else ''}."
    return Reworded(texts, why), [note]


def _sent(text: str, model: LanguageModel) -> Prompt:
    return [{"role": "user", "content": text}] if getattr(model, "chats", False) else f"{text}\nAnswer:"


def _letter(text: str) -> str:
    found = re.match(r"\W*([AB])\b", text.strip())
    return found[1] if found else ""
