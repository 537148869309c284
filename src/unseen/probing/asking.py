"""Forms as prompts of a model, what asking them costs, and the answers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unseen.engine.progress import duration
from unseen.errors import BadInput
from unseen.learners.language.base import Answer, Completion, Generation, LanguageModel, Prompt, Scored
from unseen.learners.language.calls import Budget, BudgetSpent, estimated_tokens
from unseen.learners.questions.forms import Form
from unseen.learners.questions.layout import LETTERS
from unseen.learners.questions.scoring import Scorer

Told = Callable[[str, int, int], None]
# So many prompts are asked to time a model that runs here.
TIMED = 6
TOKENS = 64
# What an error says that comes of options being compared.
OF_OPTIONS = ("log-probabilit", "can't be scored", "could be scored")
LETTER_INSTEAD = "With --scorer letter options are answered by their letter."


@dataclass(frozen=True, slots=True)
class Asking:
    """How forms are asked.

    Attributes:
        settings: Of the answers.
        prompt: Text around each form, with ``{}`` in its place; None where the prompt of the log is taken, if it tells one.
        chat: Whether a form is sent as a message of a user; None where the model decides: as a message where it has a chat
            template or is a chat endpoint.
        max_tokens: Most tokens of an answer; None where the log decides, else 64.
        scorer: Some compare options by their log-probability.
    """

    settings: Generation = field(default_factory=Generation)
    prompt: str | None = None
    chat: bool | None = None
    max_tokens: int | None = None
    scorer: Scorer | None = None

    def __post_init__(self) -> None:
        if self.prompt is not None and self.prompt.count("{}") != 1:
            raise BadInput(f"--prompt {self.prompt[:60]!r}: must hold {{}} once, where the question goes.")

    def chats(self, model: LanguageModel) -> bool:
        """Whether a model is sent messages."""
        return bool(getattr(model, "chats", False)) if self.chat is None else self.chat

    def prompts(self, forms: Sequence[Form], model: LanguageModel) -> list[Prompt]:
        """One prompt a form."""
        chats = self.chats(model)
        return [self._as_logged(f.framed, chats) if self._logged(f) else self._own(f.text, chats) for f in forms]

    def _logged(self, form: Form) -> bool:
        return self.prompt is None and form.item.frame is not None

    def _as_logged(self, prompt: Prompt | None, chats: bool) -> Prompt:
        if isinstance(prompt, str):
            # What was continued as text in the log is so here, but where the user says otherwise.
            return [{"role": "user", "content": prompt}] if self.chat else prompt
        messages = prompt or []
        return messages if chats else "\n\n".join(m["content"] for m in messages) + "\nAnswer:"

    def _own(self, text: str, chats: bool) -> Prompt:
        around = self.prompt or "{}"
        text = around.replace("{}", text)
        if chats:
            return [{"role": "user", "content": text}]
        # A text is continued: after a question something must say that an answer comes.
        return text if text.rstrip().endswith((":", "=")) or around != "{}" else f"{text}\nAnswer:"

    def of(self, form: Form, model: LanguageModel) -> Generation:
        """The settings for a form: of the log where it tells them; a text that is continued ends with its line."""
        frame = form.item.frame if self._logged(form) else None
        most = self.max_tokens or (frame.max_tokens if frame else None) or TOKENS
        stop = self.settings.stop
        if not stop and frame is not None:
            stop = frame.stop
        elif not stop and not self.chats(model):
            stop = ("\n",)
        return replace(self.settings, max_tokens=most, stop=stop)

    def compared(self, form: Form, model: LanguageModel) -> list[str]:
        """The continuations whose log-probabilities tell the choice; empty where the answer is generated.

        As in the log: its labels or its texts. Where the user wants it of other items: labels where they are shown.
        """
        wanted, frame = (
            (self.scorer.compares if self.scorer else "as logged"),
            form.item.frame if self._logged(form) else None,
        )
        options = form.item.options
        if not options or wanted == "never":
            return []
        if frame is not None and frame.scored:
            return frame.continuations(options)
        if wanted != "always":
            return []
        chat = self.chats(model) and not (frame is not None and isinstance(form.framed, str))
        space = "" if chat else " "
        if frame is not None and frame.labels is not None and frame.labels.alphabet:
            return [f"{space}{frame.labels.alphabet[i]}" for i in range(len(options))]
        if frame is None and form.style.labelled:
            numbers = form.style.labels == "numbers"
            return [f"{space}{i + 1 if numbers else LETTERS[i]}" for i in range(len(options))]
        return [f"{space}{o}" for o in options]


@dataclass(frozen=True, slots=True)
class Replies:
    """Answers to forms.

    Attributes:
        answers: One a form; None where none was had. Where options were compared its text is the one that was taken.
        place: Of the option that was taken, where options were compared.
        sure: Its share of the options' probability, there.
        ties: How many comparisons had two likeliest options.
        stopped: Why some are missing; "" where none is.
    """

    answers: list[Answer | None]
    place: list[int | None]
    sure: list[float | None]
    ties: int = 0
    stopped: str = ""

    def __add__(self, other: Replies) -> Replies:
        return Replies(
            self.answers + other.answers, self.place + other.place, self.sure + other.sure, self.ties + other.ties,
            self.stopped or other.stopped,
        )  # fmt: skip


def nothing(n: int) -> Replies:
    """No reply to any of n forms."""
    return Replies([None] * n, [None] * n, [None] * n)


def asked(forms: Sequence[Form], model: LanguageModel, how: Asking, done: Told | None = None) -> Replies:
    """The answers; a budget may run out.

    Answers are handed over one by one, so that what was answered before a fault is there.

    Raises:
        BadInput: The model refuses, or tells no log-probabilities where options are to be compared.
    """
    n = len(forms)
    made = nothing(n)
    finished, ties = 0, 0

    def told(place: int) -> None:
        nonlocal finished
        finished += 1
        if done is not None:
            done(forms[place].name, finished, n)

    options = [how.compared(form, model) for form in forms]
    prompts = how.prompts(forms, model)
    groups: dict[Generation | None, list[int]] = {}
    for place, form in enumerate(forms):
        groups.setdefault(None if options[place] else how.of(form, model), []).append(place)
    try:
        for settings, places in groups.items():
            if settings is None:
                ties += _compare(
                    forms, places, [prompts[p] for p in places], [options[p] for p in places], model, how, made, told
                )
                continue

            def answered(at: int, answer: Answer, places: list[int] = places) -> None:
                if made.answers[places[at]] is None:
                    told(places[at])
                made.answers[places[at]] = answer

            for at, answer in enumerate(model.generate([prompts[p] for p in places], settings, done=answered)):
                made.answers[places[at]] = answer
    except BudgetSpent as error:
        return replace(made, ties=ties, stopped=str(error))
    return replace(made, ties=ties)


def _compare(
    forms: Sequence[Form], places: Sequence[int], prompts: Sequence[Prompt], options: Sequence[Sequence[str]],
    model: LanguageModel, how: Asking, made: Replies, told: Callable[[int], None],
) -> int:  # fmt: skip
    ties = 0

    def chosen(at: int, scored: tuple[Scored, ...]) -> None:
        nonlocal ties
        place = places[at]
        if made.answers[place] is not None:
            return
        values = [
            s.logprob / length for s, length in zip(scored, _lengths(forms[place], options[at], how), strict=True)
        ]
        best = max(range(len(values)), key=values.__getitem__)
        ties += values.count(values[best]) > 1
        made.answers[place] = Answer((Completion(options[at][best].strip(), (), ()),))
        made.place[place], made.sure[place] = best, 1 / sum(math.exp(min(0.0, v - values[best])) for v in values)
        told(place)

    try:
        for at, scored in enumerate(model.score(prompts, options, done=chosen)):
            chosen(at, scored)
    except BudgetSpent:
        raise
    except BadInput as error:
        hint = f" {LETTER_INSTEAD}" if any(sign in str(error) for sign in OF_OPTIONS) else ""
        raise BadInput(f"{error}{hint}") from None
    return ties


def _lengths(form: Form, options: Sequence[str], how: Asking) -> list[int]:
    """What log-probabilities are divided by: letters of the option where the log's metric is of this kind, else 1."""
    frame = form.item.frame
    metric = str((frame.scorer or {}).get("metric", "")) if frame is not None and frame.scored else ""
    by_length = (how.scorer is not None and how.scorer.name == "likelihood-norm") or metric == "acc_norm"
    return [max(1, len(o.strip())) if by_length else 1 for o in options]


