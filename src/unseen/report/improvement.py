"""What trying remedies came to, as one JSON document, and the sentences that every format shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unseen.estimates.multiverse.grid import Multiverse
from unseen.improving import UNCHANGED, Gained, Improvement, Ranked, Selected
from unseen.plain_text import counted
from unseen.refitting import MEASURES, Asked
from unseen.refitting.diversity import Doubling
from unseen.report.plain import interval, number, plain

SCHEMA_VERSION = 1
# A gain that this many times the data would show is left open; one that takes more is not.
OPEN = 6.0


def summarise(
    asked: Asked, results: Sequence[Improvement], *, source: str = "", settings: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document: plain data, strict JSON; equal for equal input but for the measured costs.

    Args:
        asked: What was asked for.
        results: One a family of shifts.
        source: Name of the table.
        settings: Of the run, as they are to be shown.
    """
    from unseen.version import __version__

    problem = asked.problem
    return plain(
        {
            "schema_version": SCHEMA_VERSION, "kind": "improvement", "unseen_version": __version__,
            "source": source, "target": problem.target, "learner": asked.learner.name, "measure": problem.measure,
            "rows": len(problem), "inputs": list(problem.examples.inputs), "notes": list(problem.notes),
            "settings": dict(settings or {}), "families": [_family(one) for one in results],
        }
    )  # fmt: skip


