"""Answers are asked for once: in a run, between runs, and after a run that was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unseen
from unseen.engine.store import Store
from unseen.learners.language.base import Answer, Completion, Generation, LanguageModel, Scored
from unseen.learners.language.kept import Kept


class Echo:
    """Answers with the prompt, and writes down what it was asked."""

    name = "echo"

    def __init__(self, log=None, version=1, pause=0.0):
        self.identity = {"echo": version}
        self.log, self.pause, self.calls = log, pause, []

    def called(self, what):
        self.calls.append(what)
        if self.log is not None:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write(json.dumps(what) + "\n")
        time.sleep(self.pause)

    def generate(self, prompts, settings, *, draws=None, done=None):
        made = []
        for i, prompt in enumerate(prompts):
            numbers = list(range(settings.samples) if draws is None else draws)
            self.called([prompt, numbers])
            made.append(
                Answer(tuple(Completion(f"{prompt}!{d}", ("é", "\n"), (-0.1, float("-inf"))) for d in numbers), 3)
            )
            done(i, made[-1])
        return made

    def score(self, prompts, continuations, *, done=None):
        made = []
        for i, (prompt, options) in enumerate(zip(prompts, continuations, strict=True)):
            self.called([prompt, list(options)])
            made.append(tuple(Scored(o, (o,), (-1.5 - len(prompt),), False) for o in options))
            done(i, made[-1])
        return made

    def hidden(self, prompts, layer, *, pool="last"):
        raise NotImplementedError


SAMPLED = Generation(temperature=1.0, samples=2)


def test_what_was_asked_once_is_not_asked_again(tmp_path):
    model = Echo()
    kept = Kept(model, Store(tmp_path))
    assert isinstance(kept, LanguageModel)
    first = kept.generate(["a", "b", "a"], Generation())
    assert len(model.calls) == kept.asked == 2
    assert first[0] == first[2]
    again = Kept(Echo(), Store(tmp_path))
    assert again.generate(["b", "a", "c"], Generation()) == [
        first[1],
        first[0],
        Echo().generate(["c"], Generation(), done=print)[0],
    ]
    assert again.asked == 1
    scored = kept.score(["a", "b"], [["x", "y"], ["x"]])
    assert Kept(model, Store(tmp_path)).score(["a", "b", "a"], [["x", "y"], ["x"], ["x", "y"]]) == [*scored, scored[0]]
    assert len(model.calls) == 4


def test_another_model_prompt_or_setting_is_another_question(tmp_path):
    kept = Kept(Echo(), Store(tmp_path))
    kept.generate(["a"], Generation())
    for settings in (
        Generation(max_tokens=3),
        Generation(stop=("x",)),
        Generation(temperature=0.5),
        Generation(beams=2),
    ):
        before = kept.asked
        kept.generate(["a"], settings)
        assert kept.asked == before + 1
    other = Kept(Echo(version=2), Store(tmp_path))
    other.generate(["a", [{"role": "user", "content": "a"}]], Generation())
    assert other.asked == 2
    # What changes no answer is no other question: the seed where nothing is drawn.
    kept.generate(["a"], Generation(seed=7))
    assert kept.asked == 5


def test_more_samples_ask_for_the_new_ones_alone(tmp_path):
    model = Echo()
    kept = Kept(model, Store(tmp_path))
    two = kept.generate(["a", "b"], SAMPLED)
    four = kept.generate(["a", "b", "c"], Generation(temperature=1.0, samples=4))
    assert [a.completions[:2] for a in four[:2]] == [a.completions for a in two]
    assert model.calls == [["a", [0, 1]], ["b", [0, 1]], ["a", [2, 3]], ["b", [2, 3]], ["c", [0, 1, 2, 3]]]


def test_each_answer_is_told_as_soon_as_it_is_there(tmp_path):
    told = []
    Kept(Echo(), Store(tmp_path)).generate(["a"], SAMPLED)
    kept = Kept(Echo(), Store(tmp_path))
    answers = kept.generate(["b", "a", "b"], SAMPLED, done=lambda i, answer: told.append((i, answer)))
    assert sorted(i for i, _ in told) == [0, 1, 2]
    assert all(answers[i] == answer for i, answer in told)
    assert told[0][0] == 1


def test_damaged_answers_are_asked_for_again(tmp_path):
    first = Kept(Echo(), Store(tmp_path)).generate(["a", "b", "c"], Generation())
    cut, changed, _ = sorted(tmp_path.glob("*/*.json"))
    cut.write_bytes(cut.read_bytes()[:40])
    changed.write_text(changed.read_text(encoding="utf-8").replace("!0", "?0"), encoding="utf-8")
    kept = Kept(Echo(), Store(tmp_path))
    assert kept.generate(["a", "b", "c"], Generation()) == first
    assert kept.asked == 2
    kept = Kept(Echo(), Store(tmp_path))
    kept.generate(["a", "b", "c"], Generation())
    assert kept.asked == 0


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from test_kept import Echo
from unseen.engine.store import Store
from unseen.learners.language.base import Generation
from unseen.learners.language.kept import Kept
kept = Kept(Echo(log=sys.argv[3], pause=0.05), Store(sys.argv[2]))
kept.generate([f"p{i}" for i in range(40)], Generation(temperature=1.0, samples=3))
kept.score([f"p{i}" for i in range(40)], [["x", "y"]] * 40)
"""


