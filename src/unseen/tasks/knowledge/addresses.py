"""Opens made-up worlds by their addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from unseen.errors import BadInput
from unseen.tasks.knowledge import books, genes
from unseen.tasks.knowledge.worlds import World

MAKERS: Mapping[str, Callable[[int, int], World]] = {genes.KIND: genes.genes, books.KIND: books.books}
LARGEST = 5000


def opened(address: str) -> World:
    """The world of an address such as ``genes/0/60`` (kind, seed, size), as questions about it name it in ``api``.

    Raises:
        BadInput: There is no such kind of world, or seed or size are no whole numbers, or too large.

    >>> opened("genes/0/40").call("find(gene, symbol, nothing)")
    '[]'
    """
    kind, *rest = address.split("/")
    numbers = [int(n) for n in rest if n.isascii() and n.isdigit() and len(n) < 17]
    if kind not in MAKERS or len(numbers) != 2 or len(rest) != 2 or not 2 <= numbers[1] <= LARGEST:
        raise BadInput(
            f"no world {address!r}: an address is KIND/SEED/SIZE, kinds are {', '.join(sorted(MAKERS))}, and sizes go up to "
            f"{LARGEST:,}."
        )
    return MAKERS[kind](*numbers)
