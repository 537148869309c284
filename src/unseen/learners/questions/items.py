"""Items that can be asked again, taken from any table of answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import polars as pl

from unseen.errors import BadInput
from unseen.learners.questions.frames import Frame, framed, last_turn
from unseen.learners.questions.layout import ASKED, LETTERS
from unseen.responses import Responses
from unseen.responses.columns import infer_factors
from unseen.responses.mapping import EITHER, SYNONYMS
from unseen.tasks.instructions.checks import Checks

# "A. Paris", "(B) Rome", "c) Oslo" at the beginning of a line.
OPTION_LINE = re.compile(r"^[ \t]*\(?([A-Za-z])[.):][ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
# What models of a log answered belongs to the answer, and texts of an item are asked, not copied.
NOT_OF_ITEMS = ("variant", "variant_level", "key_position", "n_options")


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its right answer.

    Attributes:
        name: The item in the log.
        question: The text, without its options.
        target: The right answer, as text; of lettered options the text of the right one.
        options: Texts of the options, in the order of the log; empty where there are none.
        cluster: What it was sampled with, where the log says so.
        parent: The composite item of which it is a part.
        factors: What else the log says of it.
        frame: How the log asked it, where the log tells; a variant then goes into that prompt.
        unframed: Why there is no frame, where the log tells how it asked.
        label: The right answer in the log where it is a label, with {} for the letter or number; else empty.
        split: The side of it, where the log says so.
        checks: What scores an answer where no text is the right one: the constraints of an instruction, as JSON.
    """

    name: str
    question: str
    target: str
    options: tuple[str, ...] = ()
    cluster: str | None = None
    parent: str | None = None
    factors: Mapping[str, Any] = field(default_factory=dict[str, Any])
    frame: Frame | None = None
    unframed: str = ""
    label: str = ""
    split: str | None = None
    checks: str = ""

    @property
    def checked(self) -> Checks | None:
        """What scores an answer, where no text is the right one.

        Raises:
            BadInput: ``checks`` holds something else.
        """
        return Checks.read(self.checks) if self.checks else None

    @property
    def wanted(self) -> str:
        """The right answer as the log's own scorer compares it: its text, or the label of the right option.

        >>> Item("a", "Capital of France?", "Rome", ("Paris", "Rome"), label="({})").wanted
        '(B)'
        """
        if not self.label or self.key is None:
            return self.target
        return self.label.replace("{}", LETTERS[self.key])

    @property
    def key(self) -> int | None:
        """Place of the right option; None without options.

        >>> Item("a", "Capital of France?", "Rome", ("Paris", "Rome")).key
        1
        """
        return self.options.index(self.target) if self.options else None


@dataclass(frozen=True, slots=True)
class Left:
    """Items that can't be asked.

    Attributes:
        why: The reason.
        count: How many.
        first: Name of the first.
    """

    why: str
    count: int
    first: str

    def __str__(self) -> str:
        return f"{self.count:,} left out ({self.why}; first: {self.first})"


def items_of(given: Responses | pl.DataFrame) -> tuple[list[Item], list[Left]]:
    r"""The original items of a table, each once, and why others are left out.

    Options come from a column ``choices`` (readers of lm-eval and Inspect fill it), else from lines of the question that
    begin with letters in their order. The right option is found by its text or by its letter. A table of items, which nobody
    answered yet, needs no more than ``question`` and ``target``.

    >>> import polars as pl
    >>> log = pl.DataFrame({"model": "m", "item": ["1", "2"], "score": [1, 0], "target": ["B", None],
    ...     "question": ["Capital of Italy?\nA. Paris\nB. Rome", "2 + 2 ="]})
    >>> items, left = items_of(Responses.of(log))
    >>> items[0].question, items[0].options, items[0].target, str(left[0])
    ('Capital of Italy?', ('Paris', 'Rome'), 'Rome', '1 left out (no right answer; first: 2)')
    """
    table = given.table if isinstance(given, Responses) else numbered(given)
    factors = given.factors if isinstance(given, Responses) else infer_factors(table, {})
    refused = [] if isinstance(given, Responses) else _named_again(table)
    table = table.unique("item", keep="first", maintain_order=True)
    kept = [n for n in factors if n in table.columns and n not in NOT_OF_ITEMS]
    items: list[Item] = []
    for row in table.iter_rows(named=True):
        made = _item(row, kept)
        if isinstance(made, Item):
            items.append(made)
        elif made:
            refused.append((made, str(row["item"])))
    counts = Counter(why for why, _ in refused)
    first = dict(reversed(refused))
    return items, [Left(why, count, first[why]) for why, count in counts.items()]


