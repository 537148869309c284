"""Answers are read by rules that are shown; what can't be read is said."""

import json

import polars as pl
import pytest

from unseen.errors import BadInput
from unseen.learners.questions.forms import Form, Style
from unseen.learners.questions.frames import framed
from unseen.learners.questions.items import Item, items_of, split_options
from unseen.learners.questions.scoring import fitted, hidden, number_in, scorer_named
from unseen.responses import Responses

FORM = Form(Item("1", "Capital of Italy?", "Rome", ("Paris", "Rome", "New York", "York")), "1")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("B", "Rome"), ("(b)", "Rome"), ("b.", "Rome"), ("**B**", "Rome"), ("B) Rome", "Rome"), ("Rome", "Rome"),
        ("The answer is B.", "Rome"), ("Answer: (B)", "Rome"), ("I think it is Rome.", "Rome"), ("New York", "New York"),
        ("It must be New York, surely", "New York"), ("C. New York", "New York"), ("E", None), ("", None), ("Paris or Rome", None),
        ("A city in Italy", None), ("The answer is a city", None), ("I am a language model", None), ("2", None), ("🙂", None),
    ],
)  # fmt: skip
def test_choices_are_read_as_a_person_would_or_not_at_all(text, read):
    reading = scorer_named("choice").read(FORM, text)
    assert (reading.prediction, reading.score) == (read, float(read == "Rome"))


def test_labels_are_those_that_are_shown():
    numbers = Form(FORM.item, "1", style=Style("numbers"))
    bullets = Form(FORM.item, "1", style=Style("bullets"))
    read = scorer_named("choice").read
    assert read(numbers, "2").prediction == "Rome"
    assert read(numbers, "B").prediction is None
    assert read(bullets, "B").prediction is None
    assert read(bullets, "- Rome").prediction == "Rome"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", "42"), ("The answer is 1,300.50 dollars", "1300.5"), ("6 + 7 = 13, so 13", "13"), ("#### 7\n8", "7"),
        ("-5", "-5"), ("seven", None), ("", None), ("x42", None), ("0.0", "0"), ("1e5x", None),
    ],
)  # fmt: skip
def test_numbers_are_those_that_are_given_as_the_answer(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize(
    ("target", "text", "read", "score"),
    [
        ("80 km", "In 2 hours it runs 80 km, at 40 km/h.", "80", 1), ("80 km", "80", "80", 1), ("80 km", "40 km", "40", 0),
        ("80 km", "80 m", None, 0), ("80 km", "80 kilometres", None, 0), ("80 km", "80km.", "80", 1), ("3 apples", "It is 1 apple", "1", 0),
        ("$5.50", "They pay $5.50 for 3.", "5.5", 1), ("$5.50", "5.5", "5.5", 1), ("12 %", "about 12% of 200", "12", 1),
        ("1,200 kg", "1200 kg", "1200", 1), (r"\frac{1}{2}", r"So \boxed{\dfrac{1}{2}}.", r"\frac{1}{2}", 1),
        (r"\frac{1}{2}", "one half", "onehalf", 0), ("4562", r"With 643 we get \boxed{4,562} from 3919.", "4562", 1),
        ("2+3=5.\n#### 5", "It is 5.", "5", 1), ("2+3=5.\n#### 5", "It is 6.", "6", 0),
    ],
)  # fmt: skip
def test_units_boxes_and_formulas_are_read_as_a_person_would_or_not_at_all(target, text, read, score):
    reading = scorer_named(None).read(Form(Item("1", "?", target), "1"), text)
    assert (reading.prediction, reading.score) == (read, score)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Yes", "yes"), ("no.", "no"), ("**Yes**, since there is no rest", "yes"), ("I would say no", "no"), ("Answer: No", "no"),
        ("Is it? No: yes would need 7. So the answer is no.", "no"), ("Yes or no", None), ("It is larger", None), ("", None),
        ("nothing", None), ("It is not a yes", None), ("There is no way to tell", None), ("Surely no", "no"),
    ],
)  # fmt: skip
def test_labels_of_a_table_are_read_from_whole_sentences(text, read):
    items = [Item(str(i), f"Is {i} even?", "No" if i % 2 else "Yes") for i in range(10)]
    reading = fitted(scorer_named(None), items).read(Form(items[0], "0"), text)
    assert (reading.prediction, reading.score) == (read, float(read == "yes"))


def test_letters_as_labels_are_read_where_they_are_given_as_the_answer_alone():
    items = [Item(str(i), "Which?", "AB"[i % 2]) for i in range(8)]
    read = fitted(scorer_named(None), items).read
    texts = ("A", "B.", "It is a dog", "The answer is B.", "A cat", "b) because a cat")
    assert [read(Form(items[0], "0"), text).prediction for text in texts] == ["a", "b", None, "b", None, None]


