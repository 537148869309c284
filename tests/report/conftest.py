"""Outcomes of every layout that checks emit, with numbers from simulated answers, and names that try to break out."""

import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from unseen.checks.base import About, Clear, Found, NotApplicable, Settings
from unseen.checks.details import confidence
from unseen.checks.details import gaps as of_gaps
from unseen.checks.details import models as of_models
from unseen.estimates import Estimate
from unseen.report import summary
from unseen.responses import Responses

HOSTILE = "<script>alert('x')</script>"
FORMULA = '=HYPERLINK("http://x.example","a")'
MODELS = (
    "SmolLM2-135M-Instruct 2-shot",
    "SmolLM2-135M-Instruct 0-shot",
    "arith-transformer 3M, learned positions",
    f"model {HOSTILE}",
)
TITLES = {
    "U003": "too few units", "U101": "seen to unseen gap", "U102": "factor gaps", "U103": "weakest slices",
    "U104": "frontier along a factor", "U105": "valley of the gap", "U107": "parts of a drop",
    "U201": "abilities and difficulties", "U202": "items that contradict the rest", "U204": "easy to hard",
    "U302": "mastery profile", "U401": "variants of an item", "U601": "calibration", "U604": "accuracy without labels",
    "U701": "models not told apart", "U702": "rankings that flip", "U106": "decay over time",
}  # fmt: skip


def wilson(value: float, n: int) -> dict[str, float]:
    z2 = 1.96**2
    middle, half = (
        (value + z2 / 2 / n) / (1 + z2 / n),
        1.96 / (1 + z2 / n) * math.sqrt(value * (1 - value) / n + z2 / 4 / n**2),
    )
    return {"value": value, "low": middle - half, "high": middle + half, "level": 0.95, "units": n, "method": "Wilson"}


def mean(value: float, n: int) -> Estimate:
    return Estimate(**wilson(value, n))


def estimate(value: float, half: float, units: int = 120) -> Estimate:
    return Estimate(value, value - half, value + half, units, "paired difference, CR2")


def check(code: str) -> SimpleNamespace:
    return SimpleNamespace(
        code=code, title=TITLES[code], question=f"What does {TITLES[code]} look like?", null="No difference.",
        interest="At least smallest_gap.", method="Means by cluster: m = Σ w·x / Σ w.", assumptions="Independence.",
        sources=("Author (2000), Title.",), example="It lost 0.2 [0.1, 0.3].", needs=("responses",), studies=(),
    )  # fmt: skip


def found(code, kind, name, e, details=None, effect=0.3, p=0.0004, step="Look at the items below."):
    said = f"{name} is {abs(e.value):.2f} [{e.low:.2f}, {e.high:.2f}] worse here." if e else f"{name} was met 12 times."
    return Found(
        code=code, about=About(kind, name), statement=said, next_step=step, estimate=e, p_value=p if e else None,
        effect=effect, details=details or {},
    )  # fmt: skip


def gaps():
    for i, model in enumerate(MODELS):
        seen, unseen = 0.93 - 0.08 * i, 0.55 - 0.12 * i
        e = estimate(seen - unseen, 0.06)
        details = of_gaps.SidesCompared(
            model=model, seen=mean(seen, 300), unseen=mean(unseen, 240), retained=None, gap=e
        )  # fmt: skip
        rows = [
            {"item": f"add-{j:04d}", "question": f"What is {j}7{j} + 8{j}?" + HOSTILE * (j == 2),
             "prediction": FORMULA if j == 1 else str(70 + j), "target": str(90 + j), "score": 0.0}
            for j in range(12)
        ]  # fmt: skip
        yield found(
            "U101",
            "model",
            model,
            e,
            {**details, "examples": rows},
            effect=e.value,
            step="Read U102 and U104 for where it opens.",
        )


def levels(values, n=80):
    return tuple(of_gaps.Level(k, (w := wilson(v, n))["value"], w["low"], w["high"], n) for k, v in values)


def of_factor(factor, values):
    e = estimate(0.3, 0.1)
    return of_gaps.FactorLevels(
        factor=factor, model="m", best="a", worst="b", note="", levels=levels(values), marginal=e, adjusted=None,
        separated=False, left_out=(),
    )  # fmt: skip


