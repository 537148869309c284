"""Ways of asking do what their papers say, held against models that are functions of the text."""

from __future__ import annotations

import ast
import json
import math
import re

import numpy as np
import pytest

from unseen.adaptation.prompting import (
    Asker,
    Question,
    calculator,
    chain_of_thought,
    choice_shuffling,
    constrained,
    few_shot,
    least_to_most,
    lookups,
    option_likelihood,
    self_ask,
    self_consistency,
    skills_in_context,
    two_models,
)
from unseen.adaptation.prompting.examples import nearest
from unseen.adaptation.prompting.tools import value_in, worked_out
from unseen.errors import BadInput
from unseen.learners.language.base import Answer, Completion, Generation, Scored
from unseen.tasks import load

CAPITALS = {"France": "Paris", "Italy": "Rome", "Norway": "Oslo", "Peru": "Lima", "Japan": "Tokyo", "Egypt": "Cairo"}


class Model:
    """Says a function of all turns and of the number of the draw; scores continuations by another."""

    name = "model"

    def __init__(self, say, score=None):
        self.say, self.likely, self.seen = say, score, []

    identity = {"model": "a function"}  # noqa: RUF012

    def generate(self, prompts, settings, *, draws=None, done=None):
        self.seen += prompts
        numbers = range(settings.samples) if draws is None else draws
        return [Answer(tuple(Completion(self.say(p, d)) for d in numbers), 10) for p in prompts]

    def score(self, prompts, continuations, *, done=None):
        self.seen += prompts
        return [
            tuple(Scored(c, (c,), (self.likely(p, c),), False) for c in options)
            for p, options in zip(prompts, continuations, strict=True)
        ]

    def hidden(self, prompts, layer, *, pool="last"):
        raise NotImplementedError


def read(question, text):
    """A letter is the option that it names, in the order shown; else what was said."""
    said = text.strip()
    if question.options and re.fullmatch("[A-F]", said):
        return question.options["ABCDEF".index(said)]
    return said or None


def asker(model, **more):
    return Asker(model, Generation(max_tokens=16), read, **more)


def choices(countries=tuple(CAPITALS)):
    names = list(CAPITALS.values())
    return [
        Question(c, f"Capital of {c}?", CAPITALS[c], tuple(names[i:] + names[:i])[:4])
        for i, c in enumerate(countries)
        if CAPITALS[c] in tuple(names[i:] + names[:i])[:4]
    ]


def test_examples_are_of_the_pool_in_as_many_turns_as_were_asked_for():
    model = Model(lambda p, d: "x")
    pool = [Question(str(i), f"{i} + 1 =", str(i + 1), number=True) for i in range(9)]
    questions = [Question(f"q{i}", f"{i} + 100 =", str(i + 100), number=True) for i in range(5)]
    for pick in ("fixed", "random", "nearest"):
        model.seen.clear()
        few_shot(questions, pool, asker(model), shots=3, pick=pick)
        shown = [[(m["role"], m["content"]) for m in p] for p in model.seen]
        assert [[r for r, _ in p] for p in shown] == [["user", "assistant"] * 3 + ["user"]] * 5
        known = {q.text: q.right for q in pool}
        for prompt in shown:
            texts = [c.split("\n")[0] for r, c in prompt if r == "user"][:-1]
            assert [known[t] for t in texts] == [c for r, c in prompt if r == "assistant"]
            assert len(set(texts)) == 3
        same = len({tuple(p[:-1]) for p in shown}) == 1
        assert same == (pick == "fixed"), pick


def test_what_belongs_with_a_question_is_never_shown_before_it():
    model = Model(lambda p, d: "x")
    pool = [
        Question(f"p{i}", f"{i} + 1 =", str(i + 1), number=True, skill="ab"[i % 2], steps=1, cluster=f"c{i % 4}")
        for i in range(12)
    ]
    questions = [Question(f"q{i}", f"({i} + 1) · 2 =", str(2 * i + 2), number=True, cluster=f"c{i}") for i in range(4)]
    clusters = {p.text: p.cluster for p in pool}
    for pick in ("fixed", "random", "nearest"):
        model.seen.clear()
        few_shot(questions, pool, asker(model), shots=5, pick=pick)
        for i, prompt in enumerate(model.seen):
            shown = [clusters[m["content"].split("\n")[0]] for m in prompt[:-1] if m["role"] == "user"]
            assert len(shown) == 5
            assert f"c{i}" not in shown
    model.seen.clear()
    skills_in_context(questions, pool, asker(model))
    for i, prompt in enumerate(model.seen):
        assert not any(f": {text}" in prompt[0]["content"] for text, cluster in clusters.items() if cluster == f"c{i}")