@dataclass(frozen=True, slots=True)
class Bill:
    """What asking takes, before anything is asked.

    Attributes:
        calls: Answers in all.
        kept: Of these, how many are there already.
        prompt_tokens: Of the open ones, estimated from their length.
        answer_tokens: Of the open ones, at most.
        money: At most, at the prices given; None without prices, or where the model runs here.
        seconds: Expected; None where an endpoint decides.
        here: Whether the model runs here.
    """

    calls: int
    kept: int
    prompt_tokens: int
    answer_tokens: int
    money: float | None
    seconds: float | None
    here: bool

    def __add__(self, other: Bill) -> Bill:
        both = [(self.money, other.money), (self.seconds, other.seconds)]
        money, seconds = (None if a is None or b is None else a + b for a, b in both)
        return Bill(
            self.calls + other.calls, self.kept + other.kept, self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens, money, seconds, self.here,
        )  # fmt: skip

    def __str__(self) -> str:
        """One line for people.

        >>> print(Bill(120, 20, 5000, 1600, None, 42.0, True))
        120 calls, 20 of them kept from before: 100 to make, about 5,000 tokens of prompts and at most 1,600 of ...
        """
        open_ = self.calls - self.kept
        kept = f", {self.kept:,} of them kept from before" if self.kept else ""
        unknown = "" if self.here else ", time depends on the endpoint"
        takes = unknown if self.seconds is None else f", about {duration(self.seconds)}"
        price = (
            "nothing to pay, the model runs here" if self.here
            else "price unknown (give --price-in and --price-out)" if self.money is None else f"at most {self.money:.3g} to pay"
        )  # fmt: skip
        return (
            f"{self.calls:,} calls{kept}: {open_:,} to make, about {self.prompt_tokens:,} tokens of prompts and at most "
            f"{self.answer_tokens:,} of answers{takes}; {price}"
        )