def outcomes():
    digits = [(1, 0.97), (2, 0.9), (3, 0.61), (4, 0.3), (5, 0.12), (6, 0.04)]
    yield from gaps()
    for model in MODELS[:3]:
        points = tuple(
            of_gaps.LevelOfSide(e.level, e.value, e.low, e.high, e.units, "seen" if i < 2 else "unseen")
            for i, e in enumerate(levels(digits))
        )
        d = of_gaps.Frontier(
            factor="digits", model=model, seen_range=(1, 2), edge="2", levels=points, half=None,
            break_=of_gaps.Break(2.7, 2.4, 3.2, "hinge", either=False, jump=-0.3),
        )  # fmt: skip
        yield found("U104", "model", model, estimate(2.7, 0.4), d, effect=0.35)
    formats = [("symbols", 0.8), ("words", 0.4), (HOSTILE, 0.35), ("a rather long name of a level that goes on", 0.3)]
    yield found("U102", "factor", "format", estimate(0.4, 0.1), of_factor("format", formats), effect=0.4)
    carries = of_factor("carries", [(0, 0.9), (1, 0.8), (2, 0.6)])
    yield found("U102", "factor", "carries", estimate(0.2, 0.1), carries, effect=0.2)
    slices = (
        of_gaps.SliceBelow(("operation = subtract", "digits > 3"), 0.08, 60, 60, 0.5, 0.4, 0.6, 1e-4),
        of_gaps.SliceBelow(
            ("format = words", f"operation = {HOSTILE}", "steps > 1"), 0.2, 40, 40, 0.38, 0.3, 0.5, 1e-3
        ),
    )
    weakest = of_gaps.SlicesBelow(model=MODELS[0], searched=2, slices=slices)
    yield found("U103", "slice", "operation = subtract and digits > 3", estimate(0.5, 0.1), weakest, effect=0.5)
    peak = of_gaps.GapPeak(
        factor="steps", model=MODELS[0], critical=of_gaps.Ends(3.2, 2.9, 3.6),
        levels=tuple(of_gaps.Level(float(i), 0.6 - 0.1 * abs(i - 3), 0.2, 0.7, 90) for i in range(1, 6)),
    )  # fmt: skip
    yield found("U105", "model", MODELS[0], estimate(0.6, 0.1), peak)
    months = levels([(f"2026-{i:02d}", 0.9 - 0.05 * i) for i in range(1, 10)], 50)
    time = of_gaps.OverTime(model=MODELS[0], start="2026-01", end="2026-09", levels=months)
    yield found("U106", "model", MODELS[0], estimate(0.2, 0.1), time)
    parts = of_gaps.DropInParts(
        model=MODELS[0], factors=("format",), defines_split=(), support=(0.9, 0.9), cells=4, p_values={},
        mix=estimate(0.11, 0.05), difficulty=estimate(0.2, 0.05), remainder=estimate(-0.03, 0.05),
        total=estimate(0.28, 0.05),
    )  # fmt: skip
    yield found("U107", "model", MODELS[0], estimate(0.28, 0.05), parts)
    rng = np.random.default_rng(0)
    scale = of_models.AbilityScale(
        persons=tuple(of_models.Person(m, 1.5 - i, 1.1 - i, 1.9 - i, None, 400) for i, m in enumerate(MODELS)),
        scaled=tuple(
            of_models.ScaledItem(f"i{i}", float(v), None, float(v) - 1, float(v) + 1, 4)
            for i, v in enumerate(rng.normal(0.4, 1.3, 400))
        ),
        items_shown=400, items_total=400, item_unit="logits", histogram=of_models.Histogram((400,), (-4.0, 4.0)),
        spread=1.0, unit="logits", converged=True,
    )  # fmt: skip
    yield found("U201", "ranking", "all models", estimate(1.5, 0.4), scale)
    yield found(
        "U202", "item", f"item {FORMULA}", estimate(0.3, 0.1), {"examples": [{"item": FORMULA, "question": HOSTILE}]}
    )
    for model in MODELS[:2]:
        curve = tuple(
            of_models.AtDifficulty(float(x), (w := wilson(1 / (1 + math.exp(x)), 60))["value"], w["low"], w["high"], 60)
            for x in np.linspace(-2, 2, 9)
        )
        easy = of_models.ByDifficulty(model=model, levels=curve, easier_share=0.5)
        yield found("U204", "model", model, estimate(0.3, 0.1), easy)
        kinds = ("complete mastery", "inadequate generalisation", "rote memorisation", "insufficient knowledge")
        strict, loose = (
            {kind: estimate(v, 0.05) for kind, v in zip(kinds, shares, strict=True)}
            for shares in ((0.35, 0.3, 0.05, 0.3), (0.5, 0.25, 0.05, 0.2))
        )
        mastery = of_models.Profiles(model=model, strict=strict, loose=loose)
        yield found("U302", "model", model, estimate(0.3, 0.1), mastery)
        flips = of_models.Flips(model=model, pairs=200, flips_to_wrong=31, flips_to_right=7)
        yield found("U401", "model", model, estimate(0.12, 0.05), flips)
        for split in ("seen", "unseen"):
            bend = 0.1 if split == "seen" else 0.3
            bins = tuple(
                confidence.Bin(x / 10, (y := x / 10 * (1 - bend)), y - 0.06, y + 0.06, 60) for x in range(1, 11)
            )
            e = estimate(bend, 0.04)
            of_side = confidence.Calibration(
                model=model, split=split, curve=bins, ece=e, over_confidence=e,
                brier=confidence.BrierParts(e, 0.1, 0.1, 0.2, 0.0, 0.0),
            )  # fmt: skip
            yield found("U601", "model", f"{model}, {split}", e, of_side)
    methods = tuple(
        confidence.Claimed(m, v, v - 0.05, v + 0.05, 0.04)
        for m, v in (("average thresholded confidence", 0.61), ("calibrated expectation", 0.66), ("agreement", 0.8))
    )
    free = confidence.FewLabels(
        model=MODELS[0], basis="random labels", accuracy=estimate(0.61, 0.05), labels=40, rows=400, weight=0.5,
        labelled_accuracy=0.8, labelled_rows=300, refused=False, methods=methods, without_labels=0.7,
    )  # fmt: skip
    yield found("U604", "model", MODELS[0], estimate(0.61, 0.05), free)
    second = (MODELS[1], MODELS[0], *MODELS[2:])
    ranks = of_models.TwoRankings(
        sides=("seen", "unseen"), rankings={"seen": MODELS, "unseen": second}, pair=MODELS[:2],
        scores=(0.8, 0.7, 0.5, 0.6), tau=estimate(0.6, 0.3), means={}, left_out=0,
    )  # fmt: skip
    yield found("U702", "ranking", "seen and unseen", estimate(0.4, 0.2), ranks)
    pairs = tuple(
        of_models.PairDifference(
            MODELS[0], m, 200, 0.5, 0.48, 0.01, 0.001 if i else 0.4, estimate(0.02 + 0.05 * i, 0.03)
        )
        for i, m in enumerate(MODELS[1:])
    )
    tiers = of_models.PairDifferences(tiers=(MODELS[:2], MODELS[2:]), pairs=pairs)
    yield Clear(
        code="U701",
        about=About("ranking", "all models"),
        statement="Two tiers.",
        next_step="Nothing to do.",
        estimate=estimate(0.01, 0.02),
        p_value=0.4,
        details=tiers,
    )
    yield Clear(
        code="U101",
        about=About("model", "a steady model"),
        statement="No loss.",
        next_step="Nothing to do.",
        estimate=estimate(0.01, 0.02),
        p_value=0.4,
        details=of_gaps.SidesCompared(
            model="a steady model", seen=mean(0.8, 400), unseen=mean(0.79, 400), gap=estimate(0.01, 0.02), retained=None
        ),
    )
    yield NotApplicable(
        code="U003",
        about=About("data", "all"),
        statement="Needs repeat.",
        next_step="Add repeated runs (--repeat COLUMN).",
        unlocks=("repeat", "several models"),
    )
    yield NotApplicable(
        code="U106",
        about=About("model", MODELS[1]),
        statement="Not enough data: 3 units.",
        next_step="Collect about 4 times as many independent units.",
        estimate=estimate(0.2, 0.3),
    )


