"""Do eigenvalue-corrected Kronecker factors come near exact influence, and does a sequence count whose phrases are flipped?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unseen.atlas.plan import SHARE, Change, Measurement, Sweep, control, gate, headline, study
from unseen.engine.seeds import numpy_generator, torch_generator

if TYPE_CHECKING:
    from unseen.atlas.studies.measures._small_pretraining import Corpus
    from unseen.learners.networks import Network
    from unseen.measures.influence import Kronecker
    from unseen.tasks.knowledge.documents import Document

STEPS = 1000
# Documents of which the curvature is the mean, others that are scored, and products with the curvature a query.
CURVED, SCORED, PRODUCTS = 640, 400, 20
# λ as shares of the mean eigenvalue; that of the headline first.
DAMPINGS = (30.0, 10.0, 100.0)
# Pseudo-targets a document where the curvature is that of few documents.
DRAWS = 2
RANDOM, KEPT, TOP, RANK = 300, 224, 10, 8
R = (-1.0, 1.0)
R_APART = (-2.0, 2.0)
RATIO = (-10.0, 10.0)


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Mean coefficient of the rows of two tables, shape (k, n)."""
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]))


def ranked(x: np.ndarray, y: np.ndarray) -> float:
    """The same of ranks."""
    from scipy.stats import rankdata

    return pearson(rankdata(x, axis=1), rankdata(y, axis=1))


def damped(fitted: Kronecker, damping: float) -> Kronecker:
    """The same factors with one λ for all layers."""
    return replace(fitted, factors=tuple(replace(f, damping=damping) for f in fitted.factors))


def agreement(network: Network, corpus: Corpus, products: int, seed: int) -> dict[str, float]:
    """Pearson's coefficient of scores with those of the whole damped Gauss–Newton matrix, at each λ.

    Args:
        network: What was pretrained.
        corpus: Its documents: curvature of the first of them, of as many more for comparison, scores of others.
        products: With the curvature, a query.
        seed: Source of the pseudo-targets.
    """
    import torch

    from unseen.measures.influence import Kronecker, gradient_dot, shifted_solves
    from unseen.measures.influence.gauss_newton import GaussNewton
    from unseen.measures.influence.gradients import scored

    memory = 1 << 28
    first, second, third = (
        corpus.sample(corpus.documents[a:b])
        for a, b in ((0, CURVED), (CURVED, 2 * CURVED), (2 * CURVED, 2 * CURVED + SCORED))
    )
    train = third
    asked = [corpus.untold["colour"][0], corpus.untold["age"][0], corpus.new["sum"][0]]
    queries = corpus.sample(asked, of="answer", name="queries")
    ekfac, kfac = (
        Kronecker.fit(
            network, first, corrected=corrected, draws=DRAWS, generator=torch_generator(seed, "draws"), memory=memory
        )
        for corrected in (True, False)
    )
    mean = sum(float(f.eigenvalues.sum()) for f in ekfac.factors) / network.parameters
    rights = torch.cat([g for _, g in network.gradients(queries, memory=memory)])
    solved, left = zip(
        *(
            shifted_solves(GaussNewton(network, part, memory).product, b, [d * mean for d in DAMPINGS], steps=products)
            for part, b in [(second, rights[0]), *((first, b) for b in rights)]
        ),
        strict=True,
    )
    again, solved = solved[0], solved[1:]
    found = {"residual": float(torch.stack(left).max())}
    plain = gradient_dot(network, train, queries, memory=memory).scores
    for at, share in enumerate(DAMPINGS):
        whole = scored(network, train, torch.stack([s[at] for s in solved]), memory).double().numpy()
        own = damped(ekfac, share * mean).scores(train, queries, memory=memory).scores
        other = damped(kfac, share * mean).scores(train, queries, memory=memory).scores
        rivals = max(pearson(other, whole), pearson(plain, whole))
        end = "" if at == 0 else f" at {share:g}"
        found |= {
            f"EK-FAC{end}": pearson(own, whole), f"K-FAC{end}": pearson(other, whole),
            f"dot product{end}": pearson(plain, whole), f"closer{end}": pearson(own, whole) - rivals,
            f"EK-FAC, ranks{end}": ranked(own, whole), f"K-FAC, ranks{end}": ranked(other, whole),
            f"dot product, ranks{end}": ranked(plain, whole),
        }  # fmt: skip
        if at == 0:
            other = scored(network, train, again[:1], memory).double().numpy()
            found |= {"steady": pearson(other, whole[:1]), "rivals": rivals}
            found["mixed"] = pearson(own, np.roll(whole, 1, axis=0))
    return found


