"""Constraints that an answer has to meet, looked ahead to while it is written."""

from __future__ import annotations

from collections.abc import Sequence

from unseen.adaptation.prompting.base import Asker, Question, Said, nothing
from unseen.learners.language.lookahead import Search, sought
from unseen.tasks.instructions.checks import Checks


def deal(
    questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, weight: float = 8.0, branches: int = 3,
    ahead: int = 8, stride: int = 2, lines: int = 1,
) -> list[Said]:  # fmt: skip
    """Decoding as a search: each next token is judged by its likelihood and by the constraints that its continuation meets.

    The constraints are those that the question states; no right answer is looked at.

    Args:
        questions: With constraints that are checked by rule (``checks``).
        pool: Not looked at.
        asker: The model, which must run here.
        weight: Nats that meeting all constraints is worth.
        branches: Next tokens that are tried.
        ahead: Tokens by which each is continued before it is judged.
        stride: Tokens that are taken at a time.
        lines: Texts that are kept at a time.

    Raises:
        BadInput: The model runs elsewhere, or a question's ``checks`` are none.

    Source: Huang et al. (2025), DeAL: decoding-time alignment for large language models, section 3.
    """
    said = nothing(questions)
    how = Search(weight=weight, branches=branches, ahead=ahead, stride=stride, lines=lines)
    heuristics = [Checks.read(q.checks).progress for q in questions]
    prompts = [asker.prompt([(q.text, "")]) for q in questions]
    found = sought(asker.model, prompts, asker.short, heuristics, [q.checks for q in questions], how)
    for one, answer in zip(said, found, strict=True):
        one.text, one.tokens = answer.text, answer.tokens
    return said
