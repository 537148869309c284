"""Every variant keeps what it says, says where it does not apply, and is told off where it does not keep it."""

import numpy as np
import pytest

from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item
from unseen.probing.variants import KINDS, Broken, Variant
from unseen.probing.variants.numbers import solved
from unseen.probing.variants.typos import neighbours

RNG = np.random.default_rng
CHOICE = Item(
    "c", "Which metal is liquid at room temperature, as Anna was told?", "mercury", ("iron", "mercury", "copper")
)
OPEN = Item("o", "What is 12 + 30?", "42")
STORY = Item("s", "Tom has 3 apples and Mary gives Tom 4 more apples. How many apples does Tom have?", "7")
UNICODE = Item("u", "日本の首都はどこですか?", "東京", ("大阪", "東京"))
ITEMS = (CHOICE, OPEN, STORY, UNICODE)


def forms(kind, item, seed=0):
    return KINDS[kind].forms(item, RNG(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("item", ITEMS, ids=lambda i: i.name)
def test_a_variant_applies_and_keeps_its_promise_or_says_why_not(kind, item):
    for seed in range(20):
        made = forms(kind, item, seed)
        assert bool(made) != bool(KINDS[kind].why_not(item))
        assert all(f.of == item.name and f.kind == kind and f.text for f in made)
        assert len({f.name for f in made}) == len(made)
        assert [f.text for f in made] == [f.text for f in forms(kind, item, seed)]
        if KINDS[kind].same_answer:
            assert {f.item.target for f in made} <= {item.target}


def test_rotations_put_every_option_at_every_place_once_and_the_key_moves_with_its_text():
    made = [Form(CHOICE, "c"), *forms("order", CHOICE)]
    assert len(made) == 3
    for place in range(3):
        assert {f.item.options[place] for f in made} == set(CHOICE.options)
    assert sorted(f.item.key for f in made) == [0, 1, 2]
    assert all(f.item.options[f.item.key] == "mercury" for f in made)


@pytest.mark.parametrize(
    ("option", "question"),
    [
        ("all of the above", "Which?"),
        ("both A and B", "Which?"),
        ("iron", "Why is option B wrong?"),
        ("A and C", "Which?"),
    ],
)
def test_options_that_speak_of_places_are_left_where_they_are(option, question):
    assert KINDS["order"].why_not(Item("x", question, "mercury", ("mercury", option)))


def test_typos_touch_no_number_name_or_option_and_change_one_inner_letter_a_word():
    item = Item(
        "t",
        "Which planet, asked Anna in 1999, lies closer: the planet Venus or mercury?",
        "mercury",
        ("mercury", "venus"),
    )
    for seed in range(30):
        for form in forms("typos", item, seed):
            for old, new in zip(item.question.split(), form.item.question.split(), strict=True):
                differing = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
                assert len(differing) <= 1
                if differing:
                    assert old.strip(",?:").islower()
                    assert "mercury" not in old
                    assert differing[0][1] in neighbours(differing[0][0])


def test_other_numbers_are_worked_out_again_and_a_wrong_key_is_not_taken_over():
    for seed in range(50):
        (form,) = forms("numbers", OPEN, seed)
        a, b = (int(w.strip("?")) for w in form.item.question.split() if w.strip("?").isdigit())
        assert form.item.target == str(a + b)
        assert (len(str(a)), len(str(b))) == (2, 2)
    wrong = Item("w", "What is 12 + 30?", "43")
    assert KINDS["numbers"].why_not(wrong) == "the answer of the log is not what the numbers give"
    assert solved("12 + 3 - 4") is None
    assert solved("What is 1.5 + 2?") is None


def test_people_get_other_names_one_to_one_and_known_persons_keep_theirs():
    (form,) = forms("names", STORY, 3)
    words = form.item.question.split()
    assert words[0] == words[7] == words[-2]
    assert words[0] not in ("Tom", "Mary")
    assert len(words) == len(STORY.question.split())
    for question in ("When was George Washington born?", "Where did King Henry live?"):
        assert KINDS["names"].why_not(Item("k", question, "x"))
    assert KINDS["names"].why_not(Item("k", "Who is older, Tom or Mary?", "Mary"))


def test_an_irrelevant_sentence_shares_no_word_with_the_item():
    item = Item("i", "Who lost an umbrella on the train?", "the librarian", ("the librarian", "a friend"))
    for seed in range(20):
        for form in forms("context", item, seed):
            added = form.item.question.replace(item.question, "").casefold()
            assert not any(w in added for w in ("umbrella", "train", "librarian", "friend", "lost"))


def test_a_question_that_needs_its_options_is_not_asked_without_them():
    needing = Item("n", "Which of the following is a metal?", "iron", ("iron", "wood"))
    assert "no options shown" not in [f.level for f in forms("format", needing)]
    assert "no options shown" in [
        f.level for f in forms("format", Item("n", "What is the capital of Peru?", "Lima", ("Lima", "Rome")))
    ]


def test_a_longer_option_says_the_same_at_the_same_place():
    right, wrong = forms("length", CHOICE)
    assert right.item.target == right.item.options[1] != "mercury"
    assert right.item.options[1].startswith("mercury")
    assert wrong.item.target == "mercury"
    assert [a == b for a, b in zip(wrong.item.options, CHOICE.options, strict=True)].count(False) == 1


def test_a_variant_that_loses_the_key_is_a_fault_and_not_a_result():
    class Loses(Variant):
        name, title, invariant = "loses", "", "the key stays."

        def why_not(self, item):
            return ""

        def rewrite(self, item, rng):
            return [self.form(item, "x", target="iron")]

        def keeps(self, item, form):
            return True

    with pytest.raises(Broken, match="breaks its promise: the key stays"):
        Loses().forms(CHOICE, RNG(0))


def test_words_of_a_model_are_asked_only_where_both_checks_pass(fake):
    from unseen.learners.language.base import Answer, Completion
    from unseen.probing.variants.reworded import PROPOSALS, differs, reworded

    good, turned, other = (
        "How much do 12 and 30 make together?",
        "How much do 12 and 31 make?",
        "How many are 12 and 30 not?",
    )
    assert [bool(differs(OPEN, t)) for t in (good, turned, other, OPEN.question, "", "12 + 30 is 42, is it?")] == [
        False
    ] + [True] * 5

    class Proposing(fake):
        chats = True

        def generate(self, prompts, settings, *, draws=None, done=None):
            texts = [p[0]["content"] for p in prompts]
            self.asked += texts
            if settings.samples == PROPOSALS:
                return [
                    Answer(tuple(Completion(f'"{t}"\nThat is it.') for t in (good, turned, "What do 12 and 30 give?")))
                    for _ in texts
                ]
            # It calls only the first the same; of the other it takes the first option whatever it says.
            return [Answer((Completion("A" if good not in t or "(A) yes" in t else "B"),)) for t in texts]

    made, notes = reworded([OPEN, STORY], Proposing(str))
    assert [f.item.question for f in made.forms(OPEN, RNG(0))] == [good]
    assert made.forms(OPEN, RNG(0))[0].level == "words of a model 1"
    assert made.why_not(STORY).startswith("no proposal passed the checks")
    assert notes[0].startswith("words of fake: 1 of 6 proposals are asked (4: its numbers are others")
