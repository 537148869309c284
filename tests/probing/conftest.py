"""A language model that is a function of the text, so that what a probe should find is known."""

import re

import polars as pl
import pytest

from unseen.learners.language.base import Answer, Completion

CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Norway": "Oslo", "Peru": "Lima", "Japan": "Tokyo", "Egypt": "Cairo", "Cuba": "Havana",
    "Spain": "Madrid", "Kenya": "Nairobi", "Chad": "Ndjamena", "Nepal": "Kathmandu", "Ghana": "Accra", "Latvia": "Riga",
    "Greece": "Athens", "Poland": "Warsaw", "Austria": "Vienna", "Iran": "Tehran", "Iraq": "Baghdad", "Qatar": "Doha",
    "Serbia": "Belgrade", "Tonga": "Nukualofa", "Libya": "Tripoli", "Syria": "Damascus", "Angola": "Luanda",
}  # fmt: skip
LABEL = re.compile(r"^(?:\(?(\w)\)?[.)]?|-) (.+)$", re.MULTILINE)


class Fake:
    """Answers by a function of the text; counts what it was asked, and may die."""

    def __init__(self, say, name="fake", die_after=None):
        self.say, self.name, self.asked, self.die_after = say, name, [], die_after

    @property
    def identity(self):
        return {"fake": self.name}

    def generate(self, prompts, settings, *, draws=None, done=None):
        answers = []
        for place, prompt in enumerate(prompts):
            if self.die_after is not None and len(self.asked) >= self.die_after:
                raise KeyboardInterrupt
            text = prompt if isinstance(prompt, str) else prompt[-1]["content"]
            self.asked.append(text)
            numbers = range(settings.samples) if draws is None else draws
            answers.append(Answer(tuple(Completion(self.say(text)) for _ in numbers), len(text)))
            if done is not None:
                done(place, answers[-1])
        return answers


def lettered(text):
    """Labels and capitals of the options that a prompt shows, however long they are."""
    shown = [(m[1], re.split(r",| \(", m[2])[0]) for m in LABEL.finditer(text)]
    return [(label, capital) for label, capital in shown if capital in CAPITALS.values()]


def knowing(text):
    """Knows the capitals, and names the label where there is one."""
    right = next(c for country, c in CAPITALS.items() if country in text)
    return next((label or right for label, option in lettered(text) if option == right), right)


def always_first(text):
    """Takes the first option whatever it says."""
    shown = lettered(text)
    return (shown[0][0] or shown[0][1]) if shown else "Paris"


@pytest.fixture
def fake():
    return Fake


@pytest.fixture
def says():
    return {"knowing": knowing, "first": always_first}


@pytest.fixture
def log():
    """Capitals with four options each; the key stands at each place equally often; the model of the log knows them."""

    def made(model="fake", say=knowing):
        names = list(CAPITALS)
        rows = []
        for i, country in enumerate(names):
            options = [CAPITALS[names[(i + j) % len(names)]] for j in range(4)]
            options = options[4 - i % 4 :] + options[: 4 - i % 4]
            question = f"What is the capital of {country}?"
            text = question + "\n" + "\n".join(f"{letter}. {o}" for letter, o in zip("ABCD", options, strict=True))
            said, key = say(text), "ABCD"[options.index(CAPITALS[country])]
            rows.append({
                "model": model, "item": str(i), "score": float(said == key), "prediction": said, "target": key,
                "question": text, "continent": "odd" if i % 2 else "even",
            })  # fmt: skip
        return pl.DataFrame(rows)

    return made
