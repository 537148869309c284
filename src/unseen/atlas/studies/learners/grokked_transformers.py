"""Composition of known facts is grokked in distribution and fails out of it, where comparison succeeds."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import torch

from unseen.atlas.plan import (
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    control,
    gate,
    headline,
    side_part,
    study,
)
from unseen.atlas.studies.learners._grokked_transformers_facts import FactReader, FactSets, FactTensors
from unseen.atlas.studies.learners._grokked_transformers_lens import logit_lens, patched
from unseen.engine.seeds import spawn, torch_generator
from unseen.tasks.knowledge.facts import ComparisonFacts, FactTask, TwoHopFacts
from unseen.training import TrainConfig, fit_tensors
from unseen.training.fitting import Fitted

# Most updates of composition; those of comparison, composition of shuffled facts, and of what follows with crossing ones.
COMPOSE, COMPARE, SHUFFLED, FURTHER = 4000, 1200, 400, 800
# Composition is trained until so many untrained inferences are right.
GROKKED = 0.97
EVERY, DECAY, RATE = 25, 0.1, 3e-3


@dataclass(frozen=True)
class Grown:
    """A trained reader with the accuracies along the way."""

    sets: FactSets
    fitted: Fitted

    def end(self, part: str) -> tuple[float, int]:
        """Last accuracy on a set, with its number of items."""
        return self.fitted.final(part), len(getattr(self.sets, part)[1])

    def reaches(self, part: str, share: float) -> float:
        """Updates until accuracy on a set first reached a share; one evaluation past the end where it never did."""
        rows = self.fitted.history.filter(split=part)
        steps = [s for s, a in zip(rows["step"], rows["accuracy"], strict=True) if a >= share]
        return float(max(min(steps, default=self.fitted.steps + EVERY), 1))

    def at(self, part: str, step: float) -> float:
        """Accuracy on a set at the last evaluation up to a step."""
        rows = self.fitted.history.filter(split=part)
        return [a for s, a in zip(rows["step"], rows["accuracy"], strict=True) if s <= step][-1]


def settings(steps: int, quick: bool, until: float | None = None) -> TrainConfig:
    """What all readers are trained with; ``until`` is the share of untrained inferences that ends it earlier."""
    steps = max(EVERY, steps // 20) if quick else steps
    return TrainConfig(
        steps=steps, batch_size=256, lr=RATE, warmup=20, weight_decay=DECAY, betas=(0.9, 0.98), eval_every=EVERY,
        train_eval=1, stop_at=until, stop_on="train" if until is None else "seen",
    )  # fmt: skip


def grow(sets: FactSets, seed: int, name: str, steps: int, quick: bool, until: float | None = None) -> Grown:
    """Train one reader on the atomic and the trained inferred facts of a world."""
    scored = {"fitted": sets.fitted, "seen": sets.seen, "unseen": sets.unseen}
    config = settings(steps, quick, until)
    fitted = fit_tensors(
        lambda: FactReader(len(sets.words) + 1), sets.train, scored, config, torch_generator(seed, name)
    )
    return Grown(sets, fitted)


def joined(one: FactTensors, other: FactTensors) -> FactTensors:
    """Both, one below the other."""
    tokens, place, answer = (torch.cat(pair) for pair in zip((*one[0], one[1]), (*other[0], other[1]), strict=True))
    return (tokens, place), answer


def shuffled(sets: FactSets, generator: torch.Generator) -> FactSets:
    """The same facts, the answers of the trained inferences shuffled: nothing follows from anything."""
    (tokens, place), answer = sets.train
    inferred = place == 2
    mixed = answer.clone()
    mixed[inferred] = answer[inferred][torch.randperm(int(inferred.sum()), generator=generator)]
    return FactSets(sets.words, ((tokens, place), mixed), sets.fitted, sets.seen, sets.unseen)


def crossing(task: TwoHopFacts, words: dict[str, int]) -> FactTensors:
    """Inferences from one ID fact and one OOD fact; the training set has none of them."""
    ood = {tuple(row[0]) for row in task.rows if row[2] == "atomic" and row[3] == "ood"}
    rows = [
        ((f"e{head}", f"r{first}", f"r{second}"), f"e{tail}")
        for (head, first), middle in task.facts.items()
        for (known, second), tail in task.facts.items()
        if known == middle and ((f"e{head}", f"r{first}") in ood) != ((f"e{middle}", f"r{second}") in ood)
    ]
    tokens = torch.tensor([[words[token] for token in row] for row, _ in rows])
    return (tokens, torch.full((len(rows),), 2)), torch.tensor([words[answer] for _, answer in rows])


def taught(task: TwoHopFacts, grown: Grown, seed: int, quick: bool) -> tuple[float, int]:
    """Accuracy on OOD inferences after further training that has OOD facts as first and second ones beside ID facts."""
    model, sets = deepcopy(grown.fitted.model), grown.sets
    data = joined(sets.train, crossing(task, sets.words))
    generator = torch_generator(seed, "given inferences")
    further = fit_tensors(model, data, {"asked": sets.unseen}, settings(FURTHER, quick), generator)
    return further.final("asked"), len(sets.unseen[1])


def bridge(task: TwoHopFacts, grown: Grown) -> dict[str, tuple[float, int]]:
    """Whether the bridge is read after layer 1 at the first relation, and whether swapping that state swaps the answer.

    Source: Wang et al. (2024), section 3.3: logit lens and causal tracing.
    """
    body, words = cast("FactReader", grown.fitted.model).body, grown.sets.words
    rows = [row for row in task.rows if row[4] == "seen"]
    tokens = grown.sets.seen[0][0]
    hops = [tuple(int(token[1:]) for token in row[0]) for row in rows]
    # Each question gets the state of another one, and is answered as if it had that one's bridge.
    order = torch.arange(len(rows)).roll(1)
    bridges = [task.facts[h, r] for h, r, _ in hops]
    donors = [bridges[i] for i in order.tolist()]
    known = [own != b and (b, r) in task.facts for own, b, (_, _, r) in zip(bridges, donors, hops, strict=True)]
    wanted = [words[f"e{task.facts.get((b, r), 0)}"] for b, (_, _, r) in zip(donors, hops, strict=True)]
    given = patched(body, tokens, tokens[order], depth=1, place=1)[:, 2].argmax(-1)
    keep = torch.tensor(known)
    read = logit_lens(body, tokens)[1][:, 1].argmax(-1) == torch.tensor([words[f"e{b}"] for b in bridges])
    return {
        "bridge_read": (float(read.float().mean()), len(rows)),
        "bridge_moved": (float((given == torch.tensor(wanted))[keep].float().mean()), int(keep.sum())),
    }


def known_facts(task: FactTask, grown: Grown) -> tuple[float, int]:
    """Accuracy on the atomic OOD facts, which are trained."""
    words = grown.sets.words
    rows = [row for row in task.rows if row[2] == "atomic" and row[3] == "ood"]
    tokens = torch.tensor([[words[t] for t in row[0]] + [0] for row in rows])
    answers = torch.tensor([words[row[1]] for row in rows])
    right = grown.fitted.accuracy(((tokens, torch.ones(len(rows), dtype=torch.long)), answers))
    return float(right.mean()), len(rows)


@study(
    slug="grokked-transformers",
    claim=[
        ("Untrained inferences among trained facts are right only long after the trained ones are fitted.", "delay"),
        ("Out of distribution comparison succeeds where composition fails.", "ood_gap"),
        ("There composition stays near chance.", "ood_composition"),
        ("In distribution the answer goes by the bridge that stands between the layers.", "bridge_moved"),
    ],
    source="Wang et al. (2024), Grokked Transformers are Implicit Reasoners, NeurIPS",
    link="https://arxiv.org/abs/2405.15071",
    did="Trained GPT-2-like Transformers of eight layers on atomic facts of 2,000 entities and on what follows from them by "
    "composition or comparison, for up to two million updates, and traced where the bridge entity stands; shared layers and "
    "other ratios of inferred to atomic facts were tried, too.",
    here="20 entities with 12 relations, seven inferred facts to an atomic one (comparison: 60 with 2 attributes of 10 values, 16 "
    "to one), two layers of width 64, batches of 256, the authors' weight decay of 0.1; composition is trained until 0.97 of "
    "untrained inferences are right, for 4,000 updates at most, comparison for 1,200. Sharing of layers is left out: it did not "
    "help within 1,800 updates, far from what the paper trains; so are the ratios and prompted models.",
    fidelity="B",
    parts=[
        headline("delay", "Updates until 0.9 of untrained inferences in distribution are right, by those until 0.95 of the "
                 "trained ones are", claimed=2.0, refuted=1.0, within=(1e-3, 1e3), scale="log", unit="times",
                 basis="'only through grokking, i.e., extended training far beyond overfitting': twice that at least"),
        headline("ood_gap", "Out of distribution: comparison above its most frequent answer, above composition over chance",
                 claimed=0.25, refuted=0.0, within=DIFFERENCE,
                 basis="figure 1: near 1 against chance; half of what the most frequent answer of comparison leaves"),
        side_part("ood_composition", "Composition out of distribution", claimed=0.15, refuted=0.5, within=SHARE,
                  basis="'fail to systematically generalize': chance is 0.05"),
        side_part("bridge_moved", "Another question's state after layer 1 at the first relation brings its answer", claimed=0.5,
                  refuted=0.2, within=SHARE, basis="figure 4: the causal path by the bridge; mostly, against hardly"),
        gate("fitted", "Trained inferences are right", at_least=0.95, within=SHARE, basis="overfitted"),
        gate("id_end", "Untrained inferences in distribution are right in the end", at_least=0.9, within=SHARE,
             basis="grokked; no delay is cut short"),
        gate("ood_facts", "The facts that inferences out of distribution rest on are known", at_least=0.95, within=SHARE,
             basis="learnt"),
        gate("id_comparison", "Untrained comparisons in distribution are right", at_least=0.9, within=SHARE, basis="learnt"),
        control("ood_taught", "Out of distribution, once its facts are trained as first and as second ones of other inferences",
                at_least=0.4, within=SHARE, basis="far above chance (0.05)"),
        control("shuffled_seen", "Composition in distribution, trained answers shuffled", at_most=0.2, within=SHARE,
                basis="chance (0.05) and the entities that are answers often", cuts="that inferences follow from facts"),
    ],
    units="seeds: world of facts, division, initial weights and order redrawn; items as a floor for shares.",
    seeds=range(20, 30),
    code="OSU-NLP-Group/GrokkedTransformer: composition.ipynb (build_dataset: facts, division, ratios 3.6 to 18), main.py and the "
    "command of README.md (AdamW, weight decay, constant rate after warm-up, batches of 512)",
    oracle=["tests/atlas/test_facts.py", "tests/atlas/test_lens.py", "tests/tasks/knowledge/test_knowledge_tasks.py"],
    reconstructed="Initial weights at 0.02 with input and output embedding tied, as in GPT-2; rate 0.003 in place of 0.0001. A "
    "fifth of the facts is OOD (paper: 5 %), to have a hundred OOD questions. In comparison each atomic fact stands four times in "
    "the training set.",
    history=[
        Change("2026-11-22", "New plan after one of the first form, with weight decay 1.0, under which trained inferences hovered "
               "below 0.95 for long: fit and generalisation overlapped.", tuple(range(5))),
        Change("2026-11-22", "Single runs on two other worlds. On one, decay 0.3 and ratio 8.5: fit after 300 updates, 0.9 of "
               "untrained inferences after 525; ratio 6.5: 0.8 in the end (1,200). Decay 0.1 and ratio 8: 675 updates; ratio 7.5: "
               "0.85 after 1,200. On the other, decay 0.1 and ratio 8: 250 and 300 updates, so that no delay shows; ratio 7 and "
               "2,000 updates are to be tried. Composition out of distribution stood at 0.05 to 0.10 in all, comparison at 0.72 "
               "to 0.80 (most frequent answer 0.46), the bridge moved 0.83 of answers; a third of the OOD inferences was right "
               "when 0.7 of them had been trained on for 300 updates (now 0.8 for 600).", (100,)),
        Change("2026-11-22", "First pilot, 2,000 updates of composition, 600 of comparison, 600 with OOD inferences: delays of 1.8 "
               "and more than 7.4, since on the second world 0.84 of untrained inferences were right in the end; comparison out of "
               "distribution 0.68 and 0.80 and not yet flat; 0.50 and 0.33 of OOD inferences once others are given. So "
               "composition gets up to 4,000 updates, the other two 1,200.", (100, 101)),
        Change("2026-11-22", "Second pilot: gates and controls hold (0.97 and 0.91 of untrained inferences in the end, 0.67 and "
               "0.67 of OOD ones once others are given). Delays of 1.8 and 12: worlds differ far more than orders.", (100, 101)),
        Change("2026-11-22", "A run on seven seeds: delay 4.5 [3.2, 6.3] and gap 0.33 [0.27, 0.39], all else holds, but OOD "
               "inferences are right in 0.37 [0.29, 0.44] only once 0.8 of the others are given: a fact is the second one of about "
               "two of those, where trained facts are that of seven. With OOD facts as the second ones of inferences whose first "
               "fact is ID, some ten each, all OOD inferences were right in 0.31 (one network, seed 100, 1,200 updates); with both "
               "orders in 0.98. Those are trained now, for 800 updates. No threshold moved; fresh seeds.",
               (*range(10, 19), 100, 101)),
    ],
    would_take="longer training than 85 s of a core a seed; in the paper up to 1.5 million updates of 512 for eight "
    "layers, 2,000 entities and 200 relations",
)  # fmt: skip
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Three readers: composition, composition of shuffled facts, and comparison."""
    world = {"world": spawn(seed, "world") % 2**40, "ood_share": 0.2}
    hops = TwoHopFacts(entities=20, relations=12, degree=12, ratio=7.0, **world)
    sets = FactSets.of(hops)
    composed = grow(sets, seed, "hops", COMPOSE, quick, GROKKED)
    mixed = grow(shuffled(sets, torch_generator(seed, "shuffle")), seed, "shuffled", SHUFFLED, quick)
    pairs = ComparisonFacts(entities=60, attributes=2, values=10, ratio=16.0, **world)
    compared = grow(FactSets.of(pairs, 4), seed, "pairs", COMPARE, quick)
    asked = Counter(row[1] for row in pairs.rows if row[4] == "unseen")
    trained = Counter(row[1] for row in pairs.rows if row[4] == "train" and row[2] == "inferred")
    gain = compared.end("unseen")[0] - asked[trained.most_common(1)[0][0]] / asked.total()
    composition = composed.end("unseen")
    fit = composed.reaches("fitted", 0.95)
    return {
        "delay": composed.reaches("seen", 0.9) / fit,
        "fit_updates": fit,
        "id_at_fit": composed.at("seen", fit),
        "fitted": composed.end("fitted"),
        "id_end": composed.end("seen"),
        "ood_facts": known_facts(hops, composed),
        "ood_composition": composition,
        "ood_comparison": compared.end("unseen"),
        "id_comparison": compared.end("seen"),
        "ood_gap": gain - (composition[0] - 1 / hops.given["entities"]),
        "ood_taught": taught(hops, composed, seed, quick),
        "shuffled_seen": mixed.end("seen"),
        **bridge(hops, composed),
    }
