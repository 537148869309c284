"""A model's word on its own answers, and a head on its states that says beforehand whether it will be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, control, gate, headline, side_part, study
from unseen.atlas.subjects import Subject, subject
from unseen.engine.seeds import numpy_generator
from unseen.estimates.confidence.calibration import equal_mass_bins, error_of
from unseen.learners.language.base import Generation
from unseen.tasks.knowledge.short_questions import FACTS, KINDS, Short, drawn

MODEL = "qwen2.5-coder-0.5b-instruct"
ANSWERING, JUDGING = 4, 6
ENDS = ("\n", "\n\n")
LAYER = 16
BINS = 8
PENALTIES = (1e-3, 1e-2, 1e-1)


def prefix(shown: Sequence[Short], *, notes: bool = False) -> str:
    """Questions with their answers, behind notes that hold these where it is asked for."""
    return "".join(
        f"{f'{q.note}{chr(10)}' if notes else ''}Question: {q.text}\nAnswer: {q.answers[0]}\n\n" for q in shown
    )


def judged(question: str, answer: str) -> str:
    """The question whether an answer is right, in the words of the paper, up to the letter.

    >>> print(judged("2 + 2?", "5"))
    Question: 2 + 2?
    Proposed Answer: 5
    Is the proposed answer:
     (A) True
     (B) False
    The proposed answer is:
    """
    return (
        f"Question: {question}\nProposed Answer: {answer}\nIs the proposed answer:\n (A) True\n (B) False\n"
        "The proposed answer is:"
    )


def p_true(model: Subject, shown: str, asked: Sequence[str]) -> np.ndarray:
    """Log odds of (A) True against (B) False."""
    scored = model.score([shown + a for a in asked], [[" (A)", " (B)"]] * len(asked))
    return np.array([a.logprob - b.logprob for a, b in scored])


def ranked(confidence: np.ndarray, right: np.ndarray, kind: np.ndarray) -> float:
    """Share of the pairs of a right and a wrong answer of one kind in which the right one has the higher confidence.

    >>> ranked(np.array([0.9, 0.1, 0.2, 0.8]), np.array([1, 0, 1, 0]), np.array(["a", "a", "b", "b"]))
    0.5
    """
    total, pairs = 0.0, 0
    for k in np.unique(kind):
        own = kind == k
        above, below = confidence[own & (right == 1)], confidence[own & (right == 0)]
        total += float((np.sign(above[:, None] - below[None, :]) / 2 + 0.5).sum())
        pairs += len(above) * len(below)
    return total / pairs if pairs else float("nan")


class Head:
    """Logistic regression of the chance to be right on states, with ridge penalty, from soft labels.

    Args:
        states: Shape (n, width).
        chance: Of being right, shape (n,).
        penalty: On the sum of squared weights of standardised states.
    """

    def __init__(self, states: np.ndarray, chance: np.ndarray, penalty: float) -> None:
        from scipy import optimize, special

        self.mean, self.spread = states.mean(axis=0), states.std(axis=0) + 1e-6
        x = (states - self.mean) / self.spread

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            logit = x @ w[1:] + w[0]
            error = special.expit(logit) - chance
            value = float(np.mean(np.logaddexp(0, logit) - chance * logit)) + penalty * float(w[1:] @ w[1:])
            slope = x.T @ error / len(x) + 2 * penalty * w[1:]
            return value, np.concatenate([[error.mean()], slope])

        self.weights = optimize.minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x

    def __call__(self, states: np.ndarray) -> np.ndarray:
        """P(IK), shape (n,)."""
        from scipy import special

        return special.expit((states - self.mean) / self.spread @ self.weights[1:] + self.weights[0])


def folds(n: int, rng: np.random.Generator, count: int = 5) -> np.ndarray:
    """Fold of each row."""
    return rng.permutation(np.arange(n) % count)


def across(states: np.ndarray, chance: np.ndarray, penalty: float, fold: np.ndarray) -> np.ndarray:
    """P(IK) of each row by a head that did not see its fold."""
    said = np.zeros(len(chance))
    for f in np.unique(fold):
        own = fold == f
        said[own] = Head(states[~own], chance[~own], penalty)(states[own])
    return said


def chosen(states: np.ndarray, chance: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The penalty with the smallest loss on rows that its heads did not see, and what those said."""
    fold = folds(len(chance), rng)
    said = [np.clip(across(states, chance, p, fold), 1e-6, 1 - 1e-6) for p in PENALTIES]
    losses = [-np.mean(chance * np.log(s) + (1 - chance) * np.log(1 - s)) for s in said]
    best = int(np.argmin(losses))
    return PENALTIES[best], said[best]


