"""A learner with a test-time method around it, the choice among methods, and ensembles."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from unseen.adaptation import Adapted, Batch, Ensemble, Method, Source, Trial, choose, grid, named
from unseen.adaptation.base import Unchanged
from unseen.adaptation.parts import Parts, class_numbers
from unseen.data import Examples
from unseen.errors import BadInput
from unseen.learners import EstimatorLearner, Learner
from unseen.learners import named as learner_named

RNG = np.random.default_rng


def table(n=400, seed=0, share=(0.5,), gap=2.0, sites=("a", "b", "c")):
    """Two classes one column apart; the share of the second differs between sites."""
    rng = RNG(seed)
    site = rng.integers(len(sites), size=n)
    y = (rng.random(n) < np.resize(share, len(sites))[site]).astype(int)
    frame = pl.DataFrame(
        {
            "item": [f"{seed}-{i}" for i in range(n)],
            "x": rng.normal(size=n) + gap * (y - 0.5),
            "u": rng.normal(size=n),
            "site": np.array(sites)[site],
            "y": np.array(["no", "yes"])[y],
        }
    )
    return Examples.from_table(frame, inputs=["x", "u"], target="y")


@pytest.mark.parametrize("method", ["none", "prior-correction", "bbse", "lame", "t3a", "adanpc"])
@pytest.mark.parametrize("name", ["logistic", "gradient-boosting"])
def test_every_method_wraps_estimators(name, method):
    adapted = Adapted(learner_named(name), method, domain="site").fit(table(), RNG(0))
    assert isinstance(adapted, Learner)
    answers = adapted.respond(table(300, 1))
    assert answers.table["model"][0] == f"{name} + {method}, online"
    assert answers.score.mean() > 0.7
    assert answers.table.equals(adapted.respond(table(300, 1)).table)
    assert "site" in answers.factors


def test_none_is_the_learner_itself():
    learner = learner_named("logistic").fit(table(), RNG(0))
    bare, wrapped = learner.respond(table(99, 1)), Adapted(learner, "none").attach(table()).respond(table(99, 1))
    assert wrapped.table.drop("model").equals(bare.table.drop("model"))


def test_online_answers_of_a_domain_do_not_depend_on_the_others():
    adapted = Adapted(learner_named("logistic"), named("adanpc", k=5), domain="site").fit(table(), RNG(0))
    both = table(300, 1)
    last = list(dict.fromkeys(both.column("site").tolist()))[-1]
    one, rows = both.where(pl.col("site") == last), both.column("site") == last
    p = adapted.probabilities(both)[rows]
    assert np.array_equal(p, adapted.probabilities(one))
    continual = Adapted(adapted.learner, named("adanpc", k=5), "continual", domain="site").attach(table())
    assert not np.array_equal(continual.probabilities(both)[rows], p)


def test_shifted_shares_are_corrected_a_domain_at_a_time():
    adapted = Adapted(learner_named("logistic"), "prior-correction", domain="site").fit(table(2000), RNG(0))
    target = table(3000, 1, share=(0.05, 0.95, 0.5))
    plain, moved = adapted.learner.respond(target).score.mean(), adapted.respond(target).score.mean()
    # Bayes accuracy is 0.841 unadapted; (2 · 0.956 + 0.841) / 3 = 0.918 with the shares known.
    assert plain < 0.86
    assert moved > 0.89


def test_the_back_test_chooses_what_helps_on_domains_left_out():
    shares = (0.05, 0.9, 0.1, 0.95)
    source = table(3000, 0, shares, sites=("a", "b", "c", "d"))
    methods = [Method("none"), *grid("prior-correction"), named("lame")]
    adapted = Adapted(learner_named("logistic"), methods, domain="site").fit(source, RNG(0))
    assert adapted.choice is not None
    assert adapted.choice.name.startswith("prior-correction")
    assert set(adapted.choice.per_domain["none"]) == {"a", "b", "c", "d"}
    gain = adapted.choice.gain("none", rng=RNG(0))
    assert gain.units == 4
    assert gain.value > 0.05
    with pytest.raises(BadInput, match="no back-test of 'tent'"):
        adapted.choice.gain("tent", rng=RNG(0))
    target = table(2000, 1, (0.03,), sites=("e",))
    assert adapted.respond(target).score.mean() > adapted.learner.respond(target).score.mean() + 0.05


def test_a_back_test_equals_scoring_by_hand():
    p, y = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]), np.array([0, 1, 1])
    source = Source(np.array([0, 1]), 2)
    made = {"none": Unchanged(source), "flipped": _Flipped(source)}
    trials = [Trial("a", made, [Batch(p[:2]), Batch(p[2:])], [y[:2], y[2:]]), Trial("b", made, [Batch(p)], [1 - y])]
    choice = choose(made, trials=trials)
    assert choice.scores == pytest.approx({"none": (2 / 3 + 1 / 3) / 2, "flipped": (1 / 3 + 2 / 3) / 2})
    assert choice.name == "none"  # the first among equals


def test_entropy_falls_for_a_collapse_that_agreement_turns_down():
    p = RNG(0).dirichlet(np.ones(3), size=60)
    source = Source(np.arange(3), 3)
    made = {"none": Unchanged(source), "same": Unchanged(source), "collapsed": _Collapsed(source)}
    assert choose(made, [Batch(p)], by="entropy").name == "collapsed"
    assert choose(made, [Batch(p)], by="agreement").name == "none"


class _Flipped(Unchanged):
    def predict(self, batch):
        return super().predict(batch)[:, ::-1]


class _Collapsed(Unchanged):
    def predict(self, batch):
        return np.tile([1.0, 0.0, 0.0], (len(batch), 1))


def test_choice_on_the_target_needs_no_domains():
    adapted = Adapted(learner_named("logistic"), [Method("none"), *grid("lame")], by="agreement").fit(table(), RNG(0))
    assert adapted.choice is None
    adapted.respond(table(100, 1))
    assert adapted.choice is not None
    assert adapted.choice.by == "agreement"
    assert len(adapted.choice.scores) == 4


def test_features_are_scaled_and_gaps_filled_by_the_source():
    source = table(200)
    learner = learner_named("gradient-boosting").fit(source, RNG(0))
    gaps = Examples(source.table.with_columns(x=pl.lit(None, dtype=pl.Float64)), source.inputs, source.target)
    z = Parts(learner, source).read(gaps, {"features"})["features"]
    raw = learner.features(source)
    assert z[:, 0] == pytest.approx(np.full(200, np.median(raw[:, 0]) / raw[:, 0].std()))
    assert z[:, 1] == pytest.approx(raw[:, 1] / raw[:, 1].std())


def test_classes_that_were_not_seen_count_as_none():
    assert class_numbers(table(5), np.array(["yes"])).tolist() == [
        0 if v == "yes" else -1 for v in table(5).column("y")
    ]


def test_ensembles_average_their_members_and_can_be_adapted():
    members = [learner_named("mlp"), learner_named("forest"), learner_named("logistic")]
    ensemble = Ensemble(members).fit(table(), RNG(0))
    new = table(100, 1)
    assert ensemble.probabilities(new) == pytest.approx(sum(m.probabilities(new) for m in members) / 3)
    again = Ensemble([learner_named("mlp"), learner_named("forest"), learner_named("logistic")]).fit(table(), RNG(0))
    assert np.array_equal(again.probabilities(new), ensemble.probabilities(new))
    assert Adapted(ensemble, "t3a").attach(table()).respond(new).score.mean() > 0.7
    alike = Ensemble([learner_named("forest"), learner_named("forest")]).fit(table(), RNG(0))
    assert not np.array_equal(*(m.probabilities(new) for m in alike.members))


def test_a_member_that_has_not_seen_a_class_gives_it_nothing():
    a, b = learner_named("logistic").fit(table(), RNG(0)), learner_named("logistic")
    other = table(200, 3)
    relabelled = Examples(other.table.with_columns(y=pl.col("y").replace("yes", "maybe")), other.inputs, "y")
    b.fit(relabelled, RNG(0))
    both = Ensemble([a, b])
    assert both.classes.tolist() == ["maybe", "no", "yes"]
    p = both.probabilities(table(50, 4))
    assert p.sum(1) == pytest.approx(np.ones(50))
    assert p[:, 2] == pytest.approx(a.probabilities(table(50, 4))[:, 1] / 2)


def test_bootstrapped_members_see_different_rows():
    ensemble = Ensemble([learner_named("logistic") for _ in range(2)], bootstrap=True, how="vote").fit(table(), RNG(0))
    a, b = (m.probabilities(table(50, 1)) for m in ensemble.members)
    assert not np.array_equal(a, b)
    assert set(np.unique(ensemble.probabilities(table(50, 1)))) <= {0.0, 0.5, 1.0}


def test_bad_input_is_named():
    data = table()
    with pytest.raises(BadInput, match="call fit or attach first"):
        Adapted(learner_named("forest"), "lame").respond(data)
    with pytest.raises(BadInput, match="tent changes a torch module, and logistic shows none"):
        Adapted(learner_named("logistic"), "tent").fit(data, RNG(0))
    with pytest.raises(BadInput, match="name their column"):
        Adapted(learner_named("logistic"), grid("lame"))
    with pytest.raises(BadInput, match="no column 'clinic'"):
        Adapted(learner_named("logistic"), "lame", domain="clinic").fit(data, RNG(0)).respond(data)
    with pytest.raises(BadInput, match="two domains or more"):
        Adapted(learner_named("logistic"), grid("lame"), domain="site").fit(table(sites=("a",)), RNG(0))
    learner = learner_named("logistic").fit(data, RNG(0))
    with pytest.raises(BadInput, match="call fit, or choose by agreement"):
        Adapted(learner, grid("lame"), domain="site").attach(data).respond(data)
    number = Examples(data.table.with_columns(y=pl.col("x") * 2), data.inputs, "y")
    with pytest.raises(BadInput, match="gives no probabilities of classes"):
        Adapted(EstimatorLearner(Ridge()), "lame").fit(number, RNG(0))
    one = EstimatorLearner(LogisticRegression())
    with pytest.raises(BadInput, match="two or more distinct learners"):
        Ensemble([one, one])
    with pytest.raises(BadInput, match="no rule 'luck'"):
        choose({"none": Unchanged(Source(np.arange(2), 2))}, by="luck")
