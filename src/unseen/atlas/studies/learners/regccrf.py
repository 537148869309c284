"""Roles that may come once at most: a constraint in training against the same constraint in decoding only."""

from __future__ import annotations

from typing import Any

import numpy as np

from unseen.atlas.plan import Measurement, Threshold, first_form

ROLES = ("O", "A0", "A1", "A2")
WORDS = ("a", "b", "c")


@first_form(
    slug="regccrf",
    claim="Where labels obey a constraint that is not local, training under it never has a lower likelihood on held-out "
    "sequences and is more accurate than imposing it at decoding; without it, sequences outside the language come out.",
    source="Papay, Klinger, Padó (2022), Constraining Linear-chain CRFs to Regular Languages",
    thresholds=[
        Threshold("roles_likelihood", "above", 0.0, "Roles: held-out log likelihood of a sequence is higher"),
        Threshold("roles_accuracy", "above", 0.0, "Roles: more labels are right"),
        Threshold("roles_invalid", "above", 0.05, "Roles: the free field breaks the language in over 5 % of sequences"),
        Threshold("words_likelihood", "above", 0.0, "(a c)* or (b c)*: held-out log likelihood is higher"),
        Threshold("words_accuracy", "above", 0.0, "(a c)* or (b c)*: more labels are right"),
        Threshold("words_invalid", "above", 0.05, "(a c)* or (b c)*: the free field breaks it in over 5 %"),
    ],
    units="seeds: sequences, noise and initial weights redrawn; 400 test sequences each",
    reduced="Synthetic sequences of 8 to 12 positions, 3,000 for training, BiLSTM of 2 x 12; no semantic role labelling on "
    "text.",
    reconstructed="Roles: each of three roles falls on at most one of the positions, with chance 0.8; a position shows "
    "its label's code under Gaussian noise. Words: (a c)* with chance 3/4, else (b c)*; emissions from "
    "the position alone (no BiLSTM), so that only the field can know of what is far away.",
    seeds=5,
)
def measure(seed: int, quick: bool) -> dict[str, Measurement]:
    """Held-out log likelihood, accuracy and validity of the field trained under the language and of the free one."""
    from unseen.learners.architectures.automata import at_most_once, compile_expression

    found: dict[str, Measurement] = {}
    languages = {
        "roles": compile_expression(at_most_once(ROLES[1:]), ROLES),
        "words": compile_expression("(a c)* a? | (b c)* b?", WORDS),
    }
    for name, language in languages.items():
        train, test = (_roles if name == "roles" else _words)(seed, quick)
        tight, free = (_trained(name, seed, quick, train, at) for at in (language, None))
        late = free.field.restricted(language)
        x, labels, lengths = test
        inside = (np.arange(labels.shape[1]) < lengths.numpy()[:, None]).astype(bool)
        scores = {
            "tight": _scores(tight.field, tight(x), labels, lengths, inside),
            "late": _scores(late, free(x), labels, lengths, inside),
            "free": _scores(free.field, free(x), labels, lengths, inside),
        }
        found |= {f"{name}_{kind}_accuracy": right for kind, (_, right, _) in scores.items()}
        found |= {f"{name}_{kind}_log_likelihood": value for kind, (value, _, _) in scores.items()}
        found |= {f"{name}_{kind}_whole": whole for kind, (_, _, whole) in scores.items()}
        x, labels, lengths = (t[:400] for t in train)
        seen = [f.log_probability(m(x), labels, lengths).mean() for f, m in ((tight.field, tight), (late, free))]
        found[f"{name}_training_likelihood"] = float((seen[0] - seen[1]).detach())
        x, labels, lengths = test
        found[f"{name}_likelihood"] = scores["tight"][0] - scores["late"][0]
        found[f"{name}_accuracy"] = scores["tight"][1] - scores["late"][1]
        decoded = free.field.decode(free(x), lengths).tolist()
        wrong = [not language.accepts(row[:n]) for row, n in zip(decoded, lengths.tolist(), strict=True)]
        found[f"{name}_invalid"] = (float(np.mean(wrong)), len(wrong))
    return found


def _scores(field: Any, emissions: Any, labels: Any, lengths: Any, inside: np.ndarray) -> tuple[float, float, float]:
    """Mean log likelihood of a sequence [nats], share of labels that are right, and of sequences that wholly are."""
    right = (field.decode(emissions, lengths) == labels).numpy()
    whole = (right | ~inside).all(1)
    value = float(field.log_probability(emissions, labels, lengths).mean().detach())
    return value, float(right[inside].mean()), float(whole.mean())


def _trained(name: str, seed: int, quick: bool, train: Any, language: Any) -> Any:
    import torch

    from unseen.engine.seeds import seeded_torch, spawn, torch_generator
    from unseen.learners.architectures.crf import TaggerCRF

    x, labels, lengths = train
    with seeded_torch(spawn(seed, name, "weights")):
        model = TaggerCRF(x.shape[2], len(ROLES) if name == "roles" else len(WORDS), 12, language)
        if name == "words":
            model.reader = _through()
            model.head = torch.nn.Linear(x.shape[2], len(WORDS))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    generator = torch_generator(seed, name, "order")
    for _ in range(15 if quick else 300):
        rows = torch.randint(len(x), (64,), generator=generator)
        optimizer.zero_grad()
        model.loss(x[rows], labels[rows], lengths[rows]).backward()
        optimizer.step()
    return model.eval()


def _roles(seed: int, quick: bool) -> list[tuple[Any, Any, Any]]:
    from unseen.engine.seeds import numpy_generator

    rng = numpy_generator(seed, "roles")
    codes = 1.5 * np.eye(len(ROLES))
    made: list[tuple[Any, Any, Any]] = []
    for n in (60, 60) if quick else (3000, 400):
        lengths = rng.integers(8, 13, n)
        labels = np.zeros((n, 12), dtype=np.int64)
        for row, length in zip(labels, lengths, strict=True):
            places = rng.permutation(length)[:3]
            row[places] = np.where(rng.random(3) < 0.8, [1, 2, 3], 0)
        made.append(_tensors(codes[labels] + rng.normal(size=(n, 12, len(ROLES))), labels, lengths))
    return made


def _words(seed: int, quick: bool) -> list[tuple[Any, Any, Any]]:
    from unseen.engine.seeds import numpy_generator

    rng = numpy_generator(seed, "words")
    codes = np.eye(len(WORDS))
    made: list[tuple[Any, Any, Any]] = []
    for n in (60, 60) if quick else (3000, 400):
        lengths = rng.integers(8, 13, n)
        kind = (rng.random(n) < 0.25).astype(np.int64)
        labels = np.where(np.arange(12) % 2 == 1, 2, kind[:, None])
        made.append(_tensors(codes[labels] + 1.5 * rng.normal(size=(n, 12, len(WORDS))), labels, lengths))
    return made


def _tensors(x: np.ndarray, labels: np.ndarray, lengths: np.ndarray) -> tuple[Any, Any, Any]:
    import torch

    inside = np.arange(labels.shape[1]) < lengths[:, None]
    shown = (x * inside[..., None]).astype(np.float32)
    return torch.from_numpy(shown), torch.from_numpy(labels * inside), torch.from_numpy(lengths)


def _through() -> Any:
    """What stands in the place of a reader that sees each position alone."""
    import torch

    class Through(torch.nn.Module):
        def forward(self, x: Any) -> tuple[Any, None]:
            return x, None

    return Through()
