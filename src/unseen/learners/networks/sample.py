"""Examples of a network as tensors: what it reads, what it should answer, what was sampled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.plain_text import names

# Items of a torch Dataset that are stacked at most; a larger one is to be given as tensors.
MOST_STACKED = 500_000
# Inputs that are so few are also factors, by which answers are told apart; more are pixels, or alike.
FEW_INPUTS = 12
# Columns that say what a row is, which no network reads.
NOT_READ = ("item", "split", "fold")
# Columns that hold the tokens of a language model, where none is named.
TOKENS = ("tokens", "input_ids")


@dataclass(frozen=True)
class Sample:
    """Inputs and targets of one kind of examples.

    Attributes:
        inputs: Shape (n, …), as the network reads them.
        targets: Shape (n,) or (n, …): whole numbers are classes, others are numbers to be predicted.
        name: What it is called in messages: "train", "test".
        table: Factors and names of the examples, one row each; no columns where none are known.
        cluster: What was sampled together, shape (n,); by default each example is by itself.

    Raises:
        BadInput: Inputs and targets differ in number, there are none, or one is not finite.
    """

    inputs: Tensor
    targets: Tensor
    name: str = "train"
    table: pl.DataFrame = field(default_factory=pl.DataFrame)
    cluster: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if n == 0:
            raise BadInput(f"{self.name}: there are no examples.")
        if len(self.targets) != n:
            raise BadInput(f"{self.name}: {n:,} inputs, but {len(self.targets):,} targets. Give one target an input.")
        for what, values in (("input", self.inputs), ("target", self.targets)):
            if not values.is_floating_point():
                continue
            bad = ~torch.isfinite(values).reshape(n, -1).all(1)
            if bool(bad.any()):
                row = int(bad.nonzero()[0, 0])
                raise BadInput(
                    f"{self.name}: the {what} of row {row} is not finite ({int(bad.sum()):,} of {n:,} rows). "
                    "Fill such values as they were filled in training, or leave the rows out."
                )

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def classes(self) -> bool:
        """Whether the targets are classes."""
        return not self.targets.is_floating_point()

    @property
    def sequences(self) -> bool:
        """Whether each place of an input has a class as its target: the tokens of a language model."""
        return self.classes and self.targets.dim() == 2 and self.inputs.shape[:2] == self.targets.shape

    @property
    def clusters(self) -> np.ndarray:
        """What was sampled together as integers from 0, shape (n,)."""
        if self.cluster is None:
            return np.arange(len(self))
        return np.unique(self.cluster, return_inverse=True)[1]

    def items(self, *, bare: bool = False) -> list[str]:
        """Names of the examples: those of the column ``item``, else "train 0", "train 1" and so on.

        Args:
            bare: Only the number, where there is no such column.
        """
        if "item" in self.table.columns:
            return self.table["item"].cast(pl.String).to_list()
        return [str(i) if bare else f"{self.name} {i}" for i in range(len(self))]

    def take(self, rows: np.ndarray | Sequence[int]) -> Sample:
        """The examples at these row numbers, in that order."""
        index = np.asarray(rows, dtype=np.int64)
        at = torch.as_tensor(index)
        table = self.table[index] if self.table.width else self.table
        return Sample(
            self.inputs[at], self.targets[at], self.name, table, None if self.cluster is None else self.cluster[index]
        )

    @classmethod
    def tokens(
        cls, given: Any, *, tokenizer: Any = None, length: int | None = None, inputs: Sequence[str] = (),
        drop: Sequence[str] = (), cluster: str | None = None, name: str = "train",
    ) -> Sample:  # fmt: skip
        """Sequences of tokens, of which a language model foretells each from those before.

        Args:
            given: A list of sequences of token numbers, an array (n, places), or texts with a tokenizer; or a data frame whose
                column ``inputs`` (or the only column of lists) holds one of these.
            tokenizer: Called with a list of texts, gives their numbers, or something with ``input_ids`` (as those of Hugging
                Face).
            length: Tokens at most; what is longer is cut.
            inputs: The column that is read, of a data frame.
            drop: Columns of it that tell nothing of a row.
            cluster: Column of what was sampled together (document, author).
            name: What it is called in messages.

        Returns:
            Inputs (n, places), filled up on the right with their first token, and the token that follows as the target of each
            place: -100 at the last one and where it was filled up.

        Raises:
            BadInput: There are texts without a tokenizer, or a sequence has fewer than two tokens.

        >>> Sample.tokens([[5, 6, 7], [8, 9]]).targets.tolist()
        [[6, 7, -100], [9, -100, -100]]
        """
        if isinstance(given, cls):
            return given
        table, groups, read = pl.DataFrame(), None, given
        if hasattr(given, "columns"):
            frame = _frame(given)
            column = _token_column(frame, tuple(inputs), name)
            read = frame[column].to_list()
            known = {column, cluster, *drop}
            table = frame.select(c for c, t in frame.schema.items() if c not in known and not t.is_nested())
            if cluster is not None and cluster not in frame.columns:
                raise BadInput(f"{name}: no column {cluster!r}; the columns are {names(frame.columns, 12)}.")
            groups = None if cluster is None else frame[cluster].to_numpy()
        return cls(*_next(_numbered(read, tokenizer, length, name)), name, table, groups)

    @classmethod
    def of(cls, given: Any, *, target: str | None = None, inputs: Sequence[str] = (), drop: Sequence[str] = (),
           cluster: str | None = None, name: str = "train") -> Sample:  # fmt: skip
        """Examples in whatever form they are kept.

        Args:
            given: ``(inputs, targets)`` as arrays or tensors, a torch ``Dataset`` of such pairs, ``Examples``, or a data frame.
            target: Column to predict, where a data frame is given.
            inputs: Columns that the network reads, in their order: numbers, or one column of arrays. By default every numeric
                column but target and cluster.
            drop: Columns that it does not read.
            cluster: Column of what was sampled together.
            name: What it is called in messages.

        Raises:
            BadInput: It is none of these, or a column is missing or holds no numbers.

        >>> sample = Sample.of(([[0.0, 1.0], [1.0, 0.0]], [0, 1]))
        >>> tuple(sample.inputs.shape), sample.inputs.dtype, sample.classes
        ((2, 2), torch.float32, True)
        """
        if isinstance(given, Sample):
            return given
        if isinstance(given, Examples):
            target = target or given.target
            inputs = inputs or given.inputs
            given = given.table
        if isinstance(given, tuple | list) and len(given) == 2 and not isinstance(given, str):
            return cls(_tensor(given[0], f"{name}: inputs"), _targets(given[1], f"{name}: targets"), name)
        if hasattr(given, "__getitem__") and hasattr(given, "__len__") and isinstance(given, torch.utils.data.Dataset):
            return _stacked(given, name)
        if not hasattr(given, "columns"):
            raise BadInput(
                f"{name}: got {type(given).__name__}. Give (inputs, targets), a torch Dataset, or a data frame with target=COLUMN."
            )
        return _of_frame(_frame(given), target, tuple(inputs), tuple(drop), cluster, name)


def _frame(given: Any) -> pl.DataFrame:
    if isinstance(given, pl.DataFrame):
        return given
    import narwhals as nw

    return pl.DataFrame(nw.from_native(given, eager_only=True).to_arrow())


def _of_frame(
    table: pl.DataFrame,
    target: str | None,
    inputs: tuple[str, ...],
    drop: tuple[str, ...],
    cluster: str | None,
    name: str,
) -> Sample:
    if target is None:
        raise BadInput(
            f"{name}: name the column that is predicted (target). The columns are {names(table.columns, 12)}."
        )
    for column in (target, *inputs, *drop, *((cluster,) if cluster else ())):
        if column not in table.columns:
            raise BadInput(f"{name}: no column {column!r}; the columns are {names(table.columns, 12)}.")
    known = {target, cluster, *drop, *NOT_READ}
    chosen = inputs or tuple(
        c for c, t in table.schema.items() if c not in known and (t.is_numeric() or t == pl.Boolean or t.is_nested())
    )
    if not chosen:
        raise BadInput(f"{name}: no numeric column beside the target {target!r}. Name what the network reads: inputs.")
    parts: list[Tensor] = []
    for column in chosen:
        series = table[column]
        if series.null_count():
            row = int(series.is_null().arg_max() or 0)
            raise BadInput(
                f"{name}: column {column!r} is empty in row {row}. Fill it as in training, or leave the row out."
            )
        if not (series.dtype.is_numeric() or series.dtype == pl.Boolean or series.dtype.is_nested()):
            raise BadInput(
                f"{name}: column {column!r} holds {series.dtype}, and a network reads numbers. Encode it as in training."
            )
        values = series.to_numpy() if not series.dtype.is_nested() else _array(series, name)
        parts.append(_tensor(values, f"{name}: column {column!r}"))
    if len(parts) == 1:
        read = parts[0] if parts[0].dim() > 1 else parts[0].float()[:, None]
    else:
        flat = [p[:, None] if p.dim() == 1 else p.reshape(len(p), -1) for p in parts]
        read = torch.cat([p.float() for p in flat], 1)
    factors = [c for c in table.columns if c not in (target, cluster) and not table.schema[c].is_nested()]
    rest = table.select(c for c in factors if c not in chosen or len(chosen) <= FEW_INPUTS)
    return Sample(
        read,
        _targets(table[target].to_numpy(), f"{name}: column {target!r}"),
        name,
        rest,
        table[cluster].to_numpy() if cluster else None,
    )


def _token_column(frame: pl.DataFrame, inputs: tuple[str, ...], name: str) -> str:
    lists = [c for c, t in frame.schema.items() if t.is_nested()]
    found = inputs or tuple(c for c in TOKENS if c in frame.columns) or tuple(lists)
    if len(found) != 1 or found[0] not in frame.columns:
        raise BadInput(
            f"{name}: name the one column that holds the tokens (inputs); the columns are {names(frame.columns, 12)}."
        )
    return found[0]


def _numbered(given: Any, tokenizer: Any, length: int | None, name: str) -> list[np.ndarray]:
    """Sequences of token numbers."""
    read: list[Any] = list(given)
    if not read:
        raise BadInput(f"{name}: there are no examples.")
    if isinstance(read[0], str):
        if tokenizer is None:
            raise BadInput(f"{name}: holds texts; give the tokenizer of the network, or the numbers of their tokens.")
        told: Any = tokenizer(read)
        read = list(told["input_ids"] if hasattr(told, "keys") else getattr(told, "input_ids", told))
    made: list[np.ndarray] = []
    for row, one in enumerate(read):
        values = np.asarray(one.tolist() if isinstance(one, Tensor) else one)
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise BadInput(f"{name}: row {row} is no sequence of token numbers.")
        if len(values) < 2:
            raise BadInput(
                f"{name}: row {row} has {len(values)} tokens; two are needed for one to be foretold. Leave it out."
            )
        made.append(values[:length].astype(np.int64))
    return made


def _next(sequences: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Inputs, filled up on the right, and what follows each place."""
    longest = max(map(len, sequences))
    inputs = torch.stack(
        [torch.tensor(np.pad(one, (0, longest - len(one)), constant_values=one[0])) for one in sequences]
    )
    targets = torch.full_like(inputs, -100)
    for row, one in enumerate(sequences):
        targets[row, : len(one) - 1] = torch.tensor(one[1:])
    return inputs, targets


