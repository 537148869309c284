"""Runs studies over seeds, resumes what was stopped, stores what came out, tries pilots and verifies stored seeds."""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unseen.atlas.intervals import seeds_for
from unseen.atlas.judging import judged, measurements_of
from unseen.atlas.ledger import FORMAT, checksum, entry, own_folder, results_folder, stored
from unseen.atlas.own import reference
from unseen.atlas.plan import LEAST_SEEDS, PILOTS_FROM, Study, plan_hash
from unseen.atlas.protocol import load
from unseen.atlas.rows import rows
from unseen.atlas.stamp import code_stamp, machine, stamp, versions
from unseen.atlas.subjects import metered, not_here
from unseen.engine.executors import Job, Kind, run_jobs
from unseen.engine.progress import duration, expectation
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.files import write_atomically

QUICK_SEEDS = 2
NOT_RUN = "not run here"
Done = Callable[[str, int, int], None]


def measure_once(slug: str, seed: int, quick: bool, source: Mapping[str, Any]) -> dict[str, Any]:
    """One seed of a study: its measurements, wall time and peak memory.

    Args:
        slug: Name of the study.
        seed: Source of every draw.
        quick: The reduced form.
        source: Hash of all code that runs and versions, so that a kept piece of other code is not taken for this one.
    """
    definition = load(slug)
    started = time.perf_counter()
    with metered(definition.tokens_a_seed()) as meter:
        measured = definition.measure(seed, quick)
    return {
        "measurements": {k: list(v) if isinstance(v, tuple) else float(v) for k, v in measured.items()},
        "seconds": time.perf_counter() - started,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        **({"tokens": meter.spent} if definition.subjects else {}),
    }


