"""The first screen as plain text and numbers: verdict, score table, stories, what is open. Every format shows the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unseen.plain_text import brief, counted
from unseen.report import accepted
from unseen.report.plain import number
from unseen.report.words import by_check, title_case
from unseen.stories.scores import NUMBERS as ESTIMATES
from unseen.stories.scores import RATING
from unseen.stories.sentences import in_words

Document = Mapping[str, Any]
Row = Mapping[str, Any]
# Rows of the score table beyond these are counted: the best and the worst are shown.
MAX_ROWS = 8
# Doubts about what was read that are told by name.
MOST_DOUBTS = 3
# Characters that the heading of the models ("model · log loss") keeps, where columns can give way to it.
LEGIBLE = 16
# What a missing input is called in a list.
INPUTS = {
    "responses": "answers", "seen": "a split", "unseen": "a split", "split": "a split", "several models": "more models",
    "train": "training data", "learner": "a learner", "a held-out shift": "a held-out shift",
    "an ordered shift": "an ordered shift", "module": "a torch module", "factors": "factors",
    "ordered factor": "an ordered factor", "confidence": "confidences", "human_score": "human scores",
    "p_true": "P(True)", "p_ik": "P(IK)", "steps_valid": "verified steps", "constraints": "constraints",
    "variant_of": "variants", "parent": "parts", "repeat": "repeats", "time": "times",
    "multiverse": "other settings",
    "single answers": "single answers", "opponent": "comparisons", "question": "questions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the score table.

    Attributes:
        key: Field of a row.
        name: Heading.
        rank: Columns of the lowest rank go last where there is no room.
        numeric: Whether it is set to the right.
    """

    key: str
    name: str
    rank: int
    numeric: bool = True


COLUMNS = (
    Column("model", "model", 0, numeric=False),
    Column("answers", "answers", 6),
    Column("units", "units", 8),
    Column("overall", "overall", 4),
    Column("seen", "seen", 3),
    Column("unseen", "unseen", 2),
    Column("gap", "lost", 1),
    Column("calibration", "calibration error", 7),
    Column("tier", "tier", 5, numeric=False),
)


def told(document: Document) -> bool:
    """Whether a document tells stories: those of one outcome and those of earlier versions do not."""
    return bool(document.get("verdict"))


def columns(document: Document) -> list[Column]:
    """The columns of the score table that hold anything."""
    scores: Mapping[str, Any] = document.get("scores") or {}
    names: dict[str, str] = {"model": f"model · {scores['measure']}"} if scores.get("measure") else {}
    names |= {"gap": "rise"} if scores.get("lower") else {}
    if scores.get("measure") == RATING:
        names = {"answers": "comparisons", "overall": RATING}
    kept = [c for c in COLUMNS if any(row[c.key] not in (None, "") for row in scores.get("rows", ()))]
    return [replace(c, name=names.get(c.key, c.name)) for c in kept]


def rows(document: Document, most: int = MAX_ROWS) -> tuple[list[Row], int]:
    """The rows that are shown, and after how many of them others are left out (0 where none are)."""
    found: list[Row] = list((document.get("scores") or {}).get("rows", ()))
    if len(found) <= most:
        return found, 0
    first = (most + 1) // 2
    return [*found[:first], *found[len(found) - (most - first) :]], first


def cell(row: Row, column: Column) -> str:
    """One cell of the score table.

    >>> cell({"gap": {"value": 0.412, "low": 0.373, "high": 0.45}}, COLUMNS[6]), cell({"answers": 1648}, COLUMNS[1])
    ('0.41 [.37, .45]', '1,648')
    """
    value = row[column.key]
    if value is None:
        return "–"
    return short(value) if column.key in ESTIMATES else number(value) if column.numeric else str(value)


def short(estimate: Mapping[str, Any]) -> str:
    """Value and interval in few characters.

    >>> short({"value": 0.27, "low": 0.214, "high": None})
    '0.27 [.21, ∞]'
    """
    return brief(estimate["value"], estimate["low"], estimate["high"])


def stories(document: Document, *, named: bool = True) -> list[tuple[str, str, str, str, str]]:
    """Stories as rows: number, title, models, figure, codes.

    Args:
        document: The document.
        named: Whether the only one of several models stands by its name.
    """
    return [
        (
            str(n), str(story["title"]),
            which(story["models"], story["of_models"], named=named),
            str(story["figure"]), " ".join(story["codes"]),
        )
        for n, story in enumerate(document["stories"], 1)
    ]  # fmt: skip