@pytest.fixture(scope="session")
def responses() -> Responses:
    rng = np.random.default_rng(1)
    n = 400
    return Responses.of(
        pl.DataFrame(
            {
                "model": rng.choice(MODELS, n), "item": [f"i{i // 4}-{i}" for i in range(n)],
                "score": rng.integers(0, 2, n).astype(float), "digits": rng.integers(1, 6, n),
                "format": rng.choice(["symbols", HOSTILE], n), "split": rng.choice(["seen", "unseen"], n),
            }
        ),
        notes=(f"Read from {HOSTILE}.",),
    )  # fmt: skip


def make(responses=None, listed=None, settings=None):
    listed = list(outcomes()) if listed is None else listed
    q = {i: float(o.p_value) for i, o in enumerate(listed) if o.p_value is not None}
    checks = {code: check(code) for code in TITLES}
    return summary.of_outcomes(
        listed,
        responses=responses,
        settings=settings or Settings(),
        sources=[f"logs/{HOSTILE}.jsonl"],
        q_values=q,
        checks=checks,
    )


@pytest.fixture(scope="session")
def document(responses):
    return make(responses)


@pytest.fixture(scope="session")
def build():
    """Make a document from outcomes of one's own."""
    return lambda listed, responses=None, settings=None: make(responses, listed, settings)


@pytest.fixture(scope="session")
def outcome():
    return found
