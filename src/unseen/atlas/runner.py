"""Runs studies over seeds, resumes what was stopped, and stores what came out."""

from __future__ import annotations

import contextlib
import json
import platform
import resource
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import unseen
from unseen.atlas.ledger import checksum, results_folder
from unseen.atlas.protocol import Measurement, evidence, judge, load, source_hash
from unseen.engine.executors import Job, Kind, run_jobs
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.files import write_atomically

QUICK_SEEDS = 2


def measure_once(slug: str, seed: int, quick: bool, source: str) -> dict[str, Any]:
    """One seed of a study: its measurements, wall time and peak memory.

    Args:
        slug: Name of the study.
        seed: Source of every draw.
        quick: The reduced form.
        source: Hash of the study, so that a kept piece of an older form is not taken for this one.
    """
    definition = load(slug)
    started = time.perf_counter()
    measured = definition.measure(seed, quick)
    return {
        "measurements": {k: list(v) if isinstance(v, tuple) else float(v) for k, v in measured.items()},
        "seconds": time.perf_counter() - started,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def run(
    slugs: Sequence[str],
    *,
    quick: bool = False,
    seeds: int | None = None,
    executor: Kind = "local",
    workers: int | None = None,
    resume: bool = True,
    store: Store | None = None,
    done: Callable[[str, int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Run studies and judge them; nothing is stored among the results yet (see ``save``).

    Args:
        slugs: Names of studies.
        quick: The reduced form with 2 seeds: does it run, and which way does it point.
        seeds: How many seeds; by default what each study says.
        executor: serial, local or ray.
        workers: Processes.
        resume: Take seeds that an earlier, stopped run has finished.
        store: Where finished seeds are kept.
        done: Called with (name, finished, total) after each seed.

    Returns:
        One result a study, as plain data.

    Raises:
        BadInput: An unknown slug, or fewer than one seed.
        JobFailed: A seed raised; finished seeds are kept.
    """
    if seeds is not None and seeds < 1:
        raise BadInput(f"--seeds must be at least 1, got {seeds}.")
    definitions = [load(slug) for slug in dict.fromkeys(slugs)]
    jobs = list[Job]()
    counts = [seeds or (QUICK_SEEDS if quick else d.seeds) for d in definitions]
    for definition, count in zip(definitions, counts, strict=True):
        source = source_hash(definition.slug)
        jobs += [
            Job(
                f"{definition.slug}, seed {seed}",
                {"slug": definition.slug, "seed": seed, "quick": quick, "source": source},
            )
            for seed in range(count)
        ]
    kept = store or Store()
    if not resume:
        # Results of an earlier run are not looked at, but this one may be resumed in its turn.
        kept = _Forgetful(kept)
    pieces = run_jobs(measure_once, jobs, executor=executor, workers=workers, store=kept, done=done)
    results, at = list[dict[str, Any]](), 0
    for definition, count in zip(definitions, counts, strict=True):
        results.append(result_of(definition.slug, pieces[at : at + count], quick=quick))
        at += count
    return results


class _Forgetful(Store):
    """A store that keeps but does not look."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner.folder)

    def get(self, key: Mapping[str, Any]) -> Any:
        """Nothing."""
        return None


def result_of(slug: str, pieces: Sequence[Mapping[str, Any]], *, quick: bool) -> dict[str, Any]:
    """The result of a study from its seeds, as plain data with a checksum."""
    definition = load(slug)
    measurements: list[dict[str, Measurement]] = [
        {k: (v[0], int(v[1])) if isinstance(v, list) else v for k, v in piece["measurements"].items()}
        for piece in pieces
    ]
    parts = evidence(definition, measurements)
    result: dict[str, Any] = {
        "slug": slug,
        "claim": definition.claim,
        "source": definition.source,
        "verdict": judge([p["verdict"] for p in parts]),
        "effect": parts[0]["estimate"],
        "parts": parts,
        "units": definition.units,
        "reduced": definition.reduced,
        "reconstructed": definition.reconstructed,
        "note": notes().get(slug, ""),
        "quick": quick,
        "seeds": list(range(len(pieces))),
        "measurements": [piece["measurements"] for piece in pieces],
        "seconds": round(sum(piece["seconds"] for piece in pieces), 2),
        "peak_gib": round(max(piece["peak_gib"] for piece in pieces), 2),
        "versions": versions(),
        "source_hash": source_hash(slug),
    }
    result["checksum"] = checksum(result)
    return result


def save(result: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Store a full result beside the studies.

    Raises:
        BadInput: A quick result, or one of fewer than 5 seeds, which the ledger does not take.
    """
    if result["quick"] or len(result["seeds"]) < 5:
        raise BadInput(f"{result['slug']}: only full runs over at least 5 seeds are stored.")
    path = (folder or results_folder()) / f"{result['slug']}.json"
    write_atomically(path, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    return path


def notes() -> dict[str, str]:
    """What looking into surprising verdicts found, by slug."""
    path = files("unseen") / "atlas" / "notes.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"unseen": unseen.__version__, "python": platform.python_version()}
    found["numpy"] = metadata.version("numpy")
    with contextlib.suppress(metadata.PackageNotFoundError):
        found["torch"] = metadata.version("torch")
    return found
