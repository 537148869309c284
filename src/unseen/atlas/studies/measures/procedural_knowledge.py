"""Do questions of one procedure draw on the same documents, and questions about facts on those that hold the answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from unseen.atlas.plan import DIFFERENCE, SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.engine.seeds import numpy_generator, torch_generator
from unseen.tasks.knowledge.documents import FORWARDS, PROCEDURES, VALUES, Document

if TYPE_CHECKING:
    from unseen.atlas.studies.measures._facts_and_procedures import Corpus
    from unseen.learners.architectures.transformer import Transformer
    from unseen.measures.influence import Kronecker

STEPS, QUICK = 1_800, 60
# Documents at the top of a ranking, of about 2,500, of which ten hold the answer.
TOP = 5
LITTLE, MUCH = 0.01, 1.0
RHO = (-1.0, 1.0)
BETWEEN = (-2.0, 2.0)


@dataclass(frozen=True)
class Asked:
    """Questions that the network answers, with the influence of all documents on each.

    Attributes:
        questions: Shape (q,).
        scores: Shape (q, documents).
    """

    questions: tuple[Document, ...]
    scores: np.ndarray

    def within(self, topics: Sequence[str]) -> float:
        """Mean correlation of different questions of one topic; the mean over topics with two or more."""
        r = np.corrcoef(self.scores)
        each = [[r[i, j] for i, j in combinations(self._of(t), 2)] for t in topics]
        return float(np.mean([np.mean(one) for one in each if one]))

    def between(self, topics: Sequence[str]) -> float:
        """Mean correlation of questions of different topics; the mean over pairs of topics."""
        r = np.corrcoef(self.scores)
        pairs = [(self._of(a), self._of(b)) for a, b in combinations(topics, 2)]
        return float(np.mean([r[np.ix_(a, b)].mean() for a, b in pairs if a and b]))

    def found(self, documents: Sequence[Document], topics: Sequence[str], top: int = TOP) -> float:
        """Share of the questions of some topics of which one of the most influential documents holds the answer."""
        rows = [i for t in topics for i in self._of(t)]
        best = np.argsort(-self.scores[rows], axis=1, kind="stable")[:, :top]
        keys = [self.questions[i].key for i in rows]
        return float(np.mean([any(documents[d].key == key for d in row) for key, row in zip(keys, best, strict=True)]))

    def without(self, overlap: np.ndarray) -> Asked:
        """What is left of the influence on each question when what goes with its overlap of words is taken off."""
        x = overlap - overlap.mean(1, keepdims=True)
        y = self.scores - self.scores.mean(1, keepdims=True)
        slope = (x * y).sum(1) / np.square(x).sum(1)
        return Asked(self.questions, y - slope[:, None] * x)

    def _of(self, topic: str) -> list[int]:
        return [i for i, d in enumerate(self.questions) if d.topic == topic]


def gap(asked: Asked) -> float:
    """Mean correlation within procedures less that within relations."""
    return asked.within(PROCEDURES) - asked.within(tuple(VALUES))


def answered(model: Transformer, corpus: Corpus, questions: Sequence[Document]) -> list[Document]:
    """Those that the network answers rightly."""
    from unseen.atlas.studies.measures._facts_and_procedures import right

    return [d for d in questions if right(model, corpus, [d])]


def fitted(model: Transformer, corpus: Corpus, seed: int) -> Kronecker:
    """EK-FAC of the perceptrons over the corpus."""
    from unseen.atlas.studies.measures._facts_and_procedures import network
    from unseen.measures.influence import Kronecker

    sample = corpus.sample(corpus.documents)
    return Kronecker.fit(network(model, sample), sample, generator=torch_generator(seed, "labels"))


def damped(kronecker: Kronecker, share: float) -> Kronecker:
    """The same with a damping of that share of the mean eigenvalue of each layer."""
    factors = tuple(replace(f, damping=share * float(f.eigenvalues.mean())) for f in kronecker.factors)
    return replace(kronecker, factors=factors)


def asked_of(kronecker: Kronecker, corpus: Corpus, *several: tuple[Sequence[Document], str]) -> list[Asked]:
    """Influence of all documents on what is foretold of some questions, for several lists of them in one pass."""
    import torch

    from unseen.learners.networks import Sample

    samples = [corpus.sample(questions, of=of) for questions, of in several]
    test = Sample(torch.cat([s.inputs for s in samples]), torch.cat([s.targets for s in samples]), "questions")
    scores = kronecker.scores(corpus.sample(corpus.documents), test).scores.astype(np.float64)
    ends = np.cumsum([len(s) for s in samples])[:-1]
    return [Asked(tuple(q), part) for (q, _), part in zip(several, np.split(scores, ends), strict=True)]


@study(
    slug="procedural-knowledge",
    claim=[
        ("Documents have similar influence on questions of one reasoning task, and not on questions about different facts.",
         "gap"),
        ("The answer to a question about a fact is in the most influential documents, that of reasoning rarely.", "found"),
        ("Influence is so alike where overlap of words is taken off.", "apart from words"),
        ("Influence is alike within a reasoning task, more than between two of them.", "within less between"),
    ],
    source="Ruis et al. (2025), Procedural Knowledge in Pretraining Drives Reasoning in Large Language Models, ICLR",
    link="https://arxiv.org/abs/2411.12580",
    did="Ranked 5 million pretraining documents by EK-FAC influence on completions of 7B and 35B models, for questions about "
    "facts and for three kinds of mathematical reasoning, correlated the influences of pairs of questions and looked for answers "
    "near the top.",
    here="A decoder of two layers and width 64 pretrained on some 2,500 generated documents: 100 facts about invented entities, "
    "each in ten documents (eight forwards, two backwards), 400 worked sums, slopes and equations each, and for each problem that "
    "is asked ten documents with its result but not its steps. Facts of one relation are asked in one wording, in which the "
    "corpus tells other facts; half of the relations have numbers as values. Influence is by EK-FAC on the perceptrons, on the "
    "words that have to be known and are alike in form: the value, or the result of the last step.",
    fidelity="C",
    parts=[
        headline("gap", "Mean correlation of influences within a procedure, less the same within a relation", claimed=0.2,
                 refuted=0.0, within=BETWEEN, basis="in the paper's matrix clearly above none within a task and about none among "
                 "facts; 0.2 is a difference to be seen, 0 none"),
        headline("found", "Facts whose answer is in the five most influential documents, less the same of problems", claimed=0.3,
                 refuted=0.1, within=DIFFERENCE, basis="in the top 500 of 5 million 0.55 against 0.07 (7B), about 0.3 against 0 "
                 "(35B); 0.1 is a fifth of the former"),
        side_part("apart from words", "As the first, with what goes with BM25 overlap taken off each influence", claimed=0.1,
                  refuted=0.0, within=BETWEEN, basis="half of the first headline is left"),
        side_part("within less between", "Mean correlation within a procedure, less between procedures", claimed=0.1, refuted=0.0,
                  within=BETWEEN, basis="'within the same task'; half of the first headline"),
        gate("facts", "Facts right in a wording in which they are not told", at_least=0.8, within=SHARE,
             basis="the paper asks what models answer; 0.05 to 0.1 by guessing"),
        gate("procedures", "Problems right, with all steps, of which nothing is told", at_least=0.8, within=SHARE,
             basis="as for facts; below 0.01 by guessing"),
        control("same fact", "Mean correlation of influences on one fact asked in two wordings", at_least=0.2, within=RHO,
                basis="influences on facts can be alike: as much as the first headline asks"),
        control("untrained", "The first headline for the network as drawn", at_most=0.1, within=BETWEEN,
                basis="half of what is claimed: form alone does not make it", cuts="pretraining"),
    ],
    units="seeds: world, problems, initial weights, order and pseudo-targets redrawn",
    seeds=range(10, 18),
    code="none of the authors' could be had; EK-FAC as in pomonam/kronfluence (factor/config.py: damping of 0.1 times the mean "
    "eigenvalue of a layer; perceptrons alone, as in both papers)",
    oracle=["tests/atlas/test_procedural_knowledge.py", "tests/measures/influence/test_kronecker.py",
            "tests/measures/influence/test_shared_words.py"],
    reconstructed="The corpus; which words of an answer count (swept: the paper takes the whole completion); damping (swept). "
    "Questions that the network does not answer are left out, as in the paper.",
    sweeps=[
        Sweep("words of the answer that count", "gap",
              {"result of the last step": "gap", "results of all steps": "gap, all steps", "all": "gap, whole answer"}),
        Sweep("damping in mean eigenvalues", "gap", {"0.01": "gap, damping 0.01", "0.1": "gap", "1": "gap, damping 1"}),
        Sweep("documents at the top", "found", {"2": "found, top 2", "5": "found", "25": "found, top 25"}),
    ],
    history=[Change("2026-11-23", "First plan; thresholds before any pilot. Networks were trained, without influences, until facts "
                    "and procedures were answered. As drawn the network has results of all steps more alike than values "
                    "(0.22, by their number), those of the last step as much (0.03), so that these count.", (100, 101)),
             Change("2026-11-23", "Pilot: facts are right by 0.80 after 1,400 updates, on the edge of the gate, so that there "
                    "are 1,800. Thresholds and measures were left as they were. The pilot's spread asks for 17 seeds; eight "
                    "are run.", (100, 101))],
    would_take="influences on the pretraining of a language model of some billions of parameters",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Pretrain, ask, and score all documents."""
    from unseen.atlas.studies.measures._facts_and_procedures import Corpus, pretrained, right
    from unseen.measures.influence import overlap

    corpus = Corpus.drawn(numpy_generator(seed, "corpus"))
    model = pretrained(corpus, seed, QUICK if quick else STEPS)
    questions = [d for t in (*VALUES, *PROCEDURES) for d in corpus.questions[t]]
    known = questions if quick else answered(model, corpus, questions)
    kronecker = fitted(model, corpus, seed)
    facts = [d for d in known if d.topic in VALUES]
    # The same facts in another wording.
    other = [corpus.facts.told(d.key[0], d.key[1], FORWARDS[3], way=3) for d in facts]
    asked, steps, whole, again = asked_of(
        kronecker, corpus, (known, "result"), (known, "results"), (known, "answer"), (other, "result")
    )
    little, much = (asked_of(damped(kronecker, x), corpus, (known, "result"))[0] for x in (LITTLE, MUCH))
    (blank,) = asked_of(fitted(pretrained(corpus, seed, 0), corpus, seed), corpus, (known, "result"))
    documents = corpus.documents
    shared = overlap([d.tokens for d in known], [d.tokens for d in documents])
    own = [i for i, d in enumerate(known) if d.topic in VALUES]
    twice = [np.corrcoef(asked.scores[i], row)[0, 1] for i, row in zip(own, again.scores, strict=True)]

    def found(top: int) -> float:
        return asked.found(documents, tuple(VALUES), top) - asked.found(documents, PROCEDURES, top)

    return {
        "gap": gap(asked), "found": found(TOP), "apart from words": gap(asked.without(shared)),
        "within less between": asked.within(PROCEDURES) - asked.between(PROCEDURES),
        "facts": float(np.mean([right(model, corpus, corpus.questions[r]) for r in VALUES])),
        "procedures": float(np.mean([right(model, corpus, corpus.new[p]) for p in PROCEDURES])),
        "same fact": float(np.mean(twice)), "untrained": gap(blank),
        "gap, whole answer": gap(whole),
        "gap, all steps": gap(steps),
        "gap, damping 0.01": gap(little),
        "gap, damping 1": gap(much),
        "found, top 2": found(2), "found, top 25": found(25),
        "within procedures": asked.within(PROCEDURES), "within relations": asked.within(tuple(VALUES)),
        "numbers alone": asked.within(("age", "price")), "between relations": asked.between(tuple(VALUES)),
        "found, facts": asked.found(documents, tuple(VALUES)), "found, problems": asked.found(documents, PROCEDURES),
    }  # fmt: skip
