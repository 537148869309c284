"""Variants of items that keep the right answer: one file a kind."""

from __future__ import annotations

from collections.abc import Sequence

from unseen.errors import BadInput
from unseen.probing.variants.base import Broken, Variant
from unseen.probing.variants.context import Context
from unseen.probing.variants.formats import Format
from unseen.probing.variants.length import Length
from unseen.probing.variants.names import Names
from unseen.probing.variants.numbers import Numbers
from unseen.probing.variants.order import Order
from unseen.probing.variants.paraphrase import Paraphrase
from unseen.probing.variants.typos import Typos

KINDS: dict[str, Variant] = {
    v.name: v for v in (Order(), Length(), Format(), Context(), Names(), Numbers(), Paraphrase(), Typos())
}


def variants_named(names: Sequence[str]) -> list[Variant]:
    """Variants by their names; all of them where none is named.

    Raises:
        BadInput: There is no such kind.

    >>> [v.name for v in variants_named(["typos", "order"])]
    ['typos', 'order']
    >>> variants_named(["ordering"])
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: no kind of variant 'ordering'. The kinds are order, length, format, context, names, numbers, ...
    """
    wrong = next((n for n in names if n not in KINDS), None)
    if wrong is not None:
        raise BadInput(f"no kind of variant {wrong[:40]!r}. The kinds are {', '.join(KINDS)}.")
    return [KINDS[n] for n in dict.fromkeys(names)] if names else list(KINDS.values())


__all__ = ["KINDS", "Broken", "Variant", "variants_named"]
