"""Questions about small databases to SQL, judged by running both queries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens, tokens_of
from unseen.tasks.draws import Draws
from unseen.tasks.grammar.sql_running import answers
from unseen.tasks.grammar.sql_schemas import FORMS, SCHEMAS, VERBS, Schema

SLOT = re.compile(r"<(\w+)>")


class SqlQuestions(Generated):
    """Questions such as "how many customers have city oslo" to "select count ( * ) from customers where city = ' oslo '".

    Three worlds of two tables and 27 forms of question make 81 templates, each phrased in several ways. A template is
    the query with its values replaced by variables (``city0``); with ``variables`` anonymised, question and query hold
    these variables in place of the values. An answer is right where it gives the rows of the right query on three
    databases with different contents; values take the place of variables first.
    """

    name = "sql-questions"
    title = "Questions about a database to SQL that gives their answer"
    source = "After Finegan-Dollak et al. (2018), Improving Text-to-SQL Evaluation Methodology; schemas are our own"
    options: ClassVar[Mapping[str, Any]] = {
        "schema": tuple(SCHEMAS),
        "form": tuple(FORMS),
        "variables": ("literal",),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"variables": ("literal", "anonymised")}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "schema": "categorical",
        "form": "categorical",
        "template": "categorical",
        "variables": "categorical",
        "length": "ordered",
        "tables": "ordered",
        "slots": "ordered",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A schema, a form, one of its phrasings, and values."""
        schema, form = SCHEMAS[d.choice(o["schema"])], d.choice(o["form"])
        sql, phrasings = FORMS[form]
        words = {**schema.words, "L": d.choice(VERBS)}
        question, sql = d.choice(phrasings).format(**words).split(), sql.format(**words).split()
        binding = _values(schema, sql, d)
        # The choice comes last, so that a seed asks the same thing either way.
        variables = d.choice(o["variables"])
        markers = {f"<{slot}>": schema.marker(slot) for slot in binding}
        shown = markers if variables == "anonymised" else {f"<{slot}>": v for slot, v in binding.items()}
        question = [shown.get(t, t) for t in question]
        factors = {
            "schema": schema.name,
            "form": form,
            "template": " ".join(markers.get(t, t) for t in sql),
            "variables": variables,
            "length": len(question),
            "tables": sum(t in sql for t in (schema.table, schema.child)),
            "slots": len(binding),
        }
        hidden = {"binding": {schema.marker(slot): v for slot, v in binding.items()}}
        return of_tokens(question, [shown.get(t, t) for t in sql], factors, hidden)

    def verify(self, example: Example, answer: object) -> float:
        """1 where the answer gives the rows of the right query on every copy of the database."""
        given, wanted = tokens_of(answer), tokens_of(example.target)
        if not given or wanted is None:
            return 0.0
        if given == wanted:
            return 1.0
        binding: Mapping[str, str] = example.hidden.get("binding", {})
        schema = str(example.factors["schema"])
        mine, right = (answers(schema, " ".join(binding.get(t, t) for t in q)) for q in (given, wanted))
        return float(mine is not None and mine == right)


def _values(schema: Schema, sql: list[str], d: Draws) -> dict[str, str]:
    binding: dict[str, str] = {}
    for token in sql:
        found = SLOT.fullmatch(token)
        if found and found[1] not in binding:
            binding[found[1]] = schema.value(found[1], d, binding)
    return binding