def flips(network: Network, corpus: Corpus, fitted: Kronecker, rng: np.random.Generator) -> dict[str, float]:
    """What sequences that tell an untold fact count for it: in other words, flipped, with a phrase beside them, and of others.

    Args:
        network: What was pretrained.
        corpus: Its documents.
        fitted: Factors with the damping of each layer.
        rng: Source of the random documents.
    """
    from unseen.tasks.knowledge.documents import ASIDES, BACKWARDS, FORWARDS

    asked = [d for some in corpus.untold.values() for d in some]
    facts = corpus.facts
    kinds: dict[str, Sequence[tuple[str, str, bool]]] = {
        "same": [(FORWARDS[0], "", False)],
        "paraphrase": [(w, "", False) for w in FORWARDS[1:]],
        "flipped": [(w, "", False) for w in BACKWARDS],
        "front": [(FORWARDS[0], a, False) for a in ASIDES],
        "behind": [(FORWARDS[0], a, True) for a in ASIDES],
    }
    told = list["Document"]()
    spans: dict[tuple[str, int], slice] = {}
    for kind, ways in kinds.items():
        for row, d in enumerate(asked):
            entity, relation = d.key
            spans[kind, row] = slice(len(told), len(told) + len(ways))
            told += [facts.told(entity, relation, w, aside=a, behind=b) for w, a, b in ways]
    rows = rng.permutation(len(corpus.documents))[:RANDOM]
    end = len(told)
    told += [corpus.documents[i] for i in rows]
    scores = fitted.scores(corpus.sample(told), corpus.sample(asked, of="answer", name="queries")).scores
    each = {kind: np.array([scores[q, spans[kind, q]].mean() for q in range(len(asked))]) for kind in kinds}
    # Of another fact of the same relation with another value.
    beside = [
        next(
            j for k in range(1, len(asked)) for j in [(q + k) % len(asked)]
            if asked[j].topic == d.topic and _value(asked[j]) != _value(d)
        )
        for q, d in enumerate(asked)
    ]  # fmt: skip
    others = np.array([scores[q, spans["paraphrase", j]].mean() for q, j in enumerate(beside)])
    usual = scores[:, end:]
    whole = float(each["paraphrase"].mean())
    return {
        "flipped": float(each["flipped"].mean()) / whole,
        "phrase behind": float(each["behind"].mean()) / float(each["front"].mean()),
        "others": float(others.mean()) / whole, "random": float(usual.mean()) / whole,
        "paraphrases": float(np.mean(each["paraphrase"] > np.quantile(usual, 0.95, axis=1))),
        "flipped, share above random ones": float(np.mean(each["flipped"] > np.quantile(usual, 0.95, axis=1))),
        "paraphrase over same words": whole / float(each["same"].mean()),
    }  # fmt: skip


def _value(d: Document) -> tuple[str, ...]:
    return d.tokens[d.prompt : d.end]


def filtered(network: Network, corpus: Corpus, fitted: Kronecker) -> dict[str, float]:
    """What a filter by shared words keeps of the most influential documents, and what few directions keep of scores."""
    from unseen.measures.influence import candidates, low_rank_scores

    asked = [d for some in corpus.questions.values() for d in some[:2]]
    queries, train = corpus.sample(asked, of="answer", name="queries"), corpus.sample(corpus.documents)
    scores = fitted.scores(train, queries).scores
    taken = candidates([d.tokens for d in asked], [d.tokens for d in corpus.documents], KEPT)
    best = np.argsort(-scores, axis=1)[:, :TOP]
    kept = [len(set(a.tolist()) & set(b.tolist())) / TOP for a, b in zip(best, taken, strict=True)]
    few = low_rank_scores(fitted, train, queries, rank=RANK).scores
    return {
        "kept by the filter": float(np.mean(kept)), "share that the filter takes": KEPT / len(corpus.documents),
        f"scores of rank {RANK}": pearson(few, scores),
    }  # fmt: skip


