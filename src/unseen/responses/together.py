"""Answers in several data frames, by the names of their models or one below the other, as one set of responses."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import value as shortened
from unseen.responses.frames import apply_unseen, from_table
from unseen.responses.mapping import Mapping
from unseen.responses.matching import matched
from unseen.responses.table import Responses


def is_several(given: Any) -> bool:
    """Whether these are data frames, in a list or by their names.

    >>> frame = pl.DataFrame({"item": ["a"], "score": [1.0]})
    >>> is_several([frame]), is_several({"gpt": frame}), is_several(frame), is_several({"item": ["a"]})
    (True, True, False, False)
    """
    held = list(given.values()) if isinstance(given, AnyMapping) else given if isinstance(given, list | tuple) else []
    return bool(held) and all(_is_frame(one) for one in held)


def together(given: Any, mapping: Mapping = Mapping()) -> Responses:  # noqa: B008
    """One set of responses of several data frames; items are joined as those of several files are.

    Args:
        given: Frames by the name of the model that each holds, or a list of frames that name their models.
        mapping: The user's names of columns, which are those of each frame.

    Raises:
        BadInput: A frame can't be used (the message says which), or two give one answer different scores.

    >>> one, two = (pl.DataFrame({"item": ["a", "b"], "score": s}) for s in ([1.0, 0.0], [1.0, 1.0]))
    >>> together({"small": one, "large": two}).models
    ('large', 'small')
    """
    named = given.items() if isinstance(given, AnyMapping) else ((f"table {i + 1}", one) for i, one in enumerate(given))
    tables, names, notes = list[pl.DataFrame](), list[str](), list[str]()
    for name, one in named:
        of = replace(mapping, unseen=None, factors={})
        if isinstance(given, AnyMapping):
            if not isinstance(name, str) or not name.strip():
                raise BadInput(
                    f"{shortened(name)!r} names no model: data frames stand under the names of their models."
                )
            of = replace(of, model=name)
        try:
            read = from_table(one, of)
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from None
        tables.append(read.table)
        names.append(str(name))
        notes += [str(n) for n in read.notes if str(n) not in notes]
    if not isinstance(given, AnyMapping) and len(tables) > 1:
        _require_models(given, tables, mapping)
    table, decided = matched(tables, names)
    ready = Mapping(factors=mapping.factors, score_range=mapping.score_range)
    made = from_table(table, ready, notes=(f"{len(names):,} tables were read: {', '.join(names)}.", *notes, *decided))
    if mapping.unseen is None:
        return made
    return apply_unseen(made, mapping.unseen, aliases=mapping.aliases)


def _require_models(given: Any, tables: list[pl.DataFrame], mapping: Mapping) -> None:
    """BadInput where frames in a list hold one nameless model each, which can't be told from one another."""
    column = mapping.model_column or "model"
    nameless = [
        column not in list(one.columns) and t["model"].n_unique() == 1 for one, t in zip(given, tables, strict=True)
    ]
    if sum(nameless) > 1 and len({t["model"][0] for t in tables}) == 1:
        raise BadInput(
            "these tables don't name their models, so that they can't be told apart. Give them by name: "
            '{"model-a": frame, "model-b": frame}.'
        )


def _is_frame(given: Any) -> bool:
    """A data frame of any library: it has rows and named columns."""
    return not isinstance(given, AnyMapping) and hasattr(given, "columns") and len(getattr(given, "shape", ())) == 2
