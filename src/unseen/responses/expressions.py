"""A small language for conditions over columns: ``digits > 2 or (site in ['a', 'b'] and not easy)``.

Nothing is evaluated as code: a tokenizer and a recursive-descent parser build a polars expression.

    or      := and ("or" and)*
    and     := not ("and" not)*
    not     := "not" not | compare
    compare := operand (op operand)* | operand ["not"] "in" list | operand "contains" operand
    operand := "(" or ")" | number | text | true | false | null | column | `column with spaces`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from typing import Any, Literal, NoReturn

import polars as pl

from unseen.errors import BadInput
from unseen.plain_text import names, value
from unseen.plain_text import value as shortened

Type = Literal["condition", "number", "text", "time", "set", "null", "other"]
WORDS = frozenset({"and", "or", "not", "in", "contains", "true", "false", "null", "none"})
OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">="})
# Deeper nesting is never written by hand and would exhaust the stack.
MAX_DEPTH = 60
# Longer conditions, and numbers of more digits, are never written by hand and take time or memory without end.
MAX_LENGTH = 20_000
MAX_TOKENS = 2_000
MAX_DIGITS = 30
# Characters of a long condition that an error shows on either side of the fault.
AROUND = 60
# A list may be written as a list, a set or a tuple.
LISTS = {"[": "]", "{": "}", "(": ")"}
TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | `(?P<quoted>[^`]+)`
    | (?P<name>[^\W\d][\w.]*)
    | (?P<symbol>==|!=|<=|>=|<>|&&|\|\||[<>()\[\]{},=!&|~])
    )""",
    re.VERBOSE,
)
# What people write from other languages, and what is meant.
FOREIGN = {
    "=": "==", "<>": "!=", "&&": "and", "||": "or", "&": "and", "|": "or", "!": "not", "~": "not",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "text", "quoted", "name", "word", "symbol", "end"]
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Value:
    expr: pl.Expr
    type: Type
    start: int
    end: int
    literal: Any = None
    is_literal: bool = False


def parse(
    text: str,
    columns: Mapping[str, Any] | Sequence[str],
    *,
    aliases: Mapping[str, str] | None = None,
    option: str = "--unseen",
) -> pl.Expr:
    """Turn a condition into a polars expression that is true, false or null in every row.

    Args:
        text: The condition.
        columns: Names of the columns, with their polars types where known (a schema); types let errors come early.
        aliases: Further names for columns: the user's name → the column.
        option: Where the text came from, for messages.

    Returns:
        A Boolean polars expression. A comparison with a missing value is null.

    Raises:
        BadInput: With the text, a caret at the wrong token, and near names for an unknown column.

    >>> frame = pl.DataFrame({"digits": [1, 3], "site": ["a", "b"]})
    >>> frame.filter(parse("digits > 2 and site in ['b', 'c']", frame.schema)).height
    1
    """
    schema: dict[str, Any] = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns)
    return _Parser(text, schema, dict(aliases or {}), option).whole()


def columns_used(text: str, columns: Iterable[str], *, aliases: Mapping[str, str] | None = None) -> list[str]:
    """The columns that a condition names, in order of appearance.

    >>> columns_used("digits > 2 or digits > 3 and site == 'a'", ["site", "digits", "x"])
    ['digits', 'site']
    """
    known, also = set(columns), dict(aliases or {})
    named = [t.value for t in _tokens(text, "--unseen") if t.kind in ("name", "quoted")]
    return list(dict.fromkeys(n if n in known else also.get(n, n) for n in named))


def _fail(text: str, start: int, end: int, problem: str, option: str) -> NoReturn:
    if len(text) > 4 * AROUND:
        cut = max(0, start - AROUND)
        begun, text = "…" if cut else "", text[cut : start + AROUND]
        start, end = start - cut + len(begun), min(end - cut, len(text)) + len(begun)
        text = f"{begun}{text}…"
    caret = " " * start + "^" * max(1, end - start)
    raise BadInput(f"{option}: {problem}\n  {text}\n  {caret}")


