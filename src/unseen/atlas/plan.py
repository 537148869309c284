"""The plan of a study: what is measured, in which role, and what would speak for and against the claim.

A plan is written before the run and is plain data: a result carries it, and verdicts follow from it by rule.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from unseen.errors import BadInput

Role = Literal["headline", "side", "gate", "control"]
Side = Literal["above", "below"]
Fidelity = Literal["A", "B", "C", "D"]
Scale = Literal["plain", "log"]
# A measurement is a number, or a share with the number of items behind it.
Measurement = float | tuple[float, int]
Measure = Callable[[int, bool], Mapping[str, Measurement]]

FIDELITIES: dict[str, str] = {
    "A": "the authors' setting",
    "B": "same algorithm and regime, smaller",
    "C": "proxy data or model",
    "D": "another kind of learner",
}
ANY = (-math.inf, math.inf)
SHARE = (0.0, 1.0)
# A difference of two shares.
DIFFERENCE = (-1.0, 1.0)
PILOTS_FROM = 100
# Seeds below were seen under plans of the first form.
STORED_FROM = 10
LEAST_SEEDS = 5


@dataclass(frozen=True, slots=True)
class Part:
    """A measured quantity with its role and what it is held against.

    Attributes:
        quantity: Name of the measurement.
        statement: What it says, in plain words.
        role: headline (what the abstract claims), side, gate (whether anything can be said) or control.
        side: On which side of ``claimed`` the claim, gate or control puts it.
        claimed: Smallest effect that the paper would call its claim; for a gate or control where it begins to hold.
        refuted: Beyond it the claim is refuted; equal to ``claimed`` for gates and controls.
        basis: Where both come from: a figure or table of the paper, chance, a control.
        unit: Unit of the quantity.
        within: Least and greatest value that the measurement can take, caps included.
        scale: log where values are positive and skewed: the mean is geometric.
        cuts: For a negative control: which mechanism is cut. Empty for a positive one.
        of: For a gate or control of side parts alone: their quantities. Empty where the whole claim hangs on it.
    """

    quantity: str
    statement: str
    role: Role
    side: Side
    claimed: float
    refuted: float
    basis: str
    unit: str = ""
    within: tuple[float, float] = ANY
    scale: Scale = "plain"
    cuts: str = ""
    of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse(self)

    @property
    def decides(self) -> bool:
        """Whether it is part of the claim, not a condition for judging it."""
        return self.role in ("headline", "side")

    def to_dict(self) -> dict[str, Any]:
        """Plain data; unbounded ends are None."""
        return {**asdict(self), "within": [None if math.isinf(x) else x for x in self.within]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Part:
        """The part of a stored plan."""
        low, high = data["within"]
        ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        fields: dict[str, Any] = {**data, "within": ends, "of": tuple(data.get("of", ()))}
        return cls(**fields)


def _refuse(part: Part) -> None:
    """Refuse what can't come out either way."""
    low, high = part.within
    name = f"part {part.quantity!r}"
    if not low < high:
        raise BadInput(f"{name}: it can lie from {low:g} to {high:g} only, which leaves no room.")
    for word, value in (("claimed", part.claimed), ("refuted", part.refuted)):
        if not low < value < high:
            raise BadInput(
                f"{name} can't come out either way: {word} is {value:g}, and the measurement can only lie from {low:g} to "
                f"{high:g}. Move the threshold inside, or take the floor, ceiling or cap away."
            )
    if part.decides and part.claimed == part.refuted:
        raise BadInput(f"{name}: claimed and refuted are both {part.claimed:g}; a claim needs two thresholds.")
    if part.decides and (part.claimed > part.refuted) != (part.side == "above"):
        raise BadInput(f"{name}: claimed {part.claimed:g} does not lie {part.side} refuted {part.refuted:g}.")
    if part.scale == "log" and low < 0:
        raise BadInput(f"{name}: a log scale needs values above zero, it can lie from {low:g} on.")
    if part.decides and part.of:
        raise BadInput(f"{name}: only gates and controls are of other parts (of=…); this is a {part.role}.")
    if not part.basis:
        raise BadInput(f"{name} does not say where its thresholds come from.")


