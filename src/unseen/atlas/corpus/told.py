"""What the corpus says of measures, as it is kept beside the table: orders, information beyond settings, worst environments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from unseen.atlas.corpus.ranking import TARGETS, Ranked, families, mean_over, ranked
from unseen.atlas.corpus.settings import MEASURES
from unseen.estimates.estimate import Estimate
from unseen.files import write_atomically

KEPT = Path(__file__).parent / "told.json"
DIGITS = 4


def write(table: pl.DataFrame, path: Path = KEPT, *, permutations: int = 99) -> None:
    """Rank the measures by every family and target, and keep it."""
    made = {
        family: {target: [plain(one) for one in ranked(table, family, target, MEASURES, permutations=permutations)]
                 for target in TARGETS}
        for family in families(table)
    }  # fmt: skip
    write_atomically(path, json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n")


@cache
def read() -> Mapping[str, Mapping[str, list[Mapping[str, Any]]]]:
    """By family and target the measures, the best first; see ``plain``."""
    return json.loads(KEPT.read_text(encoding="utf-8"))


def plain(one: Ranked) -> dict[str, Any]:
    """One measure as plain data: coefficients as value and ends, rounded."""
    order, info, worst = one.order, one.information, one.worst
    made: dict[str, Any] = {
        "measure": one.measure, "tau": ends(order.tau), "runs": order.tau.units, "level": round(order.tau.level, 6),
        "granulated": round(one.granulated, DIGITS),
        "by_setting": {k: round(v.value, DIGITS) for k, v in order.by_setting.items()},
    }  # fmt: skip
    if info is not None:
        made["information"] = round(info.value, DIGITS)
        made["given"], made["p_value"], made["by_chance"] = (
            list(info.given),
            round(info.p_value, DIGITS),
            round(info.by_chance, DIGITS),
        )
    if worst is not None:
        made["worst"], made["varied"], made["held"] = ends(worst.least), worst.varied, list(worst.held)
        made["environments"], made["reversed"] = worst.environments, len(worst.reversed)
    return made


def means(target: str) -> dict[str, Estimate]:
    """Each measure that every family has: its mean coefficient over families, the largest first; intervals hold together."""
    found = [{one["measure"]: one for one in parts[target]} for parts in read().values()]
    names = [name for name in MEASURES if all(name in one for one in found)]
    level = 1 - 0.05 / len(names)
    made = {name: mean_over([_estimate(one[name]) for one in found], level) for name in names}
    return dict(sorted(made.items(), key=lambda item: -item[1].value))


def _estimate(one: Mapping[str, Any]) -> Estimate:
    value, low, high = one["tau"]
    return Estimate(value, low, high, one["runs"], "Kendall's coefficient", one["level"])


def ends(estimate: Estimate) -> list[float]:
    """Value, lower and upper end."""
    return [round(v, DIGITS) for v in (estimate.value, estimate.low, estimate.high)]
