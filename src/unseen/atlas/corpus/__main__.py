"""Make the corpus: ``python -m unseen.atlas.corpus [FAMILY …] [--train] [--write]``; it goes on where it stopped.

A stack of runs is kept when it is trained, a run when it is measured. ``--train`` leaves the measuring for later, ``--write``
puts what is measured into the table of the package, and what follows for measures beside it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from unseen.atlas.corpus import table, told
from unseen.atlas.corpus.kept import all_runs, export, key, made, read, stacks
from unseen.atlas.corpus.measuring import measured, scored
from unseen.atlas.corpus.settings import FAMILIES
from unseen.atlas.corpus.training import Trained
from unseen.engine.store import Store, default_folder

# Renewed when a measure or a score is another than before.
FORM = 1


def row(done: Trained, store: Store, *, anew: bool = True) -> dict[str, Any] | None:
    """Scores and measures of a run, kept once they are there; None where they are not and shall not be made."""
    name = {"corpus": key(done.run), "form": FORM}
    kept = store.get(name)
    if kept is None and anew:
        scores = scored(done)
        bits = {k: v.hex() for k, v in scores.items() if isinstance(v, bytes)}
        kept = {**scores, **bits, "measures": measured(done) if done.reached else {}}
        store.put(name, kept)
    return kept


def main() -> None:
    """Train what is not kept, measure what is not measured, write the table."""
    parser = argparse.ArgumentParser(prog="python -m unseen.atlas.corpus", description=__doc__)
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--train", action="store_true", help="only train")
    parser.add_argument("--write", action="store_true", help="write the table of what is there")
    parser.add_argument(
        "--export", metavar="FOLDER", help="write weights, settings and data of one family, as a user has them"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    store, runs = Store(default_folder() / "corpus" / "measures"), all_runs(given.families)
    if given.export:
        print(f"{export(given.families[0], Path(given.export))} runs written to {given.export}")
        return
    if given.write:
        trained = [done for run in runs if (done := read(run)) is not None]
        rows = [kept for done in trained if (kept := row(done, store, anew=False)) is not None]
        table.write([flat(kept) for kept in rows])
        table.runs.cache_clear()
        told.write(table.runs())
        print(f"{len(rows)} of {len(runs)} runs written")
        return
    for stack in stacks(runs):
        at = time.process_time()
        done = list(made(stack))
        trained = time.process_time() - at
        if not given.train:
            for one in done:
                row(one, store)
        said = f"trained in {trained / len(stack):.2f} s a run, measured in {(time.process_time() - at - trained) / len(stack):.2f}"
        print(f"{stack[0].shape}: {sum(one.reached for one in done)} of {len(stack)} reached; {said}", flush=True)


def flat(kept: dict[str, Any]) -> dict[str, Any]:
    """A run as a row of the table."""
    bits = {k: bytes.fromhex(kept[k]) for k in ("right", "right_shifted")}
    return {**{k: v for k, v in kept.items() if k != "measures"}, **bits, **kept["measures"]}


if __name__ == "__main__":
    main()