def numbered(table: pl.DataFrame) -> pl.DataFrame:
    """Items with names: their numbers where they have none.

    >>> numbered(pl.DataFrame({"item": [7, None]}))["item"].to_list()
    ['7', 'row 2']
    """
    if "item" not in table.columns:
        return table.with_row_index("item", 1).with_columns(pl.col("item").cast(pl.String))
    number = pl.lit("row ") + pl.int_range(1, pl.len() + 1).cast(pl.String)
    return table.with_columns(pl.col("item").cast(pl.String).fill_null(number))


def _named_again(table: pl.DataFrame) -> list[tuple[str, str]]:
    """Rows with the name of an earlier one and another question: names don't tell them apart, so that the first is kept."""
    if "question" not in table.columns:
        return []
    question = pl.col("question").cast(pl.String)
    again = table.filter(question.ne_missing(question.first().over("item")))
    return [("another question under the name of an earlier item", name) for name in again["item"].to_list()]


def items_in(
    table: pl.DataFrame, columns: Mapping[str, str] = MappingProxyType({}), *, what: str = "the table"
) -> pl.DataFrame | None:
    """A table of items that nobody answered, with our names of columns; None where it is none, or holds scores.

    Args:
        table: Any table.
        columns: Role → the user's column, of those that were named.
        what: What the table is called in a message.

    Raises:
        BadInput: There are questions that nobody answered, and no column of right answers, without which no answer can be scored.

    >>> items_in(pl.DataFrame({"id": [7], "prompt": ["2 + 2 ="], "gold": ["4"]}))
    shape: (1, 3)
    ...
    >>> items_in(pl.DataFrame({"question": ["2 + 2 ="], "target": ["4"], "correct": [1]})) is None
    True
    >>> items_in(pl.DataFrame({"question": ["2 + 2 ="], "answer": ["4"]})).columns
    ['question', 'target']
    >>> items_in(pl.DataFrame({"question": ["2 + 2 ="], "level": [1]}))
    Traceback (most recent call last):
    unseen.errors.BadInput: the table has questions ('question') but no column of right answers (target, reference, ...
    """
    named = {}
    for role in ("item", "question", "target"):
        named_so = (columns[role],) if role in columns else (role, *SYNONYMS[role])
        found = next((c for c in named_so if c in table.columns and c not in named), None)
        if found is not None:
            named[found] = role
    said = ("model", "score", "prediction")
    answered = any(role in columns or {role, *SYNONYMS[role]} & set(table.columns) for role in said)
    if "target" not in named.values() and not answered:
        # Nobody answered, so that the column ``answer`` can only be the right one.
        named |= {c: "target" for c in (EITHER, "label") if c in table.columns and "target" not in named.values()}
    options = next((c for c in ("choices", "options", "endings") if c in table.columns), None)
    named |= {options: "choices"} if options else {}
    scored = "score" in columns or {"score", *SYNONYMS["score"]} & set(table.columns)
    if scored or "question" not in named.values() or any(c not in table.columns for c in columns.values()):
        return None
    if "target" not in named.values():
        if answered:
            return None
        raise BadInput(
            f"{what} has questions ({next(c for c, role in named.items() if role == 'question')!r}) but no column of right "
            f"answers ({', '.join(('target', *SYNONYMS['target'], EITHER))}), by which an answer could be scored; the columns are "
            f"{', '.join(map(repr, table.columns))}. Add one, or rename the column that holds them."
        )
    return table.rename(named)