@pytest.mark.parametrize("calls", [7, 52])
def test_a_run_that_is_killed_goes_on_where_it_was_and_asks_nothing_twice(tmp_path, calls):
    log, store = tmp_path / "log", tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": str(Path(unseen.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(store), str(log)], env=environment
    )
    while process.poll() is None and (not log.exists() or len(log.read_text(encoding="utf-8").splitlines()) < calls):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert calls <= len(before) < 80
    prompts, how = [f"p{i}" for i in range(40)], Generation(temperature=1.0, samples=3)
    model = Echo()
    kept = Kept(model, Store(store))
    found = kept.generate(prompts, how), kept.score(prompts, [["x", "y"]] * 40)
    plain = Kept(Echo(), Store(tmp_path / "other"))
    assert found == (plain.generate(prompts, how), plain.score(prompts, [["x", "y"]] * 40))
    # The one call that was under way had no answer yet; none that was answered is repeated.
    repeated = [call for call in model.calls if call in before]
    assert len(repeated) <= 1
    assert all(call == before[-1] or set(call[1]) < set(before[-1][1]) for call in repeated)
    assert len(before) + len(model.calls) <= 81


def test_a_local_model_that_was_stopped_gives_the_answers_of_a_whole_run(toy, tmp_path):
    prompts = [f"the {'hat ' * (i % 5)}{i}" for i in range(20)]
    how = Generation(max_tokens=6, temperature=1.0, samples=2)
    whole = toy(batch=2).generate(prompts, how)
    told = []

    def stop(place, answer):
        told.append(place)
        if len(told) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Kept(toy(batch=2), Store(tmp_path)).generate(prompts, how, done=stop)
    kept = Kept(toy(batch=2), Store(tmp_path))
    found = kept.generate(prompts, how)
    assert [[c.tokens for c in a.completions] for a in found] == [[c.tokens for c in a.completions] for a in whole]
    assert kept.asked <= 2 * (20 - 9)


AGAIN = """
import sys
from unseen.learners.language import Generation, language_model
lm = language_model(sys.argv[1], dtype="float32")
print(lm.name, [a.text for a in lm.generate(["a the", "an"], Generation(max_tokens=3))], "torch" in sys.modules, lm.asked)
"""


def test_kept_answers_need_no_weights(toy, tmp_path):
    place = toy.folder(tmp_path / "toy")
    environment = {**os.environ, "UNSEEN_CACHE": str(tmp_path / "cache")}

    def run():
        done = subprocess.run(
            [sys.executable, "-c", AGAIN, str(place)], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split(" ", 1)[1].rsplit("]", 1)

    first, second = run(), run()
    assert first[0] == second[0]
    assert (first[1].split(), second[1].split()) == (["True", "2"], ["False", "0"])
    # Other weights under the same name are read anew.
    next(place.glob("*.safetensors")).unlink()
    toy.llama(seed=1).save_pretrained(place)
    assert run()[1].split() == ["True", "2"]
