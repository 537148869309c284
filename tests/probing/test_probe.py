"""A probe asks originals first, goes on where they score as in the log, and asks nothing twice."""

import re
import subprocess
import sys
import textwrap

import numpy as np
import polars as pl
import pytest

import unseen
from unseen import tasks
from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.learners.language.base import Answer, Completion
from unseen.learners.language.kept import Kept
from unseen.probing import Probing, planned, probe
from unseen.responses import Responses
from unseen.responses.reading import read


def plan_of(table, **how):
    return planned(Responses.of(table), Probing(**how))


def test_who_knows_the_answers_is_right_in_every_form(log, fake, says, tmp_path):
    made = probe(plan_of(log()), fake(says["knowing"]))
    assert made.agreement.share == 1
    assert made.table["score"].min() == 1
    assert made.unparsable == 0
    path = tmp_path / "probe.parquet"
    made.table.write_parquet(path)
    again = read([path])
    assert again.has("variant_of", "prediction", "target", "question", "choices")
    assert {"variant", "variant_level", "key_position", "continent"} <= set(again.factors)
    assert not {"unparsable", "raw_answer", "repeat"} & set(again.factors)
    assert again.score_kind.name == "binary"
    assert again.n_levels("cluster") == 24


def test_who_takes_the_first_option_is_right_where_the_key_stands_first(log, fake, says):
    made = probe(plan_of(log(say=says["first"]), variants=("order",)), fake(says["first"]))
    by_place = made.table.group_by("key_position").agg(pl.col("score").mean(), pl.len()).sort("key_position")
    assert by_place["score"].to_list() == [1, 0, 0, 0]
    assert by_place["len"].to_list() == [24] * 4


def test_originals_that_score_otherwise_stop_the_probe_before_a_variant_is_asked(log, fake, says):
    model = fake(says["first"])
    with pytest.raises(BadInput) as error:
        probe(plan_of(log()), model)
    said = str(error.value)
    assert "6 of 24 score as in the log (25.0 %)" in said
    assert (
        "--scorer (by-item, exact, choice, letter, likelihood, likelihood-norm, number, regex:PATTERN or module:function)"
        in said
    )
    assert said.count("the log has 1, here 0") == 3
    assert len(model.asked) == 24
    named = probe(plan_of(log(), scorer="choice"), fake(says["first"]))
    assert named.agreement.share == 0.25
    assert any("25.0 %" in note for note in named.notes)


def test_a_log_of_other_models_is_read_again_before_anything_is_asked(log, fake, says):
    wrong = log(model="other").with_columns(score=1 - pl.col("score"))
    model = fake(says["knowing"])
    with pytest.raises(BadInput, match=r"originals, read again: 0 of 24"):
        probe(plan_of(wrong), model)
    assert not model.asked
    right = probe(plan_of(log(model="other")), model)
    assert right.agreement is None or right.agreement.how == "read again"
    assert probe(plan_of(log(model="other"), log_model="other"), model).agreement.how == "asked again"
    with pytest.raises(BadInput, match="--log-model 'third': the log has no such model; it has other"):
        probe(plan_of(log(model="other"), log_model="third"), model)


def test_answers_that_can_not_be_read_are_counted_and_shown(log, fake, says):
    made = probe(plan_of(log(), variants=("order",), scorer="choice"), fake(lambda text: "I cannot say."))
    assert made.unparsable == 1
    assert made.table["score"].max() == 0
    assert made.table["prediction"].null_count() == made.table.height
    assert "100.0 % of the answers could not be read and score 0 (most in " in made.notes[-1]
    assert "'I cannot say.'" in made.notes[-1]


