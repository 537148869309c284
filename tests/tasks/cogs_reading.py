"""Reads sentences of COGS back: construction, nesting and logical form, from the words alone.

An oracle for the generator, which writes words and form together. It knows which verbs are unaccusative and the stem of
each form, and shares no other code.
"""

from __future__ import annotations

from unseen.tasks.grammar import cogs_lexicon as lexicon

PLACES = ("on", "in", "beside")
UNACCUSATIVE = {lexicon.VERBS[v][0] for v in (*lexicon.VERBS_OF["unaccusative"].values, lexicon.UNACCUSATIVE_ONLY)}
OMISSIBLE = {lexicon.VERBS[v][0] for v in (*lexicon.VERBS_OF["omissible"].values, lexicon.OMITTED_ONLY)}
STEM = {form: stem for stem, both in lexicon.VERBS.items() for form in both} | {s: s for s in lexicon.VERBS}


class Reading:
    """One sentence, read from left to right."""

    def __init__(self, words: list[str]) -> None:
        self.words = [w.lower() if w in ("A", "The") else w for w in words]
        assert self.words[-1] == "."
        self.at = 0
        self.first: list[str] = []
        self.by_word: dict[int, list[str]] = {}
        self.complements = self.phrases = self.longest = 0
        self.construction = ""
        self.clause()
        assert self.words[self.at :] == ["."], words
        body = " AND ".join(t for i in sorted(self.by_word) for t in self.by_word[i])
        self.form = " ".join([*self.first, *([body] if body else [])])

    def next(self) -> str:
        self.at += 1
        return self.words[self.at - 1]

    def say(self, i: int, term: str) -> None:
        self.by_word.setdefault(i, []).append(term)

    def noun_phrase(self) -> str:
        if self.words[self.at] not in ("a", "the"):
            return self.next()
        head = previous = None
        depth = 0
        while True:
            article, i, noun = self.next(), self.at, self.next().lower()
            if article == "the":
                self.first.append(f"* {noun} ( x _ {i} ) ;")
            else:
                self.by_word.setdefault(i, []).insert(0, f"{noun} ( x _ {i} )")
            if previous:
                self.say(previous[0], f"{previous[1]} . nmod . {previous[2]} ( x _ {previous[0]} , x _ {i} )")
            head = head or i
            if self.words[self.at] not in PLACES:
                self.phrases += depth
                self.longest = max(self.longest, depth)
                return f"x _ {head}"
            previous, depth = (i, noun, self.next()), depth + 1

    def clause(self) -> int:
        subject = self.noun_phrase()
        passive = self.words[self.at] == "was"
        self.at += passive
        at, form = self.at, self.next()
        verb, rest = STEM[form], self.words[self.at]
        roles: list[tuple[str, str]] = []
        if passive:
            by = "_by" if "by" in self.words else ""
            if rest in (".", "by"):
                self.construction, roles = f"passive{by}", [("theme", subject)]
            elif rest == "to":
                self.at += 1
                self.construction, roles = f"passive_to{by}", [("theme", subject), ("recipient", self.noun_phrase())]
            else:
                self.construction = f"passive_dative{by}"
                roles = [("recipient", subject), ("theme", self.noun_phrase())]
            if by:
                assert self.next() == "by"
                roles.append(("agent", self.noun_phrase()))
        elif rest == "that":
            self.at += 1
            self.complements += 1
            self.say(at, f"{verb} . agent ( x _ {at} , {subject} )")
            self.say(at, f"{verb} . ccomp ( x _ {at} , x _ {self.clause()} )")
        elif rest == "to":
            inner = self.at + 1
            self.construction = "infinitive"
            roles = [("agent", subject), ("xcomp", f"x _ {inner}")]
            self.say(inner, f"{self.words[inner]} . agent ( x _ {inner} , {subject} )")
            self.at += 2
        elif rest == ".":
            kinds = ((form in UNACCUSATIVE, "unaccusative"), (form in OMISSIBLE, "omitted_object"))
            self.construction = next((name for is_it, name in kinds if is_it), "unergative")
            roles = [("theme" if form in UNACCUSATIVE else "agent", subject)]
        else:
            one = self.noun_phrase()
            if self.words[self.at] == ".":
                self.construction = "causative" if form in UNACCUSATIVE else "transitive"
                roles = [("agent", subject), ("theme", one)]
            elif self.words[self.at] == "to":
                self.at += 1
                self.construction = "pp_dative"
                roles = [("agent", subject), ("theme", one), ("recipient", self.noun_phrase())]
            else:
                self.construction = "double_object"
                roles = [("agent", subject), ("recipient", one), ("theme", self.noun_phrase())]
        for role, who in roles:
            self.say(at, f"{verb} . {role} ( x _ {at} , {who} )")
        return at