def _tokens(text: str, option: str) -> list[_Token]:
    if "\n" in text or "\t" in text:
        text = re.sub(r"\s", " ", text)
    if len(text) > MAX_LENGTH:
        raise BadInput(
            f"{option}: the expression has {len(text):,} characters, more than {MAX_LENGTH:,}. Add a column that says it instead."
        )
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            problem = (
                "this text has no closing quote." if text[start] in "'\"`" else f"{text[start]!r} has no meaning here."
            )
            _fail(text, start, len(text) if text[start] in "'\"`" else start + 1, problem, option)
        kind: Any = match.lastgroup
        value, start, end = match.group(kind), match.start(kind), match.end(kind)
        if kind == "symbol" and value in FOREIGN:
            _fail(text, start, end, f"{value!r} is not part of this language; write {FOREIGN[value]!r}.", option)
        if kind == "name" and value.lower() in WORDS:
            kind, value = "word", value.lower()
        if kind == "number" and len(value) > MAX_DIGITS:
            _fail(text, start, end, f"a number of {len(value)} characters; write at most {MAX_DIGITS}.", option)
        found.append(_Token(kind, value, start, end))
        at = match.end()
    found.append(_Token("end", "", len(text.rstrip()), len(text.rstrip()) + 1))
    return found


class _Parser:
    def __init__(self, text: str, schema: dict[str, Any], aliases: dict[str, str], option: str) -> None:
        self.text = re.sub(r"\s", " ", text)
        self.schema, self.aliases, self.option = schema, aliases, option
        self.tokens = _tokens(self.text, option)
        self.at = 0
        self.depth = 0

    def whole(self) -> pl.Expr:
        if self.next.kind == "end":
            raise BadInput(f"{self.option}: the expression is empty. Write one such as 'digits > 2 or steps > 1'.")
        value = self.any_of()
        if self.next.kind != "end":
            self.fail(self.next, f"expected 'and', 'or' or the end, not {self.next.value!r}.")
        if len(self.tokens) > MAX_TOKENS:
            where, most = self.tokens[MAX_TOKENS], f"{len(self.tokens):,} parts, more than {MAX_TOKENS:,}"
            self.fail(where, f"the expression has {most}. Add a column that says it instead.")
        return self.condition(value)

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def fail(self, where: _Token | _Value, problem: str) -> NoReturn:
        _fail(self.text, where.start, where.end, problem, self.option)

    def took(self, *values: str) -> _Token | None:
        token = self.next
        if token.kind in ("word", "symbol") and token.value in values:
            self.at += 1
            return token
        return None

    def condition(self, value: _Value) -> pl.Expr:
        if value.type not in ("condition", "other"):
            what = f"{self.text[value.start : value.end]} is {_article(value.type)}, not a condition"
            self.fail(value, f"{what}; compare it with something (==, !=, <, <=, >, >=, in, contains).")
        return value.expr

    def any_of(self) -> _Value:
        value = self.all_of()
        while self.took("or"):
            other = self.all_of()
            value = _Value(self.condition(value) | self.condition(other), "condition", value.start, other.end)
        return value

    def all_of(self) -> _Value:
        value = self.negated()
        while self.took("and"):
            other = self.negated()
            value = _Value(self.condition(value) & self.condition(other), "condition", value.start, other.end)
        return value

    def negated(self) -> _Value:
        token = self.took("not")
        if token is None:
            return self.comparison()
        self.deeper(token)
        value = self.negated()
        self.depth -= 1
        return _Value(~self.condition(value), "condition", token.start, value.end)

    def deeper(self, token: _Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(token, f"nested more than {MAX_DEPTH} deep. Make it simpler, or add a column.")

    def comparison(self) -> _Value:
        left = self.operand()
        parts: list[pl.Expr] = []
        start = left.start
        while True:
            token = self.next
            if token.kind == "symbol" and token.value in OPERATORS:
                self.at += 1
                right = self.operand()
                parts.append(self.compare(left, token, right))
                left = right
            elif token.kind == "word" and token.value in ("in", "contains", "not") and not parts:
                return self.membership(left)
            else:
                break
        if not parts:
            return left
        expr = parts[0]
        for part in parts[1:]:
            expr = expr & part
        return _Value(expr, "condition", start, left.end)

    def membership(self, left: _Value) -> _Value:
        negate = self.took("not") is not None
        token = self.took("in", "contains")
        if token is None:
            self.fail(self.next, "expected 'in' after 'not'.")
        if token.value == "contains":
            value = self.contains(left, token, self.operand())
        else:
            opened = self.took(*LISTS)
            if opened is None:
                self.fail(self.next, "'in' needs a list, such as [1, 2] or ['a', 'b'].")
            closing = LISTS[opened.value]
            options = [self.operand()]
            while self.took(","):
                options.append(self.operand())
            end = self.next.end
            if not self.took(closing):
                self.fail(self.next, f"expected ',' or '{closing}' in this list.")
            equal = _Token("symbol", "==", token.start, token.end)
            expr = self.compare(left, equal, options[0])
            for option in options[1:]:
                expr = expr | self.compare(left, equal, option)
            value = _Value(expr, "condition", left.start, end)
        return _Value(~value.expr, "condition", value.start, value.end) if negate else value

    def contains(self, left: _Value, token: _Token, right: _Value) -> _Value:
        if not right.is_literal or right.type == "null":
            self.fail(right, "'contains' needs a text or a number on its right.")
        if left.type == "set":
            wanted = pl.lit(str(right.literal))
            expr = left.expr.list.eval(pl.element().cast(pl.String)).list.contains(wanted)
        elif left.type in ("text", "other"):
            expr = left.expr.cast(pl.String).str.contains(str(right.literal), literal=True)
        else:
            self.fail(token, f"'contains' asks for a set or a text on its left, not {_article(left.type)}.")
        return _Value(expr, "condition", left.start, right.end)

    def compare(self, left: _Value, token: _Token, right: _Value) -> pl.Expr:
        op = token.value
        if "null" in (left.type, right.type):
            if op not in ("==", "!="):
                self.fail(token, f"null can be compared with == and != only, not with {op}.")
            expr = right.expr if left.type == "null" else left.expr
            return expr.is_null() if op == "==" else expr.is_not_null()
        if op not in ("==", "!="):
            left, right = self.ordered(left, right), self.ordered(right, left)
        left, right = self.reconcile(left, right), self.reconcile(right, left)
        if left.type != right.type and "other" not in (left.type, right.type):
            literal, other = (left, right) if left.is_literal else (right, left)
            name = self.text[other.start : other.end]
            self.fail(literal, f"{name} is {_article(other.type)}, this is {_article(literal.type)}.")
        if left.type == "set":
            self.fail(token, "a set is asked with 'contains'.")
        if left.type == "condition" and op not in ("==", "!="):
            self.fail(token, f"true and false can be compared with == and != only, not with {op}.")
        a, b = left.expr, right.expr
        if op == "==":
            return a == b
        if op == "!=":
            return a != b
        if op == "<":
            return a < b
        if op == "<=":
            return a <= b
        return a > b if op == ">" else a >= b

    def ordered(self, value: _Value, other: _Value) -> _Value:
        """A text in the order of numbers where it is held against one: as letters, "10" would come before "5".

        The cast is strict: a column with a text that is no number fails where the condition is applied.
        """
        if value.type != "text" or other.type not in ("text", "number"):
            return value
        if value.is_literal:
            if not _is_number(value.literal):
                return value
            number = float(value.literal)
            return _Value(pl.lit(number), "number", value.start, value.end, number, is_literal=True)
        if other.type == "number" or (other.is_literal and other.type == "text" and _is_number(other.literal)):
            stripped = value.expr.str.strip_chars().cast(pl.Float64, strict=True)
            return _Value(stripped, "number", value.start, value.end)
        return value

    def reconcile(self, value: _Value, other: _Value) -> _Value:
        """A literal in the type of the column that it is compared with."""
        if not value.is_literal:
            return value
        if other.type == "time" and value.type == "text":
            try:
                moment = datetime.fromisoformat(value.literal)
            except ValueError:
                self.fail(value, f"{value.literal!r} is not a date; write it as '2024-05-31'.")
            return _Value(pl.lit(moment), "time", value.start, value.end, moment, is_literal=True)
        if other.type == "time" and value.type == "number" and float(value.literal).is_integer():
            # A bare year, as in `time >= 2020`.
            year = int(value.literal)
            if 1 <= year <= 9999:
                return _Value(
                    pl.lit(datetime(year, 1, 1)), "time", value.start, value.end, value.literal, is_literal=True
                )
        if other.type == "text" and value.type == "number":
            # Identifiers and levels are often digits: site == 3 means the level "3".
            written = self.text[value.start : value.end]
            return _Value(pl.lit(written), "text", value.start, value.end, written, is_literal=True)
        return value

    def operand(self) -> _Value:
        token = self.next
        self.at += 1
        if token.kind == "symbol" and token.value == "(":
            self.deeper(token)
            value = self.any_of()
            self.depth -= 1
            if not self.took(")"):
                self.fail(self.next if self.next.kind != "end" else token, "this '(' is not closed; expected ')'.")
            return _Value(
                value.expr, value.type, token.start, self.tokens[self.at - 1].end, value.literal, value.is_literal
            )
        if token.kind == "number":
            number = float(token.value) if re.search(r"[.eE]", token.value) else int(token.value)
            if not isfinite(number):
                self.fail(token, "this number is too large to work with.")
            # Whole numbers beyond 64 bits stand in no column.
            number = number if abs(number) < 1 << 63 else float(number)
            return _Value(pl.lit(number), "number", token.start, token.end, number, is_literal=True)
        if token.kind == "text":
            text = re.sub(r"\\(.)", r"\1", token.value[1:-1])
            return _Value(pl.lit(text), "text", token.start, token.end, text, is_literal=True)
        if token.kind == "word" and token.value in ("true", "false"):
            truth = token.value == "true"
            return _Value(pl.lit(truth), "condition", token.start, token.end, truth, is_literal=True)
        if token.kind == "word" and token.value in ("null", "none"):
            return _Value(pl.lit(None), "null", token.start, token.end, None, is_literal=True)
        if token.kind in ("name", "quoted"):
            return self.column(token)
        self.at -= 1
        expected = "expected a column, a number or a text in quotes"
        self.fail(token, f"{expected} here." if token.kind == "end" else f"{expected}, not {token.value!r}.")

    def column(self, token: _Token) -> _Value:
        name = token.value if token.value in self.schema else self.aliases.get(token.value, token.value)
        if name not in self.schema:
            self.fail(token, self.unquoted(token) + unknown_column(token.value, [*self.schema, *self.aliases]))
        dtype = self.schema[name]
        kind = _type_of(dtype)
        expr = pl.col(name)
        if kind == "text" and dtype != pl.String:
            expr = expr.cast(pl.String)
        if isinstance(dtype, pl.Date) or dtype == pl.Date:
            expr = expr.cast(pl.Datetime)
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone:
            expr = expr.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        elif isinstance(dtype, pl.Array):
            expr = expr.arr.to_list()
        return _Value(expr, kind, token.start, token.end)

    def unquoted(self, token: _Token) -> str:
        """A suggestion to quote a name that stands where a value is expected: ``subject == MATH``."""
        before = self.tokens[self.at - 2] if self.at > 1 else None
        if token.kind == "name" and before is not None and before.value in {*OPERATORS, *LISTS, ",", "contains"}:
            after = "" if before.value != "(" else self.tokens[max(self.at - 3, 0)].value
            if before.value != "(" or after == "in":
                return f"a text stands in quotes: did you mean '{shortened(token.value, 60)}'? As a name, there is "
        return ""


def unknown_column(name: str, columns: Iterable[str]) -> str:
    """A sentence for a column that does not exist, with near names.

    >>> unknown_column("digit", ["digits", "site"])
    "no column 'digit'; did you mean 'digits'? The columns are digits, site."
    """
    listed = list(dict.fromkeys(columns))
    near = get_close_matches(name, listed, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    return f"no column {value(name)!r}{hint} The columns are {names(listed)}."


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _type_of(dtype: Any) -> Type:
    if dtype is None:
        return "other"
    if dtype == pl.Boolean:
        return "condition"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "time"
    if isinstance(dtype, pl.List | pl.Array):
        return "set"
    return "other"


def _article(kind: Type) -> str:
    return {
        "condition": "true or false", "number": "a number", "text": "a text", "time": "a date", "set": "a set",
        "null": "null", "other": "something else",
    }[kind]  # fmt: skip


__all__ = ["columns_used", "parse", "unknown_column"]