def test_answers_that_were_cut_off_withheld_or_empty_are_counted(log, fake, says):
    class Cut(type(fake(says["first"]))):
        def generate(self, prompts, settings, **how):
            answers = super().generate(prompts, settings, **how)
            ends = ("length", "filtered", "end", "end")
            return [
                Answer((Completion("" if i % 4 in (1, 2) else a.text, finish=ends[i % 4]),))
                for i, a in enumerate(answers)
            ]

    made = probe(plan_of(log(), variants=("order",), scorer="choice", max_tokens=64), Cut(says["first"]))
    n = made.table.height
    assert (
        "25 % of the answers were cut off at 64 tokens, and what was there is scored: --max-tokens lets them end."
        in made.notes
    )
    assert f"{n // 4} answers withheld by a filter of the endpoint, which count as wrong." in made.notes
    assert any(note.startswith(f"{n // 4} answers empty: a model that thinks") for note in made.notes)
    # A letter that is cut off is one; answers that ended are not spoken of.
    short = probe(plan_of(log(), variants=("order",), scorer="choice", max_tokens=4), Cut(says["first"]))
    assert not any("cut off" in note for note in short.notes)
    whole = probe(plan_of(log(), variants=("order",), scorer="choice"), fake(says["first"]))
    assert not any(word in note for note in whole.notes for word in ("cut off", "withheld", "empty"))


def test_a_probe_that_was_stopped_asks_only_the_rest(log, fake, says, tmp_path):
    plan = plan_of(log(), variants=("order",))
    dies = fake(says["knowing"], die_after=40)
    with pytest.raises(KeyboardInterrupt):
        probe(plan, Kept(dies, Store(tmp_path)))
    rest = fake(says["knowing"])
    kept = Kept(rest, Store(tmp_path))
    bill = plan.bill(kept, timed=False)
    assert (bill.calls, bill.kept) == (96, 40)
    assert "96 calls, 40 of them kept from before: 56 to make" in str(bill)
    made = probe(plan, kept)
    assert (made.table.height, len(rest.asked)) == (96, 56)
    assert not set(rest.asked) & set(dies.asked)
    probe(plan, kept)
    assert len(rest.asked) == 56


