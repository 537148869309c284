"""Each bad input ends as its line says: one clear error that names the value and what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import unseen
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.learners.language import Generation, Kept, language_model

LONG = "the " * 400


def folder(path, **files):
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return str(path)


NAMES = [
    ("nothing", lambda p: " ", "the name of a model is empty. A model is a folder with config.json"),
    ("unknown provider", lambda p: "grok:4", "'grok' is no provider of models known here"),
    ("no name there", lambda p: "openai:", "an endpoint needs the name of a model"),
    ("no address", lambda p: "openai:m@nowhere", "'nowhere' is no address of an endpoint"),
    ("a password", lambda p: "openai:m@https://a:b@models.invalid/v1", "an address holds no password"),
    ("no such folder", lambda p: str(p / "none"), "none: no such file or folder. A local model is a folder with"),
    ("an empty folder", lambda p: folder(p / "m"), "holds no config.json, so that it is no model"),
    ("a folder of a GGUF file", lambda p: folder(p / "m", x__gguf=""), "It holds x.gguf: name that file."),
    ("no weights", lambda p: folder(p / "m", config__json="{}"), "holds no *.safetensors."),
    ("pickled weights", lambda p: folder(p / "m", config__json="{}", model__bin=""), "Its weights are pickled, which is not read"),
    ("another file", lambda p: folder(p / "m", x__txt="a") + "/x.txt", "is no model. A local model is a folder"),
    ("GGUF that is none", lambda p: folder(p / "m", x__gguf="text") + "/x.gguf", "can't be read as a language model"),
    ("config that is none", lambda p: folder(p / "m", config__json="[", a__safetensors=""), "can't be read as a language model"),
    ("unknown architecture", lambda p: folder(p / "m", config__json='{"model_type": "none"}', a__safetensors=""), "can't be read as"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), [pytest.param(n, w, id=i) for i, n, w in NAMES])
def test_a_name_that_is_no_model(name, words, tmp_path, monkeypatch):
    if words.startswith(("can't", "none:", "holds", "It holds", "Its", "is no model")):
        pytest.importorskip("transformers")
    monkeypatch.setenv("UNSEEN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BadInput) as error:
        language_model(name(tmp_path))
    assert words in str(error.value)
    assert len(str(error.value)) < 700
    # Nothing half-made stays behind.
    assert not list(tmp_path.glob("cache/models/*"))
    assert not list(tmp_path.glob("cache/models/.*"))


SETTINGS = [
    ({"max_tokens": 0}, "max_tokens must be at least 1, got 0."),
    ({"temperature": -1.0}, "the temperature must be 0 or more, got -1.0."),
    ({"temperature": float("nan")}, "the temperature must be 0 or more, got nan."),
    ({"temperature": 1.0, "top_p": 0.0}, "top_p must lie above 0 and at most at 1, got 0.0."),
    ({"samples": 2}, "2 samples at temperature 0 are the same answer each time."),
    ({"beams": 2, "temperature": 1.0}, "a beam search draws nothing"),
    ({"stop": ("a", "")}, "an empty text can't be a stop"),
]


@pytest.mark.parametrize(("settings", "words"), SETTINGS)
def test_settings_that_mean_nothing(settings, words):
    with pytest.raises(BadInput) as error:
        Generation(**settings)
    assert words in str(error.value)


CHAT = [{"role": "user", "content": "Hi"}]
ASKED = [
    ("no chat template", {"chat": False}, lambda m: m.generate([CHAT], Generation()), "toy has no chat template, so that it can't take messages. Give it a prompt of text"),
    ("refused by the template", {}, lambda m: m.generate([[{"role": "tool", "content": "x"}]], Generation()), "the chat template of toy refuses the messages tool (no tools here)"),
    ("no messages", {}, lambda m: m.generate([[]], Generation()), "a prompt of messages needs at least one message."),
    ("no content", {}, lambda m: m.generate([[{"role": "user"}]], Generation()), "a message needs a role and a content, both text"),
    ("no role known", {}, lambda m: m.generate([[{"role": "me", "content": "x"}]], Generation()), "the role 'me' is none of system,"),
    ("too long", {}, lambda m: m.generate(["a", LONG], Generation()), "prompt 2 ('the the the the the the the th…') has 468 tokens with 64 tokens of an answer; toy takes 256."),
    ("no room for the answer", {}, lambda m: m.generate(["a"], Generation(max_tokens=255)), "has 257 tokens with 255 tokens of an answer"),
    ("too long to score", {}, lambda m: m.score([LONG], [["a"]]), "tokens with its continuation; toy takes 256. Shorten it"),
    ("an empty option", {}, lambda m: m.score(["a", "b"], [["x"], ["y", ""]]), "continuation 2 of prompt 2 is empty"),
    ("no options", {}, lambda m: m.score(["a"], [[]]), "prompt 1 needs a list of at least one continuation, got []."),
    ("a text for options", {}, lambda m: m.score(["a"], ["xyz"]), "prompt 1 needs a list of at least one continuation, got 'xyz'."),
    ("fewer lists", {}, lambda m: m.score(["a", "b"], [["x"]]), "2 prompts need as many lists of continuations, got 1."),
    ("half a letter", {}, lambda m: m.score(["a\ud83d"], [["x"]]), "a text holds half of a letter (U+D83D at place 2)"),
    ("half a letter in an option", {}, lambda m: m.score(["a"], [["\ud83d"]]), "a text holds half of a letter"),
    ("no such layer", {}, lambda m: m.hidden(["a"], 3), "toy has the layers 0 (embeddings) to 2, or -1 for the last, got 3."),
]  # fmt: skip


@pytest.mark.parametrize(("how", "ask", "words"), [pytest.param(h, a, w, id=i) for i, h, a, w in ASKED])
def test_what_a_model_cannot_be_asked(how, ask, words, toy, tmp_path):
    for model in (toy(**how), Kept(toy(**how), Store(tmp_path))):
        with pytest.raises(BadInput) as error:
            ask(model)
        assert words in str(error.value)


def test_an_option_that_adds_no_token_is_refused(toy):
    from tokenizers.normalizers import Strip

    lm = toy()
    lm.tokens.tokenizer.backend_tokenizer.normalizer = Strip(left=False, right=True)
    with pytest.raises(BadInput, match=r"continuation 2 of prompt 1 \(' '\) adds no token"):
        lm.score(["an"], [["t", " "]])


def test_nothing_asked_is_nothing_answered(toy):
    lm = toy()
    assert (lm.generate([], Generation()), lm.score([], []), lm.hidden([], 0).shape) == ([], [], (0, 32))


def test_any_letter_can_be_asked_and_kept(toy, tmp_path):
    texts = ["日本語のテキスト", "עברית وعربي", "🙂🏽 \u200d\u202e\x00\x1b[31m", "a\r\n\tb", "é" * 20, ""]
    lm = toy()
    for model in (lm, Kept(lm, Store(tmp_path)), Kept(lm, Store(tmp_path))):
        answers = model.generate(texts, Generation(max_tokens=3))
        scored = model.score(texts, [["🙂", " é"]] * len(texts))
        assert len(answers) == len(scored) == len(texts)
    assert [s.text for s in scored[0]] == ["🙂", " é"]


def test_devices_types_and_settings_that_are_none(toy, tmp_path):
    place = str(toy.folder(tmp_path / "m"))
    for settings, words in (
        ({"dtype": "int3"}, "the data type 'int3' is none of bfloat16, float16, float32."),
        ({"device": "abacus"}, "the device 'abacus' can't be used"),
        (
            {"temperature": 1},
            "no setting 'temperature' of this kind of model. The settings are dtype, device, batch, nodes.",
        ),
    ):
        with pytest.raises(BadInput) as error:
            language_model(place, **settings)
        assert words in str(error.value)


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
from unseen.errors import MissingExtra
from unseen.learners.language import Generation, language_model
try:
    language_model(sys.argv[2]).generate(["a"], Generation())
except MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [("transformers", "m", "lm"), ("torch", "m", "lm"), ("openai", "openai:m@http://127.0.0.1:9/v1", "endpoint")],
)
def test_a_missing_extra_is_named(library, name, extra, tmp_path):
    folder(tmp_path / "m", config__json="{}", a__safetensors="")
    environment = {**os.environ, "PYTHONPATH": str(Path(unseen.__file__).parent.parent), "UNSEEN_CACHE": str(tmp_path)}
    printed = subprocess.run(
        [sys.executable, "-c", BLOCK, library, name], env=environment, capture_output=True, text=True, cwd=tmp_path, check=True
    ).stdout  # fmt: skip
    assert f"needs the extra '{extra}', which is not installed. Run: pip install 'unseen[{extra}]'" in printed
