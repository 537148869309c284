"""What is stored and what it is taken for, running and resuming, pilots, verification, and what the commands say."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from unseen.atlas import citing, documents, ledger, pages, protocol, runner, site, stamp
from unseen.atlas.judging import judged, measurements_of
from unseen.atlas.plan import DIFFERENCE, FIRST_FORM, SHARE, control, gate, headline, study
from unseen.atlas.rows import rows
from unseen.errors import BadInput

SLUG = "xor-benign-overfitting"


def toy(measure, **changed):
    settings = {
        "slug": SLUG, "claim": [("It gains.", "gain")], "source": "A. Uthor (2020), Gains", "link": "https://doi.org/1",
        "did": "did", "here": "here", "fidelity": "B", "units": "seeds.", "seeds": range(10, 16), "code": "none",
        "parts": [
            headline("gain", "It gains", claimed=0.2, refuted=0.0, basis="Table 1", within=DIFFERENCE, unit="points"),
            gate("fit", "It fits", at_least=0.9, basis="chance", within=SHARE),
            control("planted", "It appears", at_least=0.2, basis="by construction", within=DIFFERENCE),
            control("cut", "It goes", at_most=0.1, basis="by construction", within=DIFFERENCE, cuts="the penalty"),
        ],
    }  # fmt: skip
    return study(**{**settings, **changed})(measure)


def numbers(seed, quick):
    rng = np.random.default_rng(seed)
    noise = [float(v) for v in 0.01 * rng.standard_normal(4)]
    return {"gain": 0.5 + noise[0], "fit": (0.97, 100), "planted": 0.5 + noise[2], "cut": noise[3]}


@pytest.fixture
def known(monkeypatch, tmp_path):
    """A study that is known to the atlas in place of a true one, run in full and stored in a folder of its own."""
    definition = toy(numbers)
    for module in (runner, pages):
        monkeypatch.setattr(module, "load", lambda slug: definition)
    monkeypatch.setattr(ledger, "is_first_form", lambda slug: False)
    pieces = [
        {"measurements": {k: list(v) if isinstance(v, tuple) else v for k, v in numbers(s, False).items()}, "seconds": 1.0,
         "peak_gib": 0.1}
        for s in definition.seeds
    ]  # fmt: skip
    result = runner.result_of(definition, definition.seeds, pieces, quick=False)
    runner.save(result, tmp_path)
    return definition, result, tmp_path


def of(slug, folder):
    return ledger.entry(next(r for r in rows() if r.slug == slug), folder)


def written(folder, content):
    (folder / f"{SLUG}.json").write_text(json.dumps(content))
    return of(SLUG, folder)


def resealed(result, **changed):
    content = {**result, **changed}
    return {**content, "checksum": ledger.checksum(content)}


def test_a_stored_result_is_done_and_its_verdict_is_judged_anew(known):
    _, result, folder = known
    assert (of(SLUG, folder).state, of(SLUG, folder).result["verdict"]) == ("done", "supported")
    # A verdict that was written into the file, checksum and all, is not believed.
    entry = written(folder, resealed(result, verdict="contradicted", effect=None, parts=[]))
    assert (entry.state, entry.result["verdict"], entry.to_dict()["claimed"]) == ("done", "supported", 0.2)


def test_a_result_edited_by_hand_is_stale(known):
    _, result, folder = known
    for edited in ({**result, "seconds": 1.0}, {k: v for k, v in result.items() if k != "checksum"}):
        entry = written(folder, edited)
        assert (entry.state, entry.to_dict()["verdict"]) == ("stale", None)
        assert "changed by hand" in entry.why


@pytest.mark.parametrize(
    "content", [b"{ not json", b"", b"\xff\xfe\x00", b"[1, 2]", b"7", b"null", b'{"a": 1}', b"[" * 99999]
)
def test_a_result_file_that_is_none_is_stale_and_hides_no_other_row(known, content):
    _, _, folder = known
    (folder / f"{SLUG}.json").write_bytes(content)
    found = {e.row.slug: e for e in ledger.ledger(folder)}
    assert (found[SLUG].state, len(found)) == ("stale", 261)
    assert SLUG in found[SLUG].why
    assert SLUG in documents.documents(folder)["atlas.md"]
    assert SLUG in site.html(folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"measurements": [{"gain": "much"}] * 6}, {"measurements": [7] * 6}, {"measurements": []}, {"plan": {}},
        {"plan": None}, {"seeds": None}, {"seeds": [0, 1, 2, 3, 4, 5]}, {"stamp": {}}, {"seconds": "long"}, {"format": 1},
        {"slug": "other"}, {"peak_gib": None}, {"seeds": [10] * 6},
    ],
    ids=str,
)  # fmt: skip
def test_malformed_results_with_a_right_checksum_are_stale_with_a_reason(known, changed):
    _, result, folder = known
    entry = written(folder, resealed(result, **changed))
    assert entry.state == "stale"
    assert entry.why
    assert SLUG in site.html(folder)


def test_measurements_that_are_missing_or_no_numbers_leave_a_verdict_open(known):
    _, result, folder = known
    holes = [{k: v for k, v in m.items() if k != "gain"} for m in result["measurements"]]
    entry = written(folder, resealed(result, measurements=holes))
    assert entry.result["verdict"] == "inconclusive"
    assert "not measured in 6 of 6 seeds" in site.html(folder)


def test_a_result_of_other_code_or_another_plan_is_stale(known):
    _, result, folder = known
    entry = written(folder, resealed(result, stamp={**result["stamp"], "code": "0"}))
    assert entry.state == "stale"
    assert f"unseen atlas verify {SLUG}" in entry.why
    moved = json.loads(json.dumps(result["plan"]))
    moved["parts"][0]["claimed"] = 0.3
    assert "another plan" in written(folder, resealed(result, plan=moved)).why


def test_other_versions_are_told_and_do_not_make_a_result_stale(known):
    _, result, folder = known
    entry = written(folder, resealed(result, stamp={**result["stamp"], "versions": {"numpy": "0.1"}}))
    assert (entry.state, "numpy 0.1" in entry.why) == ("done", True)


def test_a_value_outside_its_interval_does_not_crash_what_is_shown():
    estimate = {"value": 9.0, "low": 0.0, "high": 1.0}
    assert "●" in pages.bar(estimate, 0.5, -2.0)
    part = {
        "estimate": estimate,
        "claimed": 0.5,
        "refuted": -2.0,
        "role": "headline",
        "side": "above",
        "seeds": [3.0, None],
    }
    assert site.picture(part).startswith("<svg")


def test_the_stamp_covers_every_module_of_the_project_that_runs(known, monkeypatch):
    from unseen.engine import sources

    before = stamp.code_stamp("crafting-shifts")
    true = sources._source

    def changed(module):
        # A module that the study reaches only through others.
        return (true(module) or "") + "\nBROKEN = 1\n" if module == "unseen.engine.seeds" else true(module)

    monkeypatch.setattr(sources, "_source", changed)
    for cached in (sources.code_hash, sources._facts):
        cached.cache_clear()
    try:
        assert stamp.code_stamp("crafting-shifts") != before
    finally:
        monkeypatch.undo()
        for cached in (sources.code_hash, sources._facts):
            cached.cache_clear()
    assert stamp.code_stamp("crafting-shifts") == before


def test_every_row_has_one_state_and_old_plans_are_stale():
    entries = {e.row.slug: e for e in ledger.ledger()}
    assert len(entries) == 261
    for slug in protocol.study_modules():
        assert entries[slug].row.slug == slug
        if protocol.is_first_form(slug):
            assert (entries[slug].state, entries[slug].why, entries[slug].result) == ("stale", FIRST_FORM, None)
    assert sum(ledger.counts(list(entries.values())).values()) == 261


def test_studies_bear_the_slugs_of_rows_and_their_own_file_names():
    for slug in protocol.study_modules():
        definition = protocol.load(slug)
        assert definition.slug == slug
        assert bool(definition.unfit) == protocol.is_first_form(slug)
        # A plan names tests, or a folder of them, that exist.
        for path in definition.oracle:
            assert os.path.exists(os.path.join(os.path.dirname(__file__), "..", "..", path)), path


def test_what_comes_with_the_package_follows_from_its_own_numbers_and_plan():
    for path in sorted(ledger.results_folder().glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        result, fault = ledger.stored(path)
        assert not fault
        assert (
            judged(raw["plan"], measurements_of(raw["measurements"]))["verdict"] == raw["verdict"] == result["verdict"]
        )
        assert path.stem in protocol.study_modules()


def test_all_that_checks_and_remedies_cite_has_a_direction_and_a_sentence():
    from unseen.checks.registry import all_checks
    from unseen.remedies import all_remedies

    citers = {c.code: c.studies for c in all_checks().values()}
    citers |= {f"remedy:{name}": r.studies for name, r in all_remedies().items()}
    made = {who: set(slugs) for who, slugs in citers.items() if slugs}
    assert made == {who: set(cited) for who, cited in citing.citations().items()}
    slugs = {row.slug for row in rows()}
    for cited in citing.citations().values():
        for slug, (direction, sentence) in cited.items():
            assert slug in slugs
            assert direction in citing.DIRECTIONS
            assert sentence.endswith(".")


def test_pages_of_checks_print_the_sentence_the_direction_and_the_state():
    from unseen.api import explain

    text = " ".join(str(explain("U703")[0]).split())
    assert "showing-your-work supports it: The best of n runs rises with n" in text
    assert "Evidence here:" in text
    remedy = " ".join(str(explain("remedy:importance-weights")[0]).split())
    assert "mle-covariate-shift contradicts it:" in remedy


def test_pages_show_the_parts_the_seeds_and_who_rests_on_a_study(known):
    _, _, folder = known
    made = documents.documents(folder)
    page = made[f"atlas/{SLUG}.md"]
    for piece in (
        "Mechanism cut: the penalty",
        "claimed at least 0.2, refuted at 0",
        "U501",
        next(r for r in rows() if r.slug == SLUG).link,
        "Fidelity B",
    ):
        assert piece in page
    html = site.html(folder)
    assert html.count('class="seed"') == 4 * 6  # four parts, six seeds each
    assert "data-cite" in html
    assert "Every headline on one scale" in html
    assert "1 supported (1 B)" in html


def test_a_full_run_goes_to_the_users_own_results_unless_told_otherwise(known, monkeypatch, tmp_path):
    _, result, _ = known
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / "cache"))
    path = runner.save(result)
    assert path == tmp_path / "cache" / "atlas" / f"{SLUG}.json"
    monkeypatch.setattr(ledger, "results_folder", lambda: tmp_path / "none")
    assert (of(SLUG, None).state, of(SLUG, None).own) == ("done", True)


def test_verifying_renews_a_stamp_only_where_numbers_are_equal(known):
    _, result, folder = known
    written(folder, resealed(result, stamp={**result["stamp"], "code": "old"}))
    found = runner.verify(SLUG, folder=folder, executor="serial")
    assert (found["outcome"], found["seeds"], found["differences"]) == ("equal", [10, 11], [])
    runner.save(found["result"], folder)
    assert of(SLUG, folder).state == "done"
    assert of(SLUG, folder).result["verified"][0]["outcome"] == "equal"
    assert found["result"]["measurements"] == result["measurements"]


def test_numbers_that_moved_are_told_and_taken_only_for_other_versions(known, monkeypatch):
    _, result, folder = known
    moved = toy(lambda seed, quick: {**numbers(seed, quick), "gain": numbers(seed, quick)["gain"] + 0.002})
    monkeypatch.setattr(runner, "load", lambda slug: moved)
    found = runner.verify(SLUG, folder=folder, executor="serial", turn=1)
    assert (found["outcome"], found["result"], found["seeds"]) == ("differs", None, [12, 13])
    assert {d["quantity"] for d in found["differences"]} == {"gain"}
    written(folder, resealed(result, stamp={**result["stamp"], "versions": {"numpy": "0.1"}}))
    found = runner.verify(SLUG, folder=folder, executor="serial")
    assert (found["outcome"], found["result"]["verified"][0]["outcome"]) == ("within spread", "within spread")
    far = toy(lambda seed, quick: {**numbers(seed, quick), "gain": 0.9})
    monkeypatch.setattr(runner, "load", lambda slug: far)
    assert runner.verify(SLUG, folder=folder, executor="serial")["outcome"] == "differs"


def test_numbers_of_other_machines_are_held_to_what_two_seeds_differ_by():
    rng = np.random.default_rng(4)
    beyond = 0
    for _ in range(2000):
        stored, now = rng.standard_normal((2, 8, 20))
        # Two seeds of 20 quantities: what came of a machine that rounds otherwise, as far as chance goes.
        apart = [
            abs(stored[i, q] - now[i, q]) > runner.apart(list(stored[:, q]), 40) for i in range(2) for q in range(20)
        ]
        beyond += any(apart)
    assert beyond / 2000 < 0.02
    assert runner.apart([0.1] * 5, 3) == 0


def test_runs_on_another_processor_are_runs_on_another_machine(monkeypatch, tmp_path):
    here = stamp.machine()
    monkeypatch.setattr(stamp, "__cpu_features__", {"SSE42": True})
    assert "cpu SSE42" in stamp.machine()
    assert stamp.machine() != here
    (named := tmp_path / "cpuinfo").write_text("processor : 0\nvendor_id\t: GenuineOther\n")
    monkeypatch.setattr(stamp.cpuinfo, "PLACE", named)
    assert stamp.machine().endswith("cpu SSE42 GenuineOther")
    monkeypatch.setattr(stamp.cpuinfo, "PLACE", tmp_path / "none")
    assert stamp.machine().endswith("cpu SSE42")


def test_of_all_studies_one_that_fails_leaves_the_others_theirs(known, monkeypatch):
    from typer.testing import CliRunner

    from unseen.cli.atlas import app
    from unseen.errors import Undefined

    _, result, _ = known

    def run(slugs, **settings):
        if slugs == ["box-stability"]:
            raise Undefined("none of 20 images has boxes both times.")
        return [{**result, "slug": slugs[0], "quick": True}]

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(runner, "missing", lambda slugs: {s: "not run here" for s in slugs if s.startswith("gene")})
    monkeypatch.setattr(runner, "foretold", lambda slug, **settings: "")
    monkeypatch.setattr(
        protocol, "study_modules", lambda: dict.fromkeys(["box-stability", "genegpt", "general", SLUG], "")
    )
    ran = CliRunner().invoke(app, ["run", "--all", "--quick"])
    assert ran.exit_code == 1
    assert f"{SLUG}: supported" in ran.output
    assert "box-stability: failed: none of 20 images" in ran.output
    assert "genegpt, general: not run here" in ran.output


def test_seeds_are_added_to_those_that_are_stored(known, monkeypatch, tmp_path):
    definition, result, folder = known
    kept = {"seeds": result["seeds"][:5], "measurements": result["measurements"][:5], "seconds": 5.0}
    entry = written(folder, resealed(result, **kept))
    assert (entry.to_dict()["seeds"], entry.to_dict()["planned_seeds"]) == (5, 6)
    assert "done (5 of 6 seeds)" in pages.table([entry])
    monkeypatch.setattr(runner, "results_folder", lambda: folder)
    asked = []
    measured = toy(lambda seed, quick: asked.append(seed) or numbers(seed, quick))
    monkeypatch.setattr(runner, "load", lambda slug: measured)
    from unseen.engine.store import Store

    more = runner.run([SLUG], add=True, executor="serial", store=Store(tmp_path / "kept"))[0]
    assert asked == [15]
    assert (more["seeds"], more["measurements"]) == (result["seeds"], result["measurements"])
    # What was stored of other code is measured anew.
    asked.clear()
    written(folder, resealed(result, **kept, stamp={**result["stamp"], "code": "old"}))
    runner.run([SLUG], add=True, executor="serial", store=Store(tmp_path / "other"))
    assert asked == list(definition.seeds)


def test_of_two_headlines_the_list_shows_the_one_that_decides():
    parts = toy(numbers).parts
    second = headline("small", "It gains elsewhere", claimed=0.2, refuted=0.0, basis="Table 2", within=DIFFERENCE)
    plan = toy(
        numbers, parts=[parts[0], second, *parts[1:]], claim=[("It gains.", "gain"), ("So elsewhere.", "small")]
    ).plan()
    measured = [{**numbers(s, False), "small": 0.1 + 0.2 * (-1) ** s} for s in range(10, 16)]
    found = judged(plan, measurements_of(measured))
    assert (found["verdict"], round(found["effect"]["value"], 3)) == ("inconclusive", 0.1)
    result = {**found, "plan": plan, "seeds": plan["seeds"], "seconds": 1.0}
    shown = ledger.Entry(rows()[0], "done", "", result).to_dict()
    assert shown["claim"] == "It gains. So elsewhere."


def test_every_paper_is_linked_by_its_identifier():
    links = [row.link for row in rows()]
    assert all(re.fullmatch(r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\..+)", link) for link in links)
    assert len(set(links)) == len(links)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node: the scripts of the tables can't be run")
@pytest.mark.parametrize("script", ["atlas", "filter"])
def test_tables_sort_numbers_by_their_value(script):
    root = Path(site.__file__).parent
    code = {"atlas": root / "atlas.js", "filter": root.parents[2] / "docs" / "_static" / "filter.js"}[
        script
    ].read_text()
    values = ["0.5", "5.48e-30", "-0.497", "1,024", "0.0114", "-0.0351", "-5"]
    if script == "atlas":
        rules = re.search(r"const number = .*\n\s*const compare = .*", code)[0]
        run = f"const key = v => v; {rules}; console.log(JSON.stringify({json.dumps(values)}.sort(compare)))"
    else:
        values = [f"{v} [0.1, 0.2]" for v in values]
        rules = re.search(r"const value = .*\n\s*const compare = .*", code)[0]
        run = f"{rules}; console.log(JSON.stringify({json.dumps(values)}.sort(compare)))"
    out = json.loads(subprocess.run(["node", "-e", run], capture_output=True, text=True, check=True).stdout)
    assert [float(v.split()[0].replace(",", "")) for v in out] == [-5, -0.497, -0.0351, 5.48e-30, 0.0114, 0.5, 1024]


def test_a_plan_changed_after_its_seeds_were_seen_can_not_be_verified(known, monkeypatch):
    _, _, folder = known
    parts = toy(numbers).parts
    eased = headline("gain", "It gains", claimed=0.1, refuted=0.0, basis="Table 1", within=DIFFERENCE)
    monkeypatch.setattr(runner, "load", lambda slug: toy(numbers, parts=[eased, *parts[1:]]))
    with pytest.raises(BadInput, match="changed after its seeds were seen"):
        runner.verify(SLUG, folder=folder, executor="serial")


def test_a_pilot_takes_seeds_of_its_own_and_proposes_how_many_a_run_needs(known, tmp_path):
    from unseen.engine.store import Store

    found = runner.pilot(SLUG, count=5, executor="serial", store=Store(tmp_path / "kept"))
    assert found["pilot"] == [100, 101, 102, 103, 104]
    assert found["ready"]
    # A spread of .01 against half a distance of .1 leaves nothing to chance: the fewest that are stored.
    assert found["seeds"] == 5
    assert "Seeds for 80 % power" in pages.pilot_text(found)


def test_studies_of_the_day_change_from_day_to_day(monkeypatch):
    cheap = [r.slug for r in rows()[:7]]
    state = ledger.Entry(rows()[0], "done", "", {"seconds": 10.0, "seeds": [10, 11, 12, 13, 14]})
    none = ledger.Entry(rows()[0], "planned", "", None)
    monkeypatch.setattr(runner, "entry", lambda row: state if row.slug in cheap else none)
    days = [runner.of_the_day(3, day) for day in range(1, 8)]
    assert all(len(set(day)) == 3 for day in days)
    assert {slug for day in days for slug in day} == set(cheap)


@pytest.mark.slow
def test_a_study_killed_from_outside_goes_on_where_it_stopped(tmp_path):
    def start(cache):
        arguments = ["atlas", "run", SLUG, "--quick", "--seeds", "4", "--format", "json"]
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


def test_plans_of_the_first_form_can_be_tried_and_give_no_verdict():
    old = [slug for slug in protocol.study_modules() if protocol.is_first_form(slug)]
    if not old:
        pytest.skip("all plans are written anew")
    with pytest.raises(BadInput, match="first form"):
        runner.run([old[0]])
    with pytest.raises(BadInput, match="first form"):
        runner.pilot(old[0])


def test_unknown_and_planned_slugs_say_what_to_do():
    with pytest.raises(BadInput, match="Did you mean"):
        protocol.load("grokked-transformer")
    planned = next(e.row.slug for e in ledger.ledger() if e.row.slug not in protocol.study_modules())
    with pytest.raises(BadInput, match="is planned, not written yet"):
        protocol.load(planned)


def test_the_list_says_which_side_of_a_threshold_is_the_claim_and_what_states_mean():
    shown = pages.table(ledger.ledger())
    for entry in (e.to_dict() for e in ledger.ledger()):
        if entry["state"] == "done" and entry["claimed"] is not None:
            row = next(x for x in shown.splitlines() if x.startswith(entry["slug"] + " "))
            assert ("≤ " in row) == (entry["claimed"] < entry["refuted"])
    assert all(f"{state}: " in pages.LEGEND for state in ("done", "stale", "planned"))


def test_the_list_of_all_rows_is_one_screen_and_a_filter_shows_effects():
    from typer.testing import CliRunner

    from unseen.cli.atlas import app

    entries = [e.to_dict() for e in ledger.ledger()]
    shown = CliRunner().invoke(app, [], env={"COLUMNS": "100"}).output
    assert len(shown.splitlines()) < 60
    assert max(map(len, shown.splitlines())) <= 120
    assert shown.startswith(f"{len(entries)} published claims")
    words = shown.replace(",", " ").split()
    for entry in entries:
        assert words.count(entry["slug"]) == (entry["state"] != "planned")
    every = CliRunner().invoke(app, ["--all"]).output.splitlines()
    assert all(any(line.startswith(e["slug"] + " ") for line in every) for e in entries)
    for columns in (80, 100, 120):
        kept = (
            CliRunner().invoke(app, ["--verdict", "not seen here"], env={"COLUMNS": str(columns)}).output.splitlines()
        )
        kept = kept[: kept.index("")]
        assert {"effect", "claimed"} <= set(kept[0].split()), columns
        assert all("≥" in line or "≤" in line for line in kept[1:])
        assert max(map(len, kept)) <= columns


def test_a_note_of_a_first_form_is_superseded_by_a_plan_that_gives_a_verdict():
    for slug, noted in runner.notes().items():
        new = slug in protocol.study_modules() and not protocol.is_first_form(slug)
        assert {n["kind"] for n in noted} & {"first form", "first form, superseded"} <= {
            "first form, superseded" if new else "first form"
        }
