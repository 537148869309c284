"""The picture of an answer under many settings: the specification curve above the choices behind each point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unseen.checks.details.multiverse import Chosen, OverSettings, UnderSetting
from unseen.report.picture import Picture, Shown
from unseen.report.svg import WIDTH, Canvas, Scale, Svg, Tip, extent

# Points that can be told apart; of more, an even share of the ranks is drawn.
MOST_POINTS = 120
LEFT, RIGHT = 46.0, 10.0
HIGH, ROW, GROUP = 170.0, 15.0, 18.0


def curves(findings: Sequence[Shown[OverSettings]]) -> Iterator[Picture]:
    """One specification curve a conclusion."""
    for f in findings:
        d = f.details
        rest = (
            f" {MOST_POINTS} of {d.settings:,} settings are drawn, evenly over the curve."
            if d.settings > MOST_POINTS
            else ""
        )
        moves = [f"{c.name} {c.moves:.0%}".replace("%", " %") for c in d.choices if c.moves >= 0.01]
        shares = f" What each choice moves, as a share of the variance: {', '.join(moves)}." if moves else ""
        yield Picture(
            specification_curve(d.curve, d.choices, used=d.used, label=f"{d.model}: the answer under {d.settings:,} settings"),
            f"{d.model}: each column is one setting, ordered by its estimate; below, the choice that it made of each. "
            f"Found in {d.found_in:,} of {d.settings:,}; the blue point is the setting that was used.{shares}{rest}",
        )  # fmt: skip


def specification_curve(
    curve: Sequence[UnderSetting], choices: Sequence[Chosen], *, used: int, label: str,
    axis: str = "gap, share of the score's range",
) -> Svg:  # fmt: skip
    """Estimates with intervals in their order, and a mark for the way of each choice under each.

    Args:
        curve: By the estimate.
        choices: What is chosen.
        used: Place of the setting that was used; -1 where it is none.
        label: What the picture shows, in words.
        axis: Name of the estimate and its unit.
    """
    shown = _even(len(curve), used)
    canvas = Canvas(100, label)
    top = canvas.legend([("unseen", "found"), ("mute", "not found"), ("seen", "as used")], 14) + 14
    bottom = top + HIGH
    ends = [v for i in shown for v in (curve[i].value, curve[i].low, curve[i].high)]
    up = Scale(*extent(ends, include=(0.0,)), bottom, top)
    across = Scale(-0.5, len(shown) - 0.5, LEFT, WIDTH - RIGHT)
    canvas.y_axis(up, LEFT, WIDTH - RIGHT, axis)
    canvas.line(LEFT, up(0.0), WIDTH - RIGHT, up(0.0), "reference")
    size = max(1.5, min(4.0, (WIDTH - LEFT - RIGHT) / len(shown) * 0.42))
    for x, i in enumerate(shown):
        one, at = curve[i], across(x)
        kind = "unseen" if one.found else "mute"
        tip = Tip(_named(one, choices), one.value, one.low, one.high)
        canvas.line(at, up.clipped(one.low, up.low), at, up.clipped(one.high, up.high), f"whisker {kind}", tip)
        # Points have a rim that would hide small ones: a stroke tells the value instead.
        canvas.line(at - size, up(one.value), at + size, up(one.value), "whisker ink", tip)
        if i == used:
            canvas.dot(at, up(one.value), "dot seen", tip, size + 2.5)
    y = bottom + 10
    for chosen in choices:
        y += GROUP
        canvas.text(2, y, f"{chosen.name} · {_share(chosen)}", "name", room=WIDTH - 4)
        for k, way in enumerate(chosen.choices):
            y += ROW
            canvas.line(LEFT, y - 4, WIDTH - RIGHT, y - 4, "grid")
            for x, i in enumerate(shown):
                if curve[i].at[choices.index(chosen)] == k:
                    kind = "unseen" if curve[i].found else "mute"
                    canvas.rect(across(x) - size * 0.8, y - 8, size * 1.6, 8, f"bar {'seen' if i == used else kind}")
            y += ROW - 2
            canvas.text(LEFT, y - 1, way, "t", room=WIDTH - LEFT - RIGHT)
    canvas.height = y + 12
    return canvas.svg()


def _share(chosen: Chosen) -> str:
    """What a choice moves and decides, in few words."""
    decided = "" if chosen.decides is None else f", decides {chosen.decides:.0%}"
    return f"moves {chosen.moves:.0%}{decided}".replace("%", " %")


def _named(one: UnderSetting, choices: Sequence[Chosen]) -> str:
    return ", ".join(f"{c.name} {c.choices[k]}" for c, k in zip(choices, one.at, strict=True))


def _even(size: int, used: int) -> list[int]:
    """Places that are drawn: all, or evenly many with the one that was used."""
    if size <= MOST_POINTS:
        return list(range(size))
    places = {round(k * (size - 1) / (MOST_POINTS - 1)) for k in range(MOST_POINTS)}
    return sorted(places | ({used} if used >= 0 else set()))
