"""Made-up worlds: calls tell what the tables hold and nothing else; questions follow from the facts that are told."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter

import pytest

from unseen import tasks
from unseen.errors import BadInput
from unseen.tasks.knowledge.addresses import opened
from unseen.tasks.knowledge.books import CITIES, PEOPLE
from unseen.tasks.knowledge.genes import HOPS

GENES = tasks.load("gene-questions")
BOOKS = tasks.load("book-questions")
TOLD = (
    (r"(\S+) is an alias of (\S+)", "symbol"), (r"SNP (\S+) lies in (\S+)", "locus"), (r"(\S+) lies on (chromosome \S+)", "chromosome"),
    (r"(\S+) serves (.+)", "function"), (r"(.+) is associated with (\S+)", "genes"),
)  # fmt: skip


@pytest.mark.parametrize("address", ["genes/0/60", "genes/7/20", "books/0/40"])
def test_every_record_is_found_by_each_of_its_values(address):
    world = opened(address)
    for table, rows in world.tables.items():
        for row in rows[::5]:
            for column, value in row.items():
                told = world.call(f"find({table}, {column}, {str(value).upper()})").split("] and ")[0].rstrip("]") + "]"
                same = [r for r in rows if str(r[column]).lower() == str(value).lower()]
                assert json.loads(told) == same[:12]


def test_calls_read_and_never_write_and_say_what_is_wrong():
    world = opened("genes/3/30")
    before = {name: world.rows(f"SELECT * FROM {name}") for name in world.tables}
    symbol = world.tables["gene"][0]["symbol"]
    right = world.call(f"find(gene, symbol, {symbol})")
    for same in (f' FIND( gene ,symbol,"{symbol}" ) ', f"find('gene', 'symbol', '{str(symbol).lower()}')"):
        assert world.call(same) == right
    for attack in (
        "x'; DROP TABLE gene; --",
        "x' OR 1=1",
        "%",
        "*",
        "x) UNION SELECT * FROM alias",
        "",
        "\x00",
        "9" * 9000,
    ):
        assert world.call(f"find(gene, symbol, {attack})") == "[]"
    assert world.call("find(genes, symbol, x)") == "error: no table genes; there are gene, alias, snp, association"
    assert world.call("find(gene, rowid, 1)").startswith("error: table gene has no column rowid")
    assert (
        world.call("drop(gene)")
        == world.call("find(gene, symbol)")
        == "error: a call is written find(table, column, value)"
    )
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        world.rows("DELETE FROM gene")
    assert before == {name: world.rows(f"SELECT * FROM {name}") for name in world.tables}


@pytest.mark.parametrize(
    "address",
    ["", "genes", "genes/0", "genes/0/x", "genes/-1/60", "shops/0/60", "genes/0/60/1", "genes/0/99999999", "../etc"],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadInput, match="no world"):
        opened(address)


def reader(text: str) -> dict[tuple[str, str], set[str]]:
    """What sentences say, without knowing the world."""
    web: dict[tuple[str, str], set[str]] = {}
    for sentence in re.split(r"\.\s+|\.$", text):
        for pattern, hop in TOLD:
            if sentence and (found := re.fullmatch(pattern, sentence)):
                web.setdefault((hop, found[1]), set()).add(found[2])
                if hop == "genes":
                    web.setdefault(("diseases", found[2]), set()).add(found[1])
                break
        else:
            assert not sentence, sentence
    return web


def test_the_facts_that_are_told_are_enough_and_each_needed_one_matters():
    needed = Counter()
    for seed in range(300):
        e = GENES.draw(seed, hops=(1, 5))
        told, question = str(e.input).split("\n")
        web = reader(told)
        phrase = question.removesuffix("Answer with the names alone, with commas between them.").strip(" .")
        found = {e.hidden["entity"]}
        for hop in e.hidden["path"]:
            found = {end for one in found for end in web.get((hop, one), ())}
        assert ", ".join(sorted(found)) == e.target
        # The words of the question name the same walk, read from the inside out.
        walked = e.hidden["entity"]
        for hop in e.hidden["path"]:
            walked = HOPS[hop][3].format(walked)
        assert phrase.endswith(walked)
        needed[e.factors["hops"]] += 1
    assert set(needed) == {1, 2, 3, 4, 5}


def test_one_seed_asks_the_same_with_facts_and_without():
    for task in (GENES, BOOKS):
        for seed in range(40):
            told, bare = task.draw(seed), task.draw(seed, given="nothing")
            assert str(told.input).endswith(str(bare.input))
            assert told.target == bare.target
            assert task.oracle(told) == told.target


def test_popularity_is_the_number_of_records_of_the_rarest_on_the_way():
    world = GENES.world
    for seed in range(60):
        e = GENES.draw(seed)
        found, least = {e.hidden["entity"]}, 99
        for hop in [None, *e.hidden["path"]]:
            if hop is not None:
                found = {str(r[0]) for one in found for r in world.rows(HOPS[hop][2], (one,))}
            for one in found:
                records = sum(
                    sum(one in (row.get("symbol"), row.get("gene"), row.get("disease")) for row in rows)
                    for rows in world.tables.values()
                )
                least = min(least, records or 99)
        assert least == e.factors["popularity"]


@pytest.mark.parametrize("change", ["drop", "add", "twice", "other"])
def test_almost_right_lists_are_told(change):
    seen = 0
    for seed in range(60):
        e = GENES.draw(seed, answers=(2, 4))
        names = str(e.target).split(", ")
        wrong = {
            "drop": names[1:],
            "add": [*names, "KXX99"],
            "twice": [*names, names[0]],
            "other": [*names[1:], names[0] + "9"],
        }[change]
        assert GENES.verify(e, " and ".join(reversed(names)) + ".") == 1.0
        assert GENES.verify(e, "\n".join(names).lower()) == 1.0
        assert GENES.verify(e, ", ".join(wrong)) == 0.0
        seen += 1
    assert seen


def meant(kind, low, high, title, year):
    words = title.split(" ")
    return {
        "starts": title[0] == low, "ends": title[-1].upper() == low, "words": len(words) == low, "years": isinstance(low, int) and low <= year <= high,
        "person": bool(set(words) & set(PEOPLE)), "no-person": not set(words) & set(PEOPLE),
        "city": bool(set(words) & set(CITIES)), "no-city": not set(words) & set(CITIES),
    }[kind]  # fmt: skip


def test_books_are_those_that_the_constraints_mean_and_the_measures_count_them():
    shelf: dict[str, list[tuple[str, int]]] = {}
    for row in BOOKS.world.tables["book"]:
        shelf.setdefault(row["author"], []).append((row["title"], row["year"]))
    kinds = set()
    for seed in range(200):
        e = BOOKS.draw(seed, number=(0, 3))
        own = shelf[e.hidden["author"]]
        right = [t for t, y in own if all(meant(*c, t, y) for c in e.hidden["constraints"])]
        assert sorted(right) == str(e.target).split("\n")
        missed = [t for t, _ in own if t not in right]
        other = next(t for a, some in shelf.items() if a != e.hidden["author"] for t, _ in some if t not in dict(own))
        given = [*right[:1], *missed[:1], other]
        tally = BOOKS.tally(e, given)
        assert tally["irrelevant"] == pytest.approx(1 / len(given))
        assert tally["satisfied"] == pytest.approx(1 / len(given))
        assert tally["unsatisfied"] == pytest.approx(len(missed[:1]) / len(given))
        assert tally["complete"] == pytest.approx(1 / len(right))
        assert tally["all_correct"] == 0.0
        assert BOOKS.verify(e, [f"{i}. {t.upper()}" for i, t in enumerate(reversed(right), 1)]) == 1.0
        for wrong in (right[1:], [*right, *missed[:1], other], [*right, right[0]], [right[0] + "s", *right[1:]]):
            assert BOOKS.verify(e, wrong) == 0.0
        assert e.factors["constrainedness"] == pytest.approx(1 - len(right) / len(own), abs=1e-6)
        kinds |= {c[0] for c in e.hidden["constraints"]}
    assert len(kinds) == 8


def test_the_books_are_those_that_the_text_tells_of_the_author():
    for seed in range(40):
        e = BOOKS.draw(seed, number=0)
        author = e.hidden["author"]
        told = re.findall(rf"(?:^|\. ){re.escape(author)} published (.+?) in \d{{4}}", str(e.input).split("\n")[0])
        assert sorted(told) == str(e.target).split("\n")