def test_a_killed_process_loses_no_answer(log, tmp_path):
    log().write_parquet(tmp_path / "log.parquet")
    script = textwrap.dedent(f"""
        import os, sys
        sys.path.insert(0, {str(__file__).rsplit("/", 1)[0]!r})
        from conftest import Fake, knowing
        from unseen.engine.store import Store
        from unseen.learners.language.kept import Kept
        from unseen.probing import Probing, planned, probe
        from unseen.responses.reading import read
        most, told = int(sys.argv[1]), []
        def say(text):
            if len(told) == most:
                os.kill(os.getpid(), 9)
            told.append(text)
            return knowing(text)
        plan = planned(read([{str(tmp_path / "log.parquet")!r}]), Probing(variants=("order",)))
        probe(plan, Kept(Fake(say), Store({str(tmp_path / "kept")!r})))
        print(len(told))
    """)
    killed = subprocess.run([sys.executable, "-c", script, "30"], check=False, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    done = subprocess.run([sys.executable, "-c", script, "1000"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "66"


def test_a_budget_that_runs_out_leaves_what_was_asked(log, says, fake):
    from unseen.learners.language.calls import BudgetSpent

    class Poor(fake):
        def generate(self, prompts, settings, *, draws=None, done=None):
            answers = super().generate(prompts[:50], settings, draws=draws, done=done)
            if len(prompts) > 50:
                raise BudgetSpent("the budget is spent.")
            return answers

    made = probe(plan_of(log(), variants=("order",)), Poor(says["knowing"]))
    assert made.table.height == 24 + 50
    assert any(note.startswith("22 forms were not asked: the budget is spent") for note in made.notes)


def test_equal_seeds_give_equal_forms_and_a_limit_draws_items(log):
    first, second = (plan_of(log(), limit=7, seed=s) for s in (1, 1))
    assert [f.text for f in first.variants] == [f.text for f in second.variants]
    assert [i.name for i in first.items] != [i.name for i in plan_of(log(), limit=7, seed=2).items]
    assert any("7 of 24 items, drawn at random" in note for note in first.notes)


def test_what_can_not_be_asked_is_one_clear_error():
    bare = pl.DataFrame({"model": ["m"], "item": ["a"], "score": [1.0]})
    with pytest.raises(BadInput, match="no item can be asked: 1 left out \\(no text of the question; first: a\\)"):
        plan_of(bare)
    plain = bare.with_columns(question=pl.lit("12 34"), target=pl.lit("x"))
    with pytest.raises(BadInput, match="no variant applies to any item"):
        plan_of(plain, variants=("names",))
    with pytest.raises(BadInput, match="no kind of variant 'sorting'"):
        plan_of(plain, variants=("sorting",))
    with pytest.raises(BadInput, match=r"must hold \{\} once"):
        Probing(prompt="Solve:").asking.prompts([], None)


def test_items_that_nobody_answered_are_asked_too(log, fake, says):
    items = log().select("question", "target", "continent")
    made = probe(planned(items, Probing(variants=("order",))), fake(says["knowing"]))
    assert made.table["score"].min() == 1
    assert made.agreement is None
    assert "nobody answered these items yet: there is no score to hold the scorer against." in made.notes


def test_the_table_of_a_probe_is_a_log_whose_items_are_asked_as_before(log, fake, says):
    first, again = fake(says["first"]), fake(says["first"])
    made = probe(plan_of(log(), variants=("order", "typos"), scorer="choice"), first)
    repeated = probe(plan_of(made.table, variants=("order", "typos")), again)
    assert repeated.agreement.share == 1
    assert again.asked == first.asked


def test_parts_are_asked_as_they_are_and_tell_wholes_apart(fake):
    rows = [
        {"item": "w", "question": "What is 12 + 30?", "target": "42", "parent": None},
        {"item": "p", "question": "What is 2 + 0?", "target": "2", "parent": "w"},
        {"item": "q", "question": "What is 1 + 3?", "target": "4", "parent": "w"},
    ]
    items = pl.DataFrame(rows)
    knows_parts = fake(
        lambda text: {"2 + 0": "2", "1 + 3": "4"}.get(next((k for k in ("2 + 0", "1 + 3") if k in text), ""), "7")
    )
    alone = probe(planned(items, Probing(variants=("paraphrase",))), knows_parts)
    assert set(alone.table["variant_of"].drop_nulls()) == {"w"}
    assert "p" not in alone.table["item"]
    made = probe(planned(items, Probing(variants=("paraphrase",), parts=True)), knows_parts)
    originals = made.table.filter(pl.col("variant_of").is_null()).sort("item")
    assert originals.select("item", "parent", "score").rows() == [("p", "w", 1.0), ("q", "w", 1.0), ("w", None, 0.0)]
    assert made.table.filter(pl.col("variant_of").is_not_null())["parent"].null_count() == made.table.height - 3


def test_doubt_is_the_probability_of_true_with_the_preference_for_a_letter_taken_off(log, fake, says):
    from unseen.learners.language.base import Scored

    class Doubting(fake):
        """Prefers A by five nats, and true by one nat where the answer is the first option's letter."""

        def score(self, prompts, continuations, *, done=None):
            found = []
            for prompt in prompts:
                good = "Proposed answer: A" in prompt
                lean = (1.0 if good else -1.0) if "Proposed answer" in prompt else 0.0
                first_is_true = "(A) true" in prompt
                a = 5.0 + (lean if first_is_true else -lean)
                found.append((Scored("A", ("A",), (a,), True), Scored("B", ("B",), (0.0,), False)))
            return found

    made = probe(plan_of(log(), variants=("order",), doubt=True), Doubting(says["knowing"]))
    by_letter = made.table.group_by(pl.col("raw_answer") == "A").agg(pl.col("p_true").mean()).sort("raw_answer")
    low, high = by_letter["p_true"].to_list()
    assert low < 0.5 < high
    assert low + high == pytest.approx(1)
    # Asked beforehand it says nothing but A, whichever option that is.
    assert made.table["p_ik"].to_list() == pytest.approx([0.5] * made.table.height)


@pytest.fixture
def shows_states(fake):
    """Answers right where a number is even; its second layer shows that, and it states 0.5 whatever it is asked."""
    from unseen.learners.language.base import Scored

    class Shows(fake):
        layers = 2

        def __init__(self):
            super().__init__(lambda text: str(self.number(text)) if self.even(text) else "no idea")

        def number(self, text):
            return int(re.search(r"number (\d+)", text)[1])

        def even(self, text):
            return self.number(text) % 2 == 0

        def score(self, prompts, continuations, *, done=None):
            return [tuple(Scored(c, (c,), (0.0,), False) for c in own) for own in continuations]

        def hidden(self, prompts, layer, *, pool="last"):
            texts = [p if isinstance(p, str) else p[-1]["content"] for p in prompts]
            rng = np.random.default_rng(layer)
            states = rng.normal(size=(len(texts), 4))
            if layer == 2:
                states[:, 0] = [3.0 if self.even(t) else -3.0 for t in texts]
            return states

    return Shows()


def numbers_asked(n):
    return pl.DataFrame({
        "item": [f"i{k}" for k in range(n)], "question": [f"Which number is the number {k}?" for k in range(n)],
        "target": [str(k) for k in range(n)], "split": ["seen" if k % 3 else "unseen" for k in range(n)],
    })  # fmt: skip


def test_a_head_tells_beforehand_what_hidden_states_show_and_fits_nothing_to_unseen_rows(shows_states):
    made = probe(planned(numbers_asked(150), Probing(variants=("context",), doubt=True)), shows_states)
    told = made.table.select(
        right=pl.col("score") == 1, known=pl.col("p_ik") > 0.5, stated="p_ik_stated", split="split"
    )
    assert (told["right"] == told["known"]).all()
    assert told["stated"].to_list() == pytest.approx([0.5] * told.height)
    seen = (told["split"] == "seen").sum()
    note = next(n for n in made.notes if n.startswith("p_ik: a head on the hidden states behind layer 2 of 2"))
    assert f"fitted to {seen} seen rows" in note
    assert "p_ik_stated" not in made.responses.factors


def test_few_items_make_no_head_and_the_note_says_how_many_it_takes(shows_states):
    made = probe(planned(numbers_asked(30), Probing(variants=("context",), doubt=True)), shows_states)
    assert made.table["p_ik"].to_list() == pytest.approx([0.5] * made.table.height)
    assert "p_ik_stated" not in made.table.columns
    assert any("there is not enough: a head needs 20 seen items with a right answer and 20 with a wrong one, got 10 and 10." in n for n in made.notes)  # fmt: skip


def test_an_endpoint_without_log_probabilities_keeps_its_answers(log, fake, says):
    class Silent(fake):
        def score(self, prompts, continuations, *, done=None):
            raise BadInput("no log-probabilities are told.")

    made = probe(plan_of(log(), variants=("order",), doubt=True), Silent(says["knowing"]))
    assert not {"confidence", "p_true", "p_ik"} & set(made.table.columns)
    assert "P(True) and P(IK) can't be had: no log-probabilities are told." in made.notes


def test_the_command_writes_answers_and_audits_them(log, fake, says, tmp_path, monkeypatch, capsys):
    from typer.testing import CliRunner

    from unseen.cli.app import build
    from unseen.learners.language import named

    log().write_parquet(tmp_path / "log.parquet")
    model = fake(says["knowing"])
    monkeypatch.setattr(named, "language_model", lambda name, **settings: Kept(model, Store(tmp_path / "kept")))
    monkeypatch.chdir(tmp_path)
    call = ["probe", "log.parquet", "--model", "any", "--variants", "order,typos"]
    dry = CliRunner().invoke(build(), [*call, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "24 items" in dry.output
    assert "nothing to pay, the model runs here" in dry.output
    assert not (tmp_path / "unseen-probe.parquet").exists()
    result = CliRunner().invoke(build(), [*call, "--output", "report.json", "--log-dir", "logs"])
    assert result.exit_code == 0, (result.output, result.exception)
    assert "originals, asked again: 24 of 24 score as in the log (100.0 %)" in result.output
    assert (tmp_path / "report.json").exists()
    assert [p.suffix for p in (tmp_path / "logs").iterdir()] == [".eval"]
    assert "Log of Inspect: " in result.output
    assert pl.read_parquet(tmp_path / "unseen-probe.parquet")["variant"].unique().sort().to_list() == [
        "order",
        "original",
        "typos",
    ]


def test_confidence_by_samples_is_the_share_that_say_the_same(log, fake, says):
    class Wavering(fake):
        """Says what it knows, and of five drawn answers two times another option, once nothing that can be read."""

        def generate(self, prompts, settings, *, draws=None, done=None):
            made = super().generate(prompts, settings, draws=draws)
            if settings.samples == 1:
                return made
            assert settings.temperature == 0.7
            return [
                Answer(tuple(Completion(t) for t in (a.text, f"The answer is {a.text}.", "no", *["ABCD"["ABCD".index(a.text) - 1]] * 2)))
                for a in made
            ]  # fmt: skip

    plan = plan_of(log(), variants=("order",), samples=5)
    model = Wavering(says["knowing"])
    assert plan.bill(model, timed=False).calls == 96 * 6
    made = probe(plan, model)
    assert made.table["confidence"].to_list() == [0.4] * 96
    assert made.table["score"].min() == 1
    with pytest.raises(BadInput, match="at least 2 samples, got 1"):
        Probing(samples=1)


def test_instructions_are_scored_by_their_constraints(fake):
    """The checks travel with the sample: an answer that meets them scores 1, one that ignores them what it meets by chance."""
    task = tasks.load("verifiable-instructions")
    drawn = task.draw_many(24, 1, number=(1, 3))
    table = task.to_examples(drawn).table.rename({"input": "question"})
    meets, asked = {e.input: e.target for e in drawn}, {e.item: e.input for e in drawn}

    def say(text):
        return next((t for q, t in meets.items() if q in text), "Nothing.")

    plan = planned(table, Probing(variants=("context", "typos", "format")))
    assert plan.rule == "the share of the constraints of an instruction that the answer meets, each by its rule"
    # Words that a constraint names stay as they are, those that must not be said among them.
    for form in plan.variants:
        named = {w for c in form.item.checked.constraints for w in c.words if w in asked[form.of]}
        assert all(w in form.item.question for w in named)
    made = probe(plan, fake(say))
    met = made.table.filter(pl.col("variant").is_in(["original", "context", "format"]))
    assert met["score"].min() == 1
    assert met["constraints_met"].list.all().all()
    other = made.table.filter(pl.col("prediction") == "Nothing.")
    assert other.height > 0
    assert set(other["score"]) <= {task.verify(e, "Nothing.") for e in drawn}
    assert {f["code"] for f in unseen.audit(made.table, score_range=(0.0, 1.0), select=["U406"]).findings} == {"U406"}
    # The table that a probe writes is probed again with the same scores.
    assert probe(planned(made.responses, Probing(variants=("context",))), fake(say)).agreement.share == 1


def test_checks_that_are_none_are_refused_with_what_they_should_be(fake):
    table = pl.DataFrame({"question": ["Write."], "target": ["A dog."], "checks": ["[1]"]})
    with pytest.raises(BadInput, match=r"'\[1\]' is no list of constraints as `unseen task sample"):
        probe(planned(table, Probing(variants=("format",))), fake(lambda text: "A dog."))


def test_an_item_with_an_empty_option_is_left_out_and_this_is_said(fake):
    """It was asked without its options, as if the question had none."""
    table = pl.DataFrame(
        {"question": ["Which?", "Which now?", "And which?"], "target": ["a", "b", "c"], "choices": [["a", " "], ["b", "\u200b"], ["c", "d"]]}
    )  # fmt: skip
    plan = planned(table, Probing(variants=("typos", "format")))
    assert [item.name for item in plan.items] == ["3"]
    assert "items: 2 left out (an option is empty; first: 1)." in plan.notes
