"""Roles that may come once at most: a constraint in training against the same constraint in decoding only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unseen.atlas.plan import (
    ANY,
    DIFFERENCE,
    SHARE,
    Change,
    Measurement,
    Sweep,
    control,
    gate,
    headline,
    side_part,
    study,
)

ROLES = ("O", "A0", "A1", "A2")
WORDS = ("a", "b", "-")
# How far the code of a label stands out of unit noise.
SIGNALS = (1.0, 1.5, 2.0)
PAIRS = 10


@study(
    slug="regccrf",
    claim=[
        ("Training under the constraint labels roles better than imposing it at decoding.", "role_f1"),
        ("So it does for whole sequences.", "whole"),
        ("Where the constraint reaches far, decoding under it can be much worse in likelihood.", "far_likelihood"),
        ("The unconstrained field breaks the constraint.", "invalid"),
    ],
    source="Papay, Klinger, Padó (2022), Constraining Linear-chain CRFs to Regular Languages, ICLR",
    link="https://arxiv.org/abs/2106.07306",
    did="Restricted CRFs to regular languages, in training or at decoding only: on the language (a -)* | (b -)*, and on "
    "semantic roles of OntoNotes with RoBERTa, where constrained training raised F1 and the share of perfect sequences.",
    here="The synthetic language with the authors' proportions (3 : 1) and one weight a position, here at ten pairs. Roles are "
    "drawn, not read from text: three roles come once at most among 8 to 12 positions, a BiLSTM of 2 x 12 reads noisy codes "
    "of the labels, 3,000 sequences train it.",
    fidelity="C",
    parts=[
        headline(
            "role_f1", "F1 of roles, constrained training less constrained decoding", claimed=0.0025, refuted=-0.0025,
            within=DIFFERENCE, basis="the authors' logs on OntoNotes: 87.26 to 87.51 in run 1; as much the other way refutes",
        ),
        headline(
            "whole", "Share of sequences that are right as a whole, the same difference", claimed=0.0066, refuted=-0.0066,
            within=DIFFERENCE, basis="the authors' logs: 73.67 to 74.33 % perfect in run 1; as much the other way refutes",
        ),
        side_part(
            "far_likelihood", "(a -)* | (b -)*, ten pairs: log likelihood of a sequence is higher", claimed=1.0, refuted=0.0,
            within=ANY, unit="nats", basis="closed form 2.19 at ten pairs (section 5.1); under a half of it is not 'much worse'",
        ),
        side_part(
            "invalid", "Sequences in which the free field repeats a role", claimed=0.05, refuted=0.01, within=SHARE,
            basis="the constraint must matter for the practical claim",
        ),
        gate("learnt", "Roles are learnt under the constraint: F1", at_least=0.5, within=SHARE,
             basis="0.29 is what roles at random places get"),
        gate("room", "There is room above: F1 of constrained decoding", at_most=0.95, within=SHARE, basis="ceiling"),
        control(
            "closed_form", "The gain in likelihood at ten pairs is that of the closed form: distance", at_most=0.25,
            within=(0.0, 10.0), unit="nats", basis="Σ over both words of share · log(share / share^10 normalised)",
        ),
        control(
            "free_language", "Under a language of all sequences, both ways label alike: distance of F1", at_most=0.001,
            within=SHARE, basis="by construction", cuts="the constraint",
        ),
    ],
    units="seeds: sequences, noise and initial weights redrawn; 2,000 test sequences each.",
    seeds=range(10, 19),
    code="person594/regccrf-experiments: synthetic/arbitrary/arbitrary.py (3 : 1, SGD, one logit a position), srl/results "
    "(F1 and perfect propositions of five runs each)",
    oracle=["tests/learners/test_crf.py"],
    reconstructed="Roles fall on positions with chance 0.8; a position shows its label's code at 1.5 deviations, which is "
    "swept; Adam at 0.02, 600 updates of 64. The free language and the closed form share all settings.",
    sweeps=[
        Sweep("signal of a label in noise", "role_f1", {f"{s:g}": f"role_f1 at {s:g}" for s in SIGNALS}),
        Sweep("signal of a label in noise", "whole", {f"{s:g}": f"whole at {s:g}" for s in SIGNALS}),
    ],
    history=[
        Change("2026-11-21", "New plan after one of the first form, in which label accuracy outvoted F1; 600 updates in place "
               "of 300.", tuple(range(5))),
        Change("2026-11-21", "Pilot on three seeds; 9 seeds in place of 12, as its spread asked for.", (100, 101, 102)),
    ],
    would_take="semantic roles of real text with a pretrained encoder",
)  # fmt: skip
def measure(seed: int, quick: bool) -> Mapping[str, Measurement]:
    """F1, whole sequences and likelihood of fields trained and decoded under a language, and decoded only."""
    from unseen.learners.architectures.automata import at_most_once, compile_expression

    once = compile_expression(at_most_once(ROLES[1:]), ROLES)
    found = dict[str, Measurement]()
    for signal in SIGNALS:
        train, test = _roles(seed, quick, signal)
        x, labels, lengths = test
        tight, free = (_trained(seed, quick, train, at) for at in (once, None))
        late = free.field.restricted(once)
        f1, whole = _scores(tight.field, tight(x), labels, lengths)
        f1_late, whole_late = _scores(late, free(x), labels, lengths)
        here = {"role_f1": f1 - f1_late, "whole": whole - whole_late}
        found |= {f"{name} at {signal:g}": value for name, value in here.items()}
        if signal == SIGNALS[1]:
            decoded = free.field.decode(free(x), lengths).tolist()
            wrong = [not once.accepts(row[:n]) for row, n in zip(decoded, lengths.tolist(), strict=True)]
            everything = compile_expression("(O | A0 | A1 | A2)*", ROLES)
            same = _scores(_trained(seed, quick, train, everything).field, free(x), labels, lengths)[0]
            found |= {
                **here,
                "learnt": f1,
                "room": f1_late,
                "invalid": (float(np.mean(wrong)), len(wrong)),
                "free_language": abs(same - _scores(free.field, free(x), labels, lengths)[0]),
                "label_accuracy": _accuracy(tight.field, tight(x), labels, lengths)
                - _accuracy(late, free(x), labels, lengths),
            }
    gain = _far(seed, quick)
    return {**found, "far_likelihood": gain, "closed_form": abs(gain - _far_in_closed_form())}


def _scores(field: Any, emissions: Any, labels: Any, lengths: Any) -> tuple[float, float]:
    """F1 over roles, all sequences counted together, and share of sequences that are wholly right."""
    inside = (np.arange(labels.shape[1]) < lengths.numpy()[:, None]).astype(bool)
    said, truth = field.decode(emissions, lengths).numpy(), labels.numpy()
    hits = ((said == truth) & (truth > 0) & inside).sum()
    f1 = 2 * hits / (((said > 0) & inside).sum() + ((truth > 0) & inside).sum())
    return float(f1), float(((said == truth) | ~inside).all(1).mean())


def _accuracy(field: Any, emissions: Any, labels: Any, lengths: Any) -> float:
    inside = (np.arange(labels.shape[1]) < lengths.numpy()[:, None]).astype(bool)
    return float((field.decode(emissions, lengths) == labels).numpy()[inside].mean())


def _trained(seed: int, quick: bool, train: Any, language: Any) -> Any:
    import torch

    from unseen.engine.seeds import seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.crf import TaggerCRF

    x, labels, lengths = train
    with seeded_torch(spawn(seed, "roles", "weights")):
        model = TaggerCRF(x.shape[2], len(ROLES), 12, language)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    generator = torch_generator(seed, "roles", "order")
    for _ in range(30 if quick else 600):
        rows = torch.randint(len(x), (64,), generator=generator)
        optimizer.zero_grad()
        model.loss(x[rows], labels[rows], lengths[rows]).backward()
        optimizer.step()
    return model.eval()


def _roles(seed: int, quick: bool, signal: float) -> list[tuple[Any, Any, Any]]:
    import torch

    from unseen.engine.seeds import numpy_generator

    rng = numpy_generator(seed, "roles", 2)
    codes = signal * np.eye(len(ROLES))
    made: list[tuple[Any, Any, Any]] = []
    for n in (120, 120) if quick else (3000, 2000):
        lengths = rng.integers(8, 13, n)
        labels = np.zeros((n, 12), dtype=np.int64)
        for row, length in zip(labels, lengths, strict=True):
            places = rng.permutation(length)[:3]
            row[places] = np.where(rng.random(3) < 0.8, [1, 2, 3], 0)
        x = codes[labels] + rng.normal(size=(n, 12, len(ROLES)))
        inside = np.arange(12) < lengths[:, None]
        shown = (x * inside[..., None]).astype(np.float32)
        made.append((torch.from_numpy(shown), torch.from_numpy(labels * inside), torch.from_numpy(lengths)))
    return made


def _far(seed: int, quick: bool) -> float:
    """Gain in log likelihood of a sequence by constrained training on (a -)* | (b -)*, from one weight a position."""
    import torch

    from unseen.engine.seeds import torch_generator
    from unseen.learners.architectures.automata import compile_expression
    from unseen.learners.architectures.crf import LinearChainCRF

    language = compile_expression("(a -)* | (b -)*", WORDS)
    strings = torch.tensor([[0, 2] * PAIRS] * 3 + [[1, 2] * PAIRS])
    lengths, generator = torch.full((50,), 2 * PAIRS), torch_generator(seed, "far")
    fields = [LinearChainCRF(len(WORDS), at) for at in (language, None)]
    weights = [torch.zeros(2 * PAIRS, len(WORDS), requires_grad=True) for _ in fields]
    optimizers = [torch.optim.SGD([*f.parameters(), w], lr=0.1) for f, w in zip(fields, weights, strict=True)]
    for update in range(20 if quick else 1500):
        drawn = strings[torch.randint(4, (50,), generator=generator)]
        for field, weight, optimizer in zip(fields, weights, optimizers, strict=True):
            optimizer.param_groups[0]["lr"] = 0.1 * 0.9 ** (update // 30)
            optimizer.zero_grad()
            shown = weight.expand(50, -1, -1)
            (-(field.score(shown, drawn, lengths) - field.log_partition(shown, lengths)).mean()).backward()
            optimizer.step()
    late = fields[1].restricted(language)
    ends = [
        field.log_probability(weight.expand(4, -1, -1), strings, lengths[:4]).mean()
        for field, weight in ((fields[0], weights[0]), (late, weights[1]))
    ]
    return float((ends[0] - ends[1]).detach())


def _far_in_closed_form() -> float:
    """The free field takes pairs for independent: its share of a word is share^pairs, normalised over both words."""
    share = np.array([0.75, 0.25])
    late = share**PAIRS / (share**PAIRS).sum()
    return float((share * np.log(share / late)).sum())