def test_answers_of_many_kinds_are_no_labels_and_one_that_hides_the_right_one_is_told():
    items = [Item(str(i), "Who?", f"Ann {i}") for i in range(10)]
    scorer = fitted(scorer_named(None), items)
    assert scorer.labels == ()
    assert hidden(Form(items[3], "3"), "It was Ann 3, I think.", scorer)
    assert not hidden(Form(items[3], "3"), "It was Ann 4.", scorer)
    assert not hidden(Form(items[3], "3"), "Ann 3.", scorer)


def test_of_several_right_answers_of_a_log_each_is_right():
    frame = framed(json.dumps({"prompt": "Sum?", "scorer": {"tool": "inspect", "metric": "match"}}), "Sum?", ())
    item = Item("1", "Sum?", "4,562; 4562", frame=frame)
    read = scorer_named(None).read
    assert [read(Form(item, "1"), text).score for text in ("4562", "It is 4,562", "4563")] == [1, 1, 0]


def test_a_talk_is_asked_by_its_last_turn_with_the_others_ahead():
    turns = [("system", "Be brief."), ("user", "A number  comes."), ("assistant", "Go on."), ("user", "Twice 4 is?")]
    told = json.dumps({"prompt": [{"role": r, "content": c} for r, c in turns]})
    question = "\n".join(c for r, c in turns if r != "assistant")
    log = Responses.of(
        pl.DataFrame(
            {"model": "m", "item": ["1"], "score": [1], "target": ["8"], "question": [question], "as_asked": [told]}
        )
    )
    (item,), _ = items_of(log)
    assert item.question == "Twice 4 is?"
    assert [m["content"] for m in item.frame.prompt("Twice 5 is?", ())][1:] == [
        "A number  comes.",
        "Go on.",
        "Twice 5 is?",
    ]


def test_a_pattern_and_a_function_read_too(tmp_path, monkeypatch):
    item = Form(Item("1", "2 + 2 =", "4"), "1")
    by_pattern = scorer_named(r"regex:result: (\d+)")
    assert by_pattern.read(item, "result: 4").score == 1
    assert by_pattern.read(item, "it is 4").prediction is None
    (tmp_path / "own_scorer_of_test.py").write_text("def half(answer, target, options):\n    return 0.5, answer[:2]\n")
    monkeypatch.chdir(tmp_path)
    reading = scorer_named("own_scorer_of_test:half").read(item, "four")
    assert (reading.prediction, reading.score) == ("fo", 0.5)
    (tmp_path / "bad_scorer_of_test.py").write_text("def much(answer, target, options):\n    return 7\n")
    with pytest.raises(BadInput, match="gave '7'; it must give a score between 0 and 1"):
        scorer_named("bad_scorer_of_test:much").read(item, "four")


@pytest.mark.parametrize(
    ("name", "said"),
    [("regex:(", "is no regular expression"), ("nothing_here:f", "can't be imported"), ("math:pi", "is no function"), ("vote", "no scorer 'vote'")],
)  # fmt: skip
def test_a_scorer_that_is_none_is_refused(name, said):
    with pytest.raises(BadInput, match=said):
        scorer_named(name)


def test_items_are_taken_once_with_their_options_and_the_rest_is_counted():
    log = pl.DataFrame({
        "model": ["m"] * 6, "item": list("abcdef"), "score": [1.0] * 6, "variant_of": [None, "a", None, None, None, None],
        "question": ["Q?\nA. x\nB. y", "Q again?", "2 + 2 =", None, "R?\nA. x\nB. x", "S?\nA. x\nB. y"],
        "target": ["(b)", "y", "4", "5", "x", "C"], "subject": ["one", "one", "two", "two", "one", "two"],
    })  # fmt: skip
    items, left = items_of(Responses.of(log))
    assert [(i.name, i.target, i.options) for i in items] == [("a", "y", ("x", "y")), ("c", "4", ())]
    assert items[0].factors["subject"] == "one"
    assert sorted((one.why, one.first) for one in left) == [
        ("no text of the question", "d"), ("the right answer is none of the options", "f"), ("two options are the same", "e"),
    ]  # fmt: skip


def test_letters_of_an_example_in_the_prompt_are_not_the_options():
    text = "Example\nA. red\nB. blue\n\nNow: capital of Italy?\nA. Paris\nB. Rome"
    assert split_options(text)[1] == ("Paris", "Rome")
    assert split_options("Which?", ["Paris", " Rome "]) == ("Which?", ("Paris", "Rome"))