def bill(forms: Sequence[Form], model: LanguageModel, how: Asking, *, timed: bool = True, further: int = 0) -> Bill:
    """What asking these forms takes.

    Args:
        forms: What is to be asked.
        model: Who is asked; of one that keeps answers, those that are there cost nothing.
        how: Settings.
        timed: Ask a few of the open ones to time a model that runs here; their answers are kept.
        further: Prompts of about the same length that are asked behind each answer, of which one letter is compared (doubt).
    """
    prompts, options = how.prompts(forms, model), [how.compared(form, model) for form in forms]
    groups: dict[Generation | None, list[int]] = {}
    for place, form in enumerate(forms):
        groups.setdefault(None if options[place] else how.of(form, model), []).append(place)
    inner: Any = getattr(model, "model", model)
    budget: Any = getattr(getattr(inner, "calls", None), "budget", None)
    here = budget is None
    total = known = tokens = most = 0
    seconds: float | None = 0.0 if here else None
    for settings, places in groups.items():
        own = [prompts[p] for p in places]
        samples = 1 if settings is None else settings.samples
        told = _known(model, own, settings, [options[p] for p in places])
        left = [samples - k for k in told]
        total, known = total + len(places) * samples, known + sum(told)
        tokens += sum(estimated_tokens(p) * n for p, n in zip(own, left, strict=True))
        most += sum(left) * (settings.max_tokens if settings else 0)
        if here and seconds is not None and any(left):
            few = [i for i, n in enumerate(left) if n][:TIMED]
            took = (
                _seconds(model, [own[i] for i in few], settings, [options[places[i]] for i in few]) if timed else None
            )
            seconds = None if took is None else seconds + took[0] + took[1] * sum(left)
    # A prompt of doubt repeats the item and the answer.
    tokens += further * sum(estimated_tokens(form.text) + 40 for form in forms)
    cost = (budget or Budget()).cost(total - known, tokens, most)
    return Bill(total + further * len(forms), known, tokens, most, None if here else cost.money, seconds, here)


def _known(
    model: LanguageModel, prompts: Sequence[Prompt], settings: Generation | None, options: Sequence[Sequence[str]]
) -> list[int]:
    kept: Any = model
    if not hasattr(model, "known"):
        return [0] * len(prompts)
    return kept.known_scores(prompts, options) if settings is None else kept.known(prompts, settings)


def _seconds(
    model: LanguageModel, few: Sequence[Prompt], settings: Generation | None, options: Sequence[Sequence[str]]
) -> tuple[float, float]:
    """Seconds once (what prompts share is computed once) and for each further prompt."""

    def ask(first: int, last: int) -> float:
        start = time.perf_counter()
        if settings is None:
            model.score(few[first:last], options[first:last])
        else:
            model.generate(few[first:last], settings)
        return time.perf_counter() - start

    # The first pass also checks the model and warms it up.
    took = ask(0, 1)
    if len(few) < 4:
        return 0.0, took
    alone, several = ask(1, 2), ask(2, len(few))
    each = max(several - alone, several / 10) / (len(few) - 3)
    return max(0.0, alone - each), each
