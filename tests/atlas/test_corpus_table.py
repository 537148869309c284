"""What the package keeps of the corpus, and what follows from it."""

import numpy as np
import polars as pl
import pytest

from unseen.atlas.corpus import ranking, table, told
from unseen.atlas.corpus.settings import FAMILIES, LOSS, MEASURES
from unseen.estimates.models.foretelling import foretelling
from unseen.report.corpus import measures_that_rank, told_beyond


@pytest.fixture(scope="module")
def runs():
    return table.runs()


def test_the_table_has_runs_of_the_recipe_each_once_and_all_settings_of_a_family(runs):
    recipe = {run.name: family for family in FAMILIES.values() for run in family.runs()}
    assert set(runs["run"]) <= set(recipe)
    assert runs["run"].n_unique() == len(runs) >= 300
    for family in FAMILIES.values():
        own = runs.filter(pl.col("family") == family.name)
        for name, values in family.grid.items():
            assert sorted(own[name].unique().cast(pl.Float64)) == pytest.approx(sorted(values), rel=1e-6), (
                family.name,
                name,
            )


def test_all_runs_that_count_have_the_common_loss_and_room_to_differ(runs):
    trained = runs.filter("reached")
    assert trained["training loss"].max() <= LOSS
    for family in ranking.families(runs):
        scores = trained.filter(pl.col("family") == family)["score"]
        assert scores.quantile(0.9) - scores.quantile(0.1) > 0.05


def test_every_measure_is_there_for_every_run_of_a_family_or_for_none(runs):
    trained = runs.filter("reached")
    for family in FAMILIES:
        own = trained.filter(pl.col("family") == family)
        for name in MEASURES:
            assert own[name].null_count() in (0, len(own)), (family, name)
    assert trained.filter(pl.col("family") == "transformer")["path norm"].null_count() > 0


def test_bits_are_the_answers_that_scores_count(runs):
    for one in runs.head(5).iter_rows(named=True):
        for column, score, count in (("right", "score", 1000), ("right_shifted", "shifted", 1500)):
            bits = np.unpackbits(np.frombuffer(one[column], np.uint8))[:count]
            assert bits.mean() == pytest.approx(one[score], abs=1e-6)


def test_what_is_told_follows_from_the_table(runs):
    for target in ranking.TARGETS:
        found = ranking.ranked(runs, "cnn", target, MEASURES, deep=False)
        kept = told.read()["cnn"][target]
        assert [one["measure"] for one in kept] == [one.measure for one in found]
        assert [one["tau"] for one in kept] == [pytest.approx(told.ends(one.order.tau), abs=1e-4) for one in found]


def test_the_score_of_one_half_of_the_test_images_ranks_above_every_measure(runs):
    own = runs.filter((pl.col("family") == "mlp") & pl.col("reached"))
    bits = np.stack([np.unpackbits(np.frombuffer(b, np.uint8))[:1000] for b in own["right"]]).astype(float)
    settings = own.select(ranking.SETTINGS).to_dicts()
    half = foretelling(bits[:, ::2].mean(1), bits[:, 1::2].mean(1), settings).tau.value
    assert half > max(one["tau"][0] for one in told.read()["mlp"]["gap"])


def test_runs_are_told_apart_by_mcnemar_s_error():
    rng = np.random.default_rng(0)
    right = rng.random((3, 1000)) < np.array([[0.8], [0.8], [0.6]])
    made = pl.DataFrame({"right": [np.packbits(one).tobytes() for one in right]})
    apart = ranking.told_apart(made, "gap")
    slow = np.array(
        [[abs(a.mean() - b.mean()) > 2 * np.std(a.astype(float) - b) / np.sqrt(1000) for b in right] for a in right]
    )
    off = ~np.eye(3, dtype=bool)
    assert (apart == slow)[off].all()
    assert apart[0, 2]


def test_pictures_are_drawn_from_what_is_kept():
    (ranked,) = measures_that_rank().pictures
    assert "input margin" in ranked.svg
    assert "PAC-Bayes" in ranked.svg
    assert len(told_beyond().pictures) == len(ranking.families(table.runs()))


def test_what_the_package_carries_is_small():
    assert table.TABLE.stat().st_size + told.KEPT.stat().st_size < 300_000
