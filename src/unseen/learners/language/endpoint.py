"""Language models behind an OpenAI-compatible endpoint (extra ``endpoint``)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import numpy as np

from unseen.engine.seeds import spawn
from unseen.engine.store import content_hash
from unseen.errors import BadInput, MissingExtra, UnseenError
from unseen.learners.language.base import (
    Answer,
    Answered,
    Completion,
    Generation,
    Prompt,
    Scored,
    ScoredOne,
    plain_prompt,
    require_options,
)
from unseen.learners.language.calls import Budget, Calls, Cost, Gathered, require_served
from unseen.learners.language.wire import completion_of, echoed, first_token

OPENAI = "https://api.openai.com/v1"
HERE = ("127.0.0.1", "localhost", "::1")
# Likeliest first tokens that are looked through for options where a prompt's log-probabilities can't be had.
LOOKED_THROUGH = 20
# Settings that some models take under no name, or another; without them answers are drawn otherwise than was asked.
INSTEAD = {"max_tokens": "max_completion_tokens"}
LEFT_OUT = {
    "temperature": "no temperature: its answers are drawn at its own, and may be others each time", "top_p": "no top_p",
    "seed": "no seed: its answers may be others each time", "stop": "no texts that end an answer: they are cut there",
    "logprobs": "", "top_logprobs": "",
}  # fmt: skip
REFUSES = re.compile(
    r"not support|unsupported|not allowed|unknown|unrecognized|unexpected|not permitted", re.IGNORECASE
)


class Endpoint:
    """A model that answers over HTTP.

    Calls go out several at once, are repeated with growing pauses where the endpoint is busy, silent or broken, and stop
    before a budget is exceeded; each answer is handed over as soon as it is there. The key is read from the environment
    when calls are made; it is in no file and no message.

    Args:
        model: Its name there.
        url: Up to ``/v1``; by default that of the environment variable OPENAI_BASE_URL, else OpenAI's.
        api: ``chat`` sends text as one message of a user; ``completions`` sends text as it is and takes no messages.
        key: Environment variable that holds the key; an endpoint on this machine needs none.
        at_once: Calls at a time.
        per_minute: Most calls a minute; None for no limit of ours.
        tries: Times that a call is made before it fails.
        timeout: Seconds without an answer after which a call counts as failed.
        backoff: Seconds before the second try; doubled each time.
        budget: Tokens or money that may be spent by this object.
        logprobs: Whether log-probabilities are asked for; some models refuse the question.

    Raises:
        BadInput: The address or a number can't be used.
    """

    def __init__(
        self, model: str, url: str | None = None, *, api: Literal["chat", "completions"] = "chat", key: str = "OPENAI_API_KEY",
        at_once: int = 8, per_minute: float | None = None, tries: int = 6, timeout: float = 120.0, backoff: float = 1.0,
        budget: Budget | None = None, logprobs: bool = True,
    ) -> None:  # fmt: skip
        self.url = (url or os.environ.get("OPENAI_BASE_URL", "").strip() or OPENAI).rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{self.url!r:.200} is no address of an endpoint, such as http://127.0.0.1:8080/v1.")
        if parts.username or parts.password:
            raise BadInput(f"an address holds no password: put the key into the environment variable {key}.")
        if not model:
            raise BadInput("an endpoint needs the name of a model, such as openai:gpt-5-mini.")
        self.api: Literal["chat", "completions"] = api
        self.model, self.logprobs, self._key_name = model, logprobs, key
        self._here, self._timeout = parts.hostname in HERE, timeout
        self.calls = Calls(
            f"{model} at {parts.hostname}", at_once=at_once, per_minute=per_minute, tries=tries, backoff=backoff,
            budget=budget or Budget(), secret=self._key,
        )  # fmt: skip
        self._made: Any = None
        self._refused: set[str] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the model did not take, and what that means for its answers, in sentences."""
        told = [LEFT_OUT[name] for name in sorted(self._refused) if LEFT_OUT.get(name)]
        return (f"{self.name} takes {', and '.join(told)}.",) if told else ()

    @property
    def name(self) -> str:
        """Name of the model there."""
        return self.model

    @property
    def identity(self) -> Mapping[str, Any]:
        """Address, model and kind of the call; whoever serves the model may change it without telling."""
        return {"endpoint": self.url, "model": self.model, "api": self.api, "logprobs": self.logprobs}

    def cost(self, prompts: Sequence[Prompt], settings: Generation) -> Cost:
        """What asking would cost at most, before a call is made; tokens of prompts are estimated from their length."""
        return self.calls.budget.asking(prompts, settings)

    def generate(
        self,
        prompts: Sequence[Prompt],
        settings: Generation,
        *,
        draws: Sequence[int] | None = None,
        done: Answered | None = None,
    ) -> list[Answer]:
        """Continue prompts; see ``LanguageModel``.

        Raises:
            BadInput: There is no key, the endpoint refuses the call or can't do what is asked, or it fails each time.
        """
        require_served(self.name, settings)
        numbers = list(range(settings.samples) if draws is None else draws)
        bodies = [[self._asking(plain_prompt(p), settings, d) for d in numbers] for p in prompts]
        found = Gathered(len(bodies), len(numbers), done)
        self._ask(
            {(i, j): body for i, row in enumerate(bodies) for j, body in enumerate(row)},
            lambda reply: self._completion(reply, settings), lambda at, value: found.put(at[0], at[1], value),
        )  # fmt: skip
        return found.answers

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], *, done: ScoredOne | None = None
    ) -> list[tuple[Scored, ...]]:
        """Log-probabilities of continuations; see ``LanguageModel``.

        Endpoints of completions that repeat the prompt with its log-probabilities score any continuation; others only
        options of one token that are among the 20 likeliest.

        Raises:
            BadInput: The endpoint tells what is needed in neither way; and as ``generate``.
        """
        require_options(prompts, continuations)
        found: list[tuple[Scored, ...]] = [() for _ in prompts]

        def told(place: int, made: tuple[Scored, ...]) -> None:
            found[place] = made
            if done is not None:
                done(place, made)

        left: list[int] = []
        for place, (prompt, options) in enumerate(zip(prompts, continuations, strict=True)):
            made = self._echoed(prompt, options) if self.api == "completions" else None
            if made is None:
                left.append(place)
            else:
                told(place, made)
        # The first tokens of all prompts are asked for at once.
        self.generate(
            [prompts[p] for p in left],
            Generation(max_tokens=1, alternatives=LOOKED_THROUGH),
            done=lambda at, answer: told(left[at], self._by_first_token(answer, continuations[left[at]])),
        )
        return found

    def hidden(self, prompts: Sequence[Prompt], layer: int, *, pool: Literal["last", "mean"] = "last") -> np.ndarray:
        """Endpoints show no hidden states.

        Raises:
            BadInput: Always.
        """
        raise BadInput(
            f"{self.name}: an endpoint shows no hidden states. Take a local model: a folder or a .gguf file."
        )

    def _echoed(self, prompt: Prompt, options: Sequence[str]) -> tuple[Scored, ...] | None:
        text = str(plain_prompt(prompt))
        made: dict[int, Any] = {}
        bodies = {
            i: {"prompt": text + o, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
            for i, o in enumerate(options)
        }
        self._ask(bodies, lambda reply: echoed(reply), made.__setitem__)
        return None if any(v is None for v in made.values()) else _after(text, options, made)

    def _by_first_token(self, answer: Answer, options: Sequence[str]) -> tuple[Scored, ...]:
        likeliest = answer.completions[0]
        told = likeliest.alternatives[0] if likeliest.alternatives else {}
        made: list[Scored] = []
        for option in options:
            at = first_token(told, option, strip=self.api == "chat")
            if at is None:
                raise BadInput(
                    f"{self.name}: this endpoint tells no log-probabilities of a given text, and {option!r:.40} is none of its "
                    f"{len(told)} likeliest first tokens, so that options can't be scored. Let it answer with a letter, or take "
                    "a local model."
                )
            made.append(Scored(option, (at[0],), (at[1],), at[1] == max(told.values())))
        return tuple(made)

    @property
    def chats(self) -> bool:
        """Whether it takes messages."""
        return self.api == "chat"

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def _completion(self, reply: Mapping[str, Any], settings: Generation) -> tuple[Completion, int]:
        completion, prompt_tokens = completion_of(_flat(reply), self.api, settings)
        if "stop" in self._refused:
            ends = [at for at in map(completion.text.find, settings.stop) if at >= 0]
            completion = replace(completion, text=completion.text[: min(ends)], finish="stop") if ends else completion
        if settings.alternatives and completion.text and not completion.logprobs:
            raise BadInput(
                f"{self.name}: this endpoint tells no log-probabilities, so that alternatives, probabilities of answers and what "
                "rests on them (calibration, P(True)) can't be had. Set alternatives=0, or take a local model."
            )
        return completion, prompt_tokens

    def _asking(self, prompt: str | list[dict[str, str]], settings: Generation, draw: int) -> dict[str, Any]:
        body: dict[str, Any] = {"max_tokens": settings.max_tokens, "temperature": settings.temperature}
        if self.api == "chat":
            body["messages"] = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        elif isinstance(prompt, str):
            body["prompt"] = prompt
        else:
            raise BadInput(f"{self.name}: api='completions' takes text, not messages. Set api='chat'.")
        if self.logprobs or settings.alternatives:
            count = settings.alternatives
            body |= {"logprobs": True, "top_logprobs": count} if self.api == "chat" else {"logprobs": max(1, count)}
        if settings.stop:
            body["stop"] = list(settings.stop)
        if settings.temperature > 0:
            # Endpoints take seeds of 31 bits.
            seed = spawn(settings.seed, "answer", content_hash({"prompt": prompt}), draw) % 2**31
            body |= {"top_p": settings.top_p, "seed": seed}
            if settings.top_k:
                body["extra_body"] = {"top_k": settings.top_k}
        return body

    def _ask(
        self, bodies: Mapping[Any, dict[str, Any]], read: Callable[[Any], Any], told: Callable[[Any, Any], None]
    ) -> None:
        """Make calls, several at once; what was answered is told even where another call fails."""
        if not bodies:
            return
        client = self._client()
        self.calls.stopped.clear()
        failed: UnseenError | None = None
        with ThreadPoolExecutor(self.calls.at_once) as pool:
            futures = {
                pool.submit(self.calls.make, lambda body=body: self._send(client, body), body, read): at
                for at, body in bodies.items()
            }
            try:
                for future in as_completed(futures):
                    if future.cancelled():
                        continue
                    try:
                        value = future.result()
                    except UnseenError as error:
                        failed = failed or error
                        for other in futures:
                            other.cancel()
                    else:
                        told(futures[future], value)
            except BaseException:
                # Ctrl-C waits for the calls under way, not for those that would be made again.
                self.calls.stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if failed is not None:
            raise failed

    def _send(self, client: Any, body: dict[str, Any]) -> str:
        """Send a call; what the model refuses to be told is left out from then on, and the call made again."""
        import openai

        resource = client.chat.completions if self.api == "chat" else client.completions
        while True:
            sent = self._fitting(body)
            try:
                return resource.with_raw_response.create(model=self.model, **sent).http_response.text
            except openai.APIStatusError as error:
                name = _refused(error, sent)
                # Alternatives that a caller needs can't be left out: that is told.
                if name is None or ("logprobs" in name and body.get("top_logprobs")):
                    raise
                self._refused.add(name)

    def _fitting(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that the model takes, under its names."""
        refused = set(self._refused)
        # Alternatives of no log-probabilities, and a share of a distribution that has no temperature, mean nothing.
        refused |= {"top_logprobs"} if "logprobs" in refused else set()
        return {
            INSTEAD[name] if name in refused else name: value
            for name, value in body.items()
            if name in INSTEAD or name not in refused
        }

    def _key(self) -> str:
        return os.environ.get(self._key_name, "").strip()

    def _client(self) -> Any:
        key = self._key()
        if not key and not self._here:
            raise BadInput(
                f"{self.name}: no key. Set the environment variable {self._key_name}; keys are read from there alone and never "
                "stored."
            )
        if self._made is None:
            try:
                from openai import OpenAI
            except ImportError:
                raise MissingExtra(f"the endpoint {self.url}", "endpoint") from None
            # Calls are repeated by us, so that every pause and every call is counted.
            self._made = OpenAI(base_url=self.url, api_key=key or "none", max_retries=0, timeout=self._timeout)
        return self._made


def _refused(error: Any, sent: Mapping[str, Any]) -> str | None:
    """The setting of a call that a model refuses to be told, by the error of its endpoint; None for another error."""
    if error.status_code not in (400, 403, 422):
        return None
    said = str(error.message)
    told: Any = error.body.get("param") if isinstance(error.body, dict) else None
    known = [name for name in (*INSTEAD, *LEFT_OUT) if name in sent]
    if not REFUSES.search(said):
        return None
    if told in known:
        return str(told)
    # The longest name first: one stands in the other.
    return next(
        (n for n in sorted(known, key=len, reverse=True) if re.search(rf"(?<![a-z_]){n}(?![a-z_])", said)), None
    )


def _flat(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """A reply whose answer comes in parts (text, thoughts) as one with the texts.

    >>> parts = [{"type": "thinking", "thinking": "6 + 1"}, {"type": "text", "text": "7"}]
    >>> _flat({"choices": [{"message": {"content": parts}}]})["choices"][0]["message"]["content"]
    '7'
    """
    try:
        content: Any = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return reply
    if not isinstance(content, list) or not all(isinstance(p, dict) for p in cast("list[Any]", content)):
        return reply
    parts = cast("list[dict[str, Any]]", content)
    text = "".join(str(p["text"]) for p in parts if p.get("type", "text") == "text" and isinstance(p.get("text"), str))
    first = {**reply["choices"][0], "message": {**reply["choices"][0]["message"], "content": text}}
    return {**reply, "choices": [first, *reply["choices"][1:]]}


def _after(
    text: str, options: Sequence[str], told: Mapping[int, Sequence[tuple[str, float, int]]]
) -> tuple[Scored, ...]:
    """Tokens of each option, from the place where the first option's begin (as for local models)."""
    # The first token that holds a letter of the option; of all options the earliest.
    start = min(at for tokens in told.values() for token, _, at in tokens if at + len(token) > len(text))
    made: list[Scored] = []
    for i, option in enumerate(options):
        end = len(text) + len(option)
        own = [(t, lp) for t, lp, at in told[i] if start <= at < end]
        made.append(Scored(option, tuple(t for t, _ in own), tuple(lp for _, lp in own), greedy=False))
    return tuple(made)
