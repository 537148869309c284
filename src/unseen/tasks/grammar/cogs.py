"""COGS-like sentences to logical forms, with the 21 generalisation cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from unseen.factors import Kind
from unseen.tasks.base import Example, Generated, of_tokens
from unseen.tasks.draws import Draws
from unseen.tasks.grammar import cogs_lexicon as lexicon

# The cases of Kim & Linzen (2020), table 1, in its order: name → kind of generalisation.
CASES: dict[str, str] = {
    "subject_to_object_common": "novel role",
    "subject_to_object_proper": "novel role",
    "object_to_subject_common": "novel role",
    "object_to_subject_proper": "novel role",
    "primitive_to_subject_common": "novel role",
    "primitive_to_subject_proper": "novel role",
    "primitive_to_object_common": "novel role",
    "primitive_to_object_proper": "novel role",
    "primitive_to_infinitive": "novel role",
    "object_pp_to_subject_pp": "modified phrase",
    "cp_recursion": "deeper recursion",
    "pp_recursion": "deeper recursion",
    "active_to_passive": "verb alternation",
    "passive_to_active": "verb alternation",
    "omitted_object_to_transitive": "verb alternation",
    "unaccusative_to_transitive": "verb alternation",
    "double_object_to_pp_dative": "verb alternation",
    "pp_dative_to_double_object": "verb alternation",
    "agent_to_unaccusative_subject": "verb class",
    "theme_to_omitted_object_subject": "verb class",
    "theme_to_unergative_subject": "verb class",
}


@dataclass
class Clause:
    """Words of a sentence and the terms of its logical form, as they are built from left to right."""

    words: list[str] = field(default_factory=list[str])
    definites: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    terms: list[tuple[int, list[str]]] = field(default_factory=list[tuple[int, list[str]]])

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


@dataclass
class _Wish:
    """What a case asks of the sentence that is being built; used up once met."""

    noun: str | None = None
    noun_role: str = ""
    pp_depth: int | None = None


class Cogs(Generated):
    """English sentences of a small grammar to logical forms: "cat ( x _ 1 ) AND smile . agent ( x _ 2 , x _ 1 )".

    ``case=train`` draws from the training distribution: words that a case reserves do not occur, recursion stops at
    ``train_recursion``, prepositional phrases modify objects only. Each other case draws sentences that need the
    generalisation it is named after. ``exposures`` lists the training items that show reserved words in their one known
    role, and ``training_set`` puts the whole together.
    """

    name = "cogs"
    title = "COGS-like sentences to logical forms"
    source = (
        "Kim & Linzen (2020), COGS, sections 3 and 4; constructions and cases as published, lexicon and probabilities "
        "are our own, and so is the division of the 155 exposures"
    )
    options: ClassVar[Mapping[str, Any]] = {"case": ("train",), "recursion": (3, 12)}
    levels: ClassVar[Mapping[str, tuple[str, ...]]] = {"case": ("train", *CASES)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"recursion": (1, 12)}
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "case": "categorical",
        "kind": "categorical",
        "construction": "categorical",
        "length": "ordered",
        "output_length": "ordered",
        "cp_depth": "ordered",
        "pp_depth": "ordered",
    }
    train_recursion = 2

    def make(self, d: Draws, o: Mapping[str, Any]) -> Example:
        """A sentence for one of the asked cases."""
        case = d.choice(o["case"])
        build = _Builder(d, self.train_recursion, o["recursion"])
        construction = build.sentence(case)
        return self._example(build.clause, case, construction, build.cp_depth, build.pp_depth)

    def _example(self, clause: Clause, case: str, construction: str, cp: int, pp: int) -> Example:
        form = clause.form()
        factors = {
            "case": case,
            "kind": CASES.get(case, "training"),
            "construction": construction,
            "length": len(clause.words),
            "output_length": len(form),
            "cp_depth": cp,
            "pp_depth": pp,
        }
        return of_tokens(clause.words, form, factors)

    def exposures(self) -> list[Example]:
        """The 155 training items that stand outside the sampled 24,000.

        143 single words with their meaning (the three reserved primitives among them) and 12 sentences that show each
        other reserved word once, in the role that is known.
        """
        out = list[Example]()
        for word, meaning in lexicon.primitives():
            clause = Clause([word])
            example = of_tokens([word], meaning.split(), self._example(clause, "train", "word", 0, 0).factors)
            out.append(
                Example(
                    example.item,
                    example.input,
                    example.target,
                    {**example.factors, "output_length": len(example.target)},
                )
            )
        for number, (case, role) in enumerate(lexicon.EXPOSED):
            build = _Builder(self.draws(f"exposure {number}"), self.train_recursion, (1, 1))
            construction = build.exposure(case, role)
            out.append(self._example(build.clause, "train", construction, 0, 0))
        return out

    def training_set(self, n: int = 24_000, seed: int = 0) -> list[Example]:
        """N sentences of the training distribution and the exposures: 24,155 at full size."""
        return [*self.draw_many(n, seed), *self.exposures()]


class _Builder:
    """Builds one sentence; positions in logical forms are those of the head words."""

    def __init__(self, d: Draws, limit: int, beyond: tuple[int, int]) -> None:
        self.d, self.limit, self.beyond = d, limit, beyond
        self.clause = Clause()
        self.cp_depth = self.pp_depth = 0
        self.wish = _Wish()

    def sentence(self, case: str) -> str:
        """Words and terms of one sentence of a case; the name of its construction."""
        d = self.d
        role = {
            "subject_to_object_common": (lexicon.SUBJECT_ONLY, "object"),
            "subject_to_object_proper": (lexicon.SUBJECT_ONLY_NAME, "object"),
            "object_to_subject_common": (lexicon.OBJECT_ONLY, "subject"),
            "object_to_subject_proper": (lexicon.OBJECT_ONLY_NAME, "subject"),
            "primitive_to_subject_common": (lexicon.ALONE, "subject"),
            "primitive_to_subject_proper": (lexicon.ALONE_NAME, "subject"),
            "primitive_to_object_common": (lexicon.ALONE, "object"),
            "primitive_to_object_proper": (lexicon.ALONE_NAME, "object"),
        }
        if case in role:
            self.wish = _Wish(*role[case])
            name = (
                "transitive" if role[case][1] == "object" else d.choice(["transitive", "unergative", "omitted_object"])
            )
        elif case == "cp_recursion":
            return self._complement(d.between(*self.beyond))
        elif case == "train" and d.chance(0.15):
            return self._complement(d.between(1, self.limit))
        else:
            name = {
                "primitive_to_infinitive": "infinitive",
                "object_pp_to_subject_pp": "transitive",
                "pp_recursion": "transitive",
                "active_to_passive": "passive",
                "passive_to_active": "transitive",
                "omitted_object_to_transitive": "transitive",
                "unaccusative_to_transitive": "causative",
                "double_object_to_pp_dative": "pp_dative",
                "pp_dative_to_double_object": "double_object",
                "agent_to_unaccusative_subject": "unaccusative",
                "theme_to_omitted_object_subject": "omitted_object",
                "theme_to_unergative_subject": "unergative",
            }.get(case) or d.choice(lexicon.CONSTRUCTIONS)
        self._clause(name, case)
        self.clause.words.append(".")
        return name

    def exposure(self, case: str, role: str) -> str:
        """A sentence that shows what a case reserves in its known role."""
        if role in ("subject", "object"):
            self.wish = _Wish(case, role)
            name = "transitive"
            self._clause(name, "train")
        else:
            name = role
            self._clause(role, "train", verb=case)
        self.clause.words.append(".")
        return name

    def _complement(self, depth: int) -> str:
        """Depth times "Emma said that", then a clause."""
        self.cp_depth = depth
        self.clause.words.clear()
        heads = list[int]()
        for _ in range(depth):
            subject = self._noun("subject", animate=True)
            at = self._word(self.d.choice(lexicon.SAYING)[1])
            verb = next(v for v, past in lexicon.SAYING if past == self.clause.words[at])
            self.clause.term(at, f"{verb} . agent", f"x _ {at}", subject)
            if heads:
                self._ccomp(heads[-1], at)
            heads.append(at)
            self._word("that")
        inner = self._clause(self.d.choice(["transitive", "unergative", "omitted_object", "passive"]), "train")
        self._ccomp(heads[-1], inner)
        self.clause.words.append(".")
        return "complement"

    def _ccomp(self, outer: int, inner: int) -> None:
        verb = next(v for v, past in lexicon.SAYING if past == self.clause.words[outer])
        self.clause.term(outer, f"{verb} . ccomp", f"x _ {outer}", f"x _ {inner}")

    def _word(self, word: str) -> int:
        self.clause.words.append(word)
        return len(self.clause.words) - 1

    def _clause(self, name: str, case: str, verb: tuple[str, str, str] | str | None = None) -> int:
        """One clause; returns the position of its verb."""
        d = self.d
        inanimate_subject = case in ("theme_to_omitted_object_subject", "theme_to_unergative_subject")
        stem, past, participle = self._verb(name, case) if not isinstance(verb, str) else lexicon.VERBS[verb]
        if name in ("passive", "passive_by"):
            subject = self._noun("object", animate=None)
            self._word("was")
            at = self._word(participle)
            self.clause.term(at, f"{stem} . theme", f"x _ {at}", subject)
            if name == "passive_by" or d.chance(0.5):
                self._word("by")
                self.clause.term(at, f"{stem} . agent", f"x _ {at}", self._noun("subject", animate=True))
            return at
        if name == "unaccusative":
            subject = self._noun(
                "subject" if case == "agent_to_unaccusative_subject" else "object",
                animate=case == "agent_to_unaccusative_subject",
            )
            at = self._word(past)
            self.clause.term(at, f"{stem} . theme", f"x _ {at}", subject)
            return at
        depth = self._subject_pp(case)
        subject = self._noun("subject", animate=not inanimate_subject, pp=depth)
        at = self._word(past)
        self.clause.term(at, f"{stem} . agent", f"x _ {at}", subject)
        if name in ("transitive", "causative"):
            self.clause.term(
                at, f"{stem} . theme", f"x _ {at}", self._noun("object", animate=None, pp=self._object_pp(case))
            )
        elif name == "pp_dative":
            self.clause.term(at, f"{stem} . theme", f"x _ {at}", self._noun("object", animate=False))
            self._word("to")
            self.clause.term(at, f"{stem} . recipient", f"x _ {at}", self._noun("object", animate=True))
        elif name == "double_object":
            self.clause.term(at, f"{stem} . recipient", f"x _ {at}", self._noun("object", animate=True))
            self.clause.term(at, f"{stem} . theme", f"x _ {at}", self._noun("object", animate=False))
        elif name == "infinitive":
            self._word("to")
            inner = lexicon.ALONE_VERB if case == "primitive_to_infinitive" else d.choice(lexicon.UNERGATIVE)
            inner_at = self._word(inner)
            self.clause.term(at, f"{stem} . xcomp", f"x _ {at}", f"x _ {inner_at}")
            self.clause.term(inner_at, f"{inner} . agent", f"x _ {inner_at}", subject)
        return at

    def _verb(self, name: str, case: str) -> tuple[str, str, str]:
        reserved = {
            "active_to_passive": lexicon.ACTIVE_ONLY,
            "passive_to_active": lexicon.PASSIVE_ONLY,
            "omitted_object_to_transitive": lexicon.OMITTED_ONLY,
            "unaccusative_to_transitive": lexicon.UNACCUSATIVE_ONLY,
            "double_object_to_pp_dative": lexicon.DOUBLE_ONLY,
            "pp_dative_to_double_object": lexicon.DATIVE_ONLY,
        }
        stem = reserved.get(case) or self.d.choice(lexicon.OF_CONSTRUCTION[name])
        return lexicon.VERBS[stem]

    def _subject_pp(self, case: str) -> int:
        return self.d.between(1, self.limit) if case == "object_pp_to_subject_pp" else 0

    def _object_pp(self, case: str) -> int:
        if case == "pp_recursion":
            return self.d.between(*self.beyond)
        return self.d.between(1, self.limit) if case == "train" and self.d.chance(0.25) else 0

    def _noun(self, role: str, *, animate: bool | None, pp: int = 0) -> str:
        """A noun phrase with its terms; how the verb refers to it."""
        d = self.d
        wished = self.wish.noun if self.wish.noun_role == role else None
        if wished is not None:
            self.wish = _Wish()
        proper = wished in lexicon.RESERVED_NAMES if wished else (animate is not False and pp == 0 and d.chance(0.4))
        if proper:
            name = wished or d.choice(lexicon.NAMES)
            self._word(name)
            return name
        pool = lexicon.PEOPLE if animate else lexicon.THINGS if animate is False else lexicon.PEOPLE + lexicon.THINGS
        noun = wished or d.choice(pool)
        definite = d.chance(0.5)
        self._word("the" if definite else "a")
        at = self._word(noun)
        self._introduce(at, noun, definite)
        if pp:
            self._modify(at, noun, pp)
        return f"x _ {at}"

    def _introduce(self, at: int, noun: str, definite: bool) -> None:
        if definite:
            self.clause.definites.append((at, noun))
        else:
            self.clause.term(at, noun, f"x _ {at}")

    def _modify(self, at: int, noun: str, depth: int) -> None:
        self.pp_depth = max(self.pp_depth, depth)
        for _ in range(depth):
            preposition = self.d.choice(lexicon.PREPOSITIONS)
            self._word(preposition)
            definite = self.d.chance(0.5)
            self._word("the" if definite else "a")
            place = self.d.choice(lexicon.PLACES)
            inner = self._word(place)
            self.clause.term(at, f"{noun} . nmod . {preposition}", f"x _ {at}", f"x _ {inner}")
            self._introduce(inner, place, definite)
            at, noun = inner, place
