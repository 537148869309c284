"""Questions that people asked about university courses, with the SQL queries that answer them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl


def advising(longest: int | None = None) -> pl.DataFrame:
    """The Advising data set: one row a question.

    Columns: ``query`` (number of the query), ``question`` and ``template`` (question and query as tokens parted by
    spaces, with names such as ``number0`` for the values that both hold), ``values`` (JSON: name to value),
    ``question_split`` and ``query_split`` (the authors' divisions).

    Args:
        longest: Most tokens of a query; None takes all.

    Source: Finegan-Dollak et al. (2018), Improving Text-to-SQL Evaluation Methodology; version 4 of
    jkkummerfeld/text2sql-data, data/advising.json, CC BY 4.0. The first query of each entry, quotes as tokens of their
    own as in the authors' template baseline; values that a question does not name are written out in the template.

    >>> advising()["query"].n_unique()
    205
    """
    table = pl.read_parquet(Path(str(files("unseen") / "data" / "samples" / "advising.parquet")))
    if longest is None:
        return table
    return table.filter(pl.col("template").str.split(" ").list.len() <= longest)


def written_out(row: Mapping[str, Any], *, one_word: bool = False) -> tuple[list[str], list[str]]:
    """Question (in lower case) and query of a row with values in the place of their names.

    Args:
        row: A row of ``advising()`` as a mapping.
        one_word: Whether the words of a value are joined to one, so that template and query agree token by token.

    >>> row = {"question": "Who taught topic0 ?", "template": "X = topic0", "values": '{"topic0": "Data Mining"}'}
    >>> written_out(row)
    (['who', 'taught', 'Data', 'Mining', '?'], ['X', '=', 'Data', 'Mining'])
    """
    values = {k: ["_".join(v.split())] if one_word else v.split() for k, v in json.loads(row["values"]).items()}
    question = [w if w in values else w.lower() for w in row["question"].split()]
    return _filled(question, values), _filled(row["template"].split(), values)


def _filled(tokens: list[str], values: Mapping[str, list[str]]) -> list[str]:
    return [word for token in tokens for word in values.get(token, [token])]
