"""Instructions of one to ten constraints, each checked by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, ClassVar

import polars as pl

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.answers import text_of
from unseen.tasks.base import Example, Form, Generated, content_id, of_text
from unseen.tasks.draws import Draws
from unseen.tasks.instructions.checks import Checks
from unseen.tasks.instructions.kinds import KINDS, USUAL, Constraint, conflict
from unseen.tasks.instructions.reading import count_words
from unseen.tasks.instructions.wordings import STYLES, instruction
from unseen.tasks.instructions.writer import SUBJECTS, compose

ORDERS = ("drawn", "hard-first", "easy-first")


class VerifiableInstructions(Generated):
    """A text to write under one to ten constraints that never contradict each other; the target meets all of them.

    ``verify`` gives the share of constraints that an answer meets, and 0 to an answer without the subject's word: an
    answer about something else meets many limits by chance. With ``credit="all"`` only meeting all of them counts.
    ``met`` tells each constraint apart.

    Wording and order are drawn last: one seed asks the same things in every wording and every order. The order counts
    from a rank of hardness that is our own guess (``kinds.KINDS``); ``easy_first`` is the share of pairs of constraints
    whose easier one stands first. ``constraints`` names what is asked in the order of the text, and ``answered`` writes
    a table of answers with ``constraints_met``: the columns that U406 reads.
    """

    name = "verifiable-instructions"
    title = "Instructions of one to ten constraints, each checked by rule"
    source = (
        "After Zhou et al. (2023), Instruction-Following Evaluation for Large Language Models; kinds, rules of "
        "counting and wordings are reconstructed, not the released prompts"
    )
    separator = "\n"
    settings: ClassVar[Mapping[str, Any]] = {"credit": "share"}
    options: ClassVar[Mapping[str, Any]] = {
        "number": (1, 10),
        "kinds": USUAL,
        "order": ORDERS,
        "wording": STYLES,
        "subject": tuple(SUBJECTS),
    }
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"credit": ("share", "all"), "kinds": tuple(KINDS)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"number": (1, 10)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "number": "ordered",
        "kinds": "set",
        "constraints": "set",
        "order": "categorical",
        "easy_first": "ordered",
        "wording": "categorical",
        "subject": "categorical",
        "words": "ordered",
    }

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """Kinds that go together, what they ask around one answer, then order and wording."""
        kinds = self._kinds(d, o["kinds"], d.between(*o["number"]))
        subject = d.choice(o["subject"])
        constraints, answer = compose(d, kinds, subject)
        # Drawn without regard to what is allowed, so that fixing one leaves the other as it is.
        at, style_at = d.below(1 << 20), d.below(1 << 20)
        order, style = o["order"][at % len(o["order"])], o["wording"][style_at % len(o["wording"])]
        if order != "drawn":
            constraints.sort(key=lambda c: (KINDS[c.kind].hardness, c.kind), reverse=order == "hard-first")
        ranks = [KINDS[c.kind].hardness for c in constraints]
        rising = [float(a < b) if a != b else 0.5 for a, b in combinations(ranks, 2)]
        factors = {
            "number": len(kinds),
            "kinds": sorted(kinds),
            "constraints": [c.kind for c in constraints],
            "order": order,
            "easy_first": sum(rising) / len(rising) if rising else 0.5,
            "wording": style,
            "subject": subject,
            "words": count_words(answer),
        }
        hidden = {"subject": subject, "constraints": [(c.kind, list(c.words), c.low, c.high) for c in constraints]}
        return of_text(instruction(subject, constraints, style), answer, factors, hidden)

    def _kinds(self, d: Draws, allowed: Sequence[str], number: int) -> list[str]:
        for _ in range(50):
            chosen: list[str] = []
            for kind in d.pick(allowed, len(allowed)):
                if len(chosen) < number and not any(conflict(kind, other) for other in chosen):
                    chosen.append(kind)
            if len(chosen) == number:
                return chosen
        raise self.impossible(f"no {number} of {', '.join(allowed)} can stand together")

    def constraints(self, example: Example) -> list[Constraint]:
        """The constraints of an item, in the order of its text."""
        return [Constraint(kind, tuple(words), low, high) for kind, words, low, high in example.hidden["constraints"]]

    def checked(self, example: Example) -> Checks:
        """What scores an answer to an item."""
        every = self.given["credit"] == "all"
        return Checks(str(example.hidden["subject"]), tuple(self.constraints(example)), every)

    def checks(self, example: Example) -> str:
        """The same as text, so that who asks a model can score its answers."""
        return self.checked(example).told()

    def to_examples(self, examples: Sequence[Example], *, form: Form = "as written") -> Examples:
        """Tabulate items, with what scores an answer in the column ``checks``."""
        made = super().to_examples(examples, form=form)
        checks = pl.Series("checks", [self.checks(e) for e in examples], dtype=pl.String)
        return Examples(made.table.with_columns(checks), made.inputs, made.target, made.factors)

    def met(self, example: Example, answer: object) -> list[bool]:
        """Whether an answer meets each constraint, in the order of the text; junk meets none."""
        return self.checked(example).met(answer)

    def verify(self, example: Example, answer: object) -> float:
        """The share of constraints met (or with ``credit="all"`` 1 where all are); 0 without the subject's word."""
        return self.checked(example).score(answer)

    def answered(self, examples: Sequence[Example], answers: Sequence[object], *, model: str) -> pl.DataFrame:
        """A table of answers as an audit reads it, with what was asked and what of it is met.

        Args:
            examples: The items.
            answers: One to each, in their order.
            model: Whose answers they are.

        Returns:
            ``model``, ``item``, ``variant_of`` (the first item here that asks the same in another order or wording),
            ``score``, ``constraints`` in the order of the text, ``constraints_met`` in that order (none is met without
            the subject's word), ``question``, ``prediction`` and the other factors.

        Raises:
            BadInput: There are not as many answers as items.

        >>> from unseen import tasks
        >>> task = tasks.load("verifiable-instructions")
        >>> items = task.draw_many(3, 0, number=2)
        >>> task.answered(items, [e.target for e in items], model="writer")["constraints_met"].to_list()
        [[True, True], [True, True], [True, True]]
        """
        if len(examples) != len(answers):
            raise BadInput(f"{len(examples)} items need as many answers, got {len(answers)}.")
        first: dict[str, str] = {}
        rows: list[dict[str, Any]] = []
        for e, answer in zip(examples, answers, strict=True):
            about = self.checked(e).about(answer)
            asked = content_id(e.hidden["subject"], sorted(map(list, e.hidden["constraints"])))
            same = first.setdefault(asked, e.item)
            rows.append({
                "model": model, "item": e.item, "variant_of": None if same == e.item else same,
                "score": self.verify(e, answer), "constraints": e.factors["constraints"],
                "constraints_met": [about and met for met in self.met(e, answer)],
                "question": self.as_text(e.input), "prediction": text_of(answer),
                **{k: v for k, v in e.factors.items() if k != "constraints"},
            })  # fmt: skip
        return pl.DataFrame(rows, schema_overrides={"variant_of": pl.String}, infer_schema_length=None)
