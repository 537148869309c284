"""Outcomes of every layout that checks emit, with numbers from simulated answers, and names that try to break out."""

import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from unseen.checks.base import About, Clear, Found, NotApplicable, Settings
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
        details = {"model": model, "seen": wilson(seen, 300), "unseen": wilson(unseen, 240), "retained": None}
        e = estimate(seen - unseen, 0.06)
        details["gap"] = {"value": e.value, "low": e.low, "high": e.high}
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
    return [{**wilson(v, n), "level": k, "split": "seen" if i < 2 else "unseen"} for i, (k, v) in enumerate(values)]


def outcomes():
    digits = [(1, 0.97), (2, 0.9), (3, 0.61), (4, 0.3), (5, 0.12), (6, 0.04)]
    yield from gaps()
    for model in MODELS[:3]:
        d = {
            "factor": "digits",
            "levels": levels(digits),
            "seen_range": [1, 2],
            "break": {"value": 2.7, "low": 2.4, "high": 3.2},
        }
        yield found("U104", "model", model, estimate(2.7, 0.4), d, effect=0.35)
    d = {
        "factor": "format",
        "levels": levels(
            [("symbols", 0.8), ("words", 0.4), (HOSTILE, 0.35), ("a rather long name of a level that goes on", 0.3)]
        ),
    }
    yield found("U102", "factor", "format", estimate(0.4, 0.1), d, effect=0.4)
    yield found(
        "U102",
        "factor",
        "carries",
        estimate(0.2, 0.1),
        {"factor": "carries", "levels": levels([(0, 0.9), (1, 0.8), (2, 0.6)])},
        effect=0.2,
    )
    slices = [
        {
            "conditions": ["operation = subtract", "digits > 3"],
            "value": 0.08,
            "units": 60,
            "gap": 0.5,
            "low": 0.4,
            "high": 0.6,
            "p": 1e-4,
        },
        {
            "conditions": ["format = words", f"operation = {HOSTILE}", "steps > 1"],
            **wilson(0.2, 40),
            "gap": 0.38,
            "p": 1e-3,
        },
    ]
    yield found(
        "U103", "slice", "operation = subtract and digits > 3", estimate(0.5, 0.1), {"slices": slices}, effect=0.5
    )
    valley = [
        {
            "level": i,
            "seen": wilson(0.97 - 0.03 * i, 90),
            "unseen": wilson(max(0.02, 0.9 - 0.04 * i * i), 90),
            "gap": {"value": 0.1, "low": 0, "high": 0.2},
        }
        for i in range(1, 6)
    ]
    yield found(
        "U105",
        "model",
        MODELS[0],
        estimate(0.6, 0.1),
        {"factor": "steps", "levels": valley, "critical": {"value": 3.2, "low": 2.9, "high": 3.6}},
    )
    months = [{**wilson(0.9 - 0.05 * i, 50), "level": f"2026-{i:02d}"} for i in range(1, 10)]
    yield found("U106", "model", MODELS[0], estimate(0.2, 0.1), {"levels": months})
    parts = {
        k: {"value": v, "low": v - 0.05, "high": v + 0.05}
        for k, v in (("mix", 0.11), ("difficulty", 0.2), ("remainder", -0.03), ("total", 0.28))
    }
    yield found("U107", "model", MODELS[0], estimate(0.28, 0.05), parts)
    rng = np.random.default_rng(0)
    items = [{"item": f"i{i}", "difficulty": float(v)} for i, v in enumerate(rng.normal(0.4, 1.3, 400))]
    persons = [{"model": m, "ability": 1.5 - i, "low": 1.1 - i, "high": 1.9 - i} for i, m in enumerate(MODELS)]
    yield found("U201", "ranking", "all models", estimate(1.5, 0.4), {"persons": persons, "items": items})
    yield found(
        "U202", "item", f"item {FORMULA}", estimate(0.3, 0.1), {"examples": [{"item": FORMULA, "question": HOSTILE}]}
    )
    for model in MODELS[:2]:
        curve = [{"difficulty": float(x), **wilson(1 / (1 + math.exp(x)), 60)} for x in np.linspace(-2, 2, 9)]
        yield found("U204", "model", model, estimate(0.3, 0.1), {"curve": curve})
        profile = {
            "complete_mastery": 0.35,
            "inadequate_generalisation": 0.3,
            "rote_memorisation": 0.05,
            "insufficient_knowledge": 0.3,
        }
        loose = {
            "complete_mastery": 0.5,
            "inadequate_generalisation": 0.25,
            "rote_memorisation": 0.05,
            "insufficient_knowledge": 0.2,
        }
        yield found("U302", "model", model, estimate(0.3, 0.1), {"strict": profile, "loose": loose})
        yield found(
            "U401", "model", model, estimate(0.12, 0.05), {"pairs": 200, "flips_to_wrong": 31, "flips_to_right": 7}
        )
        for split in ("seen", "unseen"):
            bend = 0.1 if split == "seen" else 0.3
            curve = [
                {
                    "confidence": x / 10,
                    "n": 60,
                    "accuracy": x / 10 * (1 - bend),
                    "low": x / 10 * (1 - bend) - 0.06,
                    "high": x / 10 * (1 - bend) + 0.06,
                }
                for x in range(1, 11)
            ]
            yield found(
                "U601",
                "model",
                f"{model}, {split}",
                estimate(bend, 0.04),
                {"curve": curve, "ece": bend, "brier": 0.2, "split": split, "model": model},
            )
    methods = [
        {
            "method": m,
            "value": v,
            "low": v - 0.05,
            "high": v + 0.05,
            "backtest_error": 0.04,
            "refused": m == "agreement",
        }
        for m, v in (("average thresholded confidence", 0.61), ("calibrated expectation", 0.66), ("agreement", 0.8))
    ]
    yield found(
        "U604", "model", MODELS[0], estimate(0.61, 0.05), {"methods": methods, "support": 0.9, "refused": False}
    )
    ranks = [{"model": m, "left": i + 1, "right": r} for i, (m, r) in enumerate(zip(MODELS, (2, 1, 3, 4), strict=True))]
    yield found("U702", "ranking", "seen and unseen", estimate(0.4, 0.2), {"models": ranks})
    pairs = [
        {
            "a": MODELS[0], "b": m, "p_holm": 0.001 if i else 0.4,
            "estimate": {"value": 0.02 + 0.05 * i, "low": -0.01 + 0.05 * i, "high": 0.05 + 0.05 * i},
        }
        for i, m in enumerate(MODELS[1:])
    ]  # fmt: skip
    tiers = {"tiers": [list(MODELS[:2]), list(MODELS[2:])], "pairs": pairs}
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
        details={"seen": wilson(0.8, 400), "unseen": wilson(0.79, 400)},
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
