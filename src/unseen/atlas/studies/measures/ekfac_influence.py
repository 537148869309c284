"""Do eigenvalue-corrected Kronecker factors come near exact influence, and does a sequence count whose phrases are flipped?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unseen.atlas.plan import SHARE, Change, Measurement, Sweep, control, gate, headline, side_part, study
from unseen.engine.seeds import numpy_generator, torch_generator

if TYPE_CHECKING:
    from unseen.atlas.studies.measures._facts_and_procedures import Corpus
    from unseen.learners.networks import Network
    from unseen.measures.influence import Kronecker
    from unseen.tasks.knowledge.documents import Document
    from unseen.tasks.knowledge.plain_texts import Text

STEPS = 1000
# Documents of which the curvature is the mean, others that are scored, and products with the curvature a query.
CURVED, SCORED, PRODUCTS = 640, 400, 20
# λ as shares of the mean eigenvalue; that of the headline first.
DAMPINGS = (30.0, 10.0, 100.0)
# Pseudo-targets a document where the curvature is that of few documents.
DRAWS = 2
RANDOM, KEPT, TOP, RANK = 300, 224, 10, 8
# In a published model: facts of each relation, unrelated texts of each kind, and relations that it knows.
FACTS, UNRELATED = 6, 10
FACTS_KNOWN = ("capital", "symbol")
MODEL = "smollm2-135m-instruct"
INVENTED_PART, KNOWN_PART = ("flipped, SmolLM2",), ("flipped, SmolLM2, known",)
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
    # Of another fact of the same relation with another value.
    beside = [
        next(
            j for k in range(1, len(asked)) for j in [(q + k) % len(asked)]
            if asked[j].topic == d.topic and _value(asked[j]) != _value(d)
        )
        for q, d in enumerate(asked)
    ]  # fmt: skip
    behind, front = (_each(scores, spans, kind, range(len(asked))).mean() for kind in ("behind", "front"))
    return {**counted(scores, spans, beside, slice(end, None)), "phrase behind": float(behind / front)}


def counted(
    scores: np.ndarray, spans: Mapping[tuple[str, int], slice], beside: Sequence[int], unrelated: slice
) -> dict[str, float]:
    """What sequences of each kind count for facts, as shares of what paraphrases do.

    Args:
        scores: Influence of sequences on facts, shape (facts, sequences).
        spans: Sequences of each kind (same, paraphrase, flipped) that tell each fact.
        beside: Of each fact another of its relation.
        unrelated: Sequences that tell other things.
    """
    own = range(len(beside))
    same, paraphrase, flipped = (_each(scores, spans, kind, own) for kind in ("same", "paraphrase", "flipped"))
    others, usual = _each(scores, spans, "paraphrase", beside), scores[:, unrelated]
    whole, high = float(paraphrase.mean()), np.quantile(usual, 0.95, axis=1)
    return {
        "flipped": float(flipped.mean()) / whole,
        "others": float(others.mean()) / whole, "random": float(usual.mean()) / whole,
        "paraphrases": float(np.mean(paraphrase > high)),
        "flipped, share above random ones": float(np.mean(flipped > high)),
        "paraphrase over same words": whole / float(same.mean()),
    }  # fmt: skip


def _each(scores: np.ndarray, spans: Mapping[tuple[str, int], slice], kind: str, facts: Sequence[int]) -> np.ndarray:
    """Mean influence on each fact of the sequences of a kind that tell it, or another one, shape (facts,)."""
    return np.array([scores[q, spans[kind, f]].mean() for q, f in enumerate(facts)])


def in_a_model(seed: int, facts: int) -> dict[str, Measurement]:
    """The same in a published model: facts that are invented, as in the paper, and facts that it knows.

    Args:
        seed: Source of facts, names and unrelated texts.
        facts: Of each relation.
    """
    from unseen.atlas.studies.measures._known_to_a_model import BLOCKS, by_block, drawn, fitted, reader
    from unseen.tasks.knowledge.plain_texts import INVENTED, KNOWN, PROCEDURES, invented, sentence, worked

    rng, own = drawn(seed, "flips"), reader()
    told = [(r, e, v) for r in INVENTED for e, v in invented(facts, rng).items()]
    for r in FACTS_KNOWN:
        pairs = list(KNOWN[r].known.items())
        told += [(r, *pairs[i]) for i in rng.permutation(len(pairs))[:facts]]
    asked = [sentence(*fact) for fact in told]
    texts, spans = list["Text"](), dict[tuple[str, int], slice]()
    relations = KNOWN | INVENTED
    for row, (r, e, v) in enumerate(told):
        kinds = {
            "same": asked[row : row + 1],
            "paraphrase": [sentence(r, e, v, way) for way in range(1, len(relations[r].forwards))],
            "flipped": [sentence(r, e, v, way, "backwards") for way in range(len(relations[r].backwards))],
        }
        for kind, some in kinds.items():
            spans[kind, row] = slice(len(texts), len(texts) + len(some))
            texts += some
    end = len(texts)
    for p, one in PROCEDURES.items():
        texts += [worked(p, one.problems[i]) for i in rng.permutation(len(one.problems))[:UNRELATED]]
    for r in (r for r in KNOWN if r not in FACTS_KNOWN):
        pairs = list(KNOWN[r].known.items())
        some = rng.permutation(len(pairs))[:UNRELATED]
        ways = rng.integers(len(KNOWN[r].forwards), size=UNRELATED)
        texts += [sentence(r, pairs[i][0], pairs[i][1], int(way)) for i, way in zip(some, ways, strict=True)]
    scores = by_block(fitted(), own, texts, own.sample(asked, "answer", "queries"))
    count = facts * len(INVENTED)
    fronts = [a.behind(texts[spans["paraphrase", q].start + q % 4]) for q, a in enumerate(asked[:count])]
    right = {"read": own.right(fronts), "known": own.right(asked[count:])}
    found: dict[str, Measurement] = {f"{k}, SmolLM2": (float(np.mean(v)), len(v)) for k, v in right.items()}
    for name, rows in (("SmolLM2", range(count)), ("SmolLM2, known", range(count, len(told)))):
        # The next fact of the same relation, the first behind the last.
        beside = [q - q % facts + (q + 1) % facts - rows.start for q in rows]
        local = {(kind, q - rows.start): span for (kind, q), span in spans.items() if q in rows}
        part = scores[:, rows.start : rows.stop]
        found |= {f"{k}, {name}": v for k, v in counted(part.sum(0), local, beside, slice(end, None)).items()}
        for b, one in zip(BLOCKS, part, strict=True):
            found[f"flipped, {name}, block {b + 1}"] = counted(one, local, beside, slice(end, None))["flipped"]
    return found


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
        ("It does so in a published language model, for facts that are invented.", "flipped, SmolLM2"),
        ("And for facts that the model knows.", "flipped, SmolLM2, known"),
    ],
    source="Grosse et al. (2023), Studying Large Language Model Generalization with Influence Functions",
    link="https://arxiv.org/abs/2308.03296",
    did="Computed influence of training sequences by EK-FAC for language models up to 52B, held it against the proximal Bregman "
    "response on small networks, and scored invented sequences that tell a statement in other words or in another order.",
    here="A Transformer of two layers and width 64, pretrained on 2,240 documents: facts about invented entities, worked sums, "
    "slopes and equations. Influence is that of its perceptrons, as in the paper. The reference is the whole damped Gauss–Newton "
    "matrix of 640 documents, solved by one Lanczos run a query; λ is 30 mean eigenvalues for all methods. Flips: 20 facts that "
    "no document tells, in five other wordings and in two where the value comes first; the corpus tells other facts in all of "
    "them. Beside it a published model, SmolLM2 of 135M (four bits a weight, read in single precision) as it stands: "
    "perceptrons of "
    "its blocks 10, 20 and 30, whose curvature is fitted on 64 texts of 32 tokens that it writes by itself, once for all seeds; "
    "12 invented facts a seed (first presidents, founders) and 12 that it knows (capitals, chemical symbols), each told in the "
    "question's wording, in four others and flipped in three, and 50 unrelated texts. Nothing across languages, no role play.",
    fidelity="C",
    parts=[
        headline("closer", "Pearson's coefficient of EK-FAC's and exact scores less the better one of K-FAC's and the product's",
                 claimed=0.05, refuted=0.0, within=R_APART, basis="the paper's section 5.1 sets EK-FAC well above the product; "
                 "a margin to be seen, 0 is none"),
        headline("flipped", "Influence of flipped sequences, as a share of that of sequences in other words", claimed=0.1,
                 refuted=0.5, within=RATIO, basis="'near zero' in the abstract: a tenth; a half is no collapse"),
        side_part("flipped, SmolLM2", "The same in SmolLM2, facts being invented", claimed=0.1, refuted=0.5, within=RATIO,
                  basis="as for the small Transformer"),
        side_part("flipped, SmolLM2, known", "The same in SmolLM2, facts being known to it", claimed=0.1, refuted=0.5,
                  within=RATIO, basis="as for the small Transformer"),
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
        gate("read, SmolLM2", "Invented facts that SmolLM2 tells rightly with a paraphrase in front", at_least=0.8, within=SHARE,
             basis="as told facts of the small Transformer: it understands what the sequences say", of=INVENTED_PART),
        gate("known, SmolLM2", "Known facts that SmolLM2 tells rightly with nothing in front", at_least=0.8, within=SHARE,
             basis="as told facts of the small Transformer", of=KNOWN_PART),
        *(part for name, own in (("SmolLM2", INVENTED_PART), ("SmolLM2, known", KNOWN_PART)) for part in (
            control(f"paraphrases, {name}", "Facts whose paraphrases count more than 95 % of unrelated texts do", at_least=0.8,
                    within=SHARE, basis="as for the small Transformer", of=own),
            control(f"others, {name}", "Influence of another fact of the same relation, as a share of the fact's own",
                    at_most=0.5, within=RATIO, basis="as for the small Transformer", cuts="which fact is told", of=own),
            control(f"random, {name}", "Influence of unrelated texts, as a share of that of paraphrases", at_most=0.25,
                    within=RATIO, basis="as for the small Transformer", cuts="what is told", of=own),
        )),
    ],
    units="seeds: world, documents, initial weights, order and queries redrawn; of SmolLM2 facts, names and unrelated texts, while "
    "model and curvature are one",
    seeds=range(20, 30),
    code="kronfluence by pomonam (kronfluence/arguments.py, kronfluence/factor/config.py: pseudo-targets are drawn from the "
    "network's own answers; where no damping is given each layer has 0.1 of its mean eigenvalue, as for the flips here)",
    oracle=["tests/measures/influence/test_kronecker.py", "tests/measures/influence/test_exact.py",
            "tests/measures/influence/test_shifted.py", "tests/measures/influence/test_shared_words.py",
            "tests/measures/influence/test_low_rank.py", "tests/tasks/knowledge/test_plain_texts.py",
            "tests/atlas/test_known_to_a_model.py", "tests/atlas/test_ekfac_influence.py"],
    reconstructed="Corpus and network; λ of the comparison (swept from 10 to 100 mean eigenvalues: a tenth, the paper's share of "
    "each layer, would take many times as many products); 640 documents for the curvature; which blocks of SmolLM2 count (swept) "
    "and what its curvature is fitted on.",
    sweeps=[Sweep("λ in mean eigenvalues", "closer", {"10": "closer at 10", "30": "closer", "100": "closer at 100"}),
        *(Sweep("blocks whose perceptrons count", part, {**{f"{b}": f"{part}, block {b}" for b in (10, 20, 30)}, "all": part})
          for part in (*INVENTED_PART, *KNOWN_PART)),
    ],
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
             Change("2026-11-23", "Third pilot: scores by others agree to 0.93; all gates and controls hold. Frozen.", (100, 101)),
             Change("2026-11-23", "Seeds 10 to 14 left it open whether EK-FAC is closer (-0.007 [-0.014, -0.001], 7 seeds would "
                    "decide), so that ten fresh seeds are taken. The corpus is made, and the network trained, by the code that "
                    "procedural-knowledge has, as before; roles, thresholds and gates are as they were. SmolLM2 is added, "
                    "before any of its influences was seen, as side parts: two headlines are there already, and what it was "
                    "trained on is not known, so that it is the weaker testbed. Its thresholds are those of the same "
                    "quantities in the small Transformer, its gates and controls bear on its parts alone. Which facts it is "
                    "asked was chosen by whether it tells them rightly: of 26 capitals and 25 symbols 8 were left out, and "
                    "invented values are names of people, which it repeats more often than invented syllables.",
                    (10, 11, 12, 13, 14, 100, 101))],
    subjects={MODEL: 120_000},
    would_take="pretrained models of several sizes whose corpus is known",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """Pretrain, then hold methods against the exact solve, and sequences against each other."""
    from unseen.atlas.studies.measures._facts_and_procedures import Corpus, Telling, network, pretrained, right
    from unseen.measures.influence import Kronecker

    corpus = Corpus.drawn(numpy_generator(seed, "corpus"), Telling(same=2, other=6, hidden=5))
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
        **in_a_model(seed, 2 if quick else FACTS),
    }
