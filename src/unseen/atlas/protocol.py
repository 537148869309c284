"""Finds studies: files ``studies/<family>/<slug>.py``, one a claim."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from unseen.atlas.plan import Study
from unseen.atlas.rows import rows
from unseen.errors import BadInput, MissingExtra


@cache
def study_modules() -> Mapping[str, str]:
    """Module of each study that exists, by slug."""
    found: dict[str, str] = {}
    root = files("unseen") / "atlas" / "studies"
    for family in sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("_")):
        for path in sorted((root / family).iterdir(), key=lambda p: p.name):
            if path.name.endswith(".py") and not path.name.startswith("_"):
                stem = path.name.removesuffix(".py")
                found[stem.replace("_", "-")] = f"unseen.atlas.studies.{family}.{stem}"
    return found


def code_of(slug: str) -> str:
    """Source of a study."""
    *package, stem = study_modules()[slug].split(".")[1:]
    return files("unseen").joinpath(*package, f"{stem}.py").read_text(encoding="utf-8")


def is_first_form(slug: str) -> bool:
    """Whether the plan of a study is still of the first form; read from its source, without importing it."""
    return "@first_form(" in code_of(slug)


def load(slug: str) -> Study:
    """The study of a slug.

    Raises:
        BadInput: There is no such row, its study is still to be written, or its plan is refused; near names are
            suggested.
        MissingExtra: The study needs a package that is not installed.
    """
    from difflib import get_close_matches

    modules = study_modules()
    if slug not in modules:
        known = [row.slug for row in rows()]
        near = [k for k in known if slug in k][:5] or get_close_matches(slug, known, 3, 0.5)
        if slug in known:
            raise BadInput(f"the study of {slug!r} is planned, not written yet. Those that run: {', '.join(modules)}.")
        raise BadInput(f"no study {slug!r}." + (f" Did you mean {', '.join(near)}?" if near else " See: unseen atlas"))
    try:
        module = importlib.import_module(modules[slug])
    except MissingExtra as error:
        raise MissingExtra(f"the study {slug!r}", error.extra) from None
    for value in vars(module).values():
        if isinstance(value, Study):
            if value.slug != slug:
                raise BadInput(f"{modules[slug]} holds the study {value.slug!r}; a file bears its study's name.")
            return value
    raise BadInput(f"{modules[slug]} holds no study.")
