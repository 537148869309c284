"""Options are laid out by one function, whoever asks."""

import json

import pytest

from unseen.adaptation.prompting import Question
from unseen.learners.questions import Form, Item, Style
from unseen.learners.questions.frames import Frame, framed
from unseen.learners.questions.layout import ASKED, KINDS

OPTIONS = tuple(f"thing {i}" for i in range(12))


def test_ways_to_ask_and_probes_letter_options_alike():
    way, form = Question("1", "Which?", "thing 3", OPTIONS), Form(Item("1", "Which?", "thing 3", OPTIONS), "1")
    assert way.shown().splitlines()[1:] == form.text.splitlines()[2:-2]
    assert f"Answer with {way.wants}." == form.text.splitlines()[-1] == ASKED["letters"]


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("hidden", "bullets")])
def test_labels_of_a_style_are_found_again_in_a_log_also_behind_the_ninth(kind):
    prompt = f"Which?\n{KINDS[kind].lines(OPTIONS)}\nAnswer:"
    frame = framed(json.dumps({"prompt": prompt}), "Which?", OPTIONS)
    assert isinstance(frame, Frame)
    assert [frame.labels.at(i) for i in range(12)] == [Style(kind).label(i) for i in range(12)]
    assert frame.prompt("Which?", OPTIONS) == prompt
