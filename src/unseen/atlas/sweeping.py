"""Sweeps of a study as a multiverse of settings: where a part holds, from which to which value, and which choice moves it most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unseen.atlas.wording import number
from unseen.errors import Undefined
from unseen.estimates import Estimate
from unseen.estimates.multiverse.grid import Answer, Axis, Grid, Multiverse


def over_sweeps(result: Mapping[str, Any]) -> dict[str, list[Multiverse]]:
    """The sweeps of each part of a stored result, each as a multiverse of one choice; nothing is measured anew.

    A value counts as found where its whole interval lies on the claimed side of what refutes the part.
    """
    parts = {p["quantity"]: p for p in result["parts"]}
    made: dict[str, list[Multiverse]] = {}
    for sweep in result["sweeps"]:
        part = parts[sweep["part"]]
        above = part["claimed"] >= part["refuted"]
        answers: list[Answer] = []
        for k, value in enumerate(sweep["values"]):
            e = value["estimate"]
            if e is None or None in (e["low"], e["high"], e["value"]):
                answers.append(Answer((k,), None, None, "the same in all seeds, or too few of them"))
                continue
            estimate = Estimate(e["value"], e["low"], e["high"], e["units"], e["method"], e["level"])
            beyond = estimate.low > part["refuted"] if above else estimate.high < part["refuted"]
            answers.append(Answer((k,), estimate, beyond))
        grid = Grid((Axis(sweep["name"], tuple(str(v["at"]) for v in sweep["values"])),))
        try:
            swept = Multiverse(grid, tuple(answers))
        except Undefined:
            continue
        made.setdefault(sweep["part"], []).append(swept)
    return made


def sweeps_told(result: Mapping[str, Any]) -> list[str]:
    """One sentence a part that was swept.

    >>> estimate = {"value": 0.3, "low": 0.2, "high": 0.4, "level": 0.95, "units": 8, "method": "t"}
    >>> values = [{"at": str(k), "estimate": {**estimate, "value": 0.3 + k / 50}} for k in range(3)]
    >>> part = {"quantity": "gain", "claimed": 0.1, "refuted": 0.0}
    >>> sweeps_told({"parts": [part], "sweeps": [{"name": "rate", "part": "gain", "values": values}]})
    ['gain is on the side of the claim in 3 of 3 settings of rate: 0.3 to 0.34.']
    """
    told: list[str] = []
    for part, swept in over_sweeps(result).items():
        found, answered = sum(m.found for m in swept), sum(len(m.answered) for m in swept)
        low, high = min(m.range[0] for m in swept), max(m.range[1] for m in swept)
        names = " and ".join(m.grid.axes[0].name for m in swept)
        most = max(swept, key=lambda m: m.range[1] - m.range[0]).grid.axes[0].name
        moved = f"; {most} moves it most" if len(swept) > 1 else ""
        told.append(
            f"{part} is on the side of the claim in {found} of {answered} settings of {names}: {number(low)} to "
            f"{number(high)}{moved}."
        )
    return told


__all__ = ["over_sweeps", "sweeps_told"]
