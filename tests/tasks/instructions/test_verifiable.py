"""Instructions: what they ask can be done, and what is almost right is told from what is right."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unseen import tasks
from unseen.errors import BadInput
from unseen.tasks.instructions.kinds import KINDS, MANY, Constraint, conflict
from unseen.tasks.instructions.reading import as_read, count_words, occurrences, sentences
from unseen.tasks.instructions.wordings import STYLES, instruction, wording
from unseen.tasks.instructions.writer import _ADJECTIVES, _NOUNS, _VERBS, BEGINNINGS, ENDINGS, KEYS, SUBJECTS

TASK = tasks.load("verifiable-instructions")
STRICT = tasks.load("verifiable-instructions", credit="all")
SEEDS = st.integers(0, 2**62)


@settings(max_examples=2000, deadline=None)
@given(SEEDS, st.integers(1, 10))
def test_what_is_asked_can_be_done_and_each_near_miss_is_told(seed, number):
    e = TASK.draw(seed, number=number)
    asked = TASK.constraints(e)
    assert TASK.met(e, e.target) == [True] * number
    assert TASK.verify(e, f"\n```text\n{e.target}\n```\n\n") == 1.0
    assert not any(conflict(a.kind, b.kind) for a, b in combinations(asked, 2))
    for c in asked:
        missed = c.missed(str(e.target))
        assert not c.met(missed)
        assert TASK.verify(e, missed) <= 1 - 1 / number
        assert STRICT.verify(e, missed) == 0.0


def test_all_pairs_of_kinds_that_may_stand_together_do():
    """No pair is excluded that has an answer, but for those listed with a reason."""
    met = set()
    for seed in range(1500):
        for e in (TASK.draw(seed, number=10), TASK.draw(seed, number=6, kinds=tuple(KINDS))):
            met |= set(combinations(sorted(e.factors["kinds"]), 2))
    assert met == {pair for pair in combinations(sorted(KINDS), 2) if not conflict(*pair)}
    for kind in KINDS:
        for other in KINDS[kind].excludes:
            with pytest.raises(BadInput, match="can stand together"):
                TASK.draw(0, number=2, kinds=tuple({kind, other}) if kind != other else (kind,))


def test_filler_is_never_a_word_that_can_be_asked_for_or_forbidden():
    fixed = {w for phrase in (*BEGINNINGS, *ENDINGS) for w in phrase.casefold().split()}
    filler = {*_ADJECTIVES, *_NOUNS, *_VERBS, "the", *KEYS, "section"} | fixed
    asked = set(SUBJECTS).union(*SUBJECTS.values())
    assert not filler & asked
    assert all(len(set(words)) == 10 and subject not in words for subject, words in SUBJECTS.items())


def scanned(text: str) -> list[str]:
    """Words by a walk over characters: letters and digits, a mark between two of them joins."""
    words, word = [], ""
    for i, c in enumerate(text):
        if c.isalnum() or (word and word[-1].isalnum() and c in "'’-" and i + 1 < len(text) and text[i + 1].isalnum()):
            word += c
        elif word:
            words.append(word)
            word = ""
    return [*words, word] if word else words


@settings(max_examples=600, deadline=None)
@given(st.text("aBé3'-_. \n*ñ中’", max_size=30))
def test_words_are_counted_as_a_walk_over_characters_counts_them(text):
    assert count_words(text) == len(scanned(text))


@settings(max_examples=600, deadline=None)
@given(st.text("abAB- _é.", max_size=24))
def test_whole_words_are_found_as_by_trying_every_place(text):
    def joined(i: int) -> bool:
        return 0 <= i < len(text) and (text[i].isalnum() or text[i] == "_")

    places = [
        i for i in range(len(text)) if text[i : i + 2].lower() == "ab" and not joined(i - 1) and not joined(i + 2)
    ]
    assert occurrences("ab", text) == places


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("One. Two! Three?", 3),
        ("It costs 3.50 euros", 1),
        ("Wait... what?!", 2),
        ('He said "no." Then he left.', 2),
        ("<<A title. Really>>\nSection 1\nText", 1),
        ("- one\n- two", 2),
        ("これは文です。もう一つ。", 2),
        ("...\n?!", 0),
    ],
)
def test_sentences_end_at_stops_and_lines(text, number):
    assert len(sentences(text)) == number


ALMOST = [
    # kind, words, low, high, right, almost right
    ("words", (), 3, 3, ["one two three", "one, two; three!\n", "don't well-known 7"], ["one two", "one two three four"]),
    ("words", (), 0, 2, ["a", "a b\n\n"], ["a b c", "", "  \n"]),
    ("letters", (), 3, 3, ["abc", "a1b2c", "añб"], ["ab", "abcd", "123"]),
    ("sentences", (), 2, 2, ["A b. C d."], ["A b, c d.", "A. B. C."]),
    ("include", ("ship",), 0, MANY, ["A Ship!", "the ship's bell", "a ship-owner"], ["ships", "warship", "shipé", "s hip"]),
    ("include", ("café",), 0, MANY, ["Cafe\u0301 open"], ["cafe"]),
    ("exclude", ("ship",), 0, MANY, ["ships and warships"], ["SHIP", "no ship.", "*ship*"]),
    ("count", ("fog",), 2, 2, ["fog, Fog and foggy"], ["fog", "fog fog fog", "fogfog"]),
    ("count", ("fog",), 2, MANY, ["fog fog fog"], ["fog foggy"]),
    ("order", ("a", "b"), 0, MANY, ["a b", "a b a", "a, then b"], ["b a", "a", "b", "b a b", "ab"]),
    ("json", ("x", "y"), 0, MANY, ['{"x": 1, "y": [2]}', '```json\n{"y":"", "x":null}\n```'],
     ['{"x": 1}', '{"x": 1, "y": 2, "z": 3}', "{'x': 1, 'y': 2}", '{"x": 1, "y": 2,}', '{"x": 1, "y": NaN}',
      'Here: {"x": 1, "y": 2}', '[{"x": 1, "y": 2}]', '{"x": 1, "y": 2, "x": 3}', '{"X": 1, "y": 2}', "[" * 9000]),
    ("bullets", (), 2, 2, ["- a\n- b", "Intro:\n* a\n\n* b", "• a\n  • b"], ["- a", "- a\n- b\n- c", "-a\n-b", "-\n-", "1. a\n2. b"]),
    ("sections", ("Section",), 2, 2, ["Section 1\na\nSection 2\nb", "## SECTION 1:\na\n**Section 2**\nb"],
     ["Section 1\na", "Section 1\nSection 2\nb", "Section 1\na\nSection 3\nb", "Section 2\na\nSection 1\nb", "Section 1 a\nSection 2 b", "a"]),
    ("paragraphs", (), 2, 2, ["a\n\nb", "a\n \n\n b\n\n", "<<t>>\na\n\nb"], ["a\nb", "a\n\nb\n\nc", "a"]),
    ("title", ("t",), 0, MANY, ["<<A title>>\ntext", "\n<<x>>"], ["<A title>\ntext", "text\n<<A title>>", "<<>>", "<<A title>> text", "<< - >>"]),
    ("highlight", (), 2, MANY, ["*a* and *b c*"], ["*a*", "**a** *b*", "* a * b *", "*a\nb* *c*"]),
    ("case", ("lower",), 0, MANY, ["all small, 1 ñ"], ["One capital", "123", "ÀB"]),
    ("case", ("upper",), 0, MANY, ["ALL GREAT 1"], ["ALL GREAt", "123"]),
    ("no-commas", (), 0, MANY, ["a; b"], ["a, b", "a，b", "1,000"]),
    ("no-digits", (), 0, MANY, ["one"], ["1", "٣ days"]),
    ("language", ("German",), 0, MANY, ["Das Haus ist nicht weit.", "DAS IST DER market", "der the die das und", "Es ist, was es ist, und das Wasser"],
     ["The house is not far.", "Haus Hund Wasser", "der the die das the", "Elle est dans une maison", "Das one two three four five six seven eight nine ten", "123"]),
    ("language", ("Spanish",), 0, MANY, ["El perro está muy bien"], ["Il cane sta molto bene", "el", "El perro está the best of all that is"][::2]),
    ("alphabet", (), 0, MANY, ["plain, 1!"], ["café", "да", "12"]),
    ("letter", ("q",), 0, MANY, ["none here"], ["Quite", "a q"]),
    ("begin", ("In short",), 0, MANY, ["In short, yes", "  in short\nyes"], ["in shorts", "Well, in short", "In  short"]),
    ("end", ("The end",), 0, MANY, ["Now: the end.", "THE END!\n", '"The end"'], ["The end, friends", "The end. 1", "bathe end", "The"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "words", "low", "high", "right", "almost"), ALMOST)
def test_almost_right_answers_are_told_from_right_ones(kind, words, low, high, right, almost):
    c = Constraint(kind, words, low, high)
    assert [text for text in right if not c.met(text)] == []
    assert [text for text in ["", " \n", "```\n```", *almost] if c.met(text)] == []


def test_every_kind_is_held_against_almost_right_answers():
    assert {row[0] for row in ALMOST} == set(KINDS)


def test_each_meaning_has_four_wordings_that_name_its_numbers_and_words():
    for seed in range(300):
        for c in TASK.constraints(TASK.draw(seed)):
            said = {wording(c, style) for style in STYLES}
            assert len(said) == 4
            shown = {str(n) for n in (c.low, c.high) if 1 < n < MANY} | (set(c.words) - {"lower", "upper"})
            if c.kind in ("bullets", "sections", "paragraphs", "title"):
                shown = {str(c.low)} if c.kind != "title" else shown
            assert all(word in text for word in shown for text in said), (c, said)


def test_wording_and_order_change_neither_what_is_asked_nor_the_answer():
    for seed in range(100):
        drawn = [TASK.draw(seed, wording=w, order=o) for w in STYLES for o in ("hard-first", "easy-first")]
        assert len({e.target for e in drawn}) == 1
        assert len({tuple(e.factors["kinds"]) for e in drawn}) == 1
        hard, easy = (TASK.draw(seed, order=o) for o in ("hard-first", "easy-first"))
        assert hard.factors["wording"] == easy.factors["wording"]
        assert hard.factors["easy_first"] == pytest.approx(1 - easy.factors["easy_first"])
        assert easy.factors["easy_first"] >= 0.5


def test_the_text_is_built_from_the_constraints_that_are_checked():
    for seed in range(50):
        e = TASK.draw(seed)
        assert e.input == instruction(e.factors["subject"], TASK.constraints(e), e.factors["wording"])


def test_credit_is_the_share_of_constraints_met_and_needs_the_subject():
    e = TASK.draw(5, number=4, kinds=("include", "exclude", "no-digits", "no-commas"), subject="market")
    assert TASK.verify(e, e.target) == 1.0
    assert TASK.verify(e, f"{e.target}, 7") == 0.5
    assert TASK.verify(e, str(e.target).replace("market", "supermarket")) == 0.0
    assert tasks.load("verifiable-instructions", credit="all").verify(e, f"{e.target} 7") == 0.0


def test_a_fence_around_part_of_the_answer_stays():
    assert as_read("a\n```\nb\n```") == "a\n```\nb\n```"
    assert as_read("```\na\n```\n```\nb\n```").startswith("```")


def test_a_table_of_answers_names_what_was_asked_and_what_is_met_in_the_order_of_the_text():
    items = [TASK.draw(s, number=3, order=o) for s in range(40) for o in ("hard-first", "easy-first")]
    missed = [TASK.constraints(e)[1].missed(str(e.target)) for e in items]
    table = TASK.answered(items, missed, model="m")
    for row, e, answer in zip(table.iter_rows(named=True), items, missed, strict=True):
        assert row["constraints"] == [c.kind for c in TASK.constraints(e)]
        about = bool(occurrences(e.hidden["subject"], as_read(answer)))
        assert row["constraints_met"] == [about and met for met in TASK.met(e, answer)]
        assert not row["constraints_met"][1]
        assert row["score"] == pytest.approx(sum(row["constraints_met"]) / 3)
    # The second order of a set comes from the first, unless both orders are one.
    assert all(
        second["variant_of"] == first["item"] or second["item"] == first["item"]
        for first, second in zip(table[::2].iter_rows(named=True), table[1::2].iter_rows(named=True), strict=True)
    )
    with pytest.raises(BadInput, match="80 items need as many answers, got 1"):
        TASK.answered(items, ["one"], model="m")


def test_an_audit_reads_number_and_order_of_constraints_from_such_a_table():
    """A writer that heeds the first two constraints, and meets what every text meets: hard ones are met where they stand first."""
    import unseen

    easy = ("exclude", "no-commas", "no-digits", "alphabet")
    kinds = ("include", "highlight", "count", "title", *easy)
    items = [TASK.draw(s, number=1, kinds=k) for s in range(40) for k in kinds]
    items += [
        TASK.draw(10_000 + s, number=4, kinds=kinds, order=o) for s in range(60) for o in ("hard-first", "easy-first")
    ]

    def written(e) -> str:
        text = str(e.target)
        for c in TASK.constraints(e)[2:]:
            text = c.missed(text) if c.kind not in easy and c.met(text) else text
        return text

    items = list({e.item: e for e in items}.values())
    table = TASK.answered(items, [written(e) for e in items], model="m")
    report = unseen.audit(table, select="U406")
    said = {f["subject"]["name"]: f["outcome"] for f in report.findings if f["code"] == "U406"}
    assert set(said.values()) == {"found"}, said
