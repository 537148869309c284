"""Stories: planted causes are told once and named, nothing is told of null tables, and the arithmetic underneath."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from unseen.checks.base import Subject
from unseen.checks.blame import Condition, Term, originals, side, variants, wholes
from unseen.responses import Responses
from unseen.stories.amounts import amounts, halves
from unseen.stories.cover import Cause
from unseen.stories.ground import Ground, left_of


def simulator():
    path = Path(__file__).parents[2] / "benchmarks" / "stories.py"
    spec = importlib.util.spec_from_file_location("stories_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    # Data classes look their module up by name.
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SIM = simulator()


@pytest.mark.parametrize(
    ("scene", "titles"),
    [
        ("none", []),
        ("one", ["b = v2"]),
        ("two, correlated", ["a ≥ 4", "d = v1"]),
        ("three", ["a ≥ 4", "b = v2", "d = v1"]),
    ],
)
def test_planted_causes_are_told_once_each_and_named(scene, titles):
    # benchmarks/stories.py gives the rates over many tables; these are its first seeds.
    table = SIM.simulate(np.random.default_rng([len(scene), 0]), **SIM.SCENES[scene])
    telling, _ = SIM.told(table, 0)
    blamed = [s for s in telling.stories if s.condition is not None]
    assert sorted(str(s.condition) for s in blamed) == titles
    for story in blamed:
        assert story.effect.low > 0
        assert len(story.models) == 3
        # At least a finding a model stands underneath, each once.
        assert len(set(story.findings)) == len(story.findings) >= 3


def test_a_cause_that_is_a_combination_is_one_story_of_both_columns():
    table = SIM.simulate(np.random.default_rng([11, 1]), **SIM.ATTACKS["combination"])
    telling, _ = SIM.told(table, 1)
    (story,) = [s for s in telling.stories if s.condition is not None]
    assert {"b", "c"} <= set(story.condition.columns)


def table(n=600, seed=0, together=3):
    rng = np.random.default_rng(seed)
    x, g = rng.integers(1, 6, n), rng.integers(0, 3, n)
    unseen = rng.uniform(size=n) < np.where(x >= 3, 0.7, 0.3)
    p = 0.8 - 0.3 * (x >= 3) - 0.1 * unseen
    return Responses.of(
        pl.DataFrame({
            "model": "m", "item": [f"i{i}" for i in range(n)], "score": (rng.uniform(size=n) < p).astype(int),
            "cluster": np.arange(n) // together, "x": x, "g": [f"g{v}" for v in g], "split": np.where(unseen, "unseen", "seen"),
        }),
        kinds={"x": "ordered"},
    )  # fmt: skip


HIGH = Condition((Term("x", "range", "x ≥ 3", low=2.5),))
G1 = Condition((Term("g", "levels", "g = g1", levels=("g1",)),))


@pytest.mark.parametrize(("together", "unit"), [(3, 1.0), (1, 1.0), (3, -250.0), (1, -250.0)])
def test_what_is_left_of_a_contrast_is_the_coefficient_of_least_squares(together, unit):
    # Rows in clusters and alone, scores of 0 and 1 and ones whose squares dwarf their variance.
    answers = table(together=together)
    if unit < 0:
        answers = Responses.of(answers.table.with_columns(score=unit - pl.col("score")), kinds={"x": "ordered"})
    ground = Ground.of(Subject(responses=answers), [HIGH, G1])
    y, a = answers.score, G1.mask(answers).astype(float)
    x = answers.column("x")
    design = np.column_stack([np.ones(len(y)), a, *(x == k for k in (2, 3, 4, 5))]).astype(float)
    beta, *_ = np.linalg.lstsq(design, y, rcond=None)
    bread = np.linalg.inv(design.T @ design)
    scores = design * (y - design @ beta)[:, None]
    per = np.stack([scores[answers.cluster == c].sum(axis=0) for c in np.unique(answers.cluster)])
    sandwich = bread @ (per.T @ per) @ bread * len(per) / (len(per) - 1)
    left = ground.contrast("m", G1, None, excess=False).left([HIGH])
    # A ridge of 1e-9 of the rows keeps collinear columns solvable.
    assert left.value == pytest.approx(-beta[1], abs=1e-6)
    alike = bread * np.mean((y - design @ beta) ** 2)
    assert left.error == pytest.approx(np.sqrt(max(sandwich[1, 1], alike[1, 1])), rel=1e-5)


def test_rows_that_nearly_all_fail_are_no_surer_than_those_they_were_chosen_from():
    # 40 of 600 rows, found because all of them fail: among themselves they do not vary at all.
    rng = np.random.default_rng(2)
    score = (rng.uniform(size=600) < 0.5).astype(int)
    score[:40] = 0
    answers = Responses.of(
        pl.DataFrame({
            "model": "m", "item": [f"i{i}" for i in range(600)], "score": score, "g": ["g1"] * 40 + ["g0"] * 560,
        })
    )  # fmt: skip
    left = Ground.of(Subject(responses=answers), [G1]).contrast("m", G1, None, excess=False).left([])
    # The difference of two means whose rows vary alike: 0.24 · (1/40 + 1/560), not 0.25 / 560.
    assert left.error == pytest.approx(np.sqrt(score[40:].var() * 560 / 600 * (1 / 40 + 1 / 560)), rel=1e-3)


def test_contrasts_of_many_models_are_each_what_the_model_gives_alone():
    # Models with the same items, fewer items, and a column that differs between models on the same item.
    rng, parts = np.random.default_rng(3), []
    base = table().table.with_columns(model=pl.lit("m"))
    for k in range(5):
        own = base.with_columns(model=pl.lit(f"m{k}"), score=pl.Series(rng.integers(0, 2, len(base))))
        own = own.filter(pl.Series(rng.random(len(base)) < 0.7)) if k == 3 else own
        own = own.with_columns(g=pl.Series([f"g{v}" for v in rng.integers(0, 3, len(own))])) if k == 4 else own
        parts.append(own)
    together = Ground.of(
        Subject(responses=Responses.of(pl.concat(parts, how="diagonal"), kinds={"x": "ordered"})), [HIGH, G1]
    )
    contrasts = [together.contrast(f"m{k}", G1, None, excess=False) for k in range(5)]
    at_once = left_of(contrasts, [HIGH])
    assert len({contrast.frame.number for contrast in contrasts}) == 3
    for k, own in enumerate(parts):
        alone = Ground.of(Subject(responses=Responses.of(own, kinds={"x": "ordered"})), [HIGH, G1])
        left = alone.contrast(f"m{k}", G1, None, excess=False).left([HIGH])
        assert (at_once[k].value, at_once[k].error) == pytest.approx((left.value, left.error), rel=1e-9)
    # Below the smallest that counts the error is not computed.
    short = left_of(contrasts, [HIGH], least=10.0)
    assert [left.error for left in short] == [0.0] * 5


def test_nothing_is_left_of_a_contrast_that_is_held_equal_itself():
    ground = Ground.of(Subject(responses=table()), [HIGH])
    left = ground.contrast("m", HIGH, None, excess=False).left([HIGH])
    assert left.value == 0
    assert left.error == float("inf")


def test_shares_cover_the_part_of_the_loss_that_a_condition_carries():
    # P(x ≥ 3) is 0.6 · 0.7 / 0.54 = 0.778 of unseen rows and 0.6 · 0.3 / 0.46 = 0.391 of seen ones: 0.3 · 0.387 = 0.116.
    from unseen.checks.base import Settings

    hits = 0
    for seed in range(40):
        ground = Ground.of(Subject(responses=table(seed=seed)), [HIGH])
        cause = Cause(HIGH, (HIGH,), models={"m"})
        assert sum(half.sum() for half in halves(ground, Settings(seed=seed))) == 600
        of = amounts(cause, [], ground, Settings(seed=seed), [[], []])
        hits += of.share.low <= 0.116 <= of.share.high
    # 95 % nominal; 34 of 40 is 2.9 binomial sd below.
    assert hits >= 34


def test_conditions_pick_the_rows_that_their_words_name():
    answers = Responses.of(
        pl.DataFrame({
            "model": "m", "item": ["a", "b", "c", "d"], "score": [1, 0, 1, 0], "variant_of": [None, "a", None, None],
            "parent": [None, None, None, "c"], "split": ["seen", "unseen", None, "seen"], "tags": [["p", "q"], ["q"], [], None],
            "when": ["2024-01-01", "2024-06-01", None, "2025-01-01"], "k": ["u", "v", None, "w"],
        })
    )  # fmt: skip
    rows = {
        "unseen": side("unseen"), "variants": variants(), "originals": originals(), "wholes": wholes(),
        "member": Condition((Term("tags", "member", "tags has q", levels=("q",)),)),
        "no member": Condition((Term("tags", "member", "tags has no q", levels=("q",), excluded=True),)),
        "later": Condition((Term("when", "range", "when ≥ 2024-06-01", low=np.datetime64("2024-06-01", "s").astype(float)),)),
        "other": Condition((Term("k", "levels", "k = other", levels=("u",), excluded=True),)),
    }  # fmt: skip
    picked = {name: "".join(np.array(list("abcd"))[c.mask(answers)]) for name, c in rows.items()}
    assert picked == {
        "unseen": "b", "variants": "b", "originals": "a", "wholes": "c", "member": "ab", "no member": "c", "later": "bd",
        "other": "bd",
    }  # fmt: skip
    ground = Ground.of(Subject(responses=answers), rows.values())
    assert all(np.array_equal(ground.mask(c), c.mask(answers)) for c in rows.values())


def test_scores_are_the_numbers_of_the_checks():
    import unseen

    audit = unseen.audit(SIM.simulate(np.random.default_rng(1), causes=("a",)).responses, select="U1,U7")
    alone = unseen.audit(audit.responses, select="U7")
    for row in audit.scores.rows:
        gap = next(o for o in audit.result.outcomes if o.code == "U101" and o.about.name == row.model)
        assert row.gap.value == pytest.approx(gap.estimate.value)
        # Without U101 the table makes the same estimates itself.
        again = alone.scores.of(row.model)
        assert (again.seen, again.unseen, again.gap) == (row.seen, row.unseen, row.gap)
        assert row.tier
    values = [row.overall.value for row in audit.scores.rows]
    assert values == sorted(values, reverse=True)


def test_a_learner_is_told_by_what_to_expect_at_the_next_domain():
    from unseen.auditing import AuditResult
    from unseen.checks.base import About, Clear, Settings
    from unseen.checks.details.learner import DomainsHeldOut
    from unseen.estimates import Estimate
    from unseen.stories import tell

    ahead = Estimate(0.67, 0.61, 0.73, 8, "prediction for the next domain")
    outcome = Clear(
        code="U801", about=About("factor", "held-out site"), statement="Nothing that matters.", next_step="Nothing to do.",
        estimate=Estimate(0.01, -0.01, 0.03, 8, "random effects"),
        details=DomainsHeldOut(
            expectation="held-out site: for the next one expect accuracy 0.67, from 0.61 to 0.73. (Left out in turn, 8 of 8.)",
            seen_score=ahead, family="held-out site", domains=(), mean_score=ahead, next_score=ahead, next_loss=None,
            between=0.0, share_between=0.0, measure="accuracy",
        ),
    )  # fmt: skip
    verdict = tell(AuditResult((outcome,), Subject(), Settings())).verdict
    assert verdict.sentence == "At the next site expect accuracy 0.67, from 0.61 to 0.73."
    assert verdict.estimate == ahead
    assert verdict.kind == "expectation"


def test_nothing_found_says_what_is_clear_and_what_is_open():
    from unseen.auditing import AuditResult
    from unseen.checks.base import About, Clear, Settings, Undecided
    from unseen.stories import tell

    common = {"code": "U101", "about": About("model", "m"), "statement": "s", "next_step": "n"}
    said = [
        tell(AuditResult(outcomes, Subject(), Settings())).verdict.sentence
        for outcomes in ((Clear(**common),), (Clear(**common), Undecided(**common)), ())
    ]
    assert said == [
        "Nothing found: 1 question clear, none undecided.",
        "Nothing found: 1 question clear, 1 question undecided, which is not a pass.",
        "Nothing could be judged.",
    ]


@pytest.mark.parametrize("seed", range(2))
def test_models_that_a_column_moves_the_other_way_are_told_apart(seed):
    # m0 and m1 score lower with options, m2 scores lower asked freely: one column, two stories.
    import unseen

    rng, parts = np.random.default_rng(seed), []
    asked = np.where(rng.uniform(size=800) < 0.5, "with options", "freely")
    for model, worse in (("m0", "with options"), ("m1", "with options"), ("m2", "freely")):
        p = np.where(asked == worse, 0.4, 0.75)
        score = (rng.uniform(size=800) < p).astype(int)
        parts.append(
            pl.DataFrame({"model": model, "item": [f"i{i}" for i in range(800)], "score": score, "asked": asked})
        )
    audit = unseen.audit(pl.concat(parts), select="U102,U103")
    told = {str(s.condition): (s.models, s.effect.low > 0) for s in audit.stories if s.condition is not None}
    assert {k: (sorted(v), low) for k, (v, low) in told.items()} == {
        "asked = with options": (["m0", "m1"], True),
        "asked = freely": (["m2"], True),
    }
    held = [i for s in audit.stories for i in s.findings]
    assert len(held) == len(set(held)) == len(audit.found)
