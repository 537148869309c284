"""Pictures of the order of models: slopes from one side to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from unseen.checks.details.gaps import Ends
from unseen.checks.details.models import TwoRankings
from unseen.report.picture import MAX_PICTURES, CannotDraw, Picture, Shown, finite
from unseen.report.plain import number
from unseen.report.svg import WIDTH, Canvas, Tip, short

# Height of a rank, and where the ends of the lines stand.
STEP = 17.0
LEFT, RIGHT = 182.0, WIDTH - 182.0
# Room for a name, left of its number.
NAME = 134.0


def two_rankings(findings: Sequence[Shown[TwoRankings]]) -> Iterator[Picture]:
    """The models of both sides by rank, each joined by a line; lines of pairs whose order flips stand out."""
    for f in findings[:MAX_PICTURES]:
        d = f.details
        if len(d.sides) != 2 or not all(d.rankings.get(side) for side in d.sides):
            raise CannotDraw("no two rankings")
        one, other = d.sides
        kinds, told = _marked(f)
        rows = max(len(d.rankings[side]) for side in d.sides)
        canvas = Canvas(60.0 + rows * STEP, f"Order of the models on {one} and on {other}")
        top = canvas.legend([(told[0], told[1]), ("mute", "other models")], 14) if told else 4.0
        top += 18
        canvas.height = top + rows * STEP + 8
        canvas.text(LEFT, top - 10, one, "name", anchor="end", room=LEFT)
        canvas.text(RIGHT, top - 10, other, "name", room=WIDTH - RIGHT)
        names = _told_apart(list(dict.fromkeys(m for side in d.sides for m in d.rankings[side])))
        at = {side: {m: top + 6 + i * STEP for i, m in enumerate(d.rankings[side])} for side in d.sides}
        both = [m for m in d.rankings[one] if m in at[other]]
        # What stands out is drawn last, above the rest.
        for model in sorted(both, key=lambda m: m in kinds):
            kind = kinds.get(model, "mute")
            line = "curve" if model in kinds else "whisker"
            canvas.line(LEFT + 6, at[one][model], RIGHT - 6, at[other][model], f"{line} {kind}", _said(f, model, kinds))
        for side, x, sign in ((one, LEFT, -1), (other, RIGHT, 1)):
            for model, y in at[side].items():
                mark = _tip(d, side, model)
                canvas.dot(x, y, f"dot {kinds.get(model, 'mute')}", mark, 3.5)
                anchor = "end" if sign < 0 else "start"
                canvas.text(x + sign * 9, y + 4, number(mark.value, 2), "tick", anchor=anchor)
                canvas.text(x + sign * 44, y + 4, names[model], "t", anchor=anchor, whole=model)
        left = f" {d.left_out} more models lack a side, or were too many." if d.left_out else ""
        yield Picture(canvas.svg(), f"Models by their mean {d.word}, from {one} to {other}, the best on top.{left}")


def _told_apart(names: Sequence[str]) -> dict[str, str]:
    """Names cut to their room in the first way that tells them apart: in the middle, at the end, at the start, or what they share.

    >>> list(_told_apart(["lab/model-01-instruct-v2", "lab/model-02-instruct-v2"]).values())
    ['lab/model-01-ins…', 'lab/model-02-ins…']
    """
    middle = {n: short(n, NAME) for n in names}
    cut = [n for n in names if middle[n] != n]
    most, shared = max(map(len, middle.values()), default=1), 0
    while cut and len({n[: shared + 1] for n in cut}) == 1 and shared < most:
        shared += 1
    ways = (
        middle,
        middle | {n: f"{n[: most - 1]}…" for n in cut},
        middle | {n: f"…{n[1 - most :]}" for n in cut},
        middle | {n: short(f"…{n[shared:]}", NAME) for n in cut},
    )
    return next((way for way in ways if len(set(way.values())) == len(way)), middle)


def _marked(finding: Shown[TwoRankings]) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Colour of the models that stand out, and what the colour is called; none where the order is clear."""
    d = finding.details
    estimate = finding.entry["estimate"] or {}
    if finding.entry["outcome"] == "found":
        pairs = d.flips or (d.pair,)
        return {m: "unseen" for pair in pairs for m in pair}, ("unseen", "order flips: found")
    if finding.entry["outcome"] == "undecided" and (estimate.get("value") or 0.0) > 0.0:
        return dict.fromkeys(d.pair, "accent"), ("accent", "the largest change: not decided")
    return {}, None


def _said(finding: Shown[TwoRankings], model: str, kinds: Mapping[str, str]) -> str:
    """What a line says: the flip of its pair with the interval, where it stands out."""
    d, e = finding.details, finding.entry["estimate"]
    if model not in kinds or e is None:
        return model
    if model not in d.pair:
        return f"{model}: its order flips"
    return Tip(f"{' against '.join(d.pair)}: flip on both sides", e["value"], e["low"], e["high"], e.get("units"))


def _tip(d: TwoRankings, side: str, model: str) -> Tip:
    ends: Ends | None = (d.intervals or {}).get(side, {}).get(model)
    low, high = (None, None) if ends is None else (finite(ends.low), finite(ends.high))
    return Tip(f"{model}, {side}", d.means.get(side, {}).get(model), low, high)


__all__ = ["two_rankings"]
