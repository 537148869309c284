"""What an OpenAI-compatible endpoint sends, read with care: whatever is not as the format says is a fault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

from unseen.learners.language.base import Completion, Finish, Generation


class Faulty(Exception):
    """A reply that can't be read; the call may be made again."""


def parsed(text: str) -> dict[str, Any]:
    """The JSON object of a reply.

    Raises:
        Faulty: It is cut, or is something else.

    >>> parsed('{"choices": [')
    Traceback (most recent call last):
    ...
    unseen.learners.language.wire.Faulty: the reply is no JSON: '{"choices": ['
    """
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise Faulty(f"the reply is no JSON: {text[:80]!r}") from None
    if not isinstance(found, dict):
        raise Faulty(f"the reply is no JSON object: {text[:80]!r}")
    return cast(dict[str, Any], found)


def tokens_used(reply: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tokens of the prompt and of the answer, where the endpoint tells them.

    >>> tokens_used({"usage": {"prompt_tokens": 12, "completion_tokens": 3}}), tokens_used({})
    ((12, 3), None)
    """
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return None
    told: dict[str, Any] = usage
    counts = told.get("prompt_tokens"), told.get("completion_tokens", 0)
    return counts if all(isinstance(c, int) and c >= 0 for c in counts) else None  # type: ignore[return-value]


def completion_of(
    reply: Mapping[str, Any], api: Literal["chat", "completions"], settings: Generation
) -> tuple[Completion, int]:
    """The answer in a reply, and the length of its prompt [tokens].

    Raises:
        Faulty: It is not as the format says.

    >>> reply = {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}
    >>> completion_of(reply, "chat", Generation())[0].text
    ''
    """
    choice = _choice(reply)
    holder: Any = choice.get("message") if api == "chat" else choice
    if not isinstance(holder, dict):
        raise Faulty("the reply has no message")
    text: Any = cast(dict[str, Any], holder).get("content" if api == "chat" else "text", "")
    # A model may say nothing; no content is an empty answer.
    text = "" if text is None else text
    if not isinstance(text, str):
        raise Faulty(f"the answer is no text: {text!r:.80}")
    tokens, logprobs, others = _chat_logprobs(choice) if api == "chat" else _logprobs(choice)
    why = choice.get("finish_reason")
    finish: Finish = (
        "length" if why == "length" else "filtered" if why == "content_filter" else "stop" if settings.stop else "end"
    )
    used = tokens_used(reply)
    return Completion(text, tokens, logprobs, finish, None, others if settings.alternatives else ()), used[
        0
    ] if used else 0


def echoed(reply: Mapping[str, Any]) -> list[tuple[str, float, int]] | None:
    """Tokens of a repeated prompt: text, log-probability, place of the first letter; None where they aren't told."""
    told = _choice(reply).get("logprobs")
    if not isinstance(told, dict):
        return None
    given: dict[str, Any] = told
    tokens, values, places = (given.get(k) for k in ("tokens", "token_logprobs", "text_offset"))
    if not all(isinstance(part, list) for part in (tokens, values, places)):
        return None
    rows = list(zip(cast(list[Any], tokens), cast(list[Any], values), cast(list[Any], places), strict=False))
    # The answer's one token alone means that the prompt was not repeated.
    if len(rows) < 2 or rows[0][2] != 0:
        return None
    return [(str(t), float(v), int(p)) for t, v, p in rows if v is not None]


def first_token(told: Mapping[str, float], option: str, *, strip: bool) -> tuple[str, float] | None:
    """The likeliest first token whose text is the option; a chat model's answer may begin with a space or not.

    >>> first_token({" A": -0.5, "A": -1.0, "B": -2.0}, "A", strip=True)
    (' A', -0.5)
    >>> first_token({" A": -0.5}, "A", strip=False)
    """
    fitting = {t: v for t, v in told.items() if t == option or (strip and t.strip() == option.strip())}
    return max(fitting.items(), key=lambda item: item[1]) if fitting else None


def _choice(reply: Mapping[str, Any]) -> dict[str, Any]:
    choices: Any = reply.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error: Any = reply.get("error")
        raise Faulty(f"the reply holds an error: {str(error)[:200]}" if error else "the reply holds no choice")
    return cast(dict[str, Any], choices[0])


Told = tuple[tuple[str, ...], tuple[float, ...], tuple[dict[str, float], ...]]


def _chat_logprobs(choice: Mapping[str, Any]) -> Told:
    given: Any = choice.get("logprobs")
    rows: Any = cast(dict[str, Any], given).get("content") if isinstance(given, dict) else None
    if not isinstance(rows, list):
        return (), (), ()
    try:
        return (
            tuple(str(r["token"]) for r in rows),
            tuple(float(r["logprob"]) for r in rows),
            tuple({str(t["token"]): float(t["logprob"]) for t in reversed(r.get("top_logprobs") or [])} for r in rows),
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        raise Faulty("the log-probabilities are not as the format says") from None


def _logprobs(choice: Mapping[str, Any]) -> Told:
    given: Any = choice.get("logprobs")
    if isinstance(given, dict) and "content" in given:
        return _chat_logprobs(choice)
    if not isinstance(given, dict) or not isinstance(cast(dict[str, Any], given).get("tokens"), list):
        return (), (), ()
    told = cast(dict[str, Any], given)
    try:
        return (
            tuple(str(t) for t in told["tokens"]),
            tuple(float(v) for v in told["token_logprobs"]),
            tuple({str(k): float(v) for k, v in (top or {}).items()} for top in told.get("top_logprobs") or []),
        )
    except (TypeError, KeyError, ValueError, AttributeError):
        raise Faulty("the log-probabilities are not as the format says") from None
