"""How a log asked each of its items: the whole prompt, what ended an answer, and how it was scored.

An audit needs none of it, so that readers tell it only where they are asked to (``Mapping.prompts``), in one column of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from unseen.responses.readers._typed import list_or_empty, object_or_empty

COLUMN = "as_asked"
ATTACHED = "attachment://"
# What only scores, and says nothing of how an answer is read.
SCORING = ("ignore_case", "ignore_punctuation", "ignore_numbers", "regexes_to_ignore")


def of_lm_eval(row: Mapping[str, Any], task: Mapping[str, Any], metric: str, filter_: str) -> str | None:
    """How lm-eval asked a document; None where the log does not hold it.

    Args:
        row: A line of the samples.
        task: The task's configuration, from the results file.
        metric: Which is read.
        filter_: Which is read.

    >>> row = {"arguments": {"gen_args_0": {"arg_0": "2 + 2 =", "arg_1": {"until": ["."], "max_gen_toks": 8}}}}
    >>> of_lm_eval(row, {}, "exact_match", "none")
    '{"prompt": "2 + 2 =", "stop": ["."], "max_tokens": 8, "temperature": 0.0, "scorer": null}'
    """
    given = row.get("arguments")
    calls = [_pair(v) for v in (given.values() if isinstance(given, dict) else list_or_empty(given))]
    if not calls or any(call is None for call in calls):
        return None
    first, how = calls[0] or ("", None)
    prompt = _messages(first)
    if prompt is None:
        return None
    if isinstance(how, str):
        # Mutual information scores the options once more after nothing: these are no options.
        options = [call[1] for call in calls if call is not None and call[0] == first]
        if len(options) < 2:
            return None
        return _told(prompt, options=options, scorer={"tool": "lm-eval", "metric": metric})
    how = object_or_empty(how)
    until = how.get("until")
    steps = next((f for f in list_or_empty(task.get("filter_list")) if object_or_empty(f).get("name") == filter_), {})
    measured = next(
        (m for m in list_or_empty(task.get("metric_list")) if object_or_empty(m).get("metric") == metric), {}
    )
    known = metric == "exact_match" and bool(measured)
    target = row.get("target")
    known = known and isinstance(target, str)
    around = (
        [target[: len(target) - len(target.lstrip())], target[len(target.rstrip()) :]]
        if isinstance(target, str)
        else []
    )
    scorer = {
        "tool": "lm-eval", "metric": metric, "filter": list_or_empty(object_or_empty(steps).get("filter")),
        # The harness compares with the target as it is, spaces around it too.
        **({"around": around} if any(around) else {}),
        **{name: measured[name] for name in SCORING if measured.get(name)},
    } if known else None  # fmt: skip
    warm = bool(how.get("do_sample")) and how.get("temperature") != 0
    return _told(
        prompt, stop=[until] if isinstance(until, str) else [u for u in list_or_empty(until) if isinstance(u, str) and u],
        max_tokens=_count(how.get("max_gen_toks") or how.get("max_tokens")),
        temperature=float(how.get("temperature") or 1.0) if warm else 0.0, scorer=scorer, answer=_first(row.get("resps")),
    )  # fmt: skip


def _pair(given: Any) -> tuple[Any, Any] | None:
    """Prompt, and continuation or settings, of one request."""
    if isinstance(given, dict):
        given = [given.get("arg_0"), given.get("arg_1")]
    return (given[0], given[1]) if isinstance(given, list) and len(given) > 1 else None


def _messages(given: Any) -> Any:
    """A prompt of lm-eval: text, or messages that stand there as JSON."""
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, str) and given.lstrip().startswith("[{"):
        try:
            given = json.loads(given)
        except ValueError:
            return given
    if isinstance(given, list):
        return _chat(given, {})
    return given if isinstance(given, str) else None


def of_inspect(sample: Mapping[str, Any], header: Mapping[str, Any], scorer: str) -> str | None:
    """How Inspect asked a sample: the messages before the model's first; None where the log does not hold them.

    >>> said = {"role": "assistant", "content": "4", "source": "generate"}
    >>> of_inspect({"messages": [{"role": "user", "content": "2 + 2 ="}, said]}, {"eval": {}}, "match")
    '{"prompt": [{"role": "user", "content": "2 + 2 ="}], "stop": [], "max_tokens": null, "temperature": null, "scorer": ...}'
    """
    messages = list_or_empty(sample.get("messages"))
    made = [i for i, m in enumerate(messages) if object_or_empty(m).get("role") == "assistant"]
    generated = [i for i in made if messages[i].get("source") == "generate" or messages[i].get("model")]
    end = (generated or made[-1:] or [len(messages)])[0]
    prompt = _chat(messages[:end], object_or_empty(sample.get("attachments")))
    if not prompt:
        return None
    described = object_or_empty(header.get("eval"))
    config = {
        **object_or_empty(described.get("model_generate_config")),
        **{
            k: v for k, v in object_or_empty(object_or_empty(header.get("plan")).get("config")).items() if v is not None
        },
    }
    declared = next(
        (s for s in map(object_or_empty, list_or_empty(described.get("scorers")))
         if str(s.get("name", "")).split("/")[-1] == scorer), {},
    )  # fmt: skip
    warm = config.get("temperature")
    return _told(
        prompt, stop=[s for s in list_or_empty(config.get("stop_seqs")) if isinstance(s, str) and s],
        max_tokens=_count(config.get("max_tokens")), temperature=float(warm) if isinstance(warm, int | float) else None,
        scorer={"tool": "inspect", "metric": scorer, **object_or_empty(declared.get("options"))},
        answer=_completion(messages[generated[0]]) if generated else None,
    )  # fmt: skip


def _chat(messages: Sequence[Any], attached: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """Messages with a role and a text; None where one is something else (a picture, a call of a tool)."""
    made: list[dict[str, str]] = []
    for message in map(object_or_empty, messages):
        content = message.get("content")
        if isinstance(content, list):
            parts = [p.get("text") for p in map(object_or_empty, content) if p.get("type", "text") == "text"]
            content = "\n".join(map(str, parts)) if len(parts) == len(content) and None not in parts else None
        if (
            not isinstance(content, str)
            or message.get("tool_calls")
            or message.get("role") not in ("system", "user", "assistant")
        ):
            return None
        if content.startswith(ATTACHED):
            content = attached.get(content.removeprefix(ATTACHED))
        if not isinstance(content, str):
            return None
        made.append({"role": str(message["role"]), "content": content})
    return made or None


def _completion(message: Mapping[str, Any]) -> str | None:
    """The text of a message; None where it is more than text."""
    made = _chat([message], {})
    return made[0]["content"] if made else None


def _first(given: Any) -> str | None:
    """The first answer of a document, before any filter; None where it is no text.

    >>> _first([["The sum is 4.", "4"]]), _first([[["-1.5", "True"]]])
    ('The sum is 4.', None)
    """
    while isinstance(given, list):
        if not given or (isinstance(given[0], list) and len(given[0]) == 2 and str(given[0][1]) in ("True", "False")):
            return None
        given = given[0]
    return given if isinstance(given, str) else None


def _count(given: Any) -> int | None:
    return given if type(given) is int and given > 0 else None


def _told(
    prompt: Any, *, options: Sequence[str] = (), stop: Sequence[str] = (), max_tokens: int | None = None,
    temperature: float | None = 0.0, scorer: Mapping[str, Any] | None = None, answer: str | None = None,
) -> str:  # fmt: skip
    # What was generated differs from model to model; what is read from it stands in the table already.
    said = {} if answer is None else {"answer": answer}
    choice = (
        {"options": list(options)}
        if options
        else {"stop": list(stop), "max_tokens": max_tokens, "temperature": temperature}
    )
    return json.dumps({"prompt": prompt, **choice, "scorer": scorer, **said}, ensure_ascii=False, default=str)