def which(models: Sequence[str], of: int, *, named: bool = True) -> str:
    """Which models a story is about: how many, or the only one of several by its name.

    >>> which(["a", "b"], 3), which(["b"], 2), which(["b"], 2, named=False), which(["a"], 1)
    ('2 of 3', 'b', '1 of 2', '')
    """
    if of < 2 or not models:
        return ""
    return middle(str(models[0]), LEGIBLE) if named and len(models) == 1 else f"{len(models)} of {of}"


def between(document: Document) -> str:
    """What lies between two models, where there are just two: tiers tell it for more."""
    pair = _pair(document)
    return str(pair["statement"]) if pair else ""


def _pair(document: Document) -> Mapping[str, Any] | None:
    if len((document.get("scores") or {}).get("rows", ())) != 2:
        return None
    held = {name for story in document["stories"] for name in story["findings"]}
    own = (f for f in document["findings"] if f["code"] == "U701" and f["subject"]["kind"] == "pair")
    return next((f for f in own if f["outcome"] != "not_applicable" and f["id"] not in held), None)


def rest(document: Document) -> list[str]:
    """What no story and no sentence of its own holds, as one entry a check: code, title, number of findings."""
    held = {name for story in document["stories"] for name in story["findings"]}
    held |= {pair["id"]} if (pair := _pair(document)) else set()
    loose = [f for f in document["findings"] if f["outcome"] == "found" and f["id"] not in held]
    return [
        f"{code} {title_case(own[0]['title'])}{f' ({len(own)})' if len(own) > 1 else ''}"
        for code, own in by_check(loose, "found").items()
    ]


def counts(document: Document) -> str:
    """What became of the other questions, and what would open those that were not asked."""
    findings = document["findings"]
    parts = [f"{kind} {sum(f['outcome'] == kind for f in findings):,}" for kind in ("clear", "undecided")]
    unjudged = sum(f["outcome"] == "not_applicable" and not f["unlocks"] for f in findings)
    parts += [f"not judged {unjudged:,}"] if unjudged else []
    missing = {code for entry in document["unlock"] for code in entry["checks"]}
    if missing:
        them = "them" if len(missing) > 1 else "it"
        parts.append(f"not asked {len(missing):,} ({_listed(document['unlock'])} would open {them})")
    return " · ".join(parts)


def _listed(unlock: Sequence[Row]) -> str:
    """The inputs that would open most, as a list."""
    named = list(dict.fromkeys(INPUTS.get(str(e["input"]), str(e["input"])) for e in unlock))
    if len(named) > 3:
        return f"{', '.join(named[:3])} …"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"


def start(document: Document) -> str:
    """What to do first."""
    if document["stories"]:
        story = document["stories"][0]
        several = len(document["stories"]) > 1
        return f"{'Start with 1: ' if several else ''}{_lower(story['next_step']) if several else story['next_step']}"
    first = next((f for f in document["findings"] if f["outcome"] in ("found", "undecided")), None)
    if first is not None:
        return f"{first['code']}: {first['next_step']}"
    if document["verdict"]["kind"] != "unjudged":
        return ""
    how = {e["input"]: e["how"] for e in document["unlock"]}
    return next((how[name] for name in ("unseen", "split", "factors") if name in how), "")


def silent(document: Document) -> str:
    """What stands beside the findings; "" where nothing does that needs a word.

    Of networks: what orders several, or where the inside of one is told. Of a learner: what was left out, what the numbers
    speak of. Of answers: what was read one way and may be the other.

    >>> silent({"findings": [], "responses": {"doubts": ["steps read as text", "a", "b", "c"]}})
    'read with 4 doubts: steps read as text · a · b · 1 more (all: --describe)'
    """
    doubts: Sequence[str] = (document.get("responses") or {}).get("doubts", ())
    told = [
        *doubts[:MOST_DOUBTS],
        *([f"{len(doubts) - MOST_DOUBTS} more (all: --describe)"] if len(doubts) > MOST_DOUBTS else []),
    ]
    read = [f"read with {len(doubts)} doubts: {' · '.join(told)}" if len(doubts) > 1 else told[0]] if doubts else []
    return " · ".join(
        [*over_settings(document), *_inside(document), *(document.get("learner") or {}).get("decided", ()), *read]
    )