def _array(series: pl.Series, name: str) -> np.ndarray:
    try:
        return np.stack([np.asarray(v, dtype=np.float32) for v in series.to_list()])
    except (ValueError, TypeError) as error:
        raise BadInput(f"{name}: the arrays of column {series.name!r} differ in shape or hold no numbers.") from error


def _stacked(data: Any, name: str) -> Sample:
    if len(data) > MOST_STACKED:
        raise BadInput(
            f"{name}: {len(data):,} items of a Dataset. Give a subset of at most {MOST_STACKED:,}, or tensors."
        )
    pairs = [data[i] for i in range(len(data))]
    if not pairs or not isinstance(pairs[0], tuple | list) or len(pairs[0]) != 2:
        first = type(pairs[0]).__name__ if pairs else "missing"
        raise BadInput(f"{name}: items of a Dataset are pairs (input, target); the first here is {first}.")
    try:
        inputs = torch.stack([torch.tensor(np.asarray(x)) for x, _ in pairs])
    except (RuntimeError, TypeError, ValueError) as error:
        raise BadInput(
            f"{name}: the inputs of this Dataset can't be stacked ({error}). Pad or crop them to one shape."
        ) from error
    return Sample(
        _tensor(inputs, f"{name}: inputs"), _targets([np.asarray(y) for _, y in pairs], f"{name}: targets"), name
    )