@study(
    slug="ekfac-influence",
    claim=[
        ("EK-FAC scores agree with exact damped Gauss–Newton influence better than K-FAC or products of gradients.", "closer"),
        ("Influence drops to near zero where the order of key phrases in the training sequence is flipped.", "flipped"),
    ],
    source="Grosse et al. (2023), Studying Large Language Model Generalization with Influence Functions",
    link="https://arxiv.org/abs/2308.03296",
    did="Computed influence of training sequences by EK-FAC for language models up to 52B, held it against the proximal Bregman "
    "response on small networks, and scored invented sequences that tell a statement in other words or in another order.",
    here="A Transformer of two layers and width 64, pretrained on 2,240 documents: facts about invented entities, worked sums, "
    "slopes and equations. Influence is that of its perceptrons, as in the paper. The reference is the whole damped Gauss–Newton "
    "matrix of 640 documents, solved by one Lanczos run a query; λ is 30 mean eigenvalues for all methods. Flips: 20 facts that "
    "no document tells, in five other wordings and in two where the value comes first; the corpus tells other facts in all of "
    "them. One size; nothing across languages, no role play, no published model.",
    fidelity="C",
    parts=[
        headline("closer", "Pearson's coefficient of EK-FAC's and exact scores less the better one of K-FAC's and the product's",
                 claimed=0.05, refuted=0.0, within=R_APART, basis="the paper's section 5.1 sets EK-FAC well above the product; "
                 "a margin to be seen, 0 is none"),
        headline("flipped", "Influence of flipped sequences, as a share of that of sequences in other words", claimed=0.1,
                 refuted=0.5, within=RATIO, basis="'near zero' in the abstract: a tenth; a half is no collapse"),
        gate("facts", "Questions about told facts that are right", at_least=0.8, within=SHARE, basis="learnt what it was told"),
        gate("procedures", "Problems with new numbers that are worked out right, all steps", at_least=0.8, within=SHARE,
             basis="learnt how to calculate"),
        gate("residual", "Largest residual of the exact solves", at_most=0.1, basis="else the reference is none",
             within=(0.0, 100.0)),
        gate("steady", "Coefficient of exact scores with those by the curvature of other documents", at_least=0.9, within=R,
             basis="else the reference is one of its documents, not of the corpus"),
        gate("rivals", "Coefficient of the better rival", at_most=0.95, within=R, basis="room to be closer"),
        control("paraphrases", "Untold facts whose paraphrases count more than 95 % of random documents do", at_least=0.8,
                within=SHARE, basis="there is an influence that a flip can take away"),
        control("phrase behind", "Influence with a phrase that tells nothing behind the fact, as a share of that with it in front",
                at_least=0.5, within=RATIO, basis="it is the order of the key phrases that matters"),
        control("others", "Influence of another fact of the same relation in the same wordings, as a share of the fact's own",
                at_most=0.5, within=RATIO, basis="form alone does not count", cuts="which fact is told"),
        control("random", "Influence of random documents, as a share of that of paraphrases", at_most=0.25, within=RATIO,
                basis="what tells nothing does not count", cuts="what is told"),
        control("mixed", "Coefficient of EK-FAC's scores and exact ones of another query", at_most=0.5, within=R,
                basis="agreement is about the query", cuts="which query is asked"),
    ],
    units="seeds: world, documents, initial weights, order and queries redrawn",
    seeds=range(10, 15),
    code="kronfluence by pomonam (kronfluence/arguments.py, kronfluence/factor/config.py: pseudo-targets are drawn from the "
    "network's own answers; where no damping is given each layer has 0.1 of its mean eigenvalue, as for the flips here)",
    oracle=["tests/measures/influence/test_kronecker.py", "tests/measures/influence/test_exact.py",
            "tests/measures/influence/test_shifted.py", "tests/measures/influence/test_shared_words.py",
            "tests/measures/influence/test_low_rank.py", "tests/atlas/test_ekfac_influence.py"],
    reconstructed="Corpus and network; λ of the comparison (swept from 10 to 100 mean eigenvalues: a tenth, the paper's share of "
    "each layer, would take many times as many products); 640 documents for the curvature.",
    sweeps=[Sweep("λ in mean eigenvalues", "closer", {"10": "closer at 10", "30": "closer", "100": "closer at 100"})],
    history=[Change("2026-11-23", "First plan; thresholds before any pilot. The number of updates, the width and the number of "
                    "products were set by what is learnt and by residuals alone.", (101, 102)),
             Change("2026-11-23", "Pilot with the curvature of 96 documents and λ at one mean eigenvalue: EK-FAC was no closer "
                    "than K-FAC (-0.006), but nor were exact scores those by 96 other documents (0.60 on a network "
                    "apart), so that the reference was one of its documents. That they agree became a gate; 288 documents, "
                    "λ at ten, and scores of documents that are in neither sample. Thresholds were left as they were.",
                    (100, 101)),
             Change("2026-11-23", "Second pilot: scores by others agree to 0.82 (0.9 asked). With 640 documents they agreed "
                    "to 0.88, 0.94 and 0.98 at 10, 30 and 100 mean eigenvalues on a network apart, so that there are 640, and λ "
                    "is 30. EK-FAC is further from the exact scores than K-FAC (by 0.016). That its eigenvalues are of too few "
                    "draws was tested there and is not so: with twelve draws for two, or factors of the whole corpus, K-FAC stays "
                    "ahead by 0.00 to 0.02. With a phrase in front of the fact influence is 0.28 of that with it behind; that the "
                    "network tells places apart is a guess. Await a third pilot.", (100, 101)),
             Change("2026-11-23", "Third pilot: scores by others agree to 0.93; all gates and controls hold. Frozen.", (100, 101))],
    would_take="pretrained models of several sizes whose corpus is known",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Pretrain, then hold methods against the exact solve, and sequences against each other."""
    from unseen.atlas.studies.measures._small_pretraining import Corpus, network, pretrained, right
    from unseen.measures.influence import Kronecker

    corpus = Corpus.drawn(numpy_generator(seed, "corpus"))
    model = pretrained(corpus, seed, 300 if quick else STEPS)
    whole = corpus.sample(corpus.documents)
    net = network(model, whole)
    fitted = Kronecker.fit(net, whole, draws=1, generator=torch_generator(seed, "factors"), memory=1 << 28)
    return {
        "facts": float(np.mean([right(model, corpus, q) for k, q in corpus.questions.items() if k in corpus.untold])),
        "procedures": float(np.mean([right(model, corpus, q) for q in corpus.new.values()])),
        **agreement(net, corpus, 30 if quick else PRODUCTS, seed),
        **flips(net, corpus, fitted, numpy_generator(seed, "random")),
        **filtered(net, corpus, fitted),
    }
