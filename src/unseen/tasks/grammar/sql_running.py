"""Runs a query on small databases in memory: reading only, within bounds, and never raising."""

from __future__ import annotations

import re
import sqlite3
from functools import cache, lru_cache
from typing import Any

from unseen.tasks.grammar.sql_schemas import SCHEMAS, contents

COPIES = 3
MOST_ROWS = 2000
# Opcodes of SQLite's machine between two looks at the bound, and looks until a query is given up.
STEP, LOOKS = 1000, 500
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
FUNCTIONS = {"avg", "count", "max", "min", "sum", "total", "abs", "lower", "upper"}

Rows = tuple[tuple[Any, ...], ...]


def written(sql: str) -> str:
    """SQL without the blanks that stand between quotes and value in token form.

    >>> written("select age from customers where name = ' anna '")
    "select age from customers where name = 'anna'"
    """
    return re.sub(r"' ([^']*?) '", r"'\1'", sql)


@cache
def _database(schema: str, copy: int) -> sqlite3.Connection:
    s = SCHEMAS[schema]
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.execute(f"create table {s.table} (id integer, name text, {s.category} text, {s.number} integer)")
    connection.execute(f"create table {s.child} (id integer, {s.one}_id integer, {s.kind} text, {s.amount} integer)")
    things, events = contents(schema, copy)
    connection.executemany(f"insert into {s.table} values (?, ?, ?, ?)", things)  # noqa: S608
    connection.executemany(f"insert into {s.child} values (?, ?, ?, ?)", events)  # noqa: S608
    connection.set_authorizer(_authorise)
    return connection


def _authorise(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    # An answer of a model is foreign code: it may read the two tables and use plain functions, nothing else.
    fine = action in ALLOWED and (action != sqlite3.SQLITE_FUNCTION or str(second).lower() in FUNCTIONS)
    return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY


@lru_cache(maxsize=100_000)
def answers(schema: str, sql: str) -> tuple[Rows, ...] | None:
    """Rows that a query gives on each copy of a world's database, or None where it fails on one.

    Rows come sorted unless the query orders them itself.

    Args:
        schema: A world.
        sql: One select statement.
    """
    found = list[Rows]()
    for copy in range(COPIES):
        connection = _database(schema, copy)
        looks = 0

        def stop() -> int:
            nonlocal looks
            looks += 1
            return int(looks > LOOKS)

        connection.set_progress_handler(stop, STEP)
        try:
            cursor = connection.execute(written(sql))
            rows = cursor.fetchmany(MOST_ROWS + 1)
            cursor.close()
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError):
            return None
        if cursor.description is None or len(rows) > MOST_ROWS:
            return None
        ordered = "order by" in sql.lower()
        found.append(tuple(rows if ordered else sorted(rows, key=repr)))
    return tuple(found)
