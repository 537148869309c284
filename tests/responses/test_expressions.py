"""Conditions over columns: the same answers as a naive reading of each row, and errors that point at the wrong token."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen.errors import BadInput
from unseen.responses.expressions import columns_used, parse

FRAME = pl.DataFrame({
    "digits": [1, 3, None], "site": ["a", "b", "3"], "easy": [True, False, True], "skills": [["add", "carry"], ["sub"], []],
    "day": [date(2020, 1, 1), date(2021, 5, 5), date(2022, 1, 1)], "a column": [1.5, 2.5, -3.0],
})  # fmt: skip


def rows(text):
    return FRAME.select(parse(text, FRAME.schema)).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digits > 2", [False, True, None]),
        ("not easy", [False, True, False]),
        ("easy == false", [False, True, False]),
        ("site in ['b', '3']", [False, True, True]),
        ("site not in ['b']", [True, False, True]),
        ("site == 3", [False, False, True]),
        ("skills contains 'carry'", [True, False, False]),
        ("site contains 'a'", [True, False, False]),
        ("1 < digits <= 3", [False, True, None]),
        ("digits == null", [False, False, True]),
        ("digits != null and digits < 2", [True, False, False]),
        ("day >= '2021-01-01'", [False, True, True]),
        ("day >= 2022", [False, False, True]),
        ("`a column` == -3", [False, False, True]),
        ("digits > 2 or easy and site == 'a'", [True, True, None]),
        ("(digits > 2 or easy) and site == 'a'", [True, False, False]),
    ],
)
def test_a_condition_means_what_it_says(text, expected):
    assert rows(text) == expected


@pytest.mark.parametrize(
    ("text", "problem", "at"),
    [
        ("digit > 2", "no column 'digit'; did you mean 'digits'?", "digit"),
        ("digits = 2", "'=' is not part of this language; write '=='", "="),
        ("digits > 2 && easy", "write 'and'", "&&"),
        ("digits > 'a'", "digits is a number, this is a text", "'a'"),
        ("digits > 2 easy", "expected 'and', 'or' or the end, not 'easy'", "easy"),
        ("(digits > 2", "this '(' is not closed", "("),
        ("digits", "is a number, not a condition", "digits"),
        ("site in 'a'", "'in' needs a list", "'a'"),
        ("site == 'a", "no closing quote", "'a"),
        ("day > 'soon'", "is not a date", "'soon'"),
        ("easy > true", "== and != only", ">"),
        ("skills == 'add'", "a set", "'add'"),
        ("digits > $", "has no meaning here", "$"),
        ("__import__('os')", "no column '__import__'", "__import__"),
    ],
)
def test_an_error_shows_the_text_with_a_caret_at_the_wrong_token(text, problem, at):
    with pytest.raises(BadInput) as caught:
        parse(text, FRAME.schema)
    message, shown, caret = str(caught.value).split("\n")
    assert problem in message
    assert shown == "  " + text
    assert caret.index("^") == shown.index(at)
    assert caret.count("^") == len(at)


def test_deep_nesting_is_an_error_and_not_a_crash():
    with pytest.raises(BadInput, match="nested more than 60 deep"):
        parse("(" * 5000 + "easy" + ")" * 5000, FRAME.schema)


def test_an_empty_condition_is_told():
    with pytest.raises(BadInput, match="the expression is empty"):
        parse("  ", FRAME.schema)


def test_columns_are_listed_once_and_by_our_name():
    assert columns_used("year > 3 or year < 1 and site == 'site'", ["time", "site"], aliases={"year": "time"}) == [
        "time",
        "site",
    ]


def conditions():
    """Conditions as (text, function of a row), built side by side."""
    simple = st.tuples(
        st.sampled_from(["x", "y"]), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.integers(-3, 3)
    )
    import operator

    ops = {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
    leaf = simple.map(lambda t: (f"{t[0]} {t[1]} {t[2]}", lambda row: ops[t[1]](row[t[0]], t[2])))

    def grow(inner):
        both = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        return st.one_of(
            both.map(lambda t: (f"({t[0][0]}) {t[1]} ({t[2][0]})", lambda r: (t[0][1](r) and t[2][1](r)) if t[1] == "and" else (t[0][1](r) or t[2][1](r)))),
            inner.map(lambda t: (f"not ({t[0]})", lambda r: not t[1](r))),
        )  # fmt: skip

    return st.recursive(leaf, grow, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(conditions())
def test_the_parser_agrees_with_python_on_every_row(condition):
    text, expected = condition
    table = pl.DataFrame({"x": [-3, 0, 2, 3, 1], "y": [0, 0, -1, 3, 2]})
    assert table.select(parse(text, table.schema)).to_series().to_list() == [
        expected(r) for r in table.iter_rows(named=True)
    ]
