"""Pictures of rankings and cutoffs: what is found stands out, every number is in the table beside, 30 models stay readable."""

import re

import numpy as np
import polars as pl
import pytest

import unseen
from unseen.report.charts import pictures
from unseen.report.tables import of_tips


def answers(models: int, flip: bool, seed: int = 4) -> pl.DataFrame:
    """Models of falling ability; with a flip, the best one falls to the middle on unseen items. Nothing jumps in time but that."""
    rng = np.random.default_rng(seed)
    n = 900
    split = np.where(np.arange(n) < n // 2, "seen", "unseen")
    difficulty = rng.normal(size=n)
    frames = []
    for k in range(models):
        logit = 1.8 - 0.09 * k - 0.7 * (split == "unseen") - 2.2 * (split == "unseen") * (flip and k == 0) - difficulty
        right = rng.uniform(size=n) < 1 / (1 + np.exp(-logit))
        name = f"lab-{k % 5}/model-{k:02d}-instruct-v2"
        frames.append(pl.DataFrame({"model": [name] * n, "item": [f"i{j}" for j in range(n)], "score": right.astype(int),
                                    "split": split, "time": np.arange(n) / 100 + 2015}))  # fmt: skip
    return pl.concat(frames)


@pytest.fixture(scope="module")
def flipped() -> unseen.Audit:
    return unseen.audit(answers(30, flip=True), select="U702,U503")


def drawn(audit: unseen.Audit, code: str):
    return pictures([f for f in audit.document["findings"] if f["code"] == code and f["outcome"] != "not_applicable"])


def test_lines_of_the_pairs_whose_order_flips_stand_out_and_no_others(flipped):
    (finding,) = [f for f in flipped.document["findings"] if f["code"] == "U702"]
    assert finding["outcome"] == "found"
    involved = {m for pair in finding["details"]["flips"] for m in pair}
    assert set(finding["details"]["pair"]) <= involved
    # Only the first model was moved: it is one of every pair.
    assert all("lab-0/model-00-instruct-v2" in pair for pair in finding["details"]["flips"])
    (picture,) = drawn(flipped, "U702")
    assert picture.svg.count('class="curve unseen"') == len(involved)
    assert picture.svg.count('class="whisker mute"') == 30 - len(involved)
    assert "order flips: found" in picture.svg
    e = finding["estimate"]
    assert re.search(rf"flip on both sides: {e['value']:.3f} \[{e['low']:.3f}, {e['high']:.3f}\]", picture.svg)


def test_no_line_stands_out_where_nothing_flips():
    audit = unseen.audit(answers(5, flip=False), select="U702")
    (finding,) = [f for f in audit.document["findings"] if f["code"] == "U702"]
    assert finding["outcome"] != "found"
    (picture,) = drawn(audit, "U702")
    assert "order flips" not in picture.svg
    assert 'class="curve unseen"' not in picture.svg


def test_every_mean_stands_in_the_table_with_its_interval(flipped):
    (finding,) = [f for f in flipped.document["findings"] if f["code"] == "U702"]
    (picture,) = drawn(flipped, "U702")
    table = of_tips(picture.svg.tips)
    assert table is not None
    rows = {row[0].text: [cell.sort for cell in row[1:4]] for row in table.rows}
    for side, means in finding["details"]["means"].items():
        for model, mean in means.items():
            value, low, high = rows[f"{model}, {side}"]
            assert value == pytest.approx(mean)
            # 450 units of a share: the half-width of a t interval is 1.965 standard errors.
            assert high - value == pytest.approx(1.965 * np.sqrt(mean * (1 - mean) / 450), rel=0.01)
            assert value - low == pytest.approx(high - value)


def test_thirty_names_are_told_apart_and_do_not_touch(flipped):
    (picture,) = drawn(flipped, "U702")
    words = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="t"[^>]*>(?:<title>[^<]*</title>)?([^<]+)<', picture.svg)
    left = [(float(y), text) for x, y, text in words if float(x) < 200 and "/" in text]
    assert len(left) == len({text for _, text in left}) == 30
    places = sorted(y for y, _ in left)
    # Letters are 12 units tall (13 on a phone).
    assert min(np.diff(places)) >= 16
    assert all(0 <= float(x) <= 440 for x, _, _ in words)


def test_a_cutoff_stands_above_its_placebos(flipped):
    own = [f for f in flipped.document["findings"] if f["code"] == "U503" and f["outcome"] != "not_applicable"]
    first = drawn(flipped, "U503")[0]
    labels = [tip.label for tip in first.svg.tips]
    assert labels[0] == f"cutoff {own[0]['details']['cutoff']}"
    assert len(labels) == 1 + len(own[0]["details"]["placebos"])
    assert all(label.startswith("placebo 20") for label in labels[1:])
    assert first.svg.tips[0].value == pytest.approx(own[0]["estimate"]["value"])