def over_settings(document: Document) -> list[str]:
    """In how many reasonable settings the gap holds, where that was asked (U909): of the model where it is least sure."""
    told = [f for f in document["findings"] if f["code"] == "U909" and "curve" in f["details"]]
    if not told:
        return []
    least = min(told, key=lambda f: f["details"]["holds"] / f["details"]["settings"])
    first = str(least["statement"])
    if len(told) == 1 and len((document.get("scores") or {}).get("rows", ())) < 2:
        first = first.removeprefix(f"{least['subject']['name']}: ")
        return [(first[:1].upper() + first[1:]).rstrip(".")]
    others = [f for f in told if f is not least]
    if len({f["details"]["settings"] for f in told}) == 1 and all(
        f["details"]["holds"] == f["details"]["found_in"] == f["details"]["settings"] for f in told
    ):
        ends = [end for f in told for end in f["details"]["across"]]
        one = {c["name"] for f in told for c in f["details"]["choices"][:1]}
        moved = f"; the choice of {one.pop()} moves them most" if len(one) == 1 else ""
        who = "both" if len(told) == 2 else f"all {in_words(len(told))}"
        return [
            f"The gaps of {who} models hold in all {least['details']['settings']:,} reasonable settings: "
            f"{min(ends):.2f} to {max(ends):.2f}{moved}"
        ]
    if len(others) > 3:
        whole = sum(f["details"]["holds"] == f["details"]["settings"] for f in others)
        rest = f"; in all for {whole} of {len(others)} others"
    else:
        rest = "".join(f"; {f['subject']['name']} in {f['details']['holds']}" for f in others)
    return [first.rstrip(".") + rest]


def _inside(document: Document) -> list[str]:
    """Which measure orders several networks; of one what can be acted on, and the checks that tell the rest of its inside."""
    entries = [c for c in document.get("context", ()) if c["code"].startswith("U9")]
    orders = [c["statement"] for c in entries if c["code"] == "U907"]
    if orders or not entries:
        return orders
    codes = list(dict.fromkeys(c["code"] for c in entries))
    told = dict[str, str]()
    if len({c["subject"]["name"] for c in entries}) == 1:
        by_code = {c["code"]: c["details"] for c in entries}
        if suspects := by_code.get("U905", {}).get("suspects"):
            first = ", ".join(row["train"] for row in suspects[:3])
            # Texts are foretold; of them, and of numbers, none is doubted.
            doubted = by_code["U905"].get("doubted")
            many = "examples to check first" if doubted is None else f"{counted(doubted, 'label')} to check, first"
            told["U905"] = "no label stands out (U905)" if doubted == 0 else f"{many} {first} (U905)"
        if bounds := by_code.get("U904", {}).get("bounds"):
            said = "no bound says anything" if bounds[0]["vacuous"] else f"error at most {bounds[0]['value']:.2f}"
            told["U904"] = f"{said} (U904)"
    rest = [code for code in codes if code not in told]
    listed = [*told.values(), f"{'also ' if told else ''}{', '.join(rest)} (--full)"] if rest else [*told.values()]
    return [f"inside the network: {'; '.join(listed)}"]


def known(document: Document) -> str:
    """What became of findings that are accepted; "" where none are."""
    return accepted.beside(document)


def fitted(
    document: Document, width: int, shown: Sequence[Row], *, gap: int = 2, least: int = 24
) -> tuple[list[Column], Callable[[str], str]]:
    """Columns that fit in a width, in their order, and how names of models are shortened for it.

    Columns go, the least important first, until names have ``least`` characters and can be told apart.
    """
    kept = columns(document)
    names = [str(row["model"]) for row in shown]
    sizes = {c.key: max([len(c.name), *(len(cell(r, c)) for r in shown)]) for c in kept}

    def space() -> int:
        return width - sum(sizes[c.key] + gap for c in kept if c.key != "model")

    heading = next((len(c.name) for c in kept if c.key == "model"), 0)

    def legible() -> bool:
        room = space()
        wanted = max(min(max(map(len, names), default=0), least), min(heading, LEGIBLE))
        return room >= wanted and len({middle(n, room) for n in names}) == len(set(names))

    while len(kept) > 1 and not legible():
        kept.remove(max(kept, key=lambda c: c.rank))
    return kept, lambda name: middle(name, max(space(), 8))


def middle(name: str, most: int) -> str:
    """A name that keeps its beginning and its end.

    >>> middle("SmolLM2-135M-Instruct 2-shot", 16), middle("short", 16)
    ('SmolLM2-… 2-shot', 'short')
    """
    if len(name) <= most:
        return name
    end = most // 2 - 1
    return f"{name[: most - end - 1]}…{name[len(name) - end :]}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


__all__ = [
    "COLUMNS",
    "Column",
    "between",
    "cell",
    "columns",
    "counts",
    "fitted",
    "rest",
    "rows",
    "short",
    "silent",
    "start",
    "stories",
    "told",
    "which",
]
