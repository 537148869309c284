"""The protocol's rules, the ledger's states, and what the commands say."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from unseen.atlas import ledger, protocol, runner
from unseen.atlas.protocol import Threshold, evidence, judge, over_seeds, study
from unseen.errors import BadInput, TooFewUnits, Undefined
from unseen.estimates import Estimate


def estimate(low, high):
    return Estimate((low + high) / 2, low, high, 5, "test")


def test_verdicts_follow_the_interval():
    above = Threshold("q", "above", 0.5, "more than half")
    assert above.verdict(estimate(0.6, 0.8)) == "supported"
    assert above.verdict(estimate(0.1, 0.4)) == "contradicted"
    assert above.verdict(estimate(0.4, 0.6)) == "inconclusive"
    below = Threshold("q", "below", 0.5, "less than half")
    assert below.verdict(estimate(0.6, 0.8)) == "contradicted"
    assert above.verdict(None) == "inconclusive"


def test_all_parts_must_hold_and_one_that_fails_contradicts():
    assert judge(["supported", "supported"]) == "supported"
    assert judge(["supported", "inconclusive"]) == "inconclusive"
    assert judge(["inconclusive", "contradicted", "supported"]) == "contradicted"


def test_five_zeros_of_500_do_not_show_a_rate_of_exactly_zero():
    made = over_seeds([(0.0, 500)] * 5)
    assert made.low == 0.0
    assert 0.001 < made.high < 0.02


def test_equal_numbers_without_items_have_no_interval():
    with pytest.raises(Undefined, match="no spread"):
        over_seeds([1.0] * 5)
    with pytest.raises(TooFewUnits, match="--seeds 5"):
        over_seeds([1.0])


def test_the_interval_over_seeds_covers_at_its_rate():
    import numpy as np

    rng = np.random.default_rng(0)
    hits = sum(made.low <= 0 <= made.high for made in (over_seeds(rng.normal(size=5).tolist()) for _ in range(600)))
    assert 0.92 <= hits / 600 <= 0.98  # 95 % nominal, 3.4 binomial sd


@study(
    slug="toy",
    claim="c",
    source="s",
    thresholds=[Threshold("q", "above", 0.0, "q is positive")],
    units="seeds",
    reduced="all",
)
def toy(seed, quick):
    return {"q": 1.0 + 0.1 * seed}


def test_evidence_holds_each_part():
    (part,) = evidence(toy, [toy.measure(s, False) for s in range(5)])
    assert part["verdict"] == "supported"
    assert part["estimate"]["units"] == 5


def test_every_row_has_one_state():
    entries = ledger.ledger()
    assert len(entries) == 261
    assert len({e.row.slug for e in entries}) == 261
    assert {e.state for e in entries} <= {"done", "planned", "stale"}


def test_studies_bear_the_slugs_of_rows_and_their_own_file_names():
    slugs = {row.slug: row for row in ledger.rows()}
    for slug in protocol.study_modules():
        assert slug in slugs
        loaded = protocol.load(slug)
        assert loaded.slug == slug
        assert loaded.thresholds


@pytest.fixture
def stored(tmp_path):
    done = [e for e in ledger.ledger() if e.state == "done"]
    if not done:
        pytest.skip("no study is stored yet")
    result = dict(done[0].result)
    return done[0].row, result, tmp_path


def test_a_result_edited_by_hand_is_stale(stored):
    row, result, folder = stored
    path = folder / f"{row.slug}.json"
    path.write_text(json.dumps(result))
    assert ledger.entry(row, folder).state == "done"
    path.write_text(json.dumps({**result, "verdict": "supported", "seconds": 1.0}))
    edited = ledger.entry(row, folder)
    assert edited.state == "stale"
    assert "changed by hand" in edited.why


@pytest.mark.parametrize("content", [b"{ not json", b"", b"\xff\xfe\x00", b"[1, 2]", b"7", b"null"], ids=repr)
def test_a_result_file_that_is_none_is_stale_and_hides_no_other_row(stored, content):
    row, _, folder = stored
    (folder / f"{row.slug}.json").write_bytes(content)
    found = {e.row.slug: e for e in ledger.ledger(folder)}
    assert (found[row.slug].state, len(found)) == ("stale", 261)
    assert row.slug in found[row.slug].why
    assert found[row.slug].to_dict()["verdict"] is None
    assert row.slug in ledger.markdown(folder)


def test_a_result_whose_checksum_was_taken_out_is_stale(stored):
    row, result, folder = stored
    (folder / f"{row.slug}.json").write_text(json.dumps({k: v for k, v in result.items() if k != "checksum"}))
    assert "changed by hand" in ledger.entry(row, folder).why


def test_a_result_of_another_form_of_the_study_is_stale(stored):
    row, result, folder = stored
    changed = {**result, "source_hash": "0"}
    changed["checksum"] = ledger.checksum(changed)
    (folder / f"{row.slug}.json").write_text(json.dumps(changed))
    assert ledger.entry(row, folder).why == "the study has changed since"


def test_verdicts_in_the_ledger_follow_from_their_own_numbers():
    for entry in ledger.ledger():
        if entry.state != "done":
            continue
        result = entry.result
        assert len(result["seeds"]) >= 5
        definition = protocol.load(entry.row.slug)
        pieces = [{k: tuple(v) if isinstance(v, list) else v for k, v in m.items()} for m in result["measurements"]]
        parts = evidence(definition, pieces)
        assert [p["verdict"] for p in parts] == [p["verdict"] for p in result["parts"]]
        assert judge([p["verdict"] for p in parts]) == result["verdict"]


@pytest.mark.slow
def test_a_study_killed_from_outside_goes_on_where_it_stopped(tmp_path):
    def start(cache):
        arguments = ["atlas", "run", "xor-benign-overfitting", "--quick", "--seeds", "4", "--format", "json"]
        env = {**os.environ, "UNSEEN_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        code = "from unseen.cli import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--executor", "serial"], env=env, stdout=subprocess.PIPE, text=True
        )

    cache = tmp_path / "cache"
    process, deadline = start(cache), time.time() + 120
    while not list(cache.glob("*/*.json")) and time.time() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in cache.glob("*/*.json")}
    assert 1 <= len(kept) < 4
    resumed, fresh = (
        json.loads(start(folder).communicate()[0])["results"][0] for folder in (cache, tmp_path / "other")
    )
    assert resumed["measurements"] == fresh["measurements"]
    assert resumed["parts"] == fresh["parts"]
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert not list(tmp_path.rglob("*.part"))


def test_quick_results_are_not_stored(tmp_path):
    with pytest.raises(BadInput, match="only full runs over at least 5 seeds"):
        runner.save({"slug": "x", "quick": True, "seeds": [0, 1]}, tmp_path)


def test_unknown_and_planned_slugs_say_what_to_do():
    with pytest.raises(BadInput, match="Did you mean"):
        protocol.load("grokked-transformer")
    planned = next(e.row.slug for e in ledger.ledger() if e.row.slug not in protocol.study_modules())
    with pytest.raises(BadInput, match="is planned, not written yet"):
        protocol.load(planned)
