"""U905: which training examples carry the wrong answers, and which look mislabelled or stand twice."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from unseen.checks._networks import affordable, generator, of_each, some
from unseen.checks.base import About, Check, Context, Outcome, Settings, Subject
from unseen.checks.details.influence import Carriers
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import mean_estimate
from unseen.plain_text import counted

if TYPE_CHECKING:
    from unseen.learners.networks import Inspected, Network, Sample
    from unseen.measures.influence.kronecker import Kronecker

# Training examples, and wrong answers, that are looked at; more are drawn from.
MOST, MOST_WRONG = 5_000, 200
LISTED = 20
# Times that an example goes through the network: three for factors and products, three for itself and what is alike.
PASSES = 6
# Gradients of two examples are alike from this cosine on, inputs up to this share of the middle distance of two.
COSINE, NEAR = 0.9, 0.1
# Loss of a class with a probability of 0.05, and how many of those beyond it are listed.
DOUBTED, MOST_DOUBTED = math.log(20), 100


class TrainingInfluence(Check):
    """Names the training examples that raise the loss of wrong answers, and those that look mislabelled or stand twice."""

    code = "U905"
    title = "influence of training examples"
    question = "Which training examples carry the wrong answers, and which look mislabelled or stand twice?"
    null = "none: an estimate to first order"
    interest = "Context: training examples to look at, by name."
    method = (
        "Influence by eigenvalue-corrected Kronecker factors of the Gauss–Newton matrix (EK-FAC; one pseudo-target an "
        "example, damping 0.1 times the mean eigenvalue of each layer) of linear and convolutional layers. The examples "
        "that raise the loss of wrong answers most are chosen on one half of these answers and their effect is told on "
        "the other half, and the reverse; interval over clusters of test examples. Labels to check first: the largest "
        "loss if the example had not been trained on, estimated as its loss plus its influence on itself over n. On "
        "digits with 2 to 10 % wrong labels 65 to 100 % of the first 20 were wrong (12 networks, mean 93 %); where no "
        "label is wrong the list holds rare examples. How many would have a loss beyond log 20 is told: of 700 digits with 0, 5, "
        "10 and 30 % wrong labels 8, 51, 85 and 215, of which 0, 34, 69 and 195 were wrong (three perceptrons each). Alike: "
        "gradients with a cosine of at least 0.9, and inputs, as the "
        "network reads them, within 0.1 of the middle distance of two. At most 5,000 training examples and 200 wrong "
        "answers, at random."
    )
    assumptions = (
        "Influence is a first-order estimate around the trained weights: sums over many examples rank retrained networks with a "
        "correlation of about 0.6 to 0.7 on small networks, the effect of single examples less well, and its size is "
        "overstated: on digits an MLP retrained without the 20 that are named had a loss of wrong answers lower by 0.09 (standard "
        "error 0.04; without 20 at random 0.03 higher) where 0.54 (0.20) was foretold. Nothing is retrained here. Of texts the "
        "order alone is told: n, by which influence is divided, would be all that the model was trained on."
    )
    sources = (
        "Grosse et al. (2023), Studying large language model generalization with influence functions, arXiv:2308.03296.",
        "Koh & Liang (2017), Understanding black-box predictions via influence functions.",
        "Park et al. (2023), TRAK: attributing model behavior at scale (linear datamodelling score).",
        "Pruthi, Liu, Kale & Sundararajan (2020), Estimating training data influence by tracing gradient descent (self-influence).",
    )
    example = (
        "net: without the 20 of 1,000 training examples that raise the loss of its 41 wrong answers most (train 17, train "
        "802, …), that loss would fall, to first order by 0.21 [0.12, 0.30], which overstates it; not verified by "
        "retraining, as no way to retrain is given. Labels to check first: train 17, train 340, …. 2 pairs of training "
        "examples stand twice."
    )
    needs = ("module",)
    studies = ("ekfac-influence", "procedural-knowledge")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a network."""
        return of_each(self, self._tell, subject, settings)

    def _tell(self, given: Inspected, network: Network, settings: Settings) -> Outcome:
        from unseen.measures.influence import Kronecker
        from unseen.measures.influence.nearest import nearest, sketched

        rng = self.rng(settings, network.name)
        draws = generator(rng)
        train, rows = some(given.train, affordable(network, given.train, MOST, PASSES, MOST), rng)
        if len(train) < settings.min_units:
            raise TooFewUnits(f"influence compares training examples: {len(train)}, {settings.min_units} are needed.")
        try:
            fitted = Kronecker.fit(network, train, draws=1, generator=draws, memory=given.memory)
        except BadInput as error:
            raise Undefined(str(error)) from error
        names = given.train.items()
        own = fitted.own(train, memory=given.memory)
        if not np.isfinite(own).all():
            bad = int((~np.isfinite(own)).sum())
            raise Undefined(
                f"the influence of {bad:,} of {len(own):,} examples is not finite: the loss is flat, or overflows."
            )
        vectors = sketched(network, train, generator=draws, memory=given.memory)
        without = network.losses(train).double().numpy() + own / len(train)
        classes = network.loss_name in ("cross-entropy", "binary")
        doubted = int((without > DOUBTED).sum()) if classes else None
        suspects = _suspects(network, train, without, [names[r] for r in rows], doubted or 0)
        alike = _alike(train, *nearest(vectors, memory=given.memory), [names[r] for r in rows], rng)
        found = None if given.test is None else self._wrong(given, network, fitted, train, rows, rng, settings)
        said = _ordered(found) if train.sequences and found else _sentence(found, len(train), _judged(given.train))
        told = [f"{network.name}: {said}"]
        checked = "Texts" if train.sequences else "Labels"
        many = "" if doubted is None else (
            f" ({doubted:,} of {len(train):,} would get a probability below 0.05 without their own example)"
        )  # fmt: skip
        told.append(f"{checked} to check first: {', '.join(row['train'] for row in suspects[:2])}, …{many}.")
        steps = [
            f"Look at the {checked.lower() if train.sequences else 'labels of the training examples'} that are listed"
        ]
        if alike:
            many = f"{LISTED} or more" if len(alike) == LISTED else f"{len(alike)}"
            told.append(
                f"{many} pair{'' if len(alike) == 1 else 's'} of training examples stand{'s' if len(alike) == 1 else ''} twice."
            )
            steps.append("keep one of each pair")
        return Context(
            code=self.code, about=About("model", network.name), statement=" ".join(told),
            next_step=f"{', and '.join(steps)}; then train again and audit both.",
            estimate=None if found is None else found["fall"],
            details=Carriers(
                network=network.name, wrong=None if found is None else found["wrong"],
                fall=None if found is None else found["fall"], left_out=0 if found is None else found["left_out"],
                carriers=() if found is None else found["carriers"], answers=() if found is None else found["answers"],
                suspects=suspects, alike=alike, damping=fitted.damping, uncounted=fitted.layers.left_out,
                doubted=doubted,
            ),
        )  # fmt: skip

    def _wrong(
        self, given: Inspected, network: Network, fitted: Kronecker, train: Sample, rows: np.ndarray,
        rng: np.random.Generator, settings: Settings,
    ) -> dict[str, Any]:  # fmt: skip
        """What raises the loss of the wrong answers."""
        test = given.test
        assert test is not None  # noqa: S101
        at = _wrong_rows(network, test)
        wrong = len(at)
        empty: dict[str, Any] = {"wrong": wrong, "fall": None, "left_out": 0, "carriers": (), "answers": ()}
        if not wrong:
            return empty
        if wrong > MOST_WRONG:
            at = np.sort(rng.choice(at, MOST_WRONG, replace=False))
        few = test.take(at)
        scores = fitted.scores(train, few, memory=given.memory).scores.astype(np.float64)
        k = max(1, min(LISTED, len(train) // 20))
        mean = scores.mean(0)
        order = np.argsort(mean, kind="stable")[:k]
        order = order[mean[order] < 0]
        names, tests = given.train.items(), test.items()
        carriers = tuple(
            {"train": names[rows[i]], "target": _plain(train, i)}
            | (
                {"raises it, times the first": _short(mean[i] / mean[order[0]])} if train.sequences
                else {"raises the mean loss by": _short(-mean[i] / len(train))}
            )
            for i in order
        )  # fmt: skip
        each = tuple(
            {
                "test": tests[at[t]], "target": _plain(few, t), "answer": _answer(network, few, t),
                "raised by": ", ".join(names[rows[i]] for i in np.argsort(scores[t], kind="stable")[:3] if scores[t, i] < 0),
            }
            for t in range(min(LISTED, len(few)))
        )  # fmt: skip
        # A language model has read far more than these texts: what they add can be ordered, its size can't be told.
        fall = None if train.sequences else _fall(scores / len(train), test.clusters[at], k, rng, settings)
        return {"wrong": wrong, "fall": fall, "left_out": k, "carriers": carriers, "answers": each}


def _fall(
    effects: np.ndarray, cluster: np.ndarray, k: int, rng: np.random.Generator, settings: Settings
) -> Estimate | None:
    """What each wrong answer's loss falls by without the k examples that raise the loss of the other half most."""
    known = np.unique(cluster)
    side = np.isin(cluster, rng.permutation(known)[: len(known) // 2])
    if len(known) < settings.min_units:
        return None
    fall = np.empty(len(effects))
    for half in (side, ~side):
        worst = np.argsort(effects[~half].mean(0), kind="stable")[:k]
        fall[half] = -effects[np.ix_(half, worst)].sum(1)
    try:
        return mean_estimate(fall, np.unique(cluster, return_inverse=True)[1], level=settings.level, what="the fall")
    except (TooFewUnits, Undefined):
        return None


def _sentence(found: dict[str, Any] | None, n: int, judged: str) -> str:
    if found is None:
        return "there is no test set whose wrong answers could be traced."
    if not found["wrong"]:
        return "no answer on the test set is wrong."
    wrong, fall, k = found["wrong"], found["fall"], found["left_out"]
    if fall is None:
        if judged != "wrong":
            return (
                f"{counted(wrong, 'worst answer')} on the test set: too few independent ones to say what carries them."
            )
        given = f"{counted(wrong, 'answer')} on the test set {'is' if wrong == 1 else 'are'} wrong"
        return f"{given}, too few independent ones to say what carries them."
    if fall.low <= 0:
        return (
            f"no training examples are known to carry its {wrong:,} {judged} answers in common: without the {k} that raise the "
            f"loss of one half of them most, that of the other half would change by {(-fall).format(2)}, to first order."
        )
    listed = ", ".join(row["train"] for row in found["carriers"][:2])
    return (
        f"without the {k} of {n:,} training examples that raise the loss of its {wrong:,} {judged} answers most ({listed}, …), "
        f"that loss would fall, to first order by {fall.format(2)}, which overstates it; not verified by retraining, as no way to "
        "retrain is given."
    )


def _ordered(found: dict[str, Any]) -> str:
    """What raises the loss of texts most, without a size."""
    listed = ", ".join(row["train"] for row in found["carriers"][:3])
    worst = counted(found["wrong"], "worst text")
    if not listed:
        return f"none of these training texts raises the loss of the {worst} on the test set."
    return (
        f"the loss of the {worst} on the test set is raised most by {listed}, …; by how much is not told, for a language model "
        "has read more than these texts."
    )


def _suspects(
    network: Network, train: Sample, without: np.ndarray, names: list[str], doubted: int
) -> tuple[dict[str, Any], ...]:
    losses = network.losses(train).double().numpy()
    order = [int(i) for i in np.argsort(-without, kind="stable")[: max(LISTED, min(doubted, MOST_DOUBTED))]]
    return tuple(
        {
            "train": names[i], "target": _plain(train, i), "answer": _answer(network, train, i), "loss": _short(losses[i]),
            "loss without it": _short(without[i]),
        }
        for i in order
    )  # fmt: skip


def _alike(
    train: Sample, at: np.ndarray, cosine: np.ndarray, names: list[str], rng: np.random.Generator
) -> tuple[dict[str, Any], ...]:
    """Pairs of one target whose gradients point the same way and whose inputs are nearly the same."""
    x, tokens = train.inputs.reshape(len(train), -1).double().numpy(), not train.inputs.is_floating_point()
    # What follows a token is part of the text itself.
    same = tokens and train.sequences

    def distance(a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
        # Of tokens, which are names and no amounts, those that differ are counted.
        return (x[a] != x[b]).sum(-1) if tokens else np.linalg.norm(x[a] - x[b], axis=-1)

    a, b = rng.integers(0, len(x), (2, 2000))
    far = distance(a, b)[a != b]
    middle = float(np.median(far)) if len(far) else 0.0
    targets = train.targets.reshape(len(train), -1).numpy()
    found: list[dict[str, Any]] = []
    for i in np.argsort(-cosine, kind="stable"):
        j = int(at[i])
        if cosine[i] < COSINE or len(found) >= LISTED:
            break
        # A pair that is nearest to each other comes up twice.
        if j < 0 or (at[j] == i and j < i) or not (same or np.array_equal(targets[i], targets[j])):
            continue
        apart = float(distance(int(i), j))
        if apart <= NEAR * middle:
            found.append(
                {
                    "train": names[i], "and": names[j], "cosine of gradients": round(float(cosine[i]), 4),
                    "distance of inputs": _short(apart), "middle distance": _short(middle),
                }
            )  # fmt: skip
    return tuple(found)


def _judged(sample: Sample) -> str:
    """What answers are called that are traced: of numbers and sequences hardly one is right."""
    return "wrong" if sample.classes and not sample.sequences else "worst"


def _wrong_rows(network: Network, test: Sample) -> np.ndarray:
    """Rows with a wrong answer; of numbers and sequences the tenth with the largest loss."""
    from unseen.learners.networks.inspected import right

    if not test.classes or test.sequences:
        losses = network.losses(test).numpy()
        return np.sort(np.argsort(-losses, kind="stable")[: max(1, len(losses) // 10)])
    return np.flatnonzero(right(network, test) < 1)


def _plain(sample: Sample, row: int) -> int | float | str:
    value = sample.targets[row]
    if sample.sequences:
        return f"{int((value >= 0).sum())} tokens"
    return value.item() if value.dim() == 0 else str(value.tolist())


def _answer(network: Network, sample: Sample, row: int) -> int | float | str:
    from unseen.learners.networks.inspected import right

    if sample.sequences:
        return f"{right(network, sample.take([row]))[0]:.0%} of them right"
    output = network.outputs(sample.inputs[row : row + 1])
    if sample.classes:
        told = network.class_scores(output).argmax(1)[0]
        return int(told) if told.dim() == 0 else str(told.tolist())
    return float(f"{float(output):.4g}") if output.numel() == 1 else str(output[0].tolist())


def _short(value: Any) -> float:
    return float(f"{value:.3g}")