def headline(
    quantity: str, statement: str, *, claimed: float, refuted: float, basis: str, within: tuple[float, float],
    unit: str = "", scale: Scale = "plain",
) -> Part:  # fmt: skip
    """What the abstract claims.

    >>> headline("gain", "Accuracy rises", claimed=0.02, refuted=0.0, basis="Table 2", within=DIFFERENCE).side
    'above'
    """
    side: Side = "above" if claimed > refuted else "below"
    return Part(quantity, statement, "headline", side, claimed, refuted, basis, unit, within, scale)


def side_part(
    quantity: str, statement: str, *, claimed: float, refuted: float, basis: str, within: tuple[float, float],
    unit: str = "", scale: Scale = "plain",
) -> Part:  # fmt: skip
    """What the paper says beside its headline; it can't outvote that."""
    side: Side = "above" if claimed > refuted else "below"
    return Part(quantity, statement, "side", side, claimed, refuted, basis, unit, within, scale)


def gate(
    quantity: str, statement: str, *, at_least: float | None = None, at_most: float | None = None, basis: str,
    within: tuple[float, float] = ANY, unit: str = "", scale: Scale = "plain", of: Sequence[str] = (),
) -> Part:  # fmt: skip
    """A condition without which nothing can be said, or nothing of the side parts ``of``: learnt, room, no cap.

    Raises:
        BadInput: Not exactly one of ``at_least`` and ``at_most`` is given.
    """
    side, value = _bound(quantity, at_least, at_most)
    return Part(quantity, statement, "gate", side, value, value, basis, unit, within, scale, of=tuple(of))


def control(
    quantity: str, statement: str, *, at_least: float | None = None, at_most: float | None = None, basis: str,
    within: tuple[float, float] = ANY, unit: str = "", cuts: str = "", scale: Scale = "plain", of: Sequence[str] = (),
) -> Part:  # fmt: skip
    """Where the effect must appear, or, with the mechanism cut (``cuts``), must go; of the claim, or of side parts ``of``.

    Raises:
        BadInput: Not exactly one of ``at_least`` and ``at_most`` is given.
    """
    side, value = _bound(quantity, at_least, at_most)
    return Part(quantity, statement, "control", side, value, value, basis, unit, within, scale, cuts, tuple(of))


