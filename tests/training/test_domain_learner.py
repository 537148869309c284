"""The domain learner on tables, images and numbers, and DomainBed's definitions on coloured digits."""

import numpy as np
import polars as pl
import pytest
import torch

from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners import Learner
from unseen.learners.architectures.featured import FeaturedCNN, FeaturedMLP
from unseen.training.config import TrainConfig
from unseen.training.domain_learner import DomainLearner
from unseen.training.objectives.domains.registry import OBJECTIVES, objective_named

torch.set_num_threads(1)
SHORT = TrainConfig(steps=120, lr=0.01)


def mlp(inputs, outputs):
    return FeaturedMLP(inputs, outputs, 32, 1)


def table(n=400, seed=0):
    """Mixed columns with gaps; the class hangs on a number and on a category."""
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    late = x + (kind == "a") + 0.2 * rng.normal(size=n) > 0.3
    frame = pl.DataFrame(
        {
            "x": [None if g < 0.05 else v for v, g in zip(x, rng.random(n), strict=True)], "kind": kind,
            "site": rng.choice(["s1", "s2", "s3"], n), "late": np.where(late, "yes", "no"), "minutes": 60 + 30 * x,
        }
    )  # fmt: skip
    classes = Examples.from_table(frame.drop("minutes"), inputs=["x", "kind"], target="late")
    return classes, Examples.from_table(frame.drop("late"), inputs=["x", "kind"], target="minutes")


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES)))
def test_every_objective_learns_a_mixed_table(name):
    classes, _ = table()
    test, _ = table(seed=1)
    made = DomainLearner(mlp, name, domain="site", config=SHORT)
    weights = np.ones(len(classes)) if name == "weighted-likelihood" else None
    two = made.objective.heads == 2
    made.fit(classes, np.random.default_rng(0), weights, unlabelled=test if two else None)
    assert isinstance(made, Learner)
    found = made.respond(test).table
    assert found["score"].mean() > (0.6 if two else 0.85)
    assert set(found["prediction"].unique()) == {"no", "yes"}
    assert made.classes.tolist() == ["no", "yes"]
    chances = made.probabilities(test)
    np.testing.assert_allclose(chances.sum(1), 1)
    np.testing.assert_allclose(found["confidence"].to_numpy(), chances.max(1))
    assert made.features(test).shape[0] == 400


@pytest.mark.parametrize("name", ["erm", "group-dro", "irm", "v-rex", "coral", "mmd", "dann", "mixup", "feasible"])
def test_numbers_are_predicted_in_their_unit(name):
    _, numbers = table()
    made = DomainLearner(mlp, name, domain="site", config=SHORT).fit(numbers, np.random.default_rng(0))
    # The target is 60 + 30 x; without an input the mean error is 24, and 5 % of the inputs are missing (24 each, 1.2).
    assert made.respond(numbers).table["score"].mean() > -8
    assert not made.has_probabilities
    with pytest.raises(BadInput, match="was fitted to numbers"):
        made.probabilities(numbers)


def test_equal_seeds_give_equal_answers_and_others_do_not():
    classes, _ = table(200)
    runs = [
        DomainLearner(mlp, "mixup", domain="site", config=TrainConfig(steps=20)).fit(classes, np.random.default_rng(s))
        for s in (1, 1, 2)
    ]
    a, b, c = (run.probabilities(classes) for run in runs)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_images_keep_their_shape():
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = np.random.default_rng(0).permutation(1797)[:600]
    x = (digits.images[rows] / 16.0).astype(np.float32)[:, None]
    frame = pl.DataFrame({"image": pl.Series(x, dtype=pl.Array(pl.Float32, (1, 8, 8))), "target": digits.target[rows]})
    examples = Examples(frame, ("image",))
    made = DomainLearner(
        lambda _, k: FeaturedCNN(1, 8, k, 8, batch_norm=True), config=SHORT, shape=(1, 8, 8), averaging="swa"
    )
    made.fit(examples.take(range(400)), np.random.default_rng(0))
    assert made.inputs(examples).shape == (600, 1, 8, 8)
    assert made.respond(examples.take(range(400, 600))).table["score"].mean() > 0.85


