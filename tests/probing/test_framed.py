"""Items of a log are asked by the log's own prompt: a variant changes the item in it and nothing else."""

import json
import re

import polars as pl
import pytest
from tests.probing.conftest import CAPITALS, Fake, knowing

from unseen.errors import BadInput
from unseen.learners.language.base import Scored
from unseen.learners.questions.frames import NOT_THERE, Frame, framed
from unseen.probing import Probing, planned, probe
from unseen.responses.mapping import Mapping
from unseen.responses.reading import read

SHOTS = "Name capitals.\n\nQuestion: What is the capital of Malta?\nA. Paris\nB. Valletta\nAnswer: B\n\n"


def documents(marks="{}. ", shots=SHOTS):
    names = list(CAPITALS)
    for i, country in enumerate(names):
        options = [CAPITALS[names[(i + j) % len(names)]] for j in range(4)]
        options = options[4 - i % 4 :] + options[: 4 - i % 4]
        shown = "\n".join(marks.format(letter) + o for letter, o in zip("ABCD", options, strict=True))
        text = f"What is the capital of {country}?"
        yield i, text, options, options.index(CAPITALS[country]), f"{shots}Question: {text}\n{shown}\nAnswer:"


def lm_eval_log(folder, *, letters=True, metric="acc", says=lambda i, key: key):
    """A log of multiple choice as lm-eval writes it; ``says`` is the place that the model takes."""
    folder.mkdir(exist_ok=True)
    rows = []
    for i, text, options, key, prompt in documents():
        if not letters:
            prompt = f"Name capitals.\n\nQuestion: {text}\nAnswer:"
        ends = [f" {'ABCD'[k]}" if letters else f" {o}" for k, o in enumerate(options)]
        took = says(i, key)
        logs = [[["-1.0" if k == took else "-9.0", "False"]] for k in range(4)]
        rows.append({
            "doc_id": i, "doc": {"question": text, "choices": options, "answer": key}, "target": str(key),
            "arguments": {f"gen_args_{k}": {"arg_0": prompt, "arg_1": e} for k, e in enumerate(ends)},
            "resps": logs, "filtered_resps": [r[0] for r in logs], "filter": "none", "metrics": [metric],
            "doc_hash": str(i), "prompt_hash": "", "target_hash": "", metric: float(took == key),
        })  # fmt: skip
    stamp = "2026-01-01T00-00-00.0"
    (folder / f"samples_caps_{stamp}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    config = {"caps": {"task": "caps", "output_type": "multiple_choice"}}
    results = {"results": {}, "configs": config, "versions": {}, "n-shot": {}, "model_name": "fake"}
    (folder / f"results_{stamp}.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


class Comparing(Fake):
    """Knows the capitals: the continuation of the right option is the likeliest."""

    def score(self, prompts, continuations, *, done=None):
        made = []
        for place, (prompt, options) in enumerate(zip(prompts, continuations, strict=True)):
            text = prompt if isinstance(prompt, str) else prompt[-1]["content"]
            self.asked.append(text)
            said = self.say(text[text.rfind("Question:") :])
            made.append(tuple(Scored(o, (o,), (-1.0 if o.strip() == said else -9.0,), False) for o in options))
            if done is not None:
                done(place, made[-1])
        return made


def plan_of(folder, **how):
    return planned(read([folder], mapping=Mapping(prompts=True)), Probing(**how))


def test_examples_stay_word_for_word_and_only_the_item_changes(tmp_path):
    plan = plan_of(lm_eval_log(tmp_path / "log"))
    assert {f.kind for f in plan.variants} >= {"order", "length", "format", "context", "typos", "paraphrase"}
    for form in plan.variants:
        assert form.framed.startswith(SHOTS + "Question: ")
        assert form.framed.endswith("\nAnswer:")
        assert all(o in form.framed.removeprefix(SHOTS) for o in form.item.options)
    original = next(f for f in plan.originals if f.of == "1")
    moved = next(f for f in plan.variants if f.name == "1~order:moved by 1")
    rest = original.framed.removeprefix(SHOTS).splitlines()
    assert moved.framed.removeprefix(SHOTS).splitlines() == [
        rest[0], *(f"{letter}. {o}" for letter, o in zip("ABCD", moved.item.options, strict=True)), "Answer:",
    ]  # fmt: skip
    assert "\n(B) " in next(f for f in plan.variants if f.name == "1~format:other marks").framed


def test_options_are_compared_as_the_log_did_and_the_table_is_asked_as_before(tmp_path):
    model = Comparing(knowing)
    made = probe(plan_of(lm_eval_log(tmp_path / "log"), variants=("order", "typos")), model)
    assert made.agreement.share == 1
    assert made.table["score"].min() == 1
    # Four options at eight nats: the one that is taken has nearly all.
    assert made.table["confidence"].to_numpy() == pytest.approx(1 / (1 + 3 * 2.718281828**-8))
    made.table.write_parquet(tmp_path / "probe.parquet")
    again = Comparing(knowing)
    assert (
        probe(planned(read([tmp_path / "probe.parquet"]), Probing(variants=("order", "typos"))), again).agreement.share
        == 1
    )
    assert again.asked == model.asked


def test_options_that_the_prompt_does_not_show_are_compared_by_their_texts(tmp_path):
    plan = plan_of(lm_eval_log(tmp_path / "log", letters=False), variants=("order", "typos", "length"))
    assert any("order: 0 variants (24 not: the prompt of the log shows no options)" in note for note in plan.notes)
    made = probe(plan, Comparing(knowing))
    assert made.agreement.share == 1
    assert made.table.filter(pl.col("variant") == "typos")["score"].min() == 1


def test_log_probability_a_letter_is_that_of_the_option_without_the_space_before_it(tmp_path):
    class ByLength(Comparing):
        """All options equally likely a letter, but for the shortest, which is a little less likely."""

        def score(self, prompts, continuations, *, done=None):
            return [
                tuple(
                    Scored(o, (o,), (-1.0 * len(o.strip()) - 0.5 * (o == min(options, key=len)),), False)
                    for o in options
                )
                for options in continuations
            ]

    folder = lm_eval_log(tmp_path / "log", letters=False, metric="acc_norm")
    made = probe(plan_of(folder, variants=("typos",), scorer="choice"), ByLength(knowing))
    originals = made.table.filter(pl.col("variant") == "original")
    shortest = [min(c, key=len) for c in originals["choices"]]
    # The sum would take the shortest each time; a letter is worth the same in all others.
    assert not any(p == s for p, s in zip(originals["prediction"], shortest, strict=True))
    assert sum("comparisons have two likeliest options" in note for note in made.notes) == 1


def test_letters_can_be_generated_where_the_log_compared_log_probabilities(tmp_path):
    class Mute(Fake):
        def score(self, prompts, continuations, *, done=None):
            raise BadInput("no log-probabilities are told.")

    folder = lm_eval_log(tmp_path / "log")
    with pytest.raises(BadInput, match=r"no log-probabilities are told\. With --scorer letter"):
        probe(plan_of(folder), Mute(knowing))
    last = Fake(lambda text: knowing(text[text.rfind("Question:") :]))
    made = probe(plan_of(folder, variants=("order",), scorer="letter"), last)
    assert made.table["score"].min() == 1
    assert all(text.startswith(SHOTS) for text in last.asked)


def test_a_prompt_of_the_user_asks_items_bare(tmp_path):
    model = Fake(knowing)
    probe(plan_of(lm_eval_log(tmp_path / "log"), variants=("order",), prompt="{}", scorer="letter"), model)
    assert not any("Malta" in text for text in model.asked)


def test_an_item_that_the_prompt_does_not_hold_is_asked_bare_and_this_is_said(tmp_path):
    folder = lm_eval_log(tmp_path / "log")
    path = next(folder.glob("samples_*"))
    path.write_text(path.read_text(encoding="utf-8").replace("What is the capital of Peru?\\nA", "Peru's capital?\\nA"))
    plan = plan_of(folder)
    assert "23 items asked by the prompt of the log, word for word (--prompt '{}' asks them bare)." in plan.notes
    assert f"1 item asked bare: {NOT_THERE}." in plan.notes


def test_options_of_one_letter_that_are_compared_as_texts_move_with_their_option():
    record = json.dumps({"prompt": "2 + 2 =", "options": [" 3", " 4", " 5"]})
    frame = framed(record, "2 + 2 =", ("3", "4", "5"))
    assert not frame.letters
    assert frame.continuations(["5", "3", "4"]) == [" 5", " 3", " 4"]
    assert "2 continuations, and the item has 3 options" in framed(
        json.dumps({"prompt": "2 + 2 =", "options": [" 3", " 4"]}), "2 + 2 =", ("3", "4", "5")
    )


@pytest.mark.parametrize(
    "told",
    [
        None, 5, "", "{", "[]", '"x"', "{}", '{"prompt": 5}', '{"prompt": []}', '{"prompt": [{"role": "king", "content": "x"}]}',
        '{"prompt": [{"content": "x"}]}', '{"prompt": {"a": 1}}', '{"prompt": "x\\ud800"}',
    ],
)  # fmt: skip
def test_a_record_that_is_none_frames_nothing(told):
    assert framed(told, "x", ()) == ""


def test_settings_of_a_record_that_are_none_are_left_out():
    told = {
        "prompt": "x ü 東 =",
        "options": 5,
        "stop": "abc",
        "max_tokens": "many",
        "temperature": "warm",
        "scorer": [1],
    }
    frame = framed(json.dumps(told), "x ü 東", ())
    assert (frame.scored, frame.stop, frame.max_tokens, frame.temperature, frame.scorer) == ((), (), None, None, None)
    assert frame.prompt("y", ()) == "y ="


@pytest.mark.parametrize("marks", ["{}. ", "({}) ", "{}) ", "{}: ", "[{}] "])
def test_the_labels_of_options_are_read_from_the_prompt(marks):
    for _, text, options, key, prompt in documents(marks):
        frame = framed(json.dumps({"prompt": prompt}), text, options)
        assert isinstance(frame, Frame)
        assert frame.prompt(text, options) == prompt
        assert frame.labels.at(key).strip() == marks.format("ABCD"[key]).strip()


def test_messages_of_inspect_are_asked_with_its_template_and_its_scorer(tmp_path):
    import zipfile

    head = "Answer with 'ANSWER: $LETTER', where LETTER is one of A,B,C,D.\n\n"
    samples = []
    for i, text, options, key, _ in documents():
        shown = "\n".join(f"{letter}) {o}" for letter, o in zip("ABCD", options, strict=True))
        samples.append({
            "id": i, "epoch": 1, "input": text, "choices": options, "target": "ABCD"[key], "metadata": {},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": f"{head}{text}\n\n{shown}", "source": "input"},
                {"role": "assistant", "content": f"ANSWER: {'ABCD'[key]}", "source": "generate", "model": "fake"},
            ],
            "scores": {"choice": {"value": "C", "answer": "ABCD"[key]}},
        })  # fmt: skip
    header = {
        "version": 2, "status": "success",
        "eval": {"model": "x/fake", "task": "caps", "scorers": [{"name": "choice", "options": {}}],
                 "model_generate_config": {"temperature": 0, "max_tokens": 16}},
    }  # fmt: skip
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        summaries = [{k: v for k, v in s.items() if k != "messages"} for s in samples]
        archive.writestr("summaries.json", json.dumps(summaries))
        for s in samples:
            archive.writestr(f"samples/{s['id']}_epoch_1.json", json.dumps(s))
    plan = plan_of(path, variants=("order", "typos"))
    assert plan.rule == "the letter behind ANSWER: (choice of Inspect), as in the log"
    seen = []

    class Chatty(Fake):
        chats = True

        def generate(self, prompts, settings, *, draws=None, done=None):
            seen.extend((tuple(m["role"] for m in p), settings.max_tokens) for p in prompts)
            return super().generate(prompts, settings, draws=draws, done=done)

    right = probe(plan, Chatty(lambda text: f"I think so.\nANSWER: {knowing(text.removeprefix(head))}"))
    assert right.agreement.share == 1
    assert right.table["score"].min() == 1
    assert set(seen) == {(("system", "user"), 16)}
    # Inspect reads nothing without the word ANSWER, and so does the probe: the scores stay those of the log's own scorer.
    with pytest.raises(BadInput, match="0 of 24 score as in the log"):
        probe(plan, Chatty(lambda text: knowing(text.removeprefix(head))))


def generated_log(folder, texts, scores):
    """A generative log of lm-eval whose filter keeps the number behind ####."""
    folder.mkdir(exist_ok=True)
    stamp, steps = (
        "2026-01-01T00-00-00.0",
        [{"function": "regex", "regex_pattern": "#### (\\d+)"}, {"function": "take_first"}],
    )
    rows = [
        {"doc_id": i, "doc": {"question": f"How much is {i} + 1?"}, "target": f"{i} + 1.\n#### {i + 1}",
         "arguments": {"gen_args_0": {"arg_0": f"Q: How much is {i} + 1?\nA:", "arg_1": {"until": ["Q:"], "max_gen_toks": 9}}},
         "resps": [[text]], "filtered_resps": [text.partition("#### ")[2] or "[invalid]"], "filter": "strict",
         "metrics": ["exact_match"], "doc_hash": str(i), "prompt_hash": "", "target_hash": "", "exact_match": score}
        for i, (text, score) in enumerate(zip(texts, scores, strict=True))
    ]  # fmt: skip
    (folder / f"samples_sums_{stamp}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    measured = {"metric": "exact_match", "regexes_to_ignore": ["(?s).*#### "]}
    config = {"sums": {"task": "sums", "metric_list": [measured], "filter_list": [{"name": "strict", "filter": steps}]}}
    results = {"results": {}, "configs": config, "versions": {}, "n-shot": {}, "model_name": "fake"}
    (folder / f"results_{stamp}.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


def adding(text):
    return f" So.\n#### {sum(int(n) for n in re.findall(r'[0-9]+', text))}"


def test_answers_of_a_log_are_read_again_as_they_were_generated_not_as_they_were_filtered(tmp_path):
    """A filter leaves the number alone, in which the filter itself finds nothing: another model's log was refused."""
    log = generated_log(tmp_path / "log", [f" So.\n#### {i + 1 - i % 2}" for i in range(30)], [1.0, 0.0] * 15)
    made = probe(plan_of(log, variants=("paraphrase",)), Fake(adding, name="other"))
    assert any("originals, read again: 30 of 30 score as in the log (100.0 %)" in note for note in made.notes)


def test_other_answers_are_told_from_another_scorer_where_the_log_holds_what_was_generated(tmp_path):
    texts = [f" So.\n#### {i + 1 + (i > 27)}" for i in range(30)]
    plan = plan_of(generated_log(tmp_path / "log", texts, [1.0] * 28 + [0.0] * 2), variants=("paraphrase",))
    with pytest.raises(BadInput) as error:
        probe(plan, Fake(adding))
    said = str(error.value)
    assert "28 of 30 score as in the log (93.3 %), fewer than 98%" in said
    assert "whose own answers it scores so in 30 of 30 cases: 2 of 30 answers are other texts." in said
    assert "(--dtype, --prompt, --max-tokens, --log-model)" in said
    wrong = generated_log(tmp_path / "wrong", texts, [0.0] * 30)
    with pytest.raises(BadInput, match="Name the scorer of the log with --scorer"):
        probe(plan_of(wrong, variants=("paraphrase",)), Fake(adding))