def _item(row: Mapping[str, Any], factors: Sequence[str]) -> Item | str:
    """The item of a row; else why it is none, "" for a variant, whose original is asked."""
    if row.get("variant_of") not in (None, row["item"]):
        return ""
    question, target = str(row.get("question") or "").strip(), row.get("target")
    if not question:
        return "no text of the question"
    if target is None or not str(target).strip():
        return "no right answer"
    target = str(target).strip()
    given = row.get("choices")
    if isinstance(given, list) and len(given) > 1 and not all(map(_shows, given)):
        return "an option is empty"
    question, options = split_options(last_turn(row.get("as_asked"), question), given)
    label = ""
    if options:
        if len(options) > len(LETTERS):
            return f"more than {len(LETTERS)} options, for which there are no letters"
        if len(set(options)) < len(options):
            return "two options are the same"
        at = place_of(target, options)
        if at is None:
            parts = [p for p in re.split(r"[;,]\s*|\s+and\s+", target) if p]
            several = len(parts) > 1 and all(place_of(p, options) is not None for p in parts)
            return "several options are right" if several else "the right answer is none of the options"
        # Another case of the letter counts as upper case: what is compared is compared so by every tool.
        label = target.upper().replace(LETTERS[at], "{}", 1) if target.casefold() != options[at].casefold() else ""
        target = options[at]
    cluster = row.get("cluster")
    own = {name: row[name] for name in factors}
    parent = None if row.get("parent") in (None, row["item"]) else str(row["parent"])
    frame = framed(row.get("as_asked"), question, options)
    return Item(
        str(row["item"]), question, target, options, None if cluster is None else str(cluster), parent, own,
        *((frame, "") if isinstance(frame, Frame) else (None, frame)), label, row.get("split"),
        checks=str(row.get("checks") or ""),
    )  # fmt: skip


def _shows(option: Any) -> bool:
    r"""Whether an option holds anything that can be seen.

    >>> _shows("a"), _shows(" "), _shows("\u200b"), _shows(None)
    (True, False, False, False)
    """
    return option is not None and any(c.isprintable() and not c.isspace() for c in str(option))


def split_options(question: str, choices: Any = None) -> tuple[str, tuple[str, ...]]:
    r"""A question without its options, and these.

    Args:
        question: The text, which may hold them as lettered lines.
        choices: The options, where they are known.

    >>> split_options("Which?\n(A) one\n(B) two")
    ('Which?', ('one', 'two'))
    >>> split_options("Which is right: A. or B.?")
    ('Which is right: A. or B.?', ())
    """
    for asked in ASKED.values():
        # A log of a probe holds questions as they were asked.
        question = question.removesuffix(asked).rstrip()
    given = tuple(str(c).strip() for c in choices) if isinstance(choices, list) and len(choices) > 1 else ()
    lines = list(OPTION_LINE.finditer(question))
    # Only a run that begins with A and goes on in the order of the letters is a list of options.
    starts = [i for i, line in enumerate(lines) if line[1].upper() == "A"]
    if starts:
        run = lines[starts[-1] :]
        if len(run) > 1 and [line[1].upper() for line in run] == list(LETTERS[: len(run)]):
            found = tuple(line[2] for line in run)
            if not given or set(found) == set(given):
                rest = question[: run[0].start()] + question[run[-1].end() :]
                return rest.strip(), given or found
    return question, given if all(given) else ()


def place_of(target: str, options: Sequence[str]) -> int | None:
    """Place of the right option, told by its text or its letter.

    >>> place_of("(b)", ["Paris", "Rome"]), place_of("Rome", ["Paris", "Rome"]), place_of("C", ["Paris", "Rome"])
    (1, 1, None)
    """
    if target in options:
        return list(options).index(target)
    folded = [o.casefold() for o in options]
    if folded.count(target.casefold()) == 1:
        return folded.index(target.casefold())
    letter = target.strip("().: ").upper()
    at = LETTERS.find(letter) if len(letter) == 1 else -1
    return at if 0 <= at < len(options) else None