def pieces_of(
    slug: str, seeds: Sequence[int], *, quick: bool = False, executor: Kind = "local", workers: int | None = None,
    store: Store | None = None, done: Done | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Seeds of a study, from the store where they are kept there; ``store=None`` measures all of them.

    Seeds of a study with subjects run one after the other: each holds the models in memory, and asks with several threads.

    Raises:
        BadInput: A subject is not on this machine.
    """
    if load(slug).subjects:
        if why := missing([slug]):
            raise BadInput(f"{slug}: {why[slug]}")
        workers = 1
    source = {"code": code_stamp(slug), "versions": dict(versions())}
    jobs = [
        Job(f"{slug}, seed {seed}", {"slug": reference(slug), "seed": seed, "quick": quick, "source": source})
        for seed in seeds
    ]
    return run_jobs(
        measure_once, jobs, executor=executor, workers=workers, store=store, done=done, what="seed",
        cost=lambda piece: float(piece["seconds"]),
    )  # fmt: skip


def missing(slugs: Sequence[str]) -> dict[str, str]:
    """Why studies can't be run on this machine, by slug: those whose subjects are not here."""
    found = {slug: not_here(list(load(slug).subjects)) for slug in slugs}
    return {slug: f"{NOT_RUN}: {why}" for slug, why in found.items() if why}


def run(
    slugs: Sequence[str], *, quick: bool = False, seeds: int | None = None, executor: Kind = "local",
    workers: int | None = None, resume: bool = True, add: bool = False, store: Store | None = None,
    done: Done | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Run studies and judge them; nothing is stored among the results yet (see ``save``).

    Args:
        slugs: Names of studies.
        quick: The reduced form with 2 seeds: does it run, and which way does it point.
        seeds: How many seeds of the plan; by default all of them.
        executor: serial, local or ray.
        workers: Processes; they end with this one, however it ends.
        resume: Take seeds that an earlier, stopped run has finished.
        add: Keep the seeds of a stored result of this very code, plan and versions, and run those of the plan that it lacks.
        store: Where finished seeds are kept.
        done: Called with (name, finished, total) after each seed.

    Returns:
        One result a study, as plain data.

    Raises:
        BadInput: An unknown slug, fewer than one seed, more than the plan has, or a full run of a plan that gives no
            verdict.
        JobFailed: A seed raised; finished seeds are kept.
    """
    if seeds is not None and seeds < 1:
        raise BadInput(f"--seeds must be at least 1, got {seeds}.")
    definitions = [load(slug) for slug in dict.fromkeys(slugs)]
    for definition in definitions:
        if definition.unfit and not quick:
            raise BadInput(f"{definition.slug}: {definition.unfit}. Try it with --quick.")
        if seeds is not None and seeds > len(definition.seeds):
            raise BadInput(f"{definition.slug}: the plan has {len(definition.seeds)} seeds, --seeds asks for {seeds}.")
    kept = store or Store()
    if not resume:
        # Results of an earlier run are not looked at, but this one may be resumed in its turn.
        kept = _Forgetful(kept)
    results = list[dict[str, Any]]()
    for definition in definitions:
        chosen = definition.seeds[: seeds or (QUICK_SEEDS if quick else None)]
        there = _stored_pieces(definition) if add and not quick else {}
        missing_ones = [seed for seed in chosen if seed not in there]
        measured = pieces_of(
            definition.slug, missing_ones, quick=quick, executor=executor, workers=workers, store=kept, done=done
        )
        pieces = there | dict(zip(missing_ones, measured, strict=True))
        results.append(result_of(definition, chosen, [pieces[seed] for seed in chosen], quick=quick))
    return results


def _stored_pieces(definition: Study) -> dict[int, dict[str, Any]]:
    """Seeds of a stored result, where code, plan and versions are those of now; time is shared evenly."""
    now = _stamp(definition, definition.plan())
    for folder in (results_folder(), own_folder()):
        result, _ = stored(folder / f"{definition.slug}.json")
        if result is None:
            continue
        if any(result["stamp"].get(k) != now[k] for k in ("code", "plan", "versions", "models")):
            continue
        n = len(result["seeds"])
        shared = {"seconds": result["seconds"] / n, "peak_gib": result["peak_gib"]}
        if "tokens" in result:
            shared["tokens"] = {name: spent // n for name, spent in result["tokens"].items()}
        measured = zip(result["seeds"], result["measurements"], strict=True)
        return {seed: {"measurements": values, **shared} for seed, values in measured}
    return {}


def foretold(slug: str, *, quick: bool = False, seeds: int | None = None, workers: int | None = None) -> str:
    """How long a run will take, in a sentence, from the time that the stored seeds of the study took."""
    definition = load(slug)
    count = seeds or (QUICK_SEEDS if quick else len(definition.seeds))
    at_once = min(workers or os.cpu_count() or 1, count)
    paths = [place / f"{definition.slug}.json" for place in (results_folder(), own_folder())]
    result = next((r for r, _ in map(stored, [p for p in paths if p.is_file()]) if r is not None), None)
    each = None if result is None else result["seconds"] / len(result["seeds"])
    if quick:
        full = "" if each is None else f"; a full seed took {duration(each)}"
        return f"{definition.slug}: {count} seeds in the reduced form, made to take a minute each at most{full}."
    if each is None:
        return f"{definition.slug}: {count} seeds; none is stored, so that the first will tell how long they take."
    return f"{definition.slug}: {expectation('seed', count, each, at_once)}, where the stored ones were run."


class _Forgetful(Store):
    """A store that keeps but does not look."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner.folder)

    def get(self, key: Mapping[str, Any]) -> Any:
        """Nothing."""
        return None


def result_of(
    definition: Study, seeds: Sequence[int], pieces: Sequence[Mapping[str, Any]], *, quick: bool
) -> dict[str, Any]:
    """The result of a study from its seeds, as plain data with a checksum."""
    measurements = [piece["measurements"] for piece in pieces]
    plan = definition.plan()
    found: dict[str, Any] = {"verdict": None, "why": definition.unfit, "effect": None, "parts": [], "sweeps": []}
    if not definition.unfit:
        found = judged(plan, measurements_of(measurements))
    result: dict[str, Any] = {
        "format": FORMAT,
        "slug": definition.slug,
        **found,
        "plan": plan,
        "quick": quick,
        "seeds": list(seeds),
        "measurements": measurements,
        "seconds": round(sum(piece["seconds"] for piece in pieces), 2),
        "peak_gib": round(max(piece["peak_gib"] for piece in pieces), 2),
        "date": _today(),
        "stamp": _stamp(definition, plan),
        "verified": [],
    }
    if definition.subjects:
        result["tokens"] = {name: sum(piece["tokens"].get(name, 0) for piece in pieces) for name in definition.subjects}
    return _sealed(result)


def _stamp(definition: Study, plan: Mapping[str, Any]) -> dict[str, Any]:
    return {**stamp(definition.slug), "models": definition.hashes(), "plan": plan_hash(plan)}


def _sealed(result: dict[str, Any]) -> dict[str, Any]:
    # As it will be read back: tuples are lists, keys are text.
    result = json.loads(json.dumps(result))
    return {**result, "checksum": checksum(result)}


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def save(result: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Store a full result, by default among the user's own.

    Raises:
        BadInput: A quick result, one of fewer than 5 seeds, or one without a verdict, which the ledger does not take.
    """
    if result["quick"] or len(result["seeds"]) < LEAST_SEEDS:
        raise BadInput(f"{result['slug']}: only full runs over at least {LEAST_SEEDS} seeds are stored.")
    path = (folder or own_folder()) / f"{result['slug']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    return path


def pilot(
    slug: str, *, count: int = 4, executor: Kind = "local", workers: int | None = None, store: Store | None = None,
    done: Done | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Try a study on seeds from 100 on: gates, controls, spread, and the number of seeds that the plan needs.

    Args:
        slug: Name of the study.
        count: How many seeds.
        executor: serial, local or ray.
        workers: Processes.
        store: Where finished seeds are kept.
        done: Called after each seed.

    Returns:
        ``parts`` with means and spreads, ``ready`` (no gate or control fails), and ``seeds``: how many give every
        headline 80 % power where the effect lies halfway between refuted and claimed (None: more than 89).

    Raises:
        BadInput: Fewer than 2 seeds, or a plan that gives no verdict.
    """
    definition = load(slug)
    slug = definition.slug
    if definition.unfit:
        raise BadInput(f"{slug}: {definition.unfit}.")
    if count < 2:
        raise BadInput(f"a pilot takes 2 seeds or more, got {count}.")
    chosen = range(PILOTS_FROM, PILOTS_FROM + count)
    pieces = pieces_of(slug, chosen, executor=executor, workers=workers, store=store or Store(), done=done)
    found = judged(definition.plan(), measurements_of([p["measurements"] for p in pieces]))
    needs = list[int | None]()
    for part in found["parts"]:
        points = [p for p in part["seeds"] if p is not None]
        log = part["scale"] == "log" and all(p > 0 for p in points)
        part["spread"] = statistics.stdev([math.log(p) for p in points] if log else points) if len(points) > 1 else None
        part["mean"] = statistics.fmean(points) if points else None
        if part["role"] == "headline" and part["spread"] is not None:
            ends = (math.log(part["claimed"]), math.log(part["refuted"])) if log else (part["claimed"], part["refuted"])
            part["needs"] = seeds_for(part["spread"], abs(ends[0] - ends[1]) / 2)
            needs.append(part["needs"])
    return {
        "slug": slug, "pilot": list(chosen), "parts": found["parts"], "sweeps": found["sweeps"],
        "ready": not any(p["state"] == "fails" for p in found["parts"]),
        "seeds": None if None in needs else max([LEAST_SEEDS, *(n for n in needs if n is not None)]),
        "planned": len(definition.seeds), "seconds_each": statistics.fmean(p["seconds"] for p in pieces),
        "measurements": [p["measurements"] for p in pieces],
    }  # fmt: skip


def verify(
    slug: str, *, folder: Path | None = None, count: int = 2, turn: int = 0, executor: Kind = "local",
    workers: int | None = None, done: Done | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Measure some stored seeds of a study anew, and renew its stamp where the numbers are equal.

    Equal means within 1e-6 where versions and machine are those of the run. Where they are not, numbers as far from the
    stored ones as two seeds are from each other are taken too, and the result is marked so: a t test of one difference
    against the spread of the stored seeds, at a level of 0.01 over all quantities.

    Args:
        slug: Name of the study.
        folder: Where the result lies; by default with the package, else among own runs.
        count: How many seeds.
        turn: Which ones: the seeds are gone through in turn.
        executor: serial, local or ray.
        workers: Processes.
        done: Called after each seed.

    Returns:
        ``outcome`` (equal, within spread, differs; not run here where a subject is missing), ``seeds``, ``differences``
        (quantity, seed, stored, now), ``seconds``, and ``result`` with a renewed stamp, None where it differs.

    Raises:
        BadInput: Nothing sound is stored, or the plan changed since its seeds were seen: it takes fresh ones.
    """
    definition = load(slug)
    slug = definition.slug
    if definition.unfit:
        raise BadInput(f"{slug}: {definition.unfit}.")
    places = [p / f"{slug}.json" for p in ([folder] if folder is not None else [results_folder(), own_folder()])]
    path = next((p for p in places if p.is_file()), None)
    if path is None:
        raise BadInput(f"nothing is stored of {slug!r}. Run it: unseen atlas run {reference(slug)}")
    result, fault = stored(path)
    if result is None:
        raise BadInput(f"{slug}: {fault}. Run it anew: unseen atlas run {reference(slug)}")
    plan = definition.plan()
    if plan_hash(plan) != result["stamp"]["plan"] or not set(result["seeds"]) <= set(plan["seeds"]):
        raise BadInput(f"{slug}: its plan changed after its seeds were seen. Give it fresh seeds, and run it anew.")
    if why := not_here(list(definition.subjects)):
        return {"slug": slug, "outcome": NOT_RUN, "seeds": [], "differences": [], "seconds": 0.0, "path": str(path),
                "result": None, "why": why}  # fmt: skip
    n = len(result["seeds"])
    at = sorted({(turn * count + i) % n for i in range(count)})
    pieces = pieces_of(slug, [result["seeds"][i] for i in at], executor=executor, workers=workers, done=done)
    same_place = result["stamp"]["versions"] == dict(versions()) and result["stamp"]["machine"] == machine()
    # The likeliest token may be another one where a processor rounds half precision otherwise; kept answers stay equal.
    same_place = same_place and not definition.subjects
    outcome, differences = "equal", list[dict[str, Any]]()
    compared = sum(len(piece["measurements"]) for piece in pieces)
    for i, piece in zip(at, pieces, strict=True):
        for quantity, before, now in _pairs(result["measurements"][i], piece["measurements"]):
            if math.isclose(before, now, rel_tol=1e-6, abs_tol=1e-6):
                continue
            values = [_number(m.get(quantity)) for m in result["measurements"]]
            near = not same_place and abs(before - now) <= apart(values, compared)
            outcome = "differs" if not near or outcome == "differs" else "within spread"
            differences.append({"quantity": quantity, "seed": result["seeds"][i], "stored": before, "now": now})
    renewed = None
    if outcome != "differs":
        mark = {"date": _today(), "seeds": [result["seeds"][i] for i in at], "outcome": outcome,
                "versions": dict(versions())}  # fmt: skip
        content = {k: v for k, v in result.items() if k != "checksum"}
        content |= {"plan": plan, "verified": [mark]}
        # Numbers stay those of the run, and so do its place and versions unless all of them were found equal.
        kept = {} if outcome == "equal" else {k: result["stamp"][k] for k in ("versions", "machine")}
        content["stamp"] = _stamp(definition, plan) | kept
        renewed = _sealed(content)
    return {
        "slug": slug, "outcome": outcome, "seeds": [result["seeds"][i] for i in at], "differences": differences,
        "seconds": round(sum(p["seconds"] for p in pieces), 1), "path": str(path), "result": renewed,
    }  # fmt: skip


def apart(values: Sequence[float], compared: int, level: float = 0.01) -> float:
    """How far two seeds may lie from each other before it is no chance, by the spread of the stored ones.

    Args:
        values: Of the stored seeds.
        compared: How many differences are looked at together (Bonferroni).
        level: The chance that one of them or more is beyond it by chance.

    >>> round(apart([0.1, 0.2, 0.3, 0.4, 0.5], 1), 3)
    1.03
    """
    from scipy.special import stdtrit

    return float(stdtrit(len(values) - 1, 1 - level / (2 * max(compared, 1)))) * math.sqrt(2) * statistics.stdev(values)


def _number(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value) if value is not None else math.nan


def _pairs(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    return [(q, _number(before.get(q)), _number(now.get(q))) for q in sorted({*before, *now})]


def of_the_day(count: int = 3, day: int | None = None, most_seconds: float = 40.0) -> list[str]:
    """Cheap studies whose turn it is: those whose two seeds took at most so many seconds, gone through day by day."""
    day = day if day is not None else datetime.now(UTC).timetuple().tm_yday
    cheap = list[str]()
    for row in rows():
        known = entry(row)
        result = known.result
        if result is None or known.own or 2 * result["seconds"] / len(result["seeds"]) > most_seconds:
            continue
        if not not_here([s["name"] for s in result.get("plan", {}).get("subjects", [])]):
            cheap.append(row.slug)
    if not cheap:
        return []
    return list(dict.fromkeys(cheap[(day * count + i) % len(cheap)] for i in range(count)))


def notes() -> dict[str, list[dict[str, str]]]:
    """What looking into results found, by slug: ``kind`` (tested, guess, first form) and ``text``.

    A note on a run under a plan of the first form is superseded once the study has a plan that gives a verdict.
    """
    import tomllib
    from importlib.resources import files

    from unseen.atlas.protocol import is_first_form, study_modules

    path = files("unseen") / "atlas" / "notes.toml"
    noted = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    modules = study_modules()
    for slug, of_study in noted.items():
        if slug in modules and not is_first_form(slug):
            for note in of_study:
                if note["kind"] == "first form":
                    note["kind"] = "first form, superseded"
    return noted


__all__ = [
    "foretold", "measure_once", "missing", "notes", "of_the_day", "pieces_of", "pilot", "result_of", "run", "save", "verify",
]  # fmt: skip