def test_weights_move_the_fit_to_what_they_favour():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    frame = pl.DataFrame(
        {"x": x, "site": ["s", "t"] * 500, "y": np.where(x > 0, np.where(rng.random(1000) < 0.6, 1, 0), 0)}
    )
    examples = Examples.from_table(frame, inputs=["x"], target="y")
    config = TrainConfig(steps=200, lr=0.02)
    for name in ("erm", "focal"):  # by the weighted likelihood, and by a weighted resample
        heavy = np.where(frame["y"].to_numpy() == 1, 9.0, 1.0)
        plain, moved = (
            DomainLearner(mlp, name, config=config).fit(examples, np.random.default_rng(0), w) for w in (None, heavy)
        )
        assert moved.probabilities(examples)[:, 1].mean() > plain.probabilities(examples)[:, 1].mean() + 0.1
    with pytest.raises(BadInput, match="weights are 1000 finite numbers"):
        plain.fit(examples, rng, -heavy)


def test_held_out_rows_stop_the_run_and_give_the_valley():
    classes, _ = table()
    config = TrainConfig(steps=2000, lr=0.02, eval_every=20, patience=3, stop_on="validation")
    made = DomainLearner(mlp, config=config, domain="site").fit(classes, np.random.default_rng(0))
    assert "loss on validation did not fall" in made.stopped
    swad = DomainLearner(mlp, config=TrainConfig(steps=400, lr=0.02), domain="site", averaging="swad")
    swad.fit(classes, np.random.default_rng(0))
    assert swad.respond(classes).table["score"].mean() > 0.88


def test_a_few_labels_choose_between_two_heads():
    """Cues that always agree in training; a head may follow either. Labels of rows where they differ choose."""
    rng = np.random.default_rng(0)

    def rows(agree, n=300):
        first = rng.integers(0, 2, n)
        second = first if agree else rng.integers(0, 2, n)
        cues = np.stack([first, second], 1) * 2.0 - 1 + 0.1 * rng.normal(size=(n, 2))
        frame = pl.DataFrame({"cues": pl.Series(cues, dtype=pl.Array(pl.Float64, 2)), "first": first, "second": second})
        return Examples(frame, ("cues",), "first"), Examples(frame, ("cues",), "second")

    train, (by_first, by_second) = rows(True)[0], rows(False)
    made = DomainLearner(mlp, "divdis", config=TrainConfig(steps=400, lr=0.01))
    made.fit(train, np.random.default_rng(2), unlabelled=by_first)
    for target in (by_first, by_second):
        made.choose_head(target.take(range(32)))
        assert made.respond(target).table["score"].mean() > 0.9


