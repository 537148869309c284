"""Pools of experts find the weights that made the data; a search writes what the constraints of a question ask for."""

import numpy as np
import pytest
from tests.adaptation.prompting.test_prompting import CAPITALS, Model, asker, choices
from tests.learners.language.conftest import toy_llama, toy_tokenizer

from unseen.adaptation.prompting import Asker, Question, deal, experts
from unseen.adaptation.prompting.experts import fitted
from unseen.errors import BadInput
from unseen.learners.language.base import Generation
from unseen.remedies import all_remedies
from unseen.tasks.instructions.checks import Checks
from unseen.tasks.instructions.kinds import MANY, Constraint


def spread(logits):
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def drawn(shares, rng):
    return [int(rng.choice(len(s), p=s)) for s in shares]


def test_a_product_finds_the_weights_under_which_the_answers_were_drawn():
    """Keys drawn from softmax(1.5·log p + 0.5·log q): the fit is within three standard errors of its own curvature."""
    rng = np.random.default_rng(0)
    p, q = spread(1.5 * rng.normal(size=(3000, 4))), spread(1.5 * rng.normal(size=(3000, 4)))
    key = drawn(spread(1.5 * np.log(p) + 0.5 * np.log(q)), rng)
    pool = fitted("product", list(zip(p, q, strict=True)), key)
    pooled = np.array([pool.of(one) for one in zip(p, q, strict=True)])
    logs = np.log(np.stack([p, q]))
    centred = logs - np.einsum("no,eno->en", pooled, logs)[:, :, None]
    errors = np.sqrt(np.diag(np.linalg.inv(np.einsum("no,eno,fno->ef", pooled, centred, centred))))
    assert np.all(np.abs(pool.weights - [1.5, 0.5]) < 3 * errors)
    assert errors.max() < 0.06


def test_a_mixture_finds_the_share_of_the_expert_who_made_the_answers():
    rng = np.random.default_rng(1)
    p, q = spread(2 * rng.normal(size=(4000, 4))), spread(2 * rng.normal(size=(4000, 4)))
    key = drawn(0.8 * p + 0.2 * q, rng)
    pool = fitted("mixture", list(zip(p, q, strict=True)), key)
    share = float(spread(pool.weights)[0])
    # 0.02: three standard errors of a share among 4,000 draws that tell the experts apart in about half of the cases.
    assert share == pytest.approx(0.8, abs=3 * np.sqrt(0.8 * 0.2 / 2000))


def test_an_expert_who_guesses_gets_no_weight_in_a_product():
    rng = np.random.default_rng(2)
    p, noise = spread(2 * rng.normal(size=(800, 4))), spread(2 * rng.normal(size=(800, 4)))
    pool = fitted("product", list(zip(p, noise, strict=True)), drawn(p, rng))
    assert pool.weights[0] == pytest.approx(1, abs=0.2)
    assert pool.weights[1] < 0.1


def test_a_gate_learns_whom_to_follow_where_the_mean_is_drawn_away():
    """Each expert knows half of the questions; of the others it is wrong, and louder: how sure it is tells which."""
    rng = np.random.default_rng(3)

    def asked(n):
        rows, key = [], []
        for _ in range(n):
            k, wrong = rng.permutation(4)[:2]
            knows, loud = np.full(4, 0.1), np.full(4, 0.05)
            knows[k], knows[wrong] = 0.78, 0.02
            loud[k], loud[wrong] = 0.0, 0.85
            loud[loud == 0.05] = 0.075
            rows.append([knows, loud] if rng.random() < 0.5 else [loud, knows])
            key.append(int(k))
        return rows, key

    seen, key = asked(400)
    new, truth = asked(400)

    def right(pool):
        return np.mean([int(np.argmax(pool.of(e))) == k for e, k in zip(new, truth, strict=True)])

    mean = np.mean([int(np.argmax(np.sum(e, axis=0))) == k for e, k in zip(new, truth, strict=True)])
    gate = right(fitted("gate", seen, key))
    assert gate > mean + 0.2


def test_without_seen_questions_experts_weigh_alike():
    pool = fitted("product", [], [])
    assert pool.weights == pytest.approx([0.5, 0.5])
    assert fitted("gate", [], []).of([np.array([0.6, 0.4]), np.array([0.2, 0.8])]) == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize("how", ["product", "mixture", "gate"])
def test_the_expert_who_knows_the_seen_questions_decides_the_others(how):
    """The first model takes A with nine tenths, the second knows the capitals with six: their mean takes A."""

    def takes_a(prompt, option):
        return -0.1 if option.strip() == "A" else -3.4

    def knows(prompt, option):
        text = prompt[-1]["content"]
        capital = next(c for country, c in CAPITALS.items() if country in text)
        return -0.5 if f"{option.strip()}. {capital}" in text else -2.03

    model, second = Model(None, takes_a), Model(None, knows)
    given = [q.reordered([1, 0, 2, 3]) for q in choices()]
    pools = []
    many = [Question(f"{q.name}{i}", q.text, q.target, q.options) for q in given for i in range(8)]
    said = experts(given, many, asker(model, second=second), how=how, told=pools.append)
    assert {q.right for q in given} == {"B"}
    assert [s.text for s in said] == [q.right for q in given]
    plain = experts(given, [], asker(model, second=second), how="mixture")
    assert {s.text for s in plain} == {"A"}
    # What the fit took is charged to the answers.
    assert said[0].tokens > plain[0].tokens


def test_deal_meets_more_constraints_than_the_greedy_answer_and_tells_what_it_takes():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from unseen.learners.language.local import LocalModel, in_memory

    lm = LocalModel(in_memory(toy_llama(), toy_tokenizer(), "toy"))
    checks = [
        Checks("a", (Constraint("include", (word,)), Constraint("words", (), 2, MANY))).told()
        for word in ("an", "in", "the")
    ]
    questions = [Question(str(i), f"Write of {i}.", "a in the an", checks=c) for i, c in enumerate(checks)]

    def read(question, text):
        return text

    speaker = Asker(lm, Generation(max_tokens=10), read, chats=False)
    plain = deal(questions, [], speaker, weight=0.0, branches=1, ahead=0, stride=1)
    heavy = deal(questions, [], speaker, weight=60.0, branches=8, ahead=4, stride=1, lines=2)
    greedy = lm.generate([speaker.prompt([(q.text, "")]) for q in questions], speaker.short)
    assert [p.text for p in plain] == [g.text for g in greedy]

    def met(said):
        return np.mean([Checks.read(q.checks).progress(s.text) for q, s in zip(questions, said, strict=True)])

    assert met(heavy) > met(plain)
    assert min(h.tokens for h in heavy) > 10 * max(
        p.tokens - g.prompt_tokens for p, g in zip(plain, greedy, strict=True)
    )


def test_deal_is_refused_where_no_step_of_the_model_is_seen():
    question = Question("1", "Write.", "A dog.", checks=Checks("dog", (Constraint("no-digits"),)).told())
    with pytest.raises(BadInput, match="model: a search looks into each step of a model, which endpoints don't show"):
        deal([question], [], asker(Model(lambda p, d: "")))
    assert all_remedies()["deal"].needs == ("language model", "constraints")
