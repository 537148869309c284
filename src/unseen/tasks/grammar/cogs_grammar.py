"""The grammar of COGS with its probabilities: one plan for training, one for each exposure and generalisation case.

Rates are those of the grammar that the authors drew their sentences from (Kim & Linzen 2020, appendix). Words and the
terms of the logical form are written together, from left to right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from unseen.tasks.draws import Draws
from unseen.tasks.grammar import cogs_lexicon as lexicon
from unseen.tasks.grammar.cogs_lexicon import Weighted

# A construction, and the class of its verb ("" where the plan names the verb).
Production = tuple[str, str]
_ACTIVE: tuple[Production, ...] = (
    ("unergative", "unergative"),
    ("causative", "unaccusative"),
    ("omitted_object", "omissible"),
    ("transitive", "omissible"),
    ("transitive", "transitive"),
    ("infinitive", "wanting"),
    ("pp_dative", "dative"),
    ("double_object", "dative"),
)
_PASSIVE: tuple[Production, ...] = tuple(
    (f"{kind}{agent}", verb)
    for kind, verb in (
        ("passive", "transitive"),
        ("passive", "omissible"),
        ("passive", "unaccusative"),
        ("passive_to", "dative"),
    )
    for agent in ("", "_by")
)
_DATIVE_PASSIVE: tuple[Production, ...] = (("passive_dative", "dative"), ("passive_dative_by", "dative"))
_UNACCUSATIVE: Production = ("unaccusative", "unaccusative")


@dataclass(frozen=True)
class Plan:
    """What a grammar draws.

    Attributes:
        clauses: Construction and class of verb of the innermost clause.
        complement: Probability that a clause stands under "Emma said that".
        subject: Reserved noun that is the subject of the innermost clause.
        object: Reserved noun that is its direct object.
        verb: Reserved verb, by stem.
        inner: Reserved verb of an infinitive.
        subject_pp: Subjects and agents bear a prepositional phrase.
        names: Share of names among animate direct objects.
        deeper: Which of "cp" and "pp" goes beyond training.
    """

    clauses: Weighted[Production]
    complement: float = 0.0
    subject: str | None = None
    object: str | None = None
    verb: str | None = None
    inner: str | None = None
    subject_pp: bool = False
    names: float = 0.5
    deeper: str = ""


def _even(*productions: Production) -> Weighted[Production]:
    return Weighted(productions, [1.0] * len(productions))


def _mixed(*shares: tuple[float, tuple[Production, ...]]) -> Weighted[Production]:
    """Shares of groups, divided evenly within each."""
    return Weighted([p for _, ps in shares for p in ps], [s / len(ps) for s, ps in shares for _ in ps])


_TRANSITIVES = (_ACTIVE[1], *_ACTIVE[3:5])
_SUBJECT = Plan(_even(*_ACTIVE), 0.077)
_OBJECT = Plan(_even(*_TRANSITIVES, *_ACTIVE[6:]), 0.1)
_WITH_OBJECT = Plan(_even(("transitive", "")), 0.09)
_ACTIVE_VERB = Plan(_even(("transitive", "")), 0.1)
_UNACCUSATIVE_SUBJECT = Plan(_even(_UNACCUSATIVE), 0.05)
_TO = Plan(_even(("pp_dative", "")), 0.1)
_DOUBLE = Plan(_even(("double_object", "")), 0.1)

# Clauses that embed another are not among the constructions: 0.49 of clauses are active, 0.158 of those embed.
_EMBEDS = 0.49 * 0.158
TRAIN = Plan(
    _mixed((0.49 - _EMBEDS, _ACTIVE), (0.06, (_UNACCUSATIVE,)), (0.375, _PASSIVE), (0.075, _DATIVE_PASSIVE)),
    _EMBEDS,
    # A third in the released training files, half in those of every case.
    names=1 / 3,
)
_SUBJECT_PP_EMBEDS = 0.55 * 0.30

PLANS: dict[str, Plan] = {
    "train": TRAIN,
    "subject_to_object_common": replace(_OBJECT, object=lexicon.SUBJECT_ONLY),
    "subject_to_object_proper": replace(_OBJECT, object=lexicon.SUBJECT_ONLY_NAME),
    "object_to_subject_common": replace(_SUBJECT, subject=lexicon.OBJECT_ONLY),
    "object_to_subject_proper": replace(_SUBJECT, subject=lexicon.OBJECT_ONLY_NAME),
    "primitive_to_subject_common": replace(_SUBJECT, subject=lexicon.ALONE),
    "primitive_to_subject_proper": replace(_SUBJECT, subject=lexicon.ALONE_NAME),
    "primitive_to_object_common": replace(_OBJECT, object=lexicon.ALONE),
    "primitive_to_object_proper": replace(_OBJECT, object=lexicon.ALONE_NAME),
    "primitive_to_infinitive": Plan(_even(("infinitive", "wanting")), 0.04, inner=lexicon.ALONE_VERB),
    "object_pp_to_subject_pp": Plan(
        _mixed(
            (0.55 - _SUBJECT_PP_EMBEDS, _ACTIVE), (0.05, (_UNACCUSATIVE,)), (0.20, _PASSIVE), (0.20, _DATIVE_PASSIVE)
        ),
        _SUBJECT_PP_EMBEDS,
        subject_pp=True,
    ),
    # The four kinds of clause are equally likely in the grammar.
    "cp_recursion": Plan(
        _mixed((0.25, _ACTIVE), (0.25, (_UNACCUSATIVE,)), (0.25, _PASSIVE), (0.25, _DATIVE_PASSIVE)), deeper="cp"
    ),
    "pp_recursion": Plan(_even(*_TRANSITIVES, *_ACTIVE[6:]), 0.1, deeper="pp"),
    "active_to_passive": Plan(_even(("passive", ""), ("passive_by", "")), 0.05, verb=lexicon.ACTIVE_ONLY),
    "passive_to_active": replace(_ACTIVE_VERB, verb=lexicon.PASSIVE_ONLY),
    "omitted_object_to_transitive": replace(_WITH_OBJECT, verb=lexicon.OMITTED_ONLY),
    "unaccusative_to_transitive": Plan(_even(("causative", "")), 0.09, verb=lexicon.UNACCUSATIVE_ONLY),
    "double_object_to_pp_dative": replace(_TO, verb=lexicon.DOUBLE_ONLY),
    "pp_dative_to_double_object": replace(_DOUBLE, verb=lexicon.DATIVE_ONLY),
    "agent_to_unaccusative_subject": replace(_UNACCUSATIVE_SUBJECT, subject=lexicon.AGENT_ONLY),
    "theme_to_omitted_object_subject": Plan(_even(_ACTIVE[2]), 0.05, subject=lexicon.THEME_ONLY),
    "theme_to_unergative_subject": Plan(_even(_ACTIVE[0]), 0.05, subject=lexicon.THEME_ONLY),
}
# The 12 sentences that show each reserved word, other than the three shown alone, in its known role.
EXPOSURES: tuple[Plan, ...] = (
    replace(_SUBJECT, subject=lexicon.SUBJECT_ONLY),
    replace(_SUBJECT, subject=lexicon.SUBJECT_ONLY_NAME),
    replace(_OBJECT, object=lexicon.OBJECT_ONLY),
    replace(_OBJECT, object=lexicon.OBJECT_ONLY_NAME),
    replace(_ACTIVE_VERB, verb=lexicon.ACTIVE_ONLY),
    Plan(_even(("passive", "")), 0.03, verb=lexicon.PASSIVE_ONLY),
    Plan(_even(("omitted_object", "")), 0.05, verb=lexicon.OMITTED_ONLY),
    Plan(_even(("unaccusative", "")), 0.1, verb=lexicon.UNACCUSATIVE_ONLY),
    replace(_DOUBLE, verb=lexicon.DOUBLE_ONLY),
    replace(_TO, verb=lexicon.DATIVE_ONLY),
    Plan(_even(_ACTIVE[4]), 0.1, subject=lexicon.AGENT_ONLY),
    replace(_UNACCUSATIVE_SUBJECT, subject=lexicon.THEME_ONLY),
)
# Phrases and complements nested at most this deep, outside the two cases of recursion.
TRAIN_RECURSION = 2


@dataclass
class Clause:
    """Words of a sentence and the terms of its logical form, as they are built from left to right."""

    words: list[str] = field(default_factory=list[str])
    definites: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    terms: list[tuple[int, list[str]]] = field(default_factory=list[tuple[int, list[str]]])
    construction: str = ""
    complements: int = 0
    phrases: int = 0
    longest: int = 0

    def term(self, at: int, predicate: str, *arguments: str) -> None:
        """Add ``predicate ( a , b )``, ordered by the word that it belongs to."""
        inside = [t for i, a in enumerate(arguments) for t in ([","] if i else []) + a.split()]
        self.terms.append((at, [*predicate.split(), "(", *inside, ")"]))

    def form(self) -> list[str]:
        """Tokens: definite nouns first, each closed by a semicolon, then the terms joined by AND."""
        out = list[str]()
        for at, noun in sorted(self.definites):
            out += ["*", noun, "(", "x", "_", str(at), ")", ";"]
        for i, (_, term) in enumerate(sorted(self.terms, key=lambda t: t[0])):
            out += [*(["AND"] if i else []), *term]
        return out


def build(plan: Plan, d: Draws, beyond: tuple[int, int]) -> Clause:
    """One sentence of a plan.

    As in the published files, no noun and no name occurs twice in a sentence (a sentence with one is drawn anew, which
    makes long ones rarer), and a sentence that nests too deeply is drawn anew; prepositional phrases count together,
    wherever they stand. The two cases of recursion draw their depth evenly from ``beyond``.
    """
    depth = d.between(*beyond) if plan.deeper else 0
    while True:
        try:
            clause = _Builder(plan, d, depth).sentence()
        except _NounTwice:
            continue
        if plan.deeper or max(clause.complements, clause.phrases) <= TRAIN_RECURSION:
            return clause


class _NounTwice(Exception):
    """A noun or name was drawn that the sentence has already."""


class _Builder:
    """Builds one sentence; positions in logical forms are those of the head words."""

    def __init__(self, plan: Plan, d: Draws, depth: int) -> None:
        self.plan, self.d, self.depth = plan, d, depth
        self.clause = Clause()
        self.nouns = set[str]()

    def sentence(self) -> Clause:
        """Speakers, the innermost clause, a full stop, a capital."""
        complements = self.depth if self.plan.deeper == "cp" else 0
        if self.plan.deeper != "cp":
            while self.d.chance(self.plan.complement):
                complements += 1
        above: tuple[int, str] | None = None
        for _ in range(complements):
            speaker = self._animate(pp=self.plan.subject_pp)
            stem = lexicon.VERBS_OF["saying"].draw(self.d)
            at = self._verb(stem, lexicon.VERBS[stem][0], {"agent": speaker})
            self._under(above, at)
            above = at, stem
            self._word("that")
        self._under(above, self._innermost())
        self.clause.complements = complements
        words = [*self.clause.words, "."]
        words[0] = words[0][0].upper() + words[0][1:]
        self.clause.words = words
        return self.clause

    def _under(self, above: tuple[int, str] | None, at: int) -> None:
        if above is not None:
            self.clause.term(above[0], f"{above[1]} . ccomp", f"x _ {above[0]}", f"x _ {at}")

    def _innermost(self) -> int:
        """The clause that embeds no other; the position of its verb."""
        name, verbs = self.plan.clauses.draw(self.d)
        self.clause.construction = name
        stem = lexicon.VERBS_OF[verbs].draw(self.d) if verbs else self.plan.verb or ""
        past, participle = lexicon.VERBS[stem]
        if name.startswith("passive"):
            return self._passive(name, stem, participle)
        if name == "unaccusative":
            return self._verb(stem, past, {"theme": self._subject_of_unaccusative()})
        subject = self._noun(self.plan.subject, pp=False) if self.plan.subject else self._agent()
        at = self._verb(stem, past, {"agent": subject})
        if name in ("transitive", "causative"):
            self._role(at, stem, "theme", self._object(animate=self.d.chance(0.5)))
        elif name == "pp_dative":
            self._role(at, stem, "theme", self._object(animate=False))
            self._word("to")
            self._role(at, stem, "recipient", self._animate(pp=False))
        elif name == "double_object":
            self._role(at, stem, "recipient", self._animate(pp=False))
            self._role(at, stem, "theme", self._object(animate=False))
        elif name == "infinitive":
            self._word("to")
            inner = self.plan.inner or lexicon.VERBS_OF["infinitive"].draw(self.d)
            inner_at = self._word(inner)
            self._role(at, stem, "xcomp", f"x _ {inner_at}")
            self._role(inner_at, inner, "agent", subject)
        return at

    def _passive(self, name: str, stem: str, participle: str) -> int:
        if "dative" in name:
            subject, role = self._animate(pp=self.plan.subject_pp), "recipient"
        else:
            subject, role = self._noun(lexicon.INANIMATE.draw(self.d), pp=self.plan.subject_pp), "theme"
        self._word("was")
        at = self._verb(stem, participle, {role: subject})
        if "dative" in name:
            self._role(at, stem, "theme", self._object(animate=False))
        elif "_to" in name:
            self._word("to")
            self._role(at, stem, "recipient", self._animate(pp=False))
        if name.endswith("_by"):
            self._word("by")
            self._role(at, stem, "agent", self._agent())
        return at

    def _agent(self) -> str:
        return self._animate(pp=self.plan.subject_pp)

    def _subject_of_unaccusative(self) -> str:
        if self.plan.subject:
            return self._noun(self.plan.subject, pp=False)
        if self.d.chance(0.5):
            return self._noun(lexicon.INANIMATE.draw(self.d), pp=self.plan.subject_pp)
        return self._animate(pp=self.plan.subject_pp)

    def _object(self, *, animate: bool) -> str:
        """A direct object: half of those with a common noun bear a prepositional phrase."""
        wanted, deep = self.plan.object, self.plan.deeper == "pp"
        if wanted in lexicon.RESERVED_NAMES or (
            wanted is None and animate and not deep and self.d.chance(self.plan.names)
        ):
            return self._name(wanted or lexicon.NAMES.draw(self.d))
        noun = wanted or (lexicon.ANIMATE if animate else lexicon.INANIMATE).draw(self.d)
        return self._noun(noun, pp=deep or self.d.chance(0.5))

    def _animate(self, *, pp: bool) -> str:
        """Somebody: a name or a common noun, as likely; always the latter where it bears a phrase."""
        if not pp and self.d.chance(0.5):
            return self._name(lexicon.NAMES.draw(self.d))
        return self._noun(lexicon.ANIMATE.draw(self.d), pp=pp)

    def _once(self, noun: str) -> None:
        if noun in self.nouns:
            raise _NounTwice
        self.nouns.add(noun)

    def _name(self, name: str) -> str:
        self._once(name)
        self._word(name)
        return name

    def _noun(self, noun: str, *, pp: bool) -> str:
        """A noun phrase with its terms; how the verb refers to it."""
        if noun in lexicon.RESERVED_NAMES:
            return self._name(noun)
        at = self._introduce(noun)
        head, depth = at, 0
        deep = self.plan.deeper == "pp"
        while pp:
            preposition = lexicon.PREPOSITIONS.draw(self.d)
            self._word(preposition)
            place = lexicon.PLACES[preposition].draw(self.d)
            inner = self._introduce(place)
            self.clause.term(head, f"{noun.lower()} . nmod . {preposition}", f"x _ {head}", f"x _ {inner}")
            head, noun, depth = inner, place, depth + 1
            pp = depth < self.depth if deep else self.d.chance(0.1)
        self.clause.phrases += depth
        self.clause.longest = max(self.clause.longest, depth)
        return f"x _ {at}"

    def _introduce(self, noun: str) -> int:
        """Article and noun. Logical forms write every common noun in lower case ("TV")."""
        self._once(noun)
        definite = self.d.chance(0.5)
        self._word("the" if definite else "a")
        at = self._word(noun)
        if definite:
            self.clause.definites.append((at, noun.lower()))
        else:
            self.clause.term(at, noun.lower(), f"x _ {at}")
        return at

    def _verb(self, stem: str, form: str, roles: Mapping[str, str]) -> int:
        at = self._word(form)
        for role, who in roles.items():
            self._role(at, stem, role, who)
        return at

    def _role(self, at: int, stem: str, role: str, who: str) -> None:
        self.clause.term(at, f"{stem} . {role}", f"x _ {at}", who)

    def _word(self, word: str) -> int:
        self.clause.words.append(word)
        return len(self.clause.words) - 1