def _family(one: Improvement) -> dict[str, Any]:
    made = one.design
    family: dict[str, Any] = {
        "family": made.family, "subject": one.subject, "verdict": "helped" if one.helped else "no remedy helped",
        "measure": made.problem.measure, "judge": one.judge,
        "unchanged": one.unchanged, "unchanged_worst": one.unchanged_worst, "smallest_gain": one.smallest_gain,
        "validation": made.validation, "single": made.single, "repeats": made.repeats, "fits": one.fits,
        "rows": len(made.problem), "notes": list(made.notes), "held_out": len(made.cases),
        "left_out": dict(made.left_out),
        "folds": [{"name": f.name, "held_out": [made.cases[c].name for c in f.cases]} for f in made.folds],
        "procedure": _selected(one.selected),
        "alternatives": [_selected(s) for s in one.alternatives],
        "ranking": [_ranked(r) for r in one.ranking],
        "not_tried": dict(one.not_tried),
    }  # fmt: skip
    known = sorted(r["gain"]["width"] for r in family["ranking"] if r["gain"])
    family["detectable"] = one.selected.gained.detectable or (
        known[len(known) // 2] / 2 * 2.8 / 1.96 if known else None
    )
    family["times_more"] = None if one.helped else _times_more(family, one.smallest_gain)
    if family["times_more"] is not None:
        family["verdict"] = "undecided"
    family["collect"] = None if one.collect is None else _collect(one.collect, one.smallest_gain, family)
    family["over_settings"] = None if one.over is None else _over(one.over)
    family["headline"] = headline(family)
    family["statement"] = statement(family)
    family["next_step"] = next_step(family)
    return family


def _over(over: Multiverse) -> dict[str, Any]:
    """The honest gain over reasonable settings of the search: a sentence, what each choice moves, one row a setting."""
    low, high = over.range
    n = len(over.answers)
    moved = next((i.axis for i in over.influence if i.share >= 0.05), "")
    unchanged = n - len(over.answered)
    told = (
        f"The honest gain is help in {over.found} of {n} reasonable settings of this search: {low:.3f} to {high:.3f}"
        + (f"; the choice of {moved} moves it most" if moved else "")
        + (f"; in {unchanged} the choice leaves all as it is" if unchanged else "")
    )
    return {
        "statement": f"{told}.", "settings": n, "found": over.found, "low": low, "high": high,
        "choices": [{"name": i.axis, "moves": i.share, "means": dict(i.means)} for i in over.influence],
        "each": over.rows(),
    }  # fmt: skip


def over_words(family: Mapping[str, Any]) -> list[str]:
    """The sentence about other settings of the search, where there is one."""
    told = family.get("over_settings")
    return [str(told["statement"])] if told else []


def first_words(one: Improvement) -> str:
    """The statement of a result by itself."""
    return _family(one)["statement"]


def _gained(gained: Gained) -> dict[str, Any]:
    e = gained.estimate
    shown = {k: None if v is None else {**v.to_dict(), "width": v.width} for k, v in gained.shown.items()}
    return {
        "gain": None if e is None else {**e.to_dict(), "width": e.width}, "p_value": gained.p_value,
        "chosen": dict(gained.chosen), "reason": gained.reason, "detectable": gained.detectable,
        "gain_mean": shown.get("mean"), "gain_worst": shown.get("worst"),
        "worst": [{"name": name, "gain": value} for name, value in gained.worst],
        "domains": [{"name": name, "gain": value, "rows": rows} for name, value, rows in gained.by_domain],
    }  # fmt: skip


def _collect(found: Doubling | str, bar: float, family: Mapping[str, Any]) -> dict[str, Any]:
    """Whether further domains or more rows are what to collect, with both gains and their difference."""
    if isinstance(found, str):
        return {
            "advice": "unknown",
            "statement": f"Whether further domains or more rows would help can't be told: {found}",
        }
    word = MEASURES[family["measure"]].shown_word
    numbers = {
        "domains": found.domains.to_dict(),
        "rows": found.rows.to_dict(),
        "difference": found.difference.to_dict(),
    }
    helps = [
        name
        for name, estimate, p in (("domains", found.domains, found.p_domains), ("rows", found.rows, found.p_rows))
        if p <= 1 - estimate.level and estimate.value >= bar
    ]
    said = (
        f"Doubling the domains at equal rows brings {interval(numbers['domains'])} of {word} on domains not seen, doubling the "
        f"rows at equal domains {interval(numbers['rows'])}"
    )
    more = found.p_difference <= 1 - found.difference.level
    if len(helps) == 2:
        which = "domains" if found.difference.value > 0 else "rows"
        end = f"both help, {'further domains' if which == 'domains' else 'more rows'} more" if more else "both help"
        advice = which if more else "both"
    elif helps:
        advice = helps[0]
        end = (
            "collect further domains"
            if advice == "domains"
            else "collect more rows, which may come from the same domains"
        )
    elif max(found.domains.high, found.rows.high) < bar:
        advice, end = "neither", "neither is worth collecting for this learner"
    else:
        advice, end = (
            "unknown",
            f"{len(family['procedure']['domains'])} domains are not enough to tell which to collect",
        )
    p_values = {"domains": found.p_domains, "rows": found.p_rows, "difference": found.p_difference}
    return {
        "advice": advice, "statement": f"{said}: {end}.", "fits": found.fits, "surface": list(found.surface),
        **{name: {**e, "p_value": p_values[name]} for name, e in numbers.items()},
    }  # fmt: skip


def _selected(one: Selected) -> dict[str, Any]:
    return {"how": one.how, "advised": one.advised, **_gained(one.gained)}


def _ranked(row: Ranked) -> dict[str, Any]:
    fit, answer = row.cost or (None, None)
    return {
        "remedy": row.remedy.name, "kind": row.remedy.kind, "title": row.remedy.title, **_gained(row.gained),
        "adjusted_p": row.adjusted_p, "verdict": row.verdict, "validated": row.validated, "fit_cost": fit,
        "answer_cost": answer, "cost": row.remedy.cost, "failures": dict(row.failures),
        "studies": list(row.remedy.studies),
    }  # fmt: skip


def _times_more(family: Mapping[str, Any], bar: float) -> float | None:
    """How many times the domains (or rows) would show a gain as estimated with 80 % power; None where that is no open matter.

    A gain below the bar, or one that would take more than ``OPEN`` times the data, is none to wait for.
    """
    gain, detectable = family["procedure"]["gain"], family["detectable"]
    if gain is None or not detectable or gain["value"] < bar or gain["low"] > 0:
        return None
    times = (detectable / gain["value"]) ** 2
    return times if times <= OPEN else None


def headline(family: Mapping[str, Any]) -> str:
    """The verdict in a few words."""
    if family["verdict"] == "undecided":
        return f"{family['family']}: not decided whether a remedy helps"
    if family["verdict"] == "helped":
        return f"{family['family']}: trying remedies helped"
    return f"{family['family']}: no remedy helped"


def subject(family: Mapping[str, Any]) -> str:
    """What the remedies change: the learner, or the prompt."""
    return family.get("subject", "learner")


def cost_heads(family: Mapping[str, Any]) -> tuple[str, ...]:
    """Heads of the columns of costs."""
    return ("fit", "answer") if subject(family) == "learner" else ("tokens",)


def costs_shown(row: Mapping[str, Any], family: Mapping[str, Any]) -> tuple[str, ...]:
    """Costs as multiples of what the unchanged subject takes, in the order of ``cost_heads``."""
    both = (times(row["fit_cost"]), times(row["answer_cost"]))
    return both if subject(family) == "learner" else both[1:]


def costs_said(family: Mapping[str, Any]) -> str:
    """What costs are multiples of."""
    what = "time" if subject(family) == "learner" else "tokens, of prompts and answers"
    return f"Costs are multiples of the unchanged {subject(family)}'s {what}."


def unit(family: Mapping[str, Any]) -> str:
    """What a gain is counted in."""
    return MEASURES[family["measure"]].unit


def statement(family: Mapping[str, Any]) -> str:
    """The verdict in sentences: the honest gain, what was chosen and how often, what the data could have shown."""
    procedure = family["procedure"]
    folds = len(family["folds"])
    taken = taken_words(procedure["chosen"], folds, subject(family))
    judged = "on rows that it did not see" if family["single"] else "on domains that it did not see"
    if family["judge"] == "worst":
        judged = "at the worst quarter of domains, none of which it saw"
    if procedure["gain"] is None:
        why = f"By {family['validation']} the choice was {taken}, so there is no gain"
        why += "." if procedure["chosen"].get(UNCHANGED) == folds else f" to tell ({procedure['reason']})."
    else:
        why = (
            f"What {family['validation']} chose gains {interval(procedure['gain'])} of {unit(family)} {judged} "
            f"({taken})."
        )
        why += other_judge(family)
    if family["verdict"] == "helped":
        return why
    if family["times_more"] is not None:
        what = "rows" if family["single"] else "domains of this size"
        times_ = f"About {family['times_more']:.1f} times as many {what} would show such a gain (80 % power)."
        why += f" That is not beyond chance. {times_}"
        return why
    if family["detectable"] is not None:
        why += f" These data could have shown a gain of {number(family['detectable'])} of {unit(family)} or more (80 % power)."
    missed = [r["remedy"] for r in family["ranking"] if r["verdict"] == "gains"]
    if missed:
        names = ", ".join(missed)
        why += f" By itself {names} gained on the final tests, but the choice could not know that beforehand."
    return why


def other_judge(family: Mapping[str, Any]) -> str:
    """The gain by the judge that does not decide, in a sentence, or ""."""
    if family["judge"] == "worst":
        return f" Over all domains it gains {interval(family['procedure']['gain_mean']) or 'an unknown amount'} on average."
    if family["procedure"]["gain_worst"] is None:
        return ""
    return f" At the worst quarter of domains it gains {interval(family['procedure']['gain_worst'])}."


def next_step(family: Mapping[str, Any]) -> str:
    """What to do, and what to collect."""
    collect = family["collect"]
    return _taken(family) + ("" if collect is None else f" {collect['statement']}")


def _taken(family: Mapping[str, Any]) -> str:
    advised, kept = family["procedure"]["advised"], f"Keep the {subject(family)} as it is"
    if family["verdict"] == "helped" and advised != UNCHANGED:
        return f"Take {advised}: `unseen explain remedy:{advised.split(' ')[0]}` says what it does and needs."
    if family["verdict"] == "helped":
        return "Keep the choice as part of fitting: it differed by domain, and no single remedy stands out over all."
    if family["verdict"] == "undecided":
        advice = "" if advised == UNCHANGED else f" The candidate is {advised}."
        return f"{kept} until more data decide.{advice}"
    if family["judge"] == "mean" and any(_above(r["gain_worst"]) for r in family["ranking"]):
        return f"{kept} for the mean; at the worst domains a remedy gains: try --judge worst."
    if family["collect"] is None:
        return f"{kept}; data from more domains would tell more than more remedies."
    return f"{kept}."


def _above(gain: Mapping[str, Any] | None) -> bool:
    return gain is not None and gain["low"] > 0


def taken_words(chosen: Mapping[str, int], folds: int, subject: str = "learner") -> str:
    """How often each candidate was chosen, in words.

    >>> taken_words({"lame neighbours=5": 3, "unchanged": 2}, 5)
    'lame neighbours=5 in 3 of 5 tests, the learner as it is in 2'
    """
    parts: list[str] = []
    for name, count in chosen.items():
        shown = f"the {subject} as it is" if name == UNCHANGED else name
        parts.append(f"{shown} in {count}" + (f" of {counted(folds, 'test')}" if not parts else ""))
    return ", ".join(parts)


def title(document: Mapping[str, Any]) -> str:
    """The verdict over all families."""
    helped = [f for f in document["families"] if f["verdict"] == "helped"]
    if len(document["families"]) == 1:
        return document["families"][0]["headline"]
    if not helped and any(f["verdict"] == "undecided" for f in document["families"]):
        return "Not decided whether a remedy helps"
    return (
        f"Remedies helped under {len(helped)} of {len(document['families'])} shifts" if helped else "No remedy helped"
    )


def one_line(document: Mapping[str, Any]) -> str:
    """The verdict with what the honest choice gained under each shift."""
    gains = [(f["family"], f["procedure"]["gain"], unit(f)) for f in document["families"]]
    told = [(family, f"{interval(gain)} of {counted_in}") for family, gain, counted_in in gains if gain is not None]
    if not told:
        return f"{title(document)}."
    if len(gains) == 1:
        return f"{title(document)}. What was chosen gains {told[0][1]}."
    return f"{title(document)}. What was chosen gains {'; '.join(f'{said} under {family}' for family, said in told)}."


def subtitle(document: Mapping[str, Any]) -> str:
    """What was tried on what."""
    fits = sum(f["fits"] for f in document["families"])
    what = subject(document["families"][0])
    source = f" of {document['source']}" if document["source"] else ""
    if what == "prompt":
        return (
            f"{document['learner']} on {counted(document['rows'], 'item')}{source}; {counted(fits, 'answer')}. "
            f"{_gain(document['measure'], what)}"
        )
    return (
        f"{document['learner']} on {document['target']}, {counted(document['rows'], 'row')}{source}; "
        f"{counted(fits, 'fit')}. {_gain(document['measure'], what)}"
    )


def _gain(measure: str, subject: str) -> str:
    """What a gain is the difference of."""
    how = MEASURES[measure]
    if how.perfect is None:
        return f"A gain is the score minus that of the unchanged {subject} on the same rows."
    return f"A gain is how much lower the {how.word} is than that of the unchanged {subject} on the same rows."


def gain_heads(family: Mapping[str, Any], name: str = "gain") -> tuple[str, ...]:
    """Heads of the columns of gains: both judges over domains, the one that decides first."""
    if family["single"]:
        return (name,)
    both = (f"{name}, mean", f"{name}, worst quarter")
    return both if family["judge"] == "mean" else both[::-1]


def gains_shown(row: Mapping[str, Any], family: Mapping[str, Any], otherwise: str = "–") -> tuple[str, ...]:
    """Gains by both judges with intervals, in the order of ``gain_heads``."""
    if family["single"]:
        return (interval(row["gain"]) or otherwise,)
    both = ("gain_mean", "gain_worst") if family["judge"] == "mean" else ("gain_worst", "gain_mean")
    return tuple(interval(row[name]) or otherwise for name in both)


def at_worst(family: Mapping[str, Any]) -> str:
    """What the unchanged learner scores at the worst quarter of domains, or ""."""
    worst = scored(family, "unchanged_worst")
    return "" if worst == "–" else f", {worst} at the worst quarter"


def scored(family: Mapping[str, Any], name: str) -> str:
    """A mean score of a family as users know the measure.

    >>> scored({"measure": "log-loss", "unchanged": -0.4}, "unchanged")
    '0.400'
    """
    score = family[name]
    return number(None if score is None else MEASURES[family["measure"]].shown(score))


def settings_words(chosen: Mapping[str, int], remedy: str) -> str:
    """The settings that were taken for a remedy, the most frequent first.

    >>> settings_words({"lame neighbours=5": 3, "lame neighbours=1": 2}, "lame")
    'neighbours=5 (3), neighbours=1 (2)'
    """
    named = {k.removeprefix(remedy).strip(): n for k, n in chosen.items() if k != UNCHANGED}
    if set(named) <= {""}:
        return ""
    return ", ".join(f"{k or 'usual'} ({n})" for k, n in named.items())


def times(cost: float | None) -> str:
    """A cost as a multiple of the unchanged learner's.

    >>> times(1.04), times(12.3), times(None)
    ('1.0×', '12×', '–')
    """
    if cost is None:
        return "–"
    return f"{cost:.1f}×" if cost < 10 else f"{cost:.0f}×"


def why_not(not_tried: Mapping[str, str]) -> dict[str, list[str]]:
    """Reason → remedies that were not tried for it."""
    groups: dict[str, list[str]] = {}
    for name, reason in not_tried.items():
        groups.setdefault(reason, []).append(name)
    return groups


def with_errors(family: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Remedies that failed, each with a reason and in how many fits."""
    return [(r["remedy"], why, n) for r in family["ranking"] for why, n in r["failures"].items()]