def miscalibrated(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over bins of equal mass."""
    bins = equal_mass_bins(confidence, right, np.arange(len(right)), n_bins=BINS)
    return float(error_of(bins.gap, bins.weight))


class Draw:
    """Questions of one seed, by kind: those that are shown, and those that are asked."""

    def __init__(self, seed: int, count: int) -> None:
        self.rng = numpy_generator(seed, "p-true-p-ik")
        every = {k: drawn(k, count + ANSWERING, self.rng) for k in KINDS}
        self.shown = {k: qs[:ANSWERING] for k, qs in every.items()}
        self.asked = [q for qs in every.values() for q in qs[ANSWERING:]]
        self.kind = np.array([q.kind for q in self.asked])
        # Of the same kind, with another answer; what is shown stands in where no question that is asked does.
        self.others = [self._other(q) for q in self.asked]

    def _other(self, question: Short) -> Short:
        fit = [q for q in self.asked if q.kind == question.kind and not set(q.answers) & set(question.answers)]
        same = [q for q in fit if q.about[0] == question.about[0]] if question.kind == "attribute" else []
        pool = same or fit
        return pool[int(self.rng.integers(len(pool)))]

    def prompts(self, *, notes: Sequence[str] = (), at: Sequence[int] | None = None) -> list[str]:
        """Questions behind worked ones of their kind; where notes are given, one ahead of each, and of the worked ones."""
        asked = self.asked if at is None else [self.asked[i] for i in at]
        lines = [f"{n}\n" for n in notes] or [""] * len(asked)
        return [
            f"{prefix(self.shown[q.kind])}{n}Question: {q.text}\nAnswer:" for q, n in zip(asked, lines, strict=True)
        ]

    def judging(self, kinds: Sequence[str]) -> list[tuple[Short, str, bool]]:
        """Questions, answers and whether these are right, of mixed kinds, for the worked judgements."""
        picked = [self.shown[k][:2] for k in kinds]
        rows = [(a, (a if i % 2 else b).answers[0], bool(i % 2)) for i, (a, b) in enumerate(picked)]
        return [rows[int(i)] for i in self.rng.permutation(len(rows))[:JUDGING]]


def knows(model: Subject, prompts: Sequence[str], asked: Sequence[Short]) -> np.ndarray:
    """Probability that an answer drawn from the model is right: the sum over its spellings."""
    scored = model.score(prompts, [[f" {a}{end}" for a in q.answers for end in ENDS] for q in asked])
    return np.array([min(1.0, sum(np.exp(s.logprob) for s in row)) for row in scored])


def said_by(model: Subject, prompts: Sequence[str]) -> list[str]:
    """An answer to each, drawn at temperature 1."""
    settings = Generation(max_tokens=10, temperature=1.0, stop=("\n",))
    return [a.text.strip() or "-" for a in model.generate(prompts, settings)]


@study(
    slug="p-true-p-ik",
    claim=[
        ("Shown an answer of its own, a language model tells right from wrong above chance.", "p_true"),
        ("A head that learnt to say beforehand whether the model knows also ranks questions of other tasks.", "transfer"),
        ("Of the tasks on which it was taught it ranks new questions.", "p_ik"),
        ("On tasks on which it was not taught it is worse calibrated.", "worse"),
        ("It rises where the source is given.", "source"),
    ],
    source="Kadavath et al. (2022), Language Models (Mostly) Know What They Know, arXiv",
    link="https://arxiv.org/abs/2207.05221",
    did="Asked models of 0.8B to 52B parameters whether answers that they had drawn were true (P(True)), and trained a head to "
    "say before an answer whether it would be right (P(IK)), on trivia, arithmetic, word problems and code.",
    here="One pretrained model of 0.5B parameters, four kinds of facts and three of arithmetic in four wordings each; a linear "
    "head on the states of one layer. The chance that a drawn answer is right is computed, not sampled.",
    fidelity="C",
    parts=[
        headline("p_true", "P(True): share of right–wrong pairs of one kind that it orders rightly", claimed=0.6, refuted=0.5,
                 within=SHARE, basis="chance is .5; 'encouraging performance' in the abstract"),
        headline("transfer", "P(IK) on the tasks that its head never saw: share of such pairs, both directions", claimed=0.6,
                 refuted=0.5, within=SHARE, basis="chance is .5; 'partially generalize' in the abstract is more than a trace"),
        side_part("p_ik", "P(IK) on new questions of the tasks that its head saw", claimed=0.65, refuted=0.5, within=SHARE,
                  basis="chance is .5; 'perform well' in the abstract, so more than on unseen tasks"),
        side_part("worse", "Calibration error of P(IK) on unseen tasks above that on seen ones", claimed=0.05, refuted=0.0,
                  within=DIFFERENCE, basis="'struggle with calibration of P(IK) on new tasks'; two points to notice by eye"),
        side_part("source", "Rise of P(IK) by a note with the answer, above that by a note on something else", claimed=0.1,
                  refuted=0.0, within=DIFFERENCE, basis="'increase appropriately' in the abstract; a tenth is seen by eye"),
        gate("facts", "Facts: chance to be right", at_least=0.15, within=SHARE, basis="right answers to rank"),
        gate("facts_room", "Facts: chance to be right", at_most=0.85, within=SHARE, basis="wrong answers to rank"),
        gate("sums", "Arithmetic: chance to be right", at_least=0.15, within=SHARE, basis="right answers to rank"),
        gate("sums_room", "Arithmetic: chance to be right", at_most=0.85, within=SHARE, basis="wrong answers to rank"),
        gate("told", "With the answer in the note: chance to be right above that without", at_least=0.15, within=DIFFERENCE,
             basis="the note can be used, so that knowing rises"),
        control("planted", "With a note that holds the answer, P(True) tells right facts from those of another question",
                at_least=0.7, within=SHARE, basis="the answer can be read; half-way between chance and about .9"),
        control("crossed", "Of the pairs that P(True) orders rightly, the share that goes where answers stand beneath another "
                "question", at_least=0.1, within=DIFFERENCE, basis="as much as is claimed above chance",
                cuts="the answer is judged beneath a question that it does not belong to"),
        control("shuffled", "A head taught on shuffled labels orders no pairs", at_most=0.6, within=SHARE,
                basis="below what is claimed", cuts="labels of the head are shuffled within each kind"),
    ],
    units="seeds: questions, wordings, worked examples and answers redrawn; facts come from a list that seeds share.",
    seeds=range(10, 15),
    code="No code was published; the prompt of P(True) is that of the paper. Its form with several drawn answers in sight, and the "
    "rise of P(IK) by hints, are left out: they would double the tokens.",
    oracle=["tests/atlas/test_p_true_p_ik.py"],
    reconstructed="Worked judgements show a right answer or that of another question; the head is linear on layer 16 of 24, "
    "where the paper trains the whole network.",
    history=[
        Change("2026-11-22", "Written; thresholds from the paper before any run."),
        Change("2026-11-22", "After a pilot of one seed: the worked questions of the part with sources have notes too (without "
               "them the model made little of a note); the planted control gives the answer in a note (without one it asked "
               "what the model does not know); and the crossed one asks how much goes, not how little is left, which would take "
               "a thousand judgements. No threshold of the claim changed. The final form was not piloted whole.", (100,)),
    ],
    would_take="models from 3B on for P(True)",
    subjects={MODEL: 200_000},
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """All questions are answered and told of beforehand; some answers of each kind are judged."""
    model, draw = subject(MODEL), Draw(seed, 8 if quick else 22)
    kind, fact = draw.kind, np.isin(draw.kind, FACTS)
    prompts = draw.prompts()
    chance = knows(model, prompts, draw.asked)
    found: dict[str, Measurement] = {"facts": float(chance[fact].mean()), "sums": float(chance[~fact].mean())}
    found |= {"facts_room": found["facts"], "sums_room": found["sums"]}
    found |= {f"chance_{k}": float(chance[kind == k].mean()) for k in KINDS}
    right = (draw.rng.random(len(chance)) < chance).astype(int)
    states = model.hidden(prompts, LAYER)
    found |= beforehand(draw, states, chance, right)
    found |= with_source(model, draw, states, chance)
    return found | afterwards(model, draw, 4 if quick else 8)


def beforehand(draw: Draw, states: np.ndarray, chance: np.ndarray, right: np.ndarray) -> dict[str, Measurement]:
    """P(IK) on seen and unseen tasks, and of a head that learnt shuffled labels."""
    fact = np.isin(draw.kind, FACTS)
    rows: dict[str, list[float]] = {k: [] for k in ("transfer", "p_ik", "worse", "shuffled")}
    for name, taught in (("facts", fact), ("sums", ~fact)):
        penalty, own = chosen(states[taught], chance[taught], draw.rng)
        away = Head(states[taught], chance[taught], penalty)(states[~taught])
        rows["p_ik"].append(ranked(own, right[taught], draw.kind[taught]))
        rows["transfer"].append(ranked(away, right[~taught], draw.kind[~taught]))
        rows["worse"].append(miscalibrated(away, chance[~taught]) - miscalibrated(own, chance[taught]))
        mixed = chance[taught].copy()
        for k in np.unique(draw.kind[taught]):
            at = draw.kind[taught] == k
            mixed[at] = draw.rng.permutation(mixed[at])
        _, said = chosen(states[taught], mixed, draw.rng)
        rows["shuffled"].append(ranked(said, right[taught], draw.kind[taught]))
        rows[f"from_{name}"] = [rows["transfer"][-1]]
    return {k: float(np.mean(v)) for k, v in rows.items()}


def with_source(model: Subject, draw: Draw, states: np.ndarray, chance: np.ndarray) -> dict[str, Measurement]:
    """Facts that the head did not see, with a note that holds the answer or one on another question of the kind."""
    facts = np.flatnonzero(np.isin(draw.kind, FACTS))
    asked = facts[::4]
    seen = np.setdiff1d(facts, asked)
    penalty, _ = chosen(states[seen], chance[seen], draw.rng)
    head = Head(states[seen], chance[seen], penalty)
    own = draw.prompts(notes=[draw.asked[i].note for i in asked], at=asked.tolist())
    other = draw.prompts(notes=[draw.others[i].note for i in asked], at=asked.tolist())
    rise = head(model.hidden(own, LAYER)) - head(model.hidden(other, LAYER))
    told = knows(model, own, [draw.asked[i] for i in asked])
    return {"source": float(rise.mean()), "told": float(told.mean() - chance[asked].mean())}


def afterwards(model: Subject, draw: Draw, count: int) -> dict[str, Measurement]:
    """P(True) of drawn answers, of the same beneath another question, and of planted ones."""
    at = np.concatenate([np.flatnonzero(draw.kind == k)[:count] for k in KINDS])
    asked, kind = [draw.asked[i] for i in at], draw.kind[at]
    said = said_by(model, draw.prompts(at=at.tolist()))
    right = np.array([int(s in q.answers) for s, q in zip(said, asked, strict=True)])
    shown = "".join(f"{judged(q.text, a)} ({'A' if true else 'B'})\n\n" for q, a, true in draw.judging(KINDS))
    plain = p_true(model, shown, [judged(q.text, s) for q, s in zip(asked, said, strict=True)])
    foreign = [draw.others[i] for i in at]
    crossed = p_true(model, shown, [judged(o.text, s) for o, s in zip(foreign, said, strict=True)])
    straight = ranked(plain, right, kind)
    return {
        "p_true": straight, "crossed": straight - ranked(crossed, right, kind), "planted": planted(model, draw, at),
        "judged_right": (float(right.mean()), len(right)),
    }  # fmt: skip


def planted(model: Subject, draw: Draw, places: np.ndarray) -> float:
    """Facts beneath a note that holds the answer: every other one with that answer, the rest with that of another question."""
    shown = "".join(f"{q.note}\n{judged(q.text, a)} ({'A' if true else 'B'})\n\n" for q, a, true in draw.judging(FACTS))
    facts = [int(i) for i in places if draw.kind[i] in FACTS]
    good = np.arange(len(facts)) % 2
    said = [(draw.asked[i] if g else draw.others[i]).answers[0] for i, g in zip(facts, good, strict=True)]
    prompts = [f"{draw.asked[i].note}\n{judged(draw.asked[i].text, a)}" for i, a in zip(facts, said, strict=True)]
    return ranked(p_true(model, shown, prompts), good, draw.kind[facts])
