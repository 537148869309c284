"""Three small worlds of two tables each, and the forms of questions that can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from unseen.tasks.draws import Draws

PER_ROW = 3


@dataclass(frozen=True, slots=True)
class Schema:
    """A table of things, and a table of events that belong to them.

    Attributes:
        name: Of the world.
        table: Name of the table of things; its plural noun as well.
        one: Singular noun.
        category: Its column of categories.
        number: Its column of numbers.
        child: Name of the table of events, and plural noun.
        kind: Column of categories of events.
        amount: Column of numbers of events.
        names: Names of the things, each a token.
        categories: Values of ``category``.
        kinds: Values of ``kind``.
        numbers: Lowest and highest value of ``number``, and the step between two that a question names.
        amounts: The same for ``amount``.
    """

    name: str
    table: str
    one: str
    category: str
    number: str
    child: str
    kind: str
    amount: str
    names: tuple[str, ...]
    categories: tuple[str, ...]
    kinds: tuple[str, ...]
    numbers: tuple[int, int, int]
    amounts: tuple[int, int, int]

    @property
    def words(self) -> dict[str, str]:
        """What the places of a form stand for here."""
        return {
            "P": self.table, "p": self.one, "cat": self.category, "num": self.number, "C": self.child,
            "kind": self.kind, "amount": self.amount, "key": f"{self.one}_id",
        }  # fmt: skip

    def marker(self, slot: str) -> str:
        """The variable that stands for a slot in anonymised text: ``cat0`` becomes ``city0``."""
        role, index = slot[:-1], slot[-1]
        return {"name": "name", **self.words}[role] + index

    def value(self, slot: str, d: Draws, binding: dict[str, str]) -> str:
        """A value for a slot; a second bound lies above the first."""
        match slot[:-1]:
            case "name":
                return d.choice([n for n in self.names if n not in binding.values()])
            case "cat":
                return d.choice(self.categories)
            case "kind":
                return d.choice([k for k in self.kinds if k not in binding.values()])
            case "num":
                low, high, step = self.numbers
            case _:
                low, high, step = self.amounts
        steps = (high - low) // step - 1
        below = binding.get(slot[:-1] + "0") if slot.endswith("1") else None
        first = 1 if below is None else min(steps, (int(below) - low) // step + 1)
        last = steps - 1 if below is None else steps
        return str(low + step * d.between(min(first, last), last))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SCHEMAS = {
    s.name: s
    for s in (
        Schema(
            "shop", "customers", "customer", "city", "age", "orders", "product", "price",
            _words(
                "anna bruno clara david elena felix greta hugo irene jonas karla louis maria nils olga pedro "
                "quinn rosa simon tina ursula viktor wanda xaver yvonne zoran alma boris celia dirk edda franz "
                "gina henk inga jakob kaja lars mona niko"
            ),
            _words("paris oslo rome lima cairo delhi quito tokyo"),
            _words("lamp chair radio kettle clock mirror carpet ladder"), (18, 80, 2), (5, 105, 5),
        ),
        Schema(
            "school", "students", "student", "major", "credits", "exams", "course", "points",
            _words(
                "abel berta carlo diana emil frida georg hanna ivan julia kurt lena marco nadia oscar paula ralf "
                "sonja theo ulla vera willi xenia yuri zita adam bella carl doris erik flora gerd heidi igor "
                "jana klaus laura moritz nora otto"
            ),
            _words("physics history biology music law medicine chemistry geology"),
            _words("algebra logic optics ethics grammar statistics drawing botany"), (0, 180, 6), (0, 100, 4),
        ),
        Schema(
            "air", "airlines", "airline", "country", "fleet", "flights", "destination", "distance",
            _words(
                "aerona bluejet cirrus deltair eastwing falcona gullair hansair iberwing jetstar kestrel lunair "
                "meteor nordair orbita pelican quasar redwing skyline tradair umbra volante westair xenair "
                "yellowjet zephyr alpair borealis condora dovair eagleair flyway gliderex heronair icarus "
                "jumbojet kitewing larkair merlin northstar"
            ),
            _words("canada brazil kenya japan spain norway india chile"),
            _words("sydney boston dakar vienna manila havana athens nairobi"), (10, 310, 10), (200, 5200, 200),
        ),
    )
}  # fmt: skip

# SQL and phrasings of each form. <slot> is a value of the question; {place} is the schema's own word.
FORMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "in-category": ("select name from {P} where {cat} = ' <cat0> '", (
        "{L} the {P} with {cat} <cat0>", "which {P} have {cat} <cat0>", "names of all {P} whose {cat} is <cat0>",
        "what {P} are there for the {cat} <cat0>")),
    "count-category": ("select count ( * ) from {P} where {cat} = ' <cat0> '", (
        "how many {P} have {cat} <cat0>", "{L} the number of {P} with {cat} <cat0>", "count the {P} whose {cat} is <cat0>",
        "number of {P} for the {cat} <cat0>")),
    "above": ("select name from {P} where {num} > <num0>", (
        "{L} the {P} with {num} above <num0>", "which {P} have a {num} over <num0>",
        "names of {P} whose {num} is more than <num0>", "what {P} exceed a {num} of <num0>")),
    "below": ("select name from {P} where {num} < <num0>", (
        "{L} the {P} with {num} below <num0>", "which {P} have a {num} under <num0>",
        "names of {P} whose {num} is less than <num0>", "what {P} stay under a {num} of <num0>")),
    "between": ("select name from {P} where {num} >= <num0> and {num} <= <num1>", (
        "{L} the {P} with {num} between <num0> and <num1>", "which {P} have a {num} from <num0> to <num1>",
        "names of {P} whose {num} lies between <num0> and <num1>")),
    "mean": ("select avg ( {num} ) from {P} where {cat} = ' <cat0> '", (
        "what is the average {num} of {P} with {cat} <cat0>", "{L} the mean {num} for the {cat} <cat0>",
        "average {num} among {P} whose {cat} is <cat0>", "what {num} do {P} with {cat} <cat0> have on average")),
    "largest": ("select max ( {num} ) from {P} where {cat} = ' <cat0> '", (
        "what is the largest {num} of {P} with {cat} <cat0>", "{L} the maximum {num} for the {cat} <cat0>",
        "highest {num} among {P} whose {cat} is <cat0>")),
    "category-of": ("select {cat} from {P} where name = ' <name0> '", (
        "what is the {cat} of <name0>", "{L} the {cat} of the {p} <name0>", "which {cat} does <name0> have",
        "tell me the {cat} that belongs to <name0>")),
    "number-of": ("select {num} from {P} where name = ' <name0> '", (
        "what is the {num} of <name0>", "{L} the {num} of the {p} <name0>", "which {num} does <name0> have",
        "tell me the {num} that belongs to <name0>")),
    "category-above": ("select name from {P} where {cat} = ' <cat0> ' and {num} > <num0>", (
        "{L} the {P} with {cat} <cat0> and {num} above <num0>", "which {P} with {cat} <cat0> have a {num} over <num0>",
        "names of {P} whose {cat} is <cat0> and whose {num} is more than <num0>")),
    "count-above": ("select count ( * ) from {P} where {num} > <num0>", (
        "how many {P} have a {num} above <num0>", "{L} the number of {P} with {num} over <num0>",
        "count the {P} whose {num} is more than <num0>")),
    "top": ("select name from {P} where {cat} = ' <cat0> ' order by {num} desc , name limit 1", (
        "which {p} with {cat} <cat0> has the largest {num}", "{L} the {p} with the highest {num} for the {cat} <cat0>",
        "who leads in {num} among {P} whose {cat} is <cat0>")),
    "groups": ("select {cat} , count ( * ) from {P} where {num} > <num0> group by {cat}", (
        "how many {P} of each {cat} have a {num} above <num0>", "{L} the number of {P} per {cat} with {num} over <num0>",
        "count by {cat} the {P} whose {num} is more than <num0>")),
    "less-than-named": ("select name from {P} where {num} < ( select {num} from {P} where name = ' <name0> ' )", (
        "{L} the {P} with a smaller {num} than <name0>", "which {P} have less {num} than <name0>",
        "names of {P} whose {num} is below that of <name0>")),
    "with-kind": ("select distinct name from {P} join {C} on {P} . id = {C} . {key} where {kind} = ' <kind0> '", (
        "{L} the {P} with {C} of {kind} <kind0>", "which {P} have {C} whose {kind} is <kind0>",
        "names of {P} that have {C} for <kind0>", "what {P} are linked to the {kind} <kind0>")),
    "without-kind": (
        "select name from {P} where id not in ( select {key} from {C} where {kind} = ' <kind0> ' )", (
        "{L} the {P} without {C} of {kind} <kind0>", "which {P} have no {C} whose {kind} is <kind0>",
        "names of {P} that never had {C} for <kind0>")),
    "count-events": ("select count ( * ) from {P} join {C} on {P} . id = {C} . {key} where name = ' <name0> '", (
        "how many {C} does <name0> have", "{L} the number of {C} of <name0>", "count the {C} that belong to <name0>",
        "number of {C} for the {p} <name0>")),
    "total-events": ("select sum ( {amount} ) from {P} join {C} on {P} . id = {C} . {key} where name = ' <name0> '", (
        "what is the total {amount} of the {C} of <name0>", "{L} the sum of {amount} over {C} of <name0>",
        "how much {amount} do all {C} of <name0> have together")),
    "least-event": ("select min ( {amount} ) from {P} join {C} on {P} . id = {C} . {key} where name = ' <name0> '", (
        "what is the smallest {amount} of the {C} of <name0>", "{L} the minimum {amount} over {C} of <name0>",
        "lowest {amount} among {C} that belong to <name0>")),
    "kinds-of": ("select distinct {kind} from {P} join {C} on {P} . id = {C} . {key} where name = ' <name0> '", (
        "which {kind} values do the {C} of <name0> have", "{L} every {kind} of {C} of <name0>",
        "what {kind} appears in {C} that belong to <name0>")),
    "mean-kind": ("select avg ( {amount} ) from {C} where {kind} = ' <kind0> '", (
        "what is the average {amount} of {C} with {kind} <kind0>", "{L} the mean {amount} for the {kind} <kind0>",
        "average {amount} among {C} whose {kind} is <kind0>")),
    "most-kind": ("select max ( {amount} ) from {C} where {kind} = ' <kind0> '", (
        "what is the largest {amount} of {C} with {kind} <kind0>", "{L} the maximum {amount} for the {kind} <kind0>",
        "highest {amount} among {C} whose {kind} is <kind0>")),
    "count-kind": ("select count ( * ) from {C} where {kind} = ' <kind0> '", (
        "how many {C} have {kind} <kind0>", "{L} the number of {C} with {kind} <kind0>",
        "count the {C} whose {kind} is <kind0>")),
    "category-kind": (
        "select distinct name from {P} join {C} on {P} . id = {C} . {key} where {cat} = ' <cat0> ' and {kind} = ' "
        "<kind0> '", (
        "{L} the {P} with {cat} <cat0> and {C} of {kind} <kind0>",
        "which {P} with {cat} <cat0> have {C} whose {kind} is <kind0>",
        "names of {P} whose {cat} is <cat0> that have {C} for <kind0>")),
    "either-kind": (
        "select distinct name from {P} join {C} on {P} . id = {C} . {key} where {kind} = ' <kind0> ' or {kind} = ' "
        "<kind1> '", (
        "{L} the {P} with {C} of {kind} <kind0> or <kind1>", "which {P} have {C} whose {kind} is <kind0> or <kind1>",
        "names of {P} that have {C} for <kind0> or <kind1>")),
    "amount-above": (
        "select distinct name from {P} join {C} on {P} . id = {C} . {key} where {amount} > <amount0>", (
        "{L} the {P} with {C} of {amount} above <amount0>", "which {P} have {C} whose {amount} is over <amount0>",
        "names of {P} that have {C} with more {amount} than <amount0>")),
    "category-total": (
        "select sum ( {amount} ) from {P} join {C} on {P} . id = {C} . {key} where {cat} = ' <cat0> '", (
        "what is the total {amount} of {C} of {P} with {cat} <cat0>",
        "{L} the sum of {amount} over {C} for the {cat} <cat0>",
        "how much {amount} do {C} of {P} whose {cat} is <cat0> have together")),
}  # fmt: skip
VERBS = ("list", "show", "give me", "find", "return")


@cache
def contents(schema: str, copy: int) -> tuple[list[tuple[int, str, str, int]], list[tuple[int, int, str, int]]]:
    """Rows of both tables of a world, drawn anew for each copy: (id, name, category, number), (id, key, kind, amount)."""
    s, d = SCHEMAS[schema], Draws(f"sql:{schema}:{copy}")
    things = [
        (i, name, d.choice(s.categories), d.between(s.numbers[0], s.numbers[1])) for i, name in enumerate(s.names, 1)
    ]
    events = [
        (i, d.between(1, len(things)), d.choice(s.kinds), d.between(s.amounts[0], s.amounts[1]))
        for i in range(1, PER_ROW * len(things) + 1)
    ]
    return things, events