def test_nearest_is_the_cosine_of_word_weights():
    pool = ["the capital of France", "two plus two", "the river of Rome", "a capital idea"]
    texts = ["what is the capital of Rome", "plus"]

    def weights(text):
        words = re.findall(r"\w+", text.lower())
        vector = {}
        for w in set(words):
            df = sum(w in re.findall(r"\w+", p.lower()) for p in pool)
            if df:
                vector[w] = (1 + math.log(words.count(w))) * (math.log((1 + len(pool)) / (1 + df)) + 1)
        norm = math.sqrt(sum(v * v for v in vector.values())) or 1.0
        return {w: v / norm for w, v in vector.items()}

    slow = [[sum(weights(t).get(w, 0) * v for w, v in weights(p).items()) for p in pool] for t in texts]
    assert nearest(texts, pool).tolist() == np.argsort(-np.array(slow), axis=1, kind="stable").tolist()


def test_a_vote_over_orders_undoes_a_preference_for_a_place():
    # It knows the answer where it stands first or second, and says A elsewhere: right in half of the orders, spread over the rest.
    def say(prompt, draw):
        text = prompt[-1]["content"]
        right = next(v for c, v in CAPITALS.items() if f"of {c}?" in text)
        at = {o: letter for letter, o in re.findall(r"^([A-F])\. (.+)$", text, re.MULTILINE)}[right]
        return at if at in "AB" else "A"

    questions = [Question(c, f"Capital of {c}?", v, options(v)) for c, v in CAPITALS.items()]
    model = Model(say)
    plain = [
        read(
            q,
            say(
                [{"content": f"{q.text}\n" + "\n".join(f"{a}. {o}" for a, o in zip("ABCD", q.options, strict=True))}], 0
            ),
        )
        for q in questions
    ]
    said = choice_shuffling(questions, [], asker(model), orders=4)
    voted = [read(Question(q.name, q.text, q.target, s.options), s.text) for q, s in zip(questions, said, strict=True)]
    assert sum(a == q.target for a, q in zip(plain, questions, strict=True)) == 0
    assert sum(a == q.target for a, q in zip(voted, questions, strict=True)) == len(questions)
    assert len(model.seen) == 4 * len(questions)
    assert all(s.tokens == 4 * 11 for s in said)


def options(right):
    """Four options with the right one third."""
    others = [v for v in CAPITALS.values() if v != right][:3]
    return (*others[:2], right, others[2])


def test_likelihoods_averaged_over_all_rotations_ignore_the_place():
    # The log-probability of a letter is a preference for its place plus a little knowledge.
    place = {"A": 3.0, "B": 1.0, "C": 0.0, "D": 0.0, "E": 0.0, "F": 0.0}

    def score(prompt, letter):
        text = prompt[-1]["content"]
        right = next(v for c, v in CAPITALS.items() if f"of {c}?" in text)
        shown = dict(re.findall(r"^([A-F])\. (.+)$", text, re.MULTILINE))
        return place[letter] + (1.0 if shown[letter] == right else 0.0)

    questions = [Question(c, f"Capital of {c}?", v, options(v)) for c, v in CAPITALS.items()]
    once = option_likelihood(questions, [], asker(Model(None, score)), orders=1)
    turned = option_likelihood(questions, [], asker(Model(None, score)), orders=4)
    assert [s.text for s in once] == ["A"] * len(questions)
    assert [s.text for s in turned] == ["C"] * len(questions)


def test_two_models_answer_by_the_mean_of_their_probabilities():
    first, second = {"A": 0.5, "B": 0.4, "C": 0.1, "D": 0.0001}, {"A": 0.1, "B": 0.6, "C": 0.3, "D": 0.0001}
    question = Question("1", "Capital of Italy?", "Rome", ("Paris", "Rome", "Oslo", "Lima"))
    a, b = (Model(None, lambda p, c, of=of: math.log(of[c])) for of in (first, second))
    assert two_models([question], [], asker(a, second=b))[0].text == "B"
    assert option_likelihood([question], [], asker(a))[0].text == "A"


