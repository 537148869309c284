"""Small worlds of entities in SQLite, and an interface by which models look records up."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence

Row = Mapping[str, str | int]
# Records that one call shows at most.
SHOWN = 12
CALL = re.compile(r"\s*find\s*\(\s*(\w+)\s*,\s*(\w+)\s*,\s*(.*?)\s*\)\s*", re.DOTALL | re.IGNORECASE)


class World:
    """Tables of records, held in memory by SQLite; nothing that is asked can change them.

    Args:
        address: The kind of world, its seed and its size, by which it is opened again.
        about: One line that says what the tables hold.
        tables: Rows of each table; all rows of a table have the same columns.

    Attributes:
        address: See Args.
        tables: See Args.

    >>> world = World("toys/0/1", "Toys.", {"toy": [{"name": "ball", "price": 3}]})
    >>> world.call("find(toy, name, Ball)")
    '[{"name": "ball", "price": 3}]'
    >>> world.call("find(toy, colour, red)")
    'error: table toy has no column colour; it has name, price'
    """

    def __init__(self, address: str, about: str, tables: Mapping[str, Sequence[Row]]) -> None:
        self.address, self.tables, self._about = address, tables, about
        self._columns = {name: list(rows[0]) for name, rows in tables.items()}
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        for name, rows in tables.items():
            columns = self._columns[name]
            self._db.execute(f"CREATE TABLE {name} ({', '.join(f'{c} COLLATE NOCASE' for c in columns)})")
            marks = ", ".join("?" * len(columns))
            self._db.executemany(f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608
        self._db.execute("PRAGMA query_only = ON")

    @property
    def described(self) -> str:
        """What a model is told: the tables, and how a call is written."""
        tables = "; ".join(f"{name} ({', '.join(columns)})" for name, columns in self._columns.items())
        return (
            f"{self._about} Tables: {tables}. To look records up, write [find(table, column, value)]-> and stop: the records "
            f"whose column has this value are told, at most {SHOWN}."
        )

    @property
    def example(self) -> str:
        """A call and what it finds.

        >>> World("toys/0/1", "Toys.", {"toy": [{"name": "ball", "price": 3}]}).example
        '[find(toy, name, ball)]->[{"name": "ball", "price": 3}]'
        """
        table, columns = next(iter(self._columns.items()))
        call = f"find({table}, {columns[0]}, {self.tables[table][0][columns[0]]})"
        return f"[{call}]->{self.call(call)}"

    def rows(self, query: str, values: Sequence[str | int] = ()) -> list[tuple[str | int, ...]]:
        """What a query in SQL gives; it can only read."""
        return self._db.execute(query, values).fetchall()

    def call(self, text: str) -> str:
        """What a call comes to, as a model sees it: records in JSON, or what is wrong with the call.

        Args:
            text: ``find(table, column, value)``; quotes around a part and case do not count.
        """
        found = CALL.fullmatch(re.sub(r"[\"'“”‘’`]", "", text))
        if found is None:
            return "error: a call is written find(table, column, value)"
        table, column, value = found[1].lower(), found[2].lower(), found[3]
        if table not in self._columns:
            return f"error: no table {table}; there are {', '.join(self._columns)}"
        names = self._columns[table]
        if column not in names:
            return f"error: table {table} has no column {column}; it has {', '.join(names)}"
        # Names of table and column are those of the world: only the value comes from outside, and it is bound.
        rows = self.rows(f"SELECT * FROM {table} WHERE CAST({column} AS TEXT) = ? COLLATE NOCASE", (value,))  # noqa: S608
        told = json.dumps([dict(zip(names, row, strict=True)) for row in rows[:SHOWN]], ensure_ascii=False)
        return told if len(rows) <= SHOWN else f"{told} and {len(rows) - SHOWN} more"
