"""Questions with options: asked in several orders, by the likelihood of each option, or by two models together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from unseen.adaptation.prompting.base import Asker, Question, Said, nothing, wanted
from unseen.adaptation.prompting.chains import voted
from unseen.learners.language.base import LanguageModel, Prompt
from unseen.learners.language.calls import estimated_tokens
from unseen.learners.questions.layout import LETTERS


def orders_of(question: Question, count: int, asker: Asker) -> list[list[int]]:
    """Orders of the options: the rotations of the given one, then those of orders drawn at random.

    Over as many rotations as there are options, each option stands once at each place.
    """
    n, rng = len(question.options), asker.rng("orders", question.name)
    orders: dict[tuple[int, ...], None] = {}
    base = np.arange(n)
    while len(orders) < min(count, math.factorial(n)):
        for k in range(n):
            orders.setdefault(tuple(np.roll(base, -k).tolist()))
        base = rng.permutation(n)
    return [list(order) for order in orders][:count]


def choice_shuffling(
    questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, orders: int = 4
) -> list[Said]:
    """Asked in several orders of its options; the option that is chosen most often is the answer.

    Args:
        questions: With options.
        pool: Not looked at.
        asker: The model.
        orders: Most orders of the options, the given one among them.

    Source: Nori et al. (2023), Can generalist foundation models outcompete special-purpose tuning, section 4.4 (Medprompt).
    """
    said = nothing(questions)
    every = [[q.reordered(o) for o in orders_of(q, orders, asker)] for q in questions]
    flat = [(i, q) for i, own in enumerate(every) for q in own]
    answers = asker.ask([[(wanted(q), "")] for _, q in flat], asker.short, [said[i] for i, _ in flat])
    texts: list[list[str]] = [[] for _ in questions]
    for (i, _), answer in zip(flat, answers, strict=True):
        texts[i].append(answer.text)
    for one, own, answered in zip(said, every, texts, strict=True):
        # One letter stands for other options in other orders: the vote is among what was read, and its order goes with it.
        at = voted([asker.read(q, t) for q, t in zip(own, answered, strict=True)])
        one.text, one.options = answered[at], own[at].options
    return said


def option_likelihood(
    questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, orders: int = 1
) -> list[Said]:
    """The option whose letter is likeliest; nothing else can be said.

    Args:
        questions: With options.
        pool: Not looked at.
        asker: The model, which must tell log-probabilities.
        orders: Orders of the options over which probabilities are averaged.

    Source: Hendrycks et al. (2021), Measuring massive multitask language understanding, section 4; Zheng et al. (2024), Large
    language models are not robust multiple choice selectors, section 4 (averages over permutations).
    """
    return _likeliest(questions, asker, (asker.model,), orders)


def two_models(questions: Sequence[Question], pool: Sequence[Question], asker: Asker, *, orders: int = 1) -> list[Said]:
    """The option that two models find likeliest together, by the mean of their probabilities.

    Args:
        questions: With options.
        pool: Not looked at.
        asker: The model and its second.
        orders: Orders of the options over which probabilities are averaged.

    Source: Dietterich (2000), Ensemble methods in machine learning, section 1 (averages of members).
    """
    assert asker.second is not None, "asked for where a second model is named"  # noqa: S101
    return _likeliest(questions, asker, (asker.model, asker.second), orders)


def _likeliest(questions: Sequence[Question], asker: Asker, models: Sequence[LanguageModel], orders: int) -> list[Said]:
    """The letter of the option with the largest sum of probabilities over models."""
    said = nothing(questions)
    shares = [shares_of(questions, asker, model, orders, said) for model in models]
    for one, *own in zip(said, *shares, strict=True):
        one.text = LETTERS[int(np.argmax(np.sum(own, axis=0)))]
    return said


def shares_of(
    questions: Sequence[Question], asker: Asker, model: LanguageModel, orders: int, said: Sequence[Said]
) -> list[np.ndarray]:
    """Probability of each option given that one of them is said, in the order of the question, averaged over orders.

    Returns:
        One array a question, of shape (options,).
    """
    flat = [(i, order) for i, q in enumerate(questions) for order in orders_of(q, orders, asker)]
    prompts: list[Prompt] = [asker.prompt([(wanted(questions[i].reordered(o)), "")]) for i, o in flat]
    before = "" if asker.chats else " "
    letters = [[f"{before}{LETTERS[k]}" for k in range(len(o))] for _, o in flat]
    scored = model.score(prompts, letters)
    sums = [np.zeros(len(q.options)) for q in questions]
    for (i, order), prompt, options in zip(flat, prompts, scored, strict=True):
        logs = np.array([s.logprob for s in options])
        shares = np.exp(logs - logs.max())
        sums[i][order] += shares / shares.sum()
        said[i].tokens += estimated_tokens(prompt) + sum(len(s.tokens) for s in options)
    return [s / s.sum() for s in sums]
