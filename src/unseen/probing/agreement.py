"""Whether originals that are asked again score as the log says: only then is the scorer that of the log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unseen.errors import BadInput
from unseen.learners.questions.forms import Form
from unseen.learners.questions.scoring import SCORERS, Reading, Scorer
from unseen.plain_text import names
from unseen.plain_text import value as shown
from unseen.responses import Responses

LEAST = 0.98
NEAR = 0.005
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Logged:
    """What a log says of an item.

    Attributes:
        score: Its score there.
        prediction: The answer there, where it holds one.
        text: What was generated, before anything was read from it, where the log holds that.
    """

    score: float
    prediction: str | None
    text: str | None = None

    @property
    def said(self) -> str | None:
        """What a scorer reads: the text as it was generated, else the answer."""
        return self.text or self.prediction


@dataclass(frozen=True, slots=True)
class Agreement:
    """Scores of originals, here and in the log.

    Attributes:
        items: Items that have both.
        same: Of these, how many have the same score.
        differing: Up to three that differ, each as a sentence.
        how: ``asked again`` or ``read again`` (the answers of the log by this scorer).
        others: Where the log holds what was generated: how many answers are other texts here; else None.
    """

    items: int
    same: int
    differing: tuple[str, ...]
    how: str
    others: int | None = None

    @property
    def share(self) -> float:
        """Share with the same score."""
        return self.same / self.items

    def __str__(self) -> str:
        """One sentence.

        >>> print(Agreement(200, 199, (), "asked again"))
        originals, asked again: 199 of 200 score as in the log (99.5 %)
        """
        return f"originals, {self.how}: {self.same:,} of {self.items:,} score as in the log ({100 * self.share:.1f} %)"


def logged(responses: Responses, model: str) -> dict[str, Logged]:
    """What a log says of each item of a model; of several runs the first."""
    table = responses.of_model(model).labelled().table.unique("item", keep="first")
    own = [c for c in ("prediction", "as_asked") if c in table.columns]
    return {
        str(row["item"]): Logged(float(row["score"]), row.get("prediction"), generated(row.get("as_asked")))
        for row in table.select(["item", "score", *own]).iter_rows(named=True)
    }


def generated(told: Any) -> str | None:
    """What was generated, by the log's own record; None where it does not hold that.

    >>> generated('{"prompt": "2 + 2 =", "answer": " 4"}'), generated("no JSON"), generated(None)
    (' 4', None, None)
    """
    try:
        record: Any = json.loads(told) if isinstance(told, str) else None
    except ValueError:
        return None
    said: Any = record.get("answer") if isinstance(record, dict) else None
    return said if isinstance(said, str) else None


def model_in_log(responses: Responses, asked: str, named: str | None) -> str | None:
    """Which model of a log is the one that is asked; None where none is.

    Raises:
        BadInput: The log has no model of the name that the user gave.
    """
    if named is not None:
        if named in responses.models:
            return named
        raise BadInput(f"--log-model {named!r}: the log has no such model; it has {names(responses.models, 5)}.")
    plain = [re.sub(r"[^a-z0-9]", "", m.casefold().rsplit("/", 1)[-1]) for m in responses.models]
    wanted = re.sub(r"[^a-z0-9]", "", asked.casefold().rsplit("/", 1)[-1])
    return next((m for m, p in zip(responses.models, plain, strict=True) if p == wanted), None)


def agreement(
    forms: Sequence[Form], readings: Sequence[Reading], texts: Sequence[str], log: Mapping[str, Logged], how: str
) -> Agreement | None:
    """Scores of originals beside those of the log; None where no item has both."""
    both = [(f, r, t, log[f.of]) for f, r, t in zip(forms, readings, texts, strict=True) if f.of in log]
    differ = [one for one in both if abs(one[1].score - one[3].score) > NEAR]
    told = tuple(
        f"{f.of}: the log has {was.score:g}, here {r.score:g}, for the answer {shown(t, 60)!r} (read as "
        f"{'nothing' if r.prediction is None else repr(shown(r.prediction, 40))}, right is {shown(f.item.target, 40)!r})"
        for f, r, t, was in differ[:EXAMPLES]
    )
    known = [(t.strip(), was.text.strip()) for _, _, t, was in both if was.text is not None]
    others = sum(now != then for now, then in known) if known else None
    return Agreement(len(both), len(both) - len(differ), told, how, others) if both else None


def reread(forms: Sequence[Form], log: Mapping[str, Logged], scorer: Scorer) -> Agreement | None:
    """The answers of a log, read by a scorer: tells whether it is that of the log before anything is asked."""
    with_text = [f for f in forms if f.of in log and log[f.of].said]
    texts = [str(log[f.of].said) for f in with_text]
    return agreement(
        with_text, [scorer.read(f, t) for f, t in zip(with_text, texts, strict=True)], texts, log, "read again"
    )


def require(
    found: Agreement, scorer: Scorer, rule: str, warm: float | None = 0.0, again: Agreement | None = None
) -> None:
    """Refuse to go on where scores differ and no scorer was named.

    Args:
        found: The scores of originals, here and in the log.
        scorer: That is used.
        rule: How it reads answers.
        warm: Temperature of the log's answers; None where the log does not tell it.
        again: The log's own answers, read by this scorer; where it reads them as the log did, it is not what differs.

    Raises:
        BadInput: Fewer than 98 % agree; the message gives up to three items that differ.
    """
    if found.share >= LEAST or scorer.named:
        return
    # Where the log drew its answers at random no scorer can meet its scores.
    drawn = "" if warm == 0 else (
        f"The log's answers were drawn at temperature {warm:g}, and are others each time. " if warm
        else "The log names no temperature: its answers may have been drawn at random. "
    )  # fmt: skip
    listed = "\n".join(f"  {one}" for one in found.differing)
    if found.others is not None and again is not None and again.share >= LEAST:
        raise BadInput(
            f"{found}, fewer than {LEAST:.0%}. The scorer is that of the log, whose own answers it scores so in "
            f"{again.same:,} of {again.items:,} cases: {found.others:,} of {found.items:,} answers are other texts. {drawn}"
            "Rounding by another data type, batch or version does that, as do another prompt and other weights. Ask as the log "
            "did (--dtype, --prompt, --max-tokens, --log-model), or take the answers here as they are with --scorer by-item. "
            f"They differ at:\n{listed}"
        )
    raise BadInput(
        f"{found}, fewer than {LEAST:.0%}, so that what changes could not be told from what is scored otherwise. Name the scorer "
        f"of the log with --scorer ({SCORERS}), ask as the log did (--prompt, --max-tokens, --log-model), or take "
        f"the scores here as they are with --scorer by-item. {drawn}Answers are read so: {rule}. They differ at:\n{listed}"
    )
