"""Valid logs, settings and conditions with random faults: each is read, or refused with a sentence; nothing else comes out.

2,000 cases, the same in every run. A fault replaces, retypes, deletes or doubles a random node, or cuts the file.
"""

import contextlib
import json
from copy import deepcopy
from datetime import date

import made
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unseen.errors import BadInput, UnseenError
from unseen.plain_text import MAX_MESSAGE, message
from unseen.responses.expressions import parse
from unseen.responses.frames import from_table
from unseen.responses.mapping import Mapping
from unseen.responses.reading import read

# Nodes that a careless writer, another version of a tool, or somebody hostile puts in the place of the right one.
NODES = [
    None, True, False, 0, -1, 7, 10**20, 10**400, 0.5, float("nan"), float("inf"), -1e308, "", " ", "x", "1", "NaN", "²",
    "\x1b[31m", "a\x00b", "\ud800", "é" * 300, [], [[]], [1, "a", None], [{}], {}, {"a": {"b": [1]}}, {"": ""}, {"value": {}},
    {"score": 1, "model": "m"}, [None] * 3,
]  # fmt: skip
LOGS = {
    "lm-eval": (made.lm_rows, True), "py-irt": (made.irt_rows, True), "every-eval-ever": (made.eee_rows, True),
    "inspect": (made.inspect_document, False), "helm": (made.helm_rows, False),
    "table of lines": (lambda: [{"model": m, "item": f"q{i}", "score": i % 2, "site": "ab"[i % 2], "n": i} for m in "ab" for i in range(3)], True),
    "table of objects": (lambda: [{"model": "a", "item": f"q{i}", "score": i % 2, "meta": {"k": i}} for i in range(4)], False),
}  # fmt: skip
CASES_EACH = 200


def places(node, way=()):
    """The way to every node of a document below the root."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, part in inner for place in [(*way, key), *places(part, (*way, key))]]


def faulty(draw, document):
    """A document with one to three faults."""
    document = deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = places(document)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        parent = document
        for key in way:
            parent = parent[key]
        fault = draw(st.sampled_from(["replace", "replace", "delete", "retype", "double"]))
        if fault == "replace":
            parent[last] = deepcopy(draw(st.sampled_from(NODES)))
        elif fault == "retype":
            parent[last] = draw(st.sampled_from([str, lambda v: [v], lambda v: {"value": v}]))(parent[last])
        elif fault == "double" and isinstance(parent, list):
            parent.insert(last, deepcopy(parent[last]))
        elif fault == "delete":
            del parent[last]
    return document


def ends_well(call):
    told = None
    try:
        call()
    except UnseenError as error:
        told = str(error)
    assert told is None or (told.strip() and "Traceback" not in told and len(message(told)) <= MAX_MESSAGE)
    return told is None


def steady(examples):
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_a_log_with_faults_is_read_or_refused(name, tmp_path):
    make, by_line = LOGS[name]
    path = tmp_path / "log"
    read_well = []

    @steady(CASES_EACH)
    @given(st.data())
    def each(data):
        document = faulty(data.draw, make())
        text = "".join(json.dumps(row) + "\n" for row in document) if by_line else json.dumps(document)
        content = text.encode("utf-8", "surrogatepass")
        if data.draw(st.integers(0, 4)) == 0:
            content = content[: data.draw(st.integers(0, len(content)))]
        path.write_bytes(content)
        read_well.append(ends_well(lambda: read(path)))

    each()
    # Faults that leave the log readable, and faults that don't, both occur; else the test would show nothing.
    assert 0 < sum(read_well) < len(read_well)


CONTAINERS = {
    "inspect archive": made.inspect_eval(), "csv": made.GOOD.encode(), "csv in UTF-16": made.GOOD.encode("utf-16"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_bytes_with_faults_are_read_or_refused(name, tmp_path):
    path = tmp_path / "file"

    @steady(60)
    @given(st.data())
    def each(data):
        content = bytearray(CONTAINERS[name])
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, max(len(content) - 1, 0)))
            fault = data.draw(st.sampled_from(["change", "insert", "delete", "cut", "double"]))
            if fault == "change" and content:
                content[at] = data.draw(st.integers(0, 255))
            elif fault == "insert":
                content[at:at] = data.draw(
                    st.sampled_from([b",", b'"', b"\n", b"\r", b"\x00", b"\xff", b"\x1b", b"\xef\xbb\xbf"])
                )
            elif fault == "delete":
                del content[at : at + data.draw(st.integers(1, 9))]
            elif fault == "cut":
                del content[at:]
            else:
                content[at:at] = content[at : at + 40]
        path.write_bytes(bytes(content))
        ends_well(lambda: read(path))

    each()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)  # fmt: skip
OPTIONS = sorted(Mapping.__dataclass_fields__)


@steady(220)
@given(st.dictionaries(st.sampled_from([*OPTIONS, "range", "factor", "clusters"]), VALUES, max_size=3))
def test_options_of_any_type_are_taken_or_refused(options):
    table = pl.DataFrame({"model": ["a", "a"], "item": ["p", "q"], "score": [1, 0], "site": ["x", "y"]})
    ends_well(lambda: Mapping.of(**options).apply(table))


WORDS = st.sampled_from(
    [
        "digits",
        "site",
        "flag",
        "day",
        "tags",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=",
        "&",
        "|",
        "!",
        "in",
        "not",
        "and",
        "or",
        "contains",
        "true",
        "null",
        "3",
        "-1",
        "2.5",
        "1e9",
        "1e999",
        "'x'",
        "''",
        '"y"',
        "'2024-01-02'",
        "`digits`",
        "`",
        "'",
        "\\",
        ";",
        "%",
        "+",
        "é",
    ]
)


@steady(200)
@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_a_condition_of_any_words_is_a_condition_or_refused(text):
    frame = pl.DataFrame({
        "model": ["m"] * 3, "item": list("abc"), "score": [1, 0, 1], "digits": [1, 2, 3], "site": ["x", "y", None],
        "flag": [True, False, None], "day": [date(2024, 1, d) for d in (1, 2, 3)], "tags": [["a"], [], ["b", "c"]],
    })  # fmt: skip
    with contextlib.suppress(BadInput):
        parse(text, frame.schema)
    ends_well(lambda: from_table(frame, Mapping(unseen=text or " ")))
