"""The prompt that a log shows for an item: a variant goes into it where the item stood, all else stays word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any

from unseen.errors import BadInput
from unseen.learners.language.base import Prompt, plain_prompt
from unseen.learners.questions.layout import LETTERS, NUMBERS, Labels

# What may stand around the label of an option, by how often it does.
AROUND = (("", "."), ("(", ")"), ("", ")"), ("", ":"), ("", ")."), ("[", "]"), ("", ""))
ALPHABETS = (LETTERS, ascii_lowercase, NUMBERS, "")
BULLETS = ("-", "*", "•")
NOT_THERE = "its question does not stand in the prompt of the log word for word"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An item's prompt in the log, cut around the item.

    Attributes:
        messages: All messages, the last one cut; a prompt of text is one without a role.
        before: Of the cut message, what stands ahead of the question.
        between: Between question and options; all that is behind it where the prompt shows no options.
        after: Behind the options.
        labels: Before each option; None where the prompt shows none.
        gap: Between a label and its option.
        joint: Between one option and the next.
        scored: Continuations whose log-probabilities were compared; empty where an answer was generated.
        letters: Whether these are labels, such as " A" and " B", not texts of options.
        stop: Texts that end an answer.
        max_tokens: Most tokens of an answer, where the log says.
        temperature: Of the answers in the log; None where it does not say.
        scorer: How the log read an answer, where it says.
    """

    messages: tuple[tuple[str, str], ...]
    before: str
    between: str
    after: str = ""
    labels: Labels | None = None
    gap: str = " "
    joint: str = "\n"
    scored: tuple[str, ...] = ()
    letters: bool = False
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = 0.0
    scorer: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def bare(self) -> bool:
        """Whether the prompt is the item alone: no examples, no words around it."""
        return (
            len(self.messages) == 1
            and not (self.before + self.after).strip()
            and (self.labels is not None or not self.between.strip())
        )

    def prompt(self, question: str, options: Sequence[str], labels: Labels | None = None) -> Prompt:
        """The prompt with another question, other options, or other labels."""
        label = labels or self.labels
        shown = "" if label is None else label.lines(options, gap=self.gap, joint=self.joint)
        text = f"{self.before}{question}{self.between}{shown}{self.after}"
        if self.messages[-1][0] == "":
            return text
        return [
            *({"role": r, "content": c} for r, c in self.messages[:-1]),
            {"role": self.messages[-1][0], "content": text},
        ]

    def continuations(self, options: Sequence[str]) -> list[str]:
        """What is compared for these options: labels stay with places, texts go with options."""
        if self.letters:
            return list(self.scored[: len(options)])
        space = re.match(r"\s*", self.scored[0])
        return [f"{space[0] if space else ''}{o}" for o in options]

    def plain(self) -> dict[str, Any]:
        """What the prompt of a form leaves out of a log's own record."""
        own = {"options": list(self.scored)} if self.scored else {
            "stop": list(self.stop), "max_tokens": self.max_tokens, "temperature": self.temperature,
        }  # fmt: skip
        return {**own, "scorer": self.scorer}


def framed(told: Any, question: str, options: Sequence[str]) -> Frame | str:
    r"""The frame around an item, or why there is none ("" where the log tells nothing).

    Args:
        told: The log's record: JSON with ``prompt``, and ``options``, ``stop``, ``max_tokens`` or ``scorer``.
        question: The text of the item, without its options.
        options: Its options.

    >>> told = json.dumps({"prompt": "Q: 1 + 1 =\nA: 2\n\nQ: 2 + 2 =\nA:", "stop": ["\n"]})
    >>> framed(told, "2 + 2 =", ()).prompt("3 + 4 =", ())
    'Q: 1 + 1 =\nA: 2\n\nQ: 3 + 4 =\nA:'
    """
    record = _record(told)
    if record is None:
        return ""
    prompt = record["prompt"]
    messages = (("", prompt),) if isinstance(prompt, str) else tuple((m["role"], m["content"]) for m in prompt)
    text = messages[-1][1]
    at = text.rfind(question)
    if at < 0 or not question:
        return NOT_THERE
    end, scored = at + len(question), record["options"]
    if scored and len(scored) != len(options):
        return f"the log compared {len(scored)} continuations, and the item has {len(options)} options"
    own: dict[str, Any] = {
        "messages": messages, "before": text[:at], "between": text[end:],
        "scored": scored, "letters": [s.strip() for s in scored] != list(options),
        "stop": record["stop"], "max_tokens": record["max_tokens"], "temperature": record["temperature"],
        "scorer": record["scorer"],
    }  # fmt: skip
    if not options:
        return Frame(**own)
    shown = _shown(text, end, options)
    if shown is None:
        # Options of which some stand there, in a way that is not understood, would stay where a variant moves them.
        if sum(o in text[end:] for o in options) > 1:
            return "its options stand in the prompt of the log in a way that is not known here"
        return Frame(**own)
    first, last, labels, gap, joint = shown
    own |= {"between": text[end:first], "after": text[last:], "labels": labels, "gap": gap, "joint": joint}
    return Frame(**own)


