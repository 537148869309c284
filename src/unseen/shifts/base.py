"""What a shift is: the rule that says what is seen and what is not, with guarantees that it checks itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput

PAIRS = ((0, 1), (0, 2), (1, 2))


@dataclass(frozen=True, slots=True)
class Guarantee:
    """Something that a split promises, with what was measured on it.

    Attributes:
        name: What is promised ("no overlap", "matched length").
        holds: Whether it holds on this split.
        measured: The measurement in words.
    """

    name: str
    holds: bool
    measured: str


@dataclass(frozen=True)
class Split:
    """Training examples, held-out examples of the same distribution, and examples beyond it.

    Attributes:
        train: To fit on.
        seen: Held out, from the training distribution.
        unseen: Beyond it.
        guarantees: What was promised and checked.
    """

    train: Examples
    seen: Examples
    unseen: Examples
    guarantees: tuple[Guarantee, ...] = ()

    def __repr__(self) -> str:
        return f"Split(train={len(self.train)}, seen={len(self.seen)}, unseen={len(self.unseen)})"


class Shift(ABC):
    """A rule that splits examples. Final classes write ``unseen_rows`` and, where they promise more, ``promises``.

    Attributes:
        name: How the shift is called.
        seen_share: Share of the examples inside the training distribution that is held out as ``seen``.
    """

    name: ClassVar[str]
    seen_share: float = 0.2

    @abstractmethod
    def unseen_rows(self, examples: Examples, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers inside the training distribution, and row numbers beyond it (rows in neither are dropped)."""

    def promises(self, split: Split) -> list[Guarantee]:
        """What this shift promises beyond "no overlap", measured on a split."""
        return []

    def split(self, examples: Examples, rng: np.random.Generator) -> Split:
        """Split examples and check the guarantees.

        Args:
            examples: What to split; duplicates by ``item`` stay on one side.
            rng: Decides which examples are held out as seen.

        Raises:
            BadInput: A side would be empty, or a guarantee can't be met; the message gives the counts.
        """
        inside, beyond = self.unseen_rows(examples, rng)
        train, seen = hold_out(examples, np.asarray(inside, dtype=np.int64), self.seen_share, rng)
        for side, rows in (("train", train), ("seen", seen), ("unseen", beyond)):
            if len(rows) == 0:
                raise BadInput(
                    f"the shift {self.describe()} leaves the side {side!r} empty: {len(inside)} of {len(examples)} "
                    f"examples lie inside the training distribution, {len(beyond)} beyond. "
                    "Move its boundary, or draw more examples."
                )
        made = Split(examples.take(train), examples.take(seen), examples.take(beyond))
        guarantees = [no_overlap(made), *self.promises(made)]
        broken = [g for g in guarantees if not g.holds]
        if broken:
            raise BadInput(
                f"the shift {self.describe()} can't keep its promise {broken[0].name!r}: {broken[0].measured}."
            )
        return Split(made.train, made.seen, made.unseen, tuple(guarantees))

    def describe(self) -> str:
        """The shift with its parameters, for messages."""
        parameters = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if k != "seen_share")
        return f"{self.name}({parameters})"


def hold_out(
    examples: Examples, rows: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Divide rows into train and held-out by item, so that no item stands on both sides."""
    if "item" not in examples.table.columns:
        order = rng.permutation(rows)
        cut = round(len(rows) * share)
        return np.sort(order[cut:]), np.sort(order[:cut])
    # Ranks of the names as text: the order in which numpy would sort them, at a tenth of the time.
    names = examples.table["item"][rows].cast(pl.String).fill_null("None")
    group = names.rank("dense").to_numpy().astype(np.int64) - 1
    items = int(group.max(initial=-1)) + 1
    chosen = np.zeros(items, dtype=bool)
    chosen[rng.permutation(items)[: round(items * share)]] = True
    return rows[~chosen[group]], rows[chosen[group]]


def no_overlap(split: Split) -> Guarantee:
    """No item, and no input, stands on two sides."""
    key = "item" if "item" in split.train.table.columns else split.train.inputs[0]
    parts = [part.table[key] for part in (split.train, split.seen, split.unseen)]
    if all(part.dtype == pl.String for part in parts):
        # A hash join instead of sets of Python text: a tenth of the time on hundreds of thousands of rows.
        sides = [part.to_frame().unique() for part in parts]
        shared = sum(sides[a].join(sides[b], on=key, how="semi", nulls_equal=True).height for a, b in PAIRS)
    else:
        texts = [set(map(str, part.to_list())) for part in parts]
        shared = sum(len(texts[a] & texts[b]) for a, b in PAIRS)
    return Guarantee("no overlap", shared == 0, f"{shared} values of {key!r} stand on two sides")


def matched_marginals(split: Split, names: Sequence[str]) -> Guarantee:
    """The distribution over every combination of these factors is the same inside and beyond the training side.

    Train and seen are taken together: ``seen`` is a random part of them, so it agrees up to chance alone.
    """
    inside = pl.concat([split.train.table.select(*names), split.seen.table.select(*names)])
    a, b = (
        {tuple(r[:-1]): r[-1] / side.height for r in side.group_by(*names).len().iter_rows()}
        for side in (inside, split.unseen.table.select(*names))
    )
    gap = 0.5 * sum(abs(a.get(k, 0.0) - b.get(k, 0.0)) for k in a.keys() | b.keys())
    return Guarantee(f"matched {', '.join(names)}", gap <= 0.1, f"total variation distance {gap:.3f} (at most 0.1)")


def require_factor(examples: Examples, name: str) -> np.ndarray:
    """The values of a factor, or BadInput with the names there are."""
    from difflib import get_close_matches

    if name not in examples.table.columns:
        near = get_close_matches(name, examples.table.columns, 3, 0.5)
        raise BadInput(
            f"no factor {name!r}; the factors are {', '.join(examples.factors) or 'none'}."
            + (f" Did you mean {', '.join(near)}?" if near else "")
        )
    return examples.column(name)
