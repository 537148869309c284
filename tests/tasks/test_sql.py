"""Questions to SQL: queries mean what the words say, and foreign queries can do nothing but read."""

import numpy as np
import pytest

from unseen.shifts import HeldOutLevel
from unseen.tasks import load
from unseen.tasks.grammar.sql_running import COPIES, answers
from unseen.tasks.grammar.sql_schemas import FORMS, SCHEMAS, contents

TASK = load("sql-questions")


def by_hand(form, schema, values, copy):
    """What a question asks for, by loops over the rows and without SQL."""
    things, events = contents(schema, copy)
    name, cat, num, num1 = (values.get(k) for k in ("name0", "cat0", "num0", "num1"))
    kind, kind1, amount = (values.get(k) for k in ("kind0", "kind1", "amount0"))
    num, num1, amount = (int(v) if v else None for v in (num, num1, amount))
    own = {i: [e for e in events if e[1] == i] for i, *_ in things}
    mine = [e for t in things if t[1] == name for e in own[t[0]]]

    def names(keep):
        return [(t[1],) for t in things if keep(t)]

    def has(t, test):
        return any(test(e) for e in own[t[0]])

    here = [t for t in things if t[2] == cat]
    of_kind = [e[3] for e in events if e[2] == kind]
    mean = lambda v: [(sum(v) / len(v) if v else None,)]  # noqa: E731
    return {
        "in-category": lambda: names(lambda t: t[2] == cat),
        "count-category": lambda: [(len(here),)],
        "above": lambda: names(lambda t: t[3] > num),
        "below": lambda: names(lambda t: t[3] < num),
        "between": lambda: names(lambda t: num <= t[3] <= num1),
        "mean": lambda: mean([t[3] for t in here]),
        "largest": lambda: [(max((t[3] for t in here), default=None),)],
        "category-of": lambda: [(t[2],) for t in things if t[1] == name],
        "number-of": lambda: [(t[3],) for t in things if t[1] == name],
        "category-above": lambda: names(lambda t: t[2] == cat and t[3] > num),
        "count-above": lambda: [(len(names(lambda t: t[3] > num)),)],
        "top": lambda: [(t[1],) for t in sorted(here, key=lambda t: (-t[3], t[1]))[:1]],
        "groups": lambda: [
            (c, n) for c in SCHEMAS[schema].categories if (n := sum(t[2] == c and t[3] > num for t in things))
        ],
        "less-than-named": lambda: names(lambda t: t[3] < next(u[3] for u in things if u[1] == name)),
        "with-kind": lambda: names(lambda t: has(t, lambda e: e[2] == kind)),
        "without-kind": lambda: names(lambda t: not has(t, lambda e: e[2] == kind)),
        "count-events": lambda: [(len(mine),)],
        "total-events": lambda: [(sum(e[3] for e in mine) if mine else None,)],
        "least-event": lambda: [(min((e[3] for e in mine), default=None),)],
        "kinds-of": lambda: [(k,) for k in {e[2] for e in mine}],
        "mean-kind": lambda: mean(of_kind),
        "most-kind": lambda: [(max(of_kind, default=None),)],
        "count-kind": lambda: [(len(of_kind),)],
        "category-kind": lambda: names(lambda t: t[2] == cat and has(t, lambda e: e[2] == kind)),
        "either-kind": lambda: names(lambda t: has(t, lambda e: e[2] in (kind, kind1))),
        "amount-above": lambda: names(lambda t: has(t, lambda e: e[3] > amount)),
        "category-total": lambda: [(sum(v) if (v := [e[3] for t in here for e in own[t[0]]]) else None,)],
    }[form]()


@pytest.mark.parametrize("form", FORMS)
def test_queries_mean_what_the_words_say(form):
    for seed in range(12):
        example = TASK.draw(seed, form=form)
        schema = SCHEMAS[example.factors["schema"]]
        back = {schema.marker(f"{r}{i}"): f"{r}{i}" for r in ("name", "cat", "num", "kind", "amount") for i in "01"}
        values = {back[marker]: v for marker, v in example.hidden["binding"].items()}
        got = answers(schema.name, " ".join(example.target))
        for copy in range(COPIES):
            assert sorted(got[copy], key=repr) == sorted(by_hand(form, schema.name, values, copy), key=repr)


def test_every_value_of_a_query_stands_in_its_question_and_anonymised_items_are_the_same_questions():
    for example in TASK.draw_many(300, 0):
        assert set(example.hidden["binding"].values()) <= set(example.input)
    for seed in range(60):
        literal, anonymised = TASK.draw(seed), TASK.draw(seed, variables="anonymised")
        assert anonymised.target == anonymised.factors["template"].split()
        assert [literal.hidden["binding"].get(t, t) for t in anonymised.input] == literal.input
        assert TASK.verify(anonymised, literal.target) == TASK.verify(literal, anonymised.target) == 1.0


def test_there_are_over_sixty_templates_with_several_phrasings():
    sample = TASK.sample(4000, 0)
    assert sample.table["template"].n_unique() == len(SCHEMAS) * len(FORMS) == 81
    assert min(len(phrasings) for _, phrasings in FORMS.values()) >= 3


def test_another_way_to_write_it_is_right_and_another_value_is_not():
    example = next(e for e in TASK.draw_many(200, 1, form="above", schema="shop") if 30 < int(e.target[-1]) < 60)
    bound = int(example.target[-1])
    assert TASK.verify(example, f"SELECT name FROM customers WHERE NOT age <= {bound} ORDER BY id") == 0.0
    assert TASK.verify(example, f"select name from customers where not age <= {bound}") == 1.0
    assert TASK.verify(example, f"select name from customers where age > {bound + 4}") == 0.0


def test_wrong_queries_seldom_give_the_right_rows():
    items = TASK.draw_many(400, 2)
    pairs = [
        (a, b) for a in items[:60] for b in items if a.target != b.target and a.factors["schema"] == b.factors["schema"]
    ]
    wrong = np.mean([TASK.verify(a, b.target) for a, b in pairs])
    assert wrong < 0.002


@pytest.mark.parametrize(
    "sql",
    [
        "drop table customers",
        "delete from customers",
        "attach database 'x' as y",
        "pragma table_info ( customers )",
        "select name from customers ; drop table customers",
        "with recursive t ( x ) as ( select 1 union all select x + 1 from t ) select * from t",
        "select a . id from orders a , orders b , orders c , orders d",
        "select load_extension ( 'x' )",
        "select * from sqlite_master ; --",
        "select",
        "\x00",
        "\ud800",
    ],
)
def test_foreign_queries_only_read_within_bounds(sql):
    example = TASK.draw(0, form="in-category", schema="shop")
    assert TASK.verify(example, sql) == 0.0
    assert answers("shop", "select count ( * ) from customers")[0] == ((40,),)


def test_templates_can_be_held_out():
    data = TASK.sample(800, 3)
    held = sorted(set(data.table["template"]))[::5]
    split = HeldOutLevel("template", held).split(data, np.random.default_rng(0))
    assert not set(split.train.table["template"]) & set(split.unseen.table["template"])