def _bound(quantity: str, at_least: float | None, at_most: float | None) -> tuple[Side, float]:
    if at_least is not None and at_most is None:
        return "above", at_least
    if at_most is not None and at_least is None:
        return "below", at_most
    raise BadInput(f"part {quantity!r} needs exactly one of at_least and at_most.")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Values of what had to be reconstructed, and the measurement of a headline or side part at each.

    Attributes:
        name: What is swept.
        part: Quantity of the part that it bears on.
        at: Quantity measured at each value, by the value in words; three or more.
    """

    name: str
    part: str
    at: Mapping[str, str]

    def __post_init__(self) -> None:
        if len(self.at) < 3:
            raise BadInput(f"the sweep of {self.name!r} has {len(self.at)} values; it needs three or more.")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of the plan, and which seeds had been seen by then.

    Attributes:
        date: ISO date.
        what: What was tried or changed, and why.
        seen: Seeds that had been looked at; stored ones must be others.
    """

    date: str
    what: str
    seen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Study:
    """A claim with its plan and the function that measures it once.

    Attributes:
        slug: Name of the row of the atlas.
        claim: Sentences, each with the quantity of the part that tests it.
        source: The paper: authors, year, title, venue.
        link: arXiv or DOI address.
        did: What the paper did.
        here: What is done here, and how it differs.
        fidelity: A the authors' setting, B the same smaller, C proxy data or model, D another kind of learner.
        parts: Headlines, side parts, gates and controls.
        units: What the intervals cover ("seeds: data, initialisation and order redrawn").
        seeds: Seeds of a full run, from 10 to 99.
        measure: ``measure(seed, quick)`` gives named measurements; all randomness comes from the seed.
        module: Where it stands.
        code: Authors' code that was read: repository, file and settings; or that none could be had.
        oracle: Tests of the component, by path.
        reconstructed: What the paper leaves open and was filled in, and how.
        sweeps: What was reconstructed and matters, over three values or more.
        history: Pilots and changes of the plan.
        would_take: What it would take where a gate or control fails.
        subjects: Published language models that are asked, each with the most tokens that a full run asks of it.
        unfit: Why the plan gives no verdict; empty for one that does.
    """

    slug: str
    claim: tuple[tuple[str, str], ...]
    source: str
    link: str
    did: str
    here: str
    fidelity: Fidelity
    parts: tuple[Part, ...]
    units: str
    seeds: tuple[int, ...]
    measure: Measure
    module: str
    code: str
    oracle: tuple[str, ...] = ()
    reconstructed: str = ""
    sweeps: tuple[Sweep, ...] = ()
    history: tuple[Change, ...] = ()
    would_take: str = ""
    unfit: str = ""
    subjects: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        if not self.unfit:
            _check(self)

    @property
    def sentences(self) -> str:
        """The claim as text."""
        return " ".join(sentence for sentence, _ in self.claim)

    def part(self, quantity: str) -> Part:
        """The part of a quantity."""
        return next(p for p in self.parts if p.quantity == quantity)

    def plan(self) -> dict[str, Any]:
        """The plan as plain data, as a result carries it."""
        return {
            "claim": [list(pair) for pair in self.claim], "source": self.source, "link": self.link, "did": self.did,
            "here": self.here, "fidelity": self.fidelity, "parts": [p.to_dict() for p in self.parts],
            "units": self.units, "seeds": list(self.seeds), "code": self.code, "oracle": list(self.oracle),
            "reconstructed": self.reconstructed, "would_take": self.would_take,
            "sweeps": [{"name": s.name, "part": s.part, "at": dict(s.at)} for s in self.sweeps],
            "history": [{"date": c.date, "what": c.what, "seen": list(c.seen)} for c in self.history],
            "subjects": [{"name": n, "sha256": self.hashes()[n], "tokens": t} for n, t in self.subjects.items()],
        }  # fmt: skip

    def hashes(self) -> dict[str, str]:
        """Hash of the file of each subject, by name."""
        if not self.subjects:
            return {}
        from unseen.learners.language.published import published

        return {name: published(name).sha256 for name in self.subjects}

    def tokens_a_seed(self) -> dict[str, int]:
        """The most tokens that one seed may ask of each subject."""
        return {name: -(-most // len(self.seeds)) for name, most in self.subjects.items()}


# What decides a verdict; words may be mended without fresh seeds.
DECISIVE = ("quantity", "role", "side", "claimed", "refuted", "within", "scale")


def plan_hash(plan: Mapping[str, Any]) -> str:
    """Hash of what decides a verdict: roles, thresholds, bounds, sweeps and fidelity; more seeds may follow."""
    # What was added to plans later counts where it is set, so that stored plans keep their hash.
    parts = [
        {k: part[k] for k in DECISIVE} | ({"of": sorted(part["of"])} if part.get("of") else {})
        for part in plan["parts"]
    ]
    sweeps = [{"part": s["part"], "at": sorted(s["at"].values())} for s in plan["sweeps"]]
    decisive = {"parts": parts, "sweeps": sweeps, "fidelity": plan["fidelity"]}
    if plan.get("subjects"):
        decisive["subjects"] = {s["name"]: s["sha256"] for s in plan["subjects"]}
    text = json.dumps(decisive, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _check(study: Study) -> None:
    def refuse(why: str) -> None:
        raise BadInput(f"the plan of {study.slug!r} is refused: {why}")

    roles = [p.role for p in study.parts]
    names = [p.quantity for p in study.parts]
    if not 1 <= roles.count("headline") <= 2:
        refuse(f"it has {roles.count('headline')} headlines; a claim has one, at most two.")
    whole = [p for p in study.parts if not p.of]
    if "gate" not in [p.role for p in whole]:
        refuse("it has no gate: something must show that what is judged was learnt, and that there is room.")
    cuts = [bool(p.cuts) for p in whole if p.role == "control"]
    if True not in cuts or False not in cuts:
        refuse("it needs a positive control and a negative one (cuts=…).")
    if len(set(names)) < len(names):
        refuse("two parts measure the same quantity.")
    if study.fidelity not in FIDELITIES:
        refuse(f"fidelity {study.fidelity!r} is not one of A, B, C, D.")
    deciding = {p.quantity for p in study.parts if p.decides}
    sides = {p.quantity for p in study.parts if p.role == "side"}
    for part in study.parts:
        if others := sorted(set(part.of) - sides):
            refuse(
                f"{part.role} {part.quantity!r} is of {', '.join(map(repr, others))}, which is no side part; on a headline's "
                "gates and controls the whole claim hangs (leave of=… out)."
            )
    for sentence, quantity in study.claim:
        if quantity not in deciding:
            refuse(f"no headline or side part tests {sentence!r} (it names {quantity!r}).")
    for quantity in sorted(deciding - {q for _, q in study.claim}):
        refuse(f"no sentence of the claim names the part {quantity!r}.")
    for sweep in study.sweeps:
        if sweep.part not in deciding:
            refuse(f"the sweep of {sweep.name!r} bears on {sweep.part!r}, which is no headline or side part.")
    if len(set(study.seeds)) < LEAST_SEEDS or min(study.seeds) < STORED_FROM or max(study.seeds) >= PILOTS_FROM:
        refuse(
            f"stored seeds are {LEAST_SEEDS} or more from {STORED_FROM} to {PILOTS_FROM - 1}; pilots take those beyond."
        )
    for name, most in study.subjects.items():
        if most < 1:
            refuse(f"it declares {most} tokens for the subject {name!r}; a subject is asked something.")
    study.hashes()
    seen = sorted({s for change in study.history for s in change.seen} & set(study.seeds))
    if seen:
        refuse(f"seeds {', '.join(map(str, seen))} had been seen when the plan changed; take fresh ones.")


def study(
    *, slug: str, claim: Sequence[tuple[str, str]], source: str, link: str, did: str, here: str, fidelity: Fidelity,
    parts: Sequence[Part], units: str, seeds: Sequence[int], code: str, oracle: Sequence[str] = (),
    reconstructed: str = "", sweeps: Sequence[Sweep] = (), history: Sequence[Change] = (), would_take: str = "",
    subjects: Mapping[str, int] | None = None,
) -> Callable[[Measure], Study]:  # fmt: skip
    """Turn a function ``measure(seed, quick)`` into a study; used as a decorator. See ``Study`` for the arguments.

    Raises:
        BadInput: The plan can't come out either way, or lacks a headline, gate, control, sentence or fresh seeds.
    """

    def wrap(measure: Measure) -> Study:
        return Study(
            slug, tuple(claim), source, link, did, here, fidelity, tuple(parts), units, tuple(seeds), measure,
            measure.__module__, code, tuple(oracle), reconstructed, tuple(sweeps), tuple(history), would_take,
            subjects=dict(subjects or {}),
        )  # fmt: skip

    return wrap


@dataclass(frozen=True, slots=True)
class Threshold:
    """A part of a plan of the first form: one threshold, and no role."""

    quantity: str
    side: Side
    value: float
    statement: str


FIRST_FORM = (
    "its plan is of the first form: one threshold a part, no gates, no controls. It measures, and gives no verdict until "
    "it is written anew"
)


def first_form(
    *, slug: str, claim: str, source: str, thresholds: Sequence[Threshold], units: str, reduced: str,
    reconstructed: str = "", seeds: int = 5,
) -> Callable[[Measure], Study]:  # fmt: skip
    """A study whose plan is still of the first form: it can be tried, and gives no verdict."""

    def wrap(measure: Measure) -> Study:
        claims = tuple((t.statement, t.quantity) for t in thresholds)
        return Study(
            slug, ((claim, ""), *claims), source, "", "", reduced, "D", (), units, tuple(range(seeds)), measure,
            measure.__module__, "", (), reconstructed, unfit=FIRST_FORM,
        )  # fmt: skip

    return wrap
