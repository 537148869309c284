"""Language models from the command line: the part that ``probe`` and ``improve`` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unseen.learners.language.kept import Kept


def opened(
    name: str, *, chat: bool | None = None, tokens: int | None = None, money: float | None = None,
    price_in: float | None = None, price_out: float | None = None, at_once: int | None = None, dtype: str | None = None,
) -> Kept:  # fmt: skip
    """A model by its name; its answers are kept.

    Args:
        name: A folder, a file, or a provider and model.
        chat: Whether it is sent messages; None lets it decide.
        tokens: Most tokens; with the next three the budget.
        money: Most money.
        price_in: Of a million tokens of prompts.
        price_out: Of a million tokens of answers.
        at_once: Calls at a time.
        dtype: Data type of a model that runs here; None for bfloat16, or float32 where the processor has no bfloat16.

    Raises:
        BadInput: There is no such model, or it takes no such setting.
    """
    from unseen.learners.language.calls import Budget
    from unseen.learners.language.named import language_model
    from unseen.learners.language.processor import dtype_setting

    settings: dict[str, Any] = {}
    if any(given is not None for given in (tokens, money, price_in, price_out)):
        settings["budget"] = Budget(tokens, money, price_in, price_out)
    # An endpoint continues text at another address than it answers messages.
    if chat is False and name.startswith("openai:"):
        settings["api"] = "completions"
    if at_once is not None:
        settings["at_once"] = at_once
    return language_model(name, **settings, **dtype_setting(name, dtype))
