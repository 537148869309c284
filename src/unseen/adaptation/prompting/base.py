"""What a way of asking works with: questions, a model that counts its tokens, and what it said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unseen.engine.seeds import numpy_generator
from unseen.learners.language.base import Answer, Generation, LanguageModel, Prompt
from unseen.learners.questions.layout import LETTER_ALONE, LETTERS, Labels

# What a user says, and what was answered; "" where an answer is wanted.
Turn = tuple[str, str]
# How the end of a reasoning is marked, so that it can be told from the way there.
END = "The answer is"
ENDED = re.compile(r"(?:answer(?: is|:)|####)[\s:*]*(?P<said>[^\n]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as ways of asking see it. The right answer serves as an example, never for the question itself.

    Attributes:
        name: Of the item.
        text: Without its options.
        target: The right answer; of options the text of the right one.
        options: Texts of the options; empty where there are none.
        number: Whether the answer is a number.
        worked: A worked solution, where the table has one.
        skill: What it takes, where the table says so.
        steps: How many steps it takes, where the table says so.
        api: Address of a world whose records can be looked up, where the table says so.
        checks: Constraints of an instruction, by which its answers are scored, where the table has them.
        cluster: What it belongs with (a whole and its parts); "" for nothing. Such questions are no examples for each other.
    """

    name: str
    text: str
    target: str
    options: tuple[str, ...] = ()
    number: bool = False
    worked: str = ""
    skill: str = ""
    steps: float | None = None
    cluster: str = ""
    api: str = ""
    checks: str = ""

    @property
    def wants(self) -> str:
        """What an answer shall look like.

        >>> Question("1", "2 + 2 =", "4", number=True).wants
        'the number alone'
        """
        if self.options:
            return LETTER_ALONE
        return "the number alone" if self.number else "a few words"

    @property
    def right(self) -> str:
        """The right answer as it is to be written.

        >>> Question("1", "Capital of Italy?", "Rome", ("Paris", "Rome")).right
        'B'
        """
        return LETTERS[self.options.index(self.target)] if self.options else self.target

    def shown(self) -> str:
        """The question with lettered options."""
        return f"{self.text}\n{Labels().lines(self.options)}" if self.options else self.text

    def apart(self, other: Question) -> bool:
        """Whether another question may be shown as an example for this one.

        >>> whole, part = Question("1", "(1 + 2)·3 =", "9", cluster="a"), Question("2", "1 + 2 =", "3", cluster="a")
        >>> whole.apart(part), whole.apart(Question("3", "2 + 2 =", "4", cluster="b"))
        (False, True)
        """
        return not self.cluster or self.cluster != other.cluster

    def reordered(self, order: Sequence[int]) -> Question:
        """The same question with its options in another order."""
        return replace(self, options=tuple(self.options[i] for i in order))


@dataclass(slots=True)
class Said:
    """What a way of asking came to for one question.

    Attributes:
        text: The answer, to be read by the scorer.
        options: The options in the order in which they were shown.
        tokens: Of all prompts and answers that it took.
    """

    text: str
    options: tuple[str, ...]
    tokens: int = 0


def nothing(questions: Sequence[Question]) -> list[Said]:
    """A place for each answer."""
    return [Said("", q.options) for q in questions]


@dataclass
class Asker:
    """A language model, how it is spoken to, and what that takes.

    Attributes:
        model: Who is asked.
        settings: Of short answers.
        read: What an answer to a question comes to; None where nothing can be read.
        longest: Most tokens of an answer that reasons.
        chats: Whether it takes messages; else it continues a text.
        frame: Text around each question, with ``{}`` in its place.
        seed: Source of every draw.
        second: Another model that answers together with it.
    """

    model: LanguageModel
    settings: Generation
    read: Callable[[Question, str], str | None]
    longest: int = 256
    chats: bool = True
    frame: str = "{}"
    seed: int = 0
    second: LanguageModel | None = None

    def rng(self, *names: str | int) -> np.random.Generator:
        """A generator of its own for a question."""
        return numpy_generator(self.seed, "prompting", *names)

    def prompt(self, turns: Sequence[Turn]) -> Prompt:
        """Turns as the model takes them; the last one wants an answer."""
        asked = [(self.frame.replace("{}", user), said) for user, said in turns]
        if self.chats:
            messages: list[dict[str, str]] = []
            for user, said in asked:
                messages.append({"role": "user", "content": user})
                if said:
                    messages.append({"role": "assistant", "content": said})
            return messages
        return "\n\n".join(f"Question: {user}\nAnswer:{f' {said}' if said else ''}" for user, said in asked)

    @property
    def short(self) -> Generation:
        """Settings of an answer in a line."""
        return self.settings if self.chats or self.settings.stop else replace(self.settings, stop=("\n",))

    @property
    def long(self) -> Generation:
        """Settings of an answer that reasons."""
        stop = self.settings.stop if self.chats or self.settings.stop else ("\n\nQuestion:", "\nQuestion:")
        return replace(self.settings, max_tokens=self.longest, stop=stop)

    def ask(self, prompts: Sequence[Sequence[Turn]], settings: Generation, said: Sequence[Said]) -> list[Answer]:
        """Answers, their tokens counted with what was said to each question.

        Args:
            prompts: Turns, one list a question.
            settings: Of the answers.
            said: Where tokens are counted, one a prompt.
        """
        answers = self.model.generate([self.prompt(turns) for turns in prompts], settings)
        for one, answer in zip(said, answers, strict=True):
            one.tokens += tokens_of(answer)
        return answers


def tokens_of(answer: Answer) -> int:
    """Tokens of a prompt and of all answers to it; about four letters each where the model doesn't tell its own."""
    return answer.prompt_tokens + sum(len(c.tokens) or -(-len(c.text) // 4) for c in answer.completions)


def final(text: str) -> str:
    """What a text that reasons ends with: after the last "answer is", else all of it.

    >>> final("6 + 7 = 13. The answer is 13."), final("13")
    ('13.', '13')
    """
    found = list(ENDED.finditer(text))
    return found[-1]["said"].strip(" *") if found else text


def wanted(question: Question, how: str = "") -> str:
    r"""The question with what an answer shall look like.

    >>> wanted(Question("1", "2 + 2 =", "4", number=True))
    '2 + 2 =\n\nAnswer with the number alone.'
    """
    return f"{question.shown()}\n\n{how or f'Answer with {question.wants}.'}"


def answered(
    questions: Sequence[Question], turns: Sequence[Sequence[Turn]], asker: Asker, settings: Generation,
    read: Callable[[str], str] = str,
) -> list[Said]:  # fmt: skip
    """What was said to each question, asked once.

    Args:
        questions: To be answered.
        turns: Of each.
        asker: The model.
        settings: Of the answers.
        read: What of an answer's text counts.
    """
    said = nothing(questions)
    for one, answer in zip(said, asker.ask(turns, settings, said), strict=True):
        one.text = read(answer.text)
    return said


def plainly(questions: Sequence[Question], pool: Sequence[Question], asker: Asker) -> list[Said]:
    """The question as it stands; where it has options, with the word that a letter is wanted.

    Args:
        questions: To be answered.
        pool: Not looked at.
        asker: The model.
    """
    return answered(questions, [[(wanted(q) if q.options else q.text, "")] for q in questions], asker, asker.short)


def instructed(questions: Sequence[Question], pool: Sequence[Question], asker: Asker) -> list[Said]:
    """The question with what an answer shall look like, without examples.

    Args:
        questions: To be answered.
        pool: Not looked at.
        asker: The model.
    """
    return answered(questions, [[(wanted(q), "")] for q in questions], asker, asker.short)