def test_most_reasonings_decide():
    answers = ["I think. The answer is 4.", "Well, the answer is 5.", "The answer is 5.", "no idea", "The answer is: 6"]
    model = Model(lambda p, d: answers[d])
    by_number = Asker(model, Generation(), lambda q, t: (re.findall(r"\d+", t) or [None])[-1])
    assert self_consistency([Question("1", "2 + 3 =", "5", number=True)], [], by_number)[0].text == "5."
    assert self_consistency([Question("1", "2 + 3 =", "5", number=True)], [], by_number)[0].tokens == 10 + sum(
        -(-len(a) // 4) for a in answers
    )


def test_parts_are_answered_before_the_whole():
    def say(prompt, draw):
        last = prompt[-1]["content"]
        if "simpler questions" in last:
            return "1. What is 3 + 4?\n2. What is 2 times that?"
        if "What is 3 + 4?" in last:
            return "7"
        if "2 times that" in last:
            return "14" if any(m["content"] == "7" for m in prompt) else "?"
        return "The answer is 14." if any(m["content"] == "14" for m in prompt) else "The answer is 0."

    model = Model(say)
    assert least_to_most([Question("1", "2 · (3 + 4) =", "14", number=True)], [], asker(model))[0].text == "14."
    assert len(model.seen) == 4


def test_skills_come_before_a_composed_example_and_follow_ups_end_in_an_answer():
    pool = [
        Question("a", "3 + 4 =", "7", skill="sum", steps=1), Question("b", "3 · 4 =", "12", skill="product", steps=1),
        Question("c", "(3 + 4) · 2 =", "14", skill="sum", steps=2),
    ]  # fmt: skip
    model = Model(lambda p, d: "So the final answer is: 18\nQuestion: more")
    said = skills_in_context([Question("q", "(4 + 5) · 2 =", "18", number=True)], pool, asker(model))
    shown = model.seen[0][0]["content"]
    assert (
        shown.index("product: 3 · 4 = 12")
        < shown.index("sum: 3 + 4 = 7")
        < shown.index("(3 + 4) · 2 = 14")
        < shown.index("(4 + 5)")
    )
    assert said[0].text == "18"
    assert self_ask([Question("q", "Which?", "18")], pool, asker(model))[0].text == "18"
    assert chain_of_thought([Question("q", "Which?", "18")], pool, asker(model))[0].text == "18"


def test_a_text_to_continue_holds_examples_and_ends_where_an_answer_comes():
    model = Model(lambda p, d: "x")
    pool = [Question("a", "3 + 4 =", "7", number=True)]
    few_shot([Question("q", "4 + 5 =", "9", number=True)], pool, asker(model, chats=False), shots=1, pick="fixed")
    first, second = model.seen[0].split("\n\nQuestion: ")
    assert first == "Question: 3 + 4 =\n\nAnswer with the number alone.\nAnswer: 7"
    assert second == "4 + 5 =\n\nAnswer with the number alone.\nAnswer:"


def test_constrained_answers_are_held_to_letters_or_numbers():
    import re as python_re

    class Held(Model):
        def generate(self, prompts, settings, **more):
            self.held = [*getattr(self, "held", []), *[settings.pattern] * len(prompts)]
            return super().generate(prompts, settings, **more)

    questions = [Question("1", "Capital?", "Rome", ("Paris", "Rome")), Question("2", "2 + 2 =", "4", number=True)]
    model = Held(lambda p, d: "B" if "Capital" in p[-1]["content"] else "4")
    assert [s.text for s in constrained(questions, [], asker(model))] == ["B", "4"]
    letters, number = model.held
    assert [bool(python_re.fullmatch(letters, t)) for t in ("A", "B", "C", "AB")] == [True, True, False, False]
    assert [bool(python_re.fullmatch(number, t)) for t in ("-12.5", "7", "", "1e3")] == [True, True, False, False]


def expression(rng, depth=0):
    if depth > 3 or rng.random() < 0.3:
        return str(int(rng.integers(1, 60)))
    left, right = expression(rng, depth + 1), expression(rng, depth + 1)
    return f"({left} {rng.choice(['+', '-', '*', '/'])} {right})"


def test_the_calculator_computes_what_python_computes_and_runs_nothing():
    rng = np.random.default_rng(0)
    for _ in range(300):
        text = expression(rng)
        try:
            value = eval(compile(ast.parse(text, mode="eval"), "", "eval"))
        except ZeroDivisionError:
            assert worked_out(text) is None
            continue
        assert float(worked_out(text)) == pytest.approx(value, rel=1e-9), text
    for text in (
        "().__class__",
        "open('x')",
        "a + 1",
        "9 ** 9 ** 9",
        "1e999",
        "'a' * 3",
        "(" * 200,
        "True + 1",
        "2 ** 0.5",
    ):
        assert worked_out(text) is None, text
    assert value_in("The expression is:\n1,200 + 3 = 1203") == "1203"
    model = Model(lambda p, d: "12 * 12")
    assert calculator([Question("q", "12 · 12 =", "144", number=True)], [], asker(model))[0].text == "144"


def test_texts_without_a_word_are_all_equally_near():
    assert nearest(["?!", "a word"], ["!", "...", "?"]).tolist() == [[0, 1, 2]] * 2


PHRASES = {
    "the official symbol of ": ("alias", "name", "gene"), "the gene at SNP ": ("snp", "id", "gene"),
    "all genes associated with ": ("association", "disease", "gene"), "all diseases associated with ": ("association", "gene", "disease"),
    "each chromosome of ": ("gene", "symbol", "chromosome"), "each function of ": ("gene", "symbol", "function"),
}  # fmt: skip


def looks_up(prompt, draw):
    """Walks through a world by its calls alone: what is asked first, then what was found so far decides on the next call."""
    asked = re.search(r"^(?:Name|Give|Tell me|State) (.+)\. Answer with", prompt[0]["content"], re.MULTILINE)[1]
    path = []
    while phrase := next((p for p in PHRASES if asked.startswith(p)), None):
        path.insert(0, PHRASES[phrase])
        asked = asked.removeprefix(phrase)
    results = [json.loads(m["content"][1:-1]) for m in prompt[1:] if m["role"] == "user"]
    found = [asked]
    for table, column, wanted in path:
        ends = []
        for one in found:
            if not results:
                return f"I need this.\n[find({table}, {column}, {one})]"
            ends += [row[wanted] for row in results.pop(0)]
        found = sorted(set(ends))
    return "Answer: " + ", ".join(found)


def test_a_model_that_follows_records_finds_by_calls_what_it_can_not_know():
    task = load("gene-questions")
    drawn = [task.draw(seed, given="nothing", hops=(1, 3), answers=(1, 2)) for seed in range(40)]
    questions = [Question(e.item, str(e.input), str(e.target), api=str(e.factors["api"])) for e in drawn]
    model = Model(looks_up)
    said = lookups(questions, [], asker(model), most=40)
    assert [task.verify(e, s.text) for e, s in zip(drawn, said, strict=True)] == [1.0] * 40
    # Three hops take three calls at least: with two there is no answer, and what is one hop away is answered still.
    few = lookups(questions, [], asker(Model(looks_up)), most=2)
    for e, s in zip(drawn, few, strict=True):
        assert e.factors["hops"] < 3 or s.text == ""
        assert task.verify(e, s.text) in (0.0, 1.0)
        assert e.factors["hops"] > 1 or task.verify(e, s.text) == 1.0
    assert all(s.tokens > 10 for s in said)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: KVD96", "KVD96"),
        ("**Answer:** KVD96\nPJB90", "KVD96\nPJB90"),
        ("KVD96", "KVD96"),
        ("Answer: KVD96\n[find(gene, symbol, X)]", "KVD96\n[find(gene, symbol, X)]"),
        ("[find(gene, symbol, X)]", ""),
        ("find(gene, symbol, X)", ""),
    ],
)
def test_an_answer_is_told_from_a_call(text, answer):
    question = Question("q", "?", "KVD96", api="genes/0/60")
    assert lookups([question], [], asker(Model(lambda p, d: text)), most=1)[0].text == answer


def test_records_that_are_nowhere_are_refused():
    with pytest.raises(BadInput, match="no world 'shops/1/2'"):
        lookups([Question("q", "?", "x", api="shops/1/2")], [], asker(Model(lambda p, d: "x")))
