"""A study is a published claim in executable form; its verdict follows from thresholds written before the run."""

from __future__ import annotations

import ast
import hashlib
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from unseen.errors import BadInput, MissingExtra, TooFewUnits, Undefined
from unseen.estimates import Estimate

Side = Literal["above", "below"]
Verdict = Literal["supported", "contradicted", "inconclusive"]
# A measurement is a number, or a share with the number of items behind it.
Measurement = float | tuple[float, int]
Measure = Callable[[int, bool], Mapping[str, Measurement]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One part of a claim: a measured quantity lies above (or below) a value that was written down before the run.

    Attributes:
        quantity: Name of the measurement.
        side: On which side the claim puts it.
        value: The threshold, in the unit of the quantity.
        statement: The part of the claim in plain words.
    """

    quantity: str
    side: Side
    value: float
    statement: str

    def verdict(self, estimate: Estimate | None) -> Verdict:
        """Supported where the interval lies wholly on the claimed side, contradicted wholly on the other."""
        if estimate is None or not estimate.excludes(self.value):
            return "inconclusive"
        return "supported" if (estimate.low > self.value) == (self.side == "above") else "contradicted"


@dataclass(frozen=True)
class Study:
    """A claim with its thresholds and the function that measures it once.

    Attributes:
        slug: Name of the row of the atlas.
        claim: What the paper says, in one or two sentences.
        source: The paper.
        thresholds: Parts of the claim; the first one's estimate is the effect that tables show.
        units: What the intervals cover ("seeds: data, initialisation and order redrawn").
        reduced: What is smaller here than in the paper.
        reconstructed: What the paper leaves open and was filled in, and how.
        seeds: Default number of seeds of a full run.
        measure: ``measure(seed, quick)`` gives named measurements; all randomness comes from the seed.
        module: Where it stands.
    """

    slug: str
    claim: str
    source: str
    thresholds: tuple[Threshold, ...]
    units: str
    reduced: str
    reconstructed: str
    seeds: int
    measure: Measure
    module: str

    def __post_init__(self) -> None:
        if not self.thresholds:
            raise BadInput(f"study {self.slug!r} states no threshold.")


def study(
    *,
    slug: str,
    claim: str,
    source: str,
    thresholds: Sequence[Threshold],
    units: str,
    reduced: str,
    reconstructed: str = "Nothing beyond the paper's text.",
    seeds: int = 5,
) -> Callable[[Measure], Study]:
    """Turn a function ``measure(seed, quick)`` into a study; used as a decorator."""

    def wrap(measure: Measure) -> Study:
        return Study(
            slug, claim, source, tuple(thresholds), units, reduced, reconstructed, seeds, measure, measure.__module__
        )

    return wrap


def over_seeds(values: Sequence[Measurement], level: float = 0.95) -> Estimate:
    """Mean over seeds with a t interval.

    The standard error is that between seeds, but never below what the items alone would give: five seeds that all
    score 0 of 500 do not show that the rate is exactly 0.

    Args:
        values: One measurement a seed: a number, or (share, number of items).
        level: Nominal coverage.

    Raises:
        TooFewUnits: Fewer than 2 seeds.
        Undefined: All seeds equal, and no number of items to say how sure that is.

    >>> print(over_seeds([0.9, 0.8, 1.0]))
    0.900 [0.652, 1.148]
    """
    from scipy import stats

    n = len(values)
    if n < 2:
        raise TooFewUnits(f"an interval over seeds needs 2 of them, got {n}. Run more: --seeds 5.")
    points = [v[0] if isinstance(v, tuple) else float(v) for v in values]
    mean = sum(points) / n
    variance = sum((p - mean) ** 2 for p in points) / (n - 1) / n
    shares = [v for v in values if isinstance(v, tuple)]
    is_share = len(shares) == n
    floor = 0.0
    if is_share:
        # Agresti–Coull: two successes and two failures added to each seed's count.
        smooth = [(p * m + 2) / (m + 4) for p, m in shares]
        floor = sum(q * (1 - q) / (m + 4) for q, (_, m) in zip(smooth, shares, strict=True)) / n**2
    error = math.sqrt(max(variance, floor))
    if error == 0:
        raise Undefined(f"all {n} seeds gave {mean}: there is no spread to make an interval of.")
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * error
    low, high = mean - half, mean + half
    if is_share:
        low, high = max(low, -1.0 if mean < 0 else 0.0), min(high, 1.0)
    return Estimate(
        mean, low, high, n, "mean over seeds, t interval" + (" (items as floor)" if is_share else ""), level
    )


def judge(parts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim with several parts: all must hold, and one that fails contradicts it."""
    if "contradicted" in parts:
        return "contradicted"
    return "supported" if all(p == "supported" for p in parts) else "inconclusive"


@cache
def study_modules() -> Mapping[str, str]:
    """Module of each study that exists, by slug: files ``studies/<family>/<slug>.py``."""
    found: dict[str, str] = {}
    root = files("unseen") / "atlas" / "studies"
    for family in sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("_")):
        for path in sorted((root / family).iterdir(), key=lambda p: p.name):
            if path.name.endswith(".py") and not path.name.startswith("_"):
                stem = path.name.removesuffix(".py")
                found[stem.replace("_", "-")] = f"unseen.atlas.studies.{family}.{stem}"
    return found


def load(slug: str) -> Study:
    """The study of a slug.

    Raises:
        BadInput: There is no such row, or its study is still to be written; near names are suggested.
        MissingExtra: The study needs a package that is not installed.
    """
    from difflib import get_close_matches

    from unseen.atlas.ledger import rows

    modules = study_modules()
    if slug not in modules:
        known = [row.slug for row in rows()]
        near = get_close_matches(slug, known, 3, 0.5)
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


def source_hash(slug: str) -> str:
    """Hash of what a study does: its syntax tree, without comments, docstrings and layout."""
    module = study_modules()[slug]
    path = files("unseen").joinpath(*module.split(".")[1:-1], module.split(".")[-1] + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()


def evidence(definition: Study, measurements: Sequence[Mapping[str, Measurement]]) -> list[dict[str, Any]]:
    """Each part of the claim with its estimate over seeds and its verdict, as plain data."""
    parts: list[dict[str, Any]] = []
    for threshold in definition.thresholds:
        try:
            estimate, problem = over_seeds([m[threshold.quantity] for m in measurements]), None
        except (TooFewUnits, Undefined) as error:
            estimate, problem = None, str(error)
        parts.append(
            {
                "quantity": threshold.quantity,
                "statement": threshold.statement,
                "side": threshold.side,
                "threshold": threshold.value,
                "estimate": estimate.to_dict() if estimate else None,
                "verdict": threshold.verdict(estimate),
                "problem": problem,
            }
        )
    return parts