def _tensor(values: Any, what: str) -> Tensor:
    """Numbers as float32, whole numbers (tokens) as int64."""
    try:
        made = values.detach() if isinstance(values, Tensor) else torch.tensor(np.asarray(values))
    except (TypeError, ValueError) as error:
        raise BadInput(f"{what}: hold no numbers ({error}). Encode them as in training.") from error
    if made.dtype == torch.bool or made.dtype == torch.uint8 or made.is_floating_point():
        return made.float()
    if made.is_complex():
        raise BadInput(f"{what}: are complex numbers; a network reads real ones.")
    return made.long()


def _targets(values: Any, what: str) -> Tensor:
    array = values.detach() if isinstance(values, Tensor) else np.asarray(values)
    if not isinstance(array, Tensor) and array.dtype.kind not in "biuf":
        held = {"O": "text or mixed values", "U": "text", "S": "text"}.get(array.dtype.kind, array.dtype.name)
        raise BadInput(
            f"{what}: hold {held}; give the numbers of the classes, as the network's outputs are counted (0 for the first)."
        )
    made = torch.as_tensor(array) if isinstance(array, Tensor) else torch.tensor(array)
    if made.is_floating_point():
        return made.float()
    # Classes as one column are classes.
    return made.long()[:, 0] if made.dim() == 2 and made.shape[1] == 1 else made.long()
