"""A small safe language over columns, for saying what is unseen: ``digits > 2 or steps > 1``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

import polars as pl

from unseen.errors import BadInput

_TOKENS = re.compile(
    r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<column>`[^`]+`)|(?P<word>[^\W\d][\w.]*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,|=))"
)
_COMPARE: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_KEYWORDS = {"and", "or", "not", "in", "contains", "true", "false", "null"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: As the user wrote it.
        condition: The polars expression; null where a column is missing.
        columns: Columns that it reads, in order of appearance.
    """

    text: str
    condition: pl.Expr
    columns: tuple[str, ...]


def parse(text: str, schema: Mapping[str, Any]) -> Expression:
    """Parse an expression over the columns of a table.

    Comparisons (``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``), ``in [..]``, ``not in [..]``, ``contains`` for set columns,
    ``and``, ``or``, ``not`` and parentheses, over columns (in backticks where the name has spaces), numbers, 'text',
    ``true``, ``false`` and ``null``. A column of true and false may stand alone.

    Args:
        text: The expression.
        schema: Column names with their polars types.

    Raises:
        BadInput: With the text and a caret under the wrong token.

    >>> table = pl.DataFrame({"digits": [1, 3], "steps": [2, 1]})
    >>> table.filter(parse("digits > 2 or steps > 1", table.schema).condition).height
    2
    """
    return _Parser(text, schema).parse()


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, schema: Mapping[str, Any]) -> None:
        self.text, self.schema = text, schema
        self.tokens = self._split()
        self.at = 0
        self.columns: list[str] = []

    def parse(self) -> Expression:
        if not self.tokens:
            raise BadInput("the expression is empty. Write a condition such as: digits > 2")
        condition = self._or()
        if self.at < len(self.tokens):
            self._fail(self.tokens[self.at], "'and', 'or' or the end was expected here")
        return Expression(self.text, condition, tuple(dict.fromkeys(self.columns)))

    def _split(self) -> list[_Token]:
        tokens, at = list[_Token](), 0
        end = len(self.text.rstrip())
        while at < end:
            match = _TOKENS.match(self.text, at)
            if match is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                self._fail(_Token("", self.text[start], start), f"{self.text[start]!r} is not part of the language")
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return tokens

    def _fail(self, token: _Token | None, why: str) -> NoReturn:
        start = token.start if token else len(self.text)
        raise BadInput(f"can't read the expression: {why}.\n  {self.text}\n  {' ' * start}^")

    def _peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _accept(self, *texts: str) -> _Token | None:
        token = self._peek()
        if token and token.kind in ("word", "sign") and token.text in texts:
            self.at += 1
            return token
        return None

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(self._peek(), f"{text!r} was expected here")

    def _or(self) -> pl.Expr:
        left = self._and()
        while self._accept("or"):
            left = left | self._and()
        return left

    def _and(self) -> pl.Expr:
        left = self._not()
        while self._accept("and"):
            left = left & self._not()
        return left

    def _not(self) -> pl.Expr:
        if self._accept("not"):
            return ~self._not()
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> pl.Expr:
        token = self._peek()
        if token is None:
            self._fail(None, "a condition is missing at the end")
        if token.kind == "column" or (token.kind == "word" and token.text not in _KEYWORDS):
            return self._after_column(token)
        self._fail(token, "a column name was expected here, e.g. digits > 2")

    def _after_column(self, token: _Token) -> pl.Expr:
        name = token.text.strip("`")
        if name not in self.schema:
            near = get_close_matches(name, list(self.schema), 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"the columns are {', '.join(self.schema)}"
            self._fail(token, f"there is no column {name!r}; {hint}")
        self.at += 1
        self.columns.append(name)
        dtype = self.schema[name]
        column = pl.col(name).cast(pl.String) if isinstance(dtype, pl.Categorical | pl.Enum) else pl.col(name)
        if self._accept("="):
            self._fail(self.tokens[self.at - 1], "'=' sets nothing here, write '==' to compare")
        if self._accept("contains"):
            if not isinstance(dtype, pl.List | pl.Array):
                self._fail(self.tokens[self.at - 1], f"column {name!r} holds {dtype}, 'contains' is for sets")
            return column.cast(pl.List(pl.String)).list.contains(str(self._value()))
        negated = bool(self._accept("not"))
        if self._accept("in"):
            values = self._values(name, dtype)
            return ~column.is_in(values) if negated else column.is_in(values)
        if negated:
            self._fail(self._peek(), "'in' was expected after 'not'")
        operator = self._accept(*_COMPARE)
        if operator is None:
            if dtype == pl.Boolean:
                return column
            self._fail(self._peek(), f"a comparison was expected after {name!r}, e.g. {name} > 2")
        where = self._peek()
        value = self._value()
        if value is None:
            if operator.text not in ("==", "!="):
                self._fail(where, "null compares with == and != only")
            return column.is_null() if operator.text == "==" else column.is_not_null()
        return _COMPARE[operator.text](column, self._fitting(value, name, dtype, where))

    def _values(self, name: str, dtype: Any) -> Sequence[Any]:
        self._expect("[")
        values = list[Any]()
        while True:
            where = self._peek()
            values.append(self._fitting(self._value(), name, dtype, where))
            if self._accept("]"):
                return values
            self._expect(",")

    def _value(self) -> Any:
        token = self._peek()
        if token is None:
            self._fail(None, "a value is missing at the end")
        self.at += 1
        if token.kind == "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.text in ("true", "false"):
            return token.text == "true"
        if token.text == "null":
            return None
        self._fail(token, f"a number or a 'text' in quotes was expected here, got {token.text}")

    def _fitting(self, value: Any, name: str, dtype: Any, token: _Token | None) -> Any:
        """The value in the column's type, or an error that says what the column holds."""
        is_text = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
        if is_text and not isinstance(value, str):
            self._fail(token, f"column {name!r} holds text; write the value in quotes: '{value}'")
        if dtype.is_numeric() and (isinstance(value, str) or isinstance(value, bool)):
            self._fail(token, f"column {name!r} holds numbers, {value!r} is none")
        if dtype.is_temporal() and isinstance(value, str):
            try:
                return pl.Series([value]).str.to_datetime().cast(dtype)[0]
            except pl.exceptions.PolarsError:
                self._fail(token, f"column {name!r} holds times; write one as '2024-05-31'")
        return value