def last_turn(told: Any, question: str) -> str:
    r"""What was asked last, where the text of an item is all turns of a talk, as the log's record tells; else the text itself.

    >>> told = json.dumps({"prompt": [{"role": "user", "content": "I name a number."}, {"role": "assistant", "content": "Go on."},
    ...     {"role": "user", "content": "Twice 4 is?"}]})
    >>> last_turn(told, "I name a number.\nTwice 4 is?"), last_turn(told, "Twice 4 is?"), last_turn(None, "a\nb")
    ('Twice 4 is?', 'Twice 4 is?', 'a\nb')
    """
    record = _record(told)
    if record is None or isinstance(record["prompt"], str):
        return question
    last = record["prompt"][-1]["content"]
    # Readers leave the model's own turns out of the text.
    for left_out in ((), ("assistant",)):
        turns = [m["content"].split() for m in record["prompt"][:-1] if m["role"] not in left_out]
        for first in range(len(turns)):
            earlier = [word for turn in turns[first:] for word in turn]
            words = question.split(None, len(earlier))
            if earlier and words[:-1] == earlier and words[-1].strip() in last:
                return words[-1].strip()
    return question


def _record(told: Any) -> dict[str, Any] | None:
    try:
        record: Any = json.loads(told) if isinstance(told, str) else None
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    try:
        prompt = plain_prompt(record["prompt"])
    except (BadInput, KeyError, TypeError):
        return None
    return {
        "prompt": prompt, "options": _texts(record.get("options")), "stop": _texts(record.get("stop")),
        "max_tokens": told if type(told := record.get("max_tokens")) is int and told > 0 else None,
        "temperature": float(warm) if isinstance(warm := record.get("temperature", 0.0), int | float) else None,
        "scorer": rule if isinstance(rule := record.get("scorer"), dict) else None,
    }  # fmt: skip


def _texts(given: Any) -> tuple[str, ...]:
    """The texts of a list; what is none is left out."""
    return tuple(t for t in given if isinstance(t, str) and t) if isinstance(given, list) else ()


def _shown(text: str, start: int, options: Sequence[str]) -> tuple[int, int, Labels, str, str] | None:
    """Where the options stand behind a question, and what is around them."""
    for alphabet in ALPHABETS:
        for before, after in AROUND if alphabet else [(b, "") for b in BULLETS]:
            if alphabet and len(options) > len(alphabet):
                continue
            label = Labels(before, after, alphabet)
            gaps = (" ", "\n", "  ", "\t", "") if before + after or not alphabet else (" ",)
            for gap in gaps:
                pieces = [f"{label.at(i)}{gap}{o}" for i, o in enumerate(options)]
                pattern = r"(?P<joint>\s+|\s*[,;]\s+)".join([re.escape(pieces[0]), re.escape(pieces[1])])
                pattern += "".join(r"(?P=joint)" + re.escape(p) for p in pieces[2:])
                found = re.compile(r"(?<![^\s(])" + pattern + r"(?=[\s,;.)]|$)").search(text, start)
                if found:
                    return found.start(), found.end(), label, gap, found["joint"]
    return None
