"""Premises, hypotheses that follow, contradict or are open, and hypotheses said otherwise, in two domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

LABELS = ("entailment", "neutral", "contradiction")
FORMS = ("active", "passive", "there", "cleft")


@dataclass(frozen=True, slots=True)
class Verb:
    """A thing that somebody does to something.

    Attributes:
        names: Equivalent verbs, each as (with -ing, past, base form, participle).
        things: What it is done to, each as equivalent nouns.
        against: What can't be said of the same at once: another verb of the list, by place.
    """

    names: tuple[tuple[str, str, str, str], ...]
    things: tuple[tuple[str, ...], ...]
    against: int


@dataclass(frozen=True, slots=True)
class Domain:
    """Words and sentences of a kind.

    Attributes:
        who: Subjects, each as equivalent nouns.
        kinds: Their kind, each as equivalent nouns.
        given: Adjectives that premises have.
        other: Adjectives that they don't.
        verbs: What is done.
        where: Ends of premises.
        why: Ends of open hypotheses.
        past: Whether it is told in the past.
    """

    who: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]
    given: tuple[str, ...]
    other: tuple[str, ...]
    verbs: tuple[Verb, ...]
    where: tuple[str, ...]
    why: tuple[str, ...]
    past: bool


def _verb(names: str, things: str, against: int) -> Verb:
    verbs = tuple(tuple(v.split("/")) for v in names.split())
    return Verb(verbs, tuple(tuple(t.split("/")) for t in things.split()), against)  # type: ignore[arg-type]


DOMAINS: Mapping[str, Domain] = {
    "scenes": Domain(
        who=(("man", "guy"), ("woman", "lady"), ("boy", "lad"), ("girl", "lass"), ("child", "kid"), ("policeman", "cop"),
             ("doctor", "physician"), ("traveller", "tourist")),
        kinds=("person", "human"), given=("young", "smiling", "thin"), other=("wealthy", "married", "nervous"),
        verbs=(
            _verb("fixing/fixed/fix/fixed repairing/repaired/repair/repaired", "bicycle/bike car/automobile", 1),
            _verb("destroying/destroyed/destroy/destroyed wrecking/wrecked/wreck/wrecked", "bicycle/bike car/automobile", 0),
            _verb("lifting/lifted/lift/lifted raising/raised/raise/raised", "stone/rock picture/photograph", 3),
            _verb("dropping/dropped/drop/dropped", "stone/rock picture/photograph", 2),
            _verb("opening/opened/open/opened unlocking/unlocked/unlock/unlocked", "gate/entrance shop/store", 5),
            _verb("closing/closed/close/closed shutting/shut/shut/shut", "gate/entrance shop/store", 4),
        ),
        where=("near the street", "in front of a house", "at the beach", "in a park", "by the river"),
        why=("for a friend", "because of a bet", "for the first time", "to earn some money"), past=False,
    ),
    "business": Domain(
        who=(("company", "firm"), ("council", "municipality"), ("agency", "bureau"), ("bank", "lender"),
             ("museum", "gallery"), ("school", "academy"), ("union", "labour union"), ("charity", "foundation")),
        kinds=("organisation", "body"), given=("small", "local", "new"), other=("profitable", "famous", "foreign"),
        verbs=(
            _verb("buying/bought/buy/bought purchasing/purchased/purchase/purchased", "warehouse/depot house/building", 1),
            _verb("selling/sold/sell/sold", "warehouse/depot house/building", 0),
            _verb("accepting/accepted/accept/accepted approving/approved/approve/approved", "proposal/plan contract/agreement", 3),
            _verb("rejecting/rejected/reject/rejected refusing/refused/refuse/refused", "proposal/plan contract/agreement", 2),
            _verb("hiring/hired/hire/hired employing/employed/employ/employed", "manager/director lawyer/attorney", 5),
            _verb("dismissing/dismissed/dismiss/dismissed firing/fired/fire/fired", "manager/director lawyer/attorney", 4),
        ),
        where=("last spring", "in Leeds", "after a long debate", "on Monday", "at the end of the year"),
        why=("to please its members", "by mistake", "for the third time", "to save taxes"), past=True,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A hypothesis that can be said in other words and forms.

    Attributes:
        domain: Name of its domain.
        who: Equivalent nouns.
        verb: Equivalent verbs.
        thing: Equivalent nouns.
        adjective: In front of the subject; "" for none.
        end: At the end; "" for none.
        denied: Whether it is denied.
        form: One of ``FORMS``.
        words: Which of the equivalent words: of subject, verb and thing.
    """

    domain: str
    who: tuple[str, ...]
    verb: tuple[tuple[str, str, str, str], ...]
    thing: tuple[str, ...]
    adjective: str = ""
    end: str = ""
    denied: bool = False
    form: str = "active"
    words: tuple[int, int, int] = (0, 0, 0)

    def text(self) -> str:
        """As a sentence.

        >>> said = Said("scenes", ("man", "guy"), (("fixing", "fixed", "fix", "fixed"),), ("bike", "bicycle"))
        >>> said.text()
        'A man is fixing a bike.'
        >>> replace(said, form="passive", words=(1, 0, 1), denied=True).text()
        'A bicycle is not being fixed by a guy.'
        """
        past = DOMAINS[self.domain].past
        at = [min(w, len(names) - 1) for w, names in zip(self.words, (self.who, self.verb, self.thing), strict=True)]
        who = _a(f"{self.adjective} {self.who[at[0]]}".strip())
        ing, done, base, participle = self.verb[at[1]]
        thing, no, end = _a(self.thing[at[2]]), " not" if self.denied else "", f" {self.end}" if self.end else ""
        active = f"{'did not ' + base if self.denied else done}" if past else f"is{no} {ing}"
        if self.form == "passive":
            core = f"{thing} {f'was{no}' if past else f'is{no} being'} {participle} by {who}{end}"
        elif self.form == "there":
            core = f"there {'was' if past else 'is'} {who} that {active} {thing}{end}"
        elif self.form == "cleft":
            core = f"it {'was' if past else 'is'} {who} that {active} {thing}{end}"
        else:
            core = f"{who} {active} {thing}{end}"
        return core[0].upper() + core[1:] + "."

    def otherwise(self, rng: np.random.Generator, *, forms: bool = True, words: bool = True) -> Said:
        """The same in another form, with other words where there are any, or both."""
        form = str(rng.choice([f for f in FORMS if f != self.form])) if forms else self.form
        other = tuple(1 - w for w in self.words) if words else self.words
        return replace(self, form=form, words=other)  # type: ignore[arg-type]

    def denial(self) -> Said:
        """What denies it, or, where it is a denial, what it denies."""
        return replace(self, denied=not self.denied)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A premise and a hypothesis.

    Attributes:
        premise: Text.
        said: The hypothesis.
        label: Place among ``LABELS``.
    """

    premise: str
    said: Said
    label: int


def pairs(domain: str, count: int, rng: np.random.Generator, premises: Sequence[str] = FORMS) -> list[Pair]:
    """So many pairs of a domain, the three labels in equal parts; each hypothesis in a form and with words by chance.

    What follows leaves out adjective and end, and may name the kind for the subject; what contradicts denies it, or says the
    opposite; what is open adds an adjective or an end. Premises come in the forms given, half of them without an
    adjective, and half without an end.
    """
    d, made = DOMAINS[domain], list[Pair]()
    for i in range(count):
        label, verb = i % 3, d.verbs[int(rng.integers(len(d.verbs)))]
        who, thing = d.who[int(rng.integers(len(d.who)))], verb.things[int(rng.integers(len(verb.things)))]
        adjective, end = (str(rng.choice(some)) if rng.integers(2) else "" for some in (d.given, d.where))
        whole = Said(domain, who, verb.names, thing, adjective, end, form=str(rng.choice(premises)))
        words = tuple(int(w) for w in rng.integers(2, size=3))
        bare = replace(whole, adjective="", end="", form=str(rng.choice(FORMS)), words=words)  # type: ignore[arg-type]
        first = bool(rng.integers(2))
        if LABELS[label] == "entailment":
            said = replace(bare, who=d.kinds) if first else bare
        elif LABELS[label] == "contradiction":
            said = replace(bare, denied=True) if first else replace(bare, verb=d.verbs[verb.against].names)
        else:
            said = (
                replace(bare, adjective=str(rng.choice(d.other)))
                if first
                else replace(bare, end=str(rng.choice(d.why)))
            )
        made.append(Pair(whole.text(), said, label))
    return [made[int(i)] for i in rng.permutation(count)]


def line(premise: str, hypothesis: str) -> str:
    """As a model is asked, up to the label."""
    return f"Premise: {premise}\nHypothesis: {hypothesis}\nRelation:"