def cue_and_noise(n, agree, rng, noise=500):
    """A weak core cue, a strong one that agrees with it in a share of the rows, and noise to learn rows by heart with.

    The interpretable problem of Bayat et al. (2025), smaller.
    """
    sign = 2 * rng.integers(0, 2, n) - 1
    other = np.where(rng.random(n) < agree, sign, -sign)
    core, strong = ((1 + 0.12 * rng.normal(size=n)) * s for s in (sign, other))
    x = np.concatenate([core[:, None], 5 * strong[:, None], 0.5 * rng.normal(size=(n, noise))], 1)
    frame = pl.DataFrame({"x": pl.Series(x, dtype=pl.Array(pl.Float64, noise + 2)), "target": (sign + 1) // 2})
    return Examples(frame, ("x",))


@pytest.mark.parametrize("folds", [None, 2])
def test_memorisation_awareness_takes_the_weak_cue_where_erm_learns_the_exceptions_by_heart(folds):
    rng = np.random.default_rng(0)
    train, against = cue_and_noise(300, 0.9, rng), cue_and_noise(500, 0.0, rng)
    config = TrainConfig(steps=400, lr=0.015, optimizer="sgd", batch_size=None, eval_every=400)

    def line(inputs, outputs):
        return torch.nn.Linear(inputs, outputs, bias=False)

    found = {
        name: DomainLearner(line, objective_named(name, **hyper), config=config, folds=folds).fit(
            train, np.random.default_rng(0)
        )
        for name, hyper in (("erm", {}), ("memorisation-aware", {"temperature": 0.1}))
    }
    inside = {name: made.respond(train).table["score"].mean() for name, made in found.items()}
    outside = {name: made.respond(against).table["score"].mean() for name, made in found.items()}
    assert min(inside.values()) > 0.98
    assert outside["erm"] < 0.3
    assert outside["memorisation-aware"] > outside["erm"] + 0.3


def test_what_does_not_fit_is_said():
    classes, _ = table(60)
    rng = np.random.default_rng(0)
    with pytest.raises(BadInput, match=r"irm compares or balances domains: name their column with domain="):
        DomainLearner(mlp, "irm", config=SHORT).fit(classes, rng)
    with pytest.raises(BadInput, match="no column 'clinic' for the domains; the columns are x, kind, site, late"):
        DomainLearner(mlp, "irm", domain="clinic", config=SHORT).fit(classes, rng)
    gap = Examples(classes.table.with_columns(late=pl.lit("yes")), classes.inputs, "late")
    with pytest.raises(BadInput, match=r"target column 'late' is constant \('yes'\)"):
        DomainLearner(mlp, config=SHORT).fit(gap, rng)
    gap = Examples(
        classes.table.with_columns(late=pl.when(pl.int_range(pl.len()) == 4).then(None).otherwise("late")),
        classes.inputs, "late",
    )  # fmt: skip
    with pytest.raises(BadInput, match="target column 'late', row 5: missing"):
        DomainLearner(mlp, config=SHORT).fit(gap, rng)
    with pytest.raises(BadInput, match="was not fitted: call fit first"):
        DomainLearner(mlp).respond(classes)
    with pytest.raises(BadInput, match="averaging is swa, swad or None, got 'ema'"):
        DomainLearner(mlp, averaging="ema")


def coloured_digits(agreement, rows, rng):
    """Digits below five are 0, others 1; a quarter of the labels are flipped; the colour is the label's with a chance.

    Colour is one of two channels that holds the image (Arjovsky et al. 2019, section 5.2).
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    label = (digits.target[rows] >= 5) ^ (rng.random(len(rows)) < 0.25)
    colour = label ^ (rng.random(len(rows)) >= agreement)
    x = np.zeros((len(rows), 2, 64), dtype=np.float32)
    x[np.arange(len(rows)), colour.astype(int)] = digits.data[rows] / 16.0
    return x.reshape(len(rows), -1), label.astype(int)


def coloured(seed):
    rng = np.random.default_rng(seed)
    # Each digit is drawn several times with noise and colour of its own: so few rows could be learnt by heart.
    parts = [np.repeat(part, 8) for part in np.array_split(rng.permutation(1797), 4)]

    def examples(agreements, parts):
        found = [coloured_digits(a, rows, rng) for a, rows in zip(agreements, parts, strict=True)]
        x, y = (np.concatenate([f[i] for f in found]) for i in (0, 1))
        site = np.repeat([f"{a:g}" for a in agreements], [len(f[1]) for f in found])
        frame = pl.DataFrame({"image": pl.Series(x, dtype=pl.Array(pl.Float32, 128)), "target": y, "site": site})
        return Examples.from_table(frame, inputs=["image"], target="target")

    return examples((0.9, 0.8), parts[:2]), examples((0.85,), parts[2:3]), examples((0.1,), parts[3:])


@pytest.mark.slow
def test_on_coloured_digits_what_the_selection_looks_at_decides_who_wins():
    """The last weights are taken, with settings that were chosen after pilots which scored the test domain.

    So this shows that the objectives do what they are for, not how well such settings would be found.

    An answer without the colour reaches at most 0.75; one by the colour alone 0.85 in the training domains, and 0.1
    where the colour is turned round. Validation on the training domains therefore takes ERM, the worst on the test
    domain; only a look at that (DomainBed's oracle) takes an invariant one.
    """
    hyper = {"erm": {}, "irm": {"weight": 1e4, "anneal": 100}, "v-rex": {"weight": 1e4, "anneal": 100}}
    hyper["group-dro"] = {"eta": 0.1}
    config = TrainConfig(steps=400, batch_size=None, lr=2e-3, eval_every=400)
    inside, outside = {}, {}
    for name, settings in hyper.items():
        scores = []
        for seed in range(2):
            train, validation, test = coloured(seed)
            made = DomainLearner(
                lambda i, k: FeaturedMLP(i, k, 64, 1), objective_named(name, **settings), domain="site", config=config
            ).fit(train, np.random.default_rng(seed))
            scores.append([made.respond(part).table["score"].mean() for part in (validation, test)])
        inside[name], outside[name] = np.mean(scores, 0)
    assert outside["erm"] < 0.3
    for name in ("irm", "v-rex"):
        assert outside[name] > outside["erm"] + 0.2
        assert inside[name] < inside["erm"]
    assert outside["erm"] < outside["group-dro"] < outside["v-rex"]
    assert max(inside, key=inside.get) in ("erm", "group-dro")
