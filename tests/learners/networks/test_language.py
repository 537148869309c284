"""Language models are subjects: next tokens, chosen layers, adapters, weights as Hugging Face's libraries save them."""

import sys

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import unseen  # noqa: E402
from unseen.errors import BadInput  # noqa: E402
from unseen.learners.networks import Inspected, Network, Sample  # noqa: E402
from unseen.learners.networks.network import digest  # noqa: E402
from unseen.learners.networks.stored import stored  # noqa: E402
from unseen.measures.gradients.chunks import Layered, chunks  # noqa: E402
from unseen.measures.influence import Kronecker  # noqa: E402
from unseen.measures.influence.output_curvature import directions, times_hessian  # noqa: E402

VOCABULARY = 23
MLP = r"layers\.1\.mlp"


def llama(seed=0, tied=False):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=32, tie_word_embeddings=tied, bos_token_id=0, eos_token_id=0,
        attention_dropout=0.1,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def sequences(n, seed=0):
    """Counting up by one from anywhere, of 4 to 9 tokens."""
    rng = np.random.default_rng(seed)
    return [
        [(int(s) + i) % VOCABULARY for i in range(k)]
        for s, k in zip(rng.integers(0, 23, n), rng.integers(4, 10, n), strict=True)
    ]


def test_next_tokens_are_those_that_the_model_itself_is_trained_on():
    model, given = llama().eval(), sequences(6)
    sample = Sample.tokens(given)
    network = Network.of(model, sample)
    assert network.loss_name == "next-token"
    with torch.no_grad():
        own = [float(model(torch.tensor([one]), labels=torch.tensor([one])).loss) for one in given]
    assert network.losses(sample).tolist() == pytest.approx(own, abs=1e-5)


def test_answers_of_a_language_model_are_shares_of_right_tokens():
    model, given = llama().eval(), sequences(12)
    found = Inspected.of(model, given[:6], given[6:], loss="next-token").answers()
    with torch.no_grad():
        told = [model(torch.tensor([one])).logits[0, :-1].argmax(1).tolist() for one in given]
    share = [np.mean([a == b for a, b in zip(t, one[1:], strict=True)]) for t, one in zip(told, given, strict=True)]
    assert found["score"].to_list() == pytest.approx(share)
    assert set(found["split"]) == {"seen", "unseen"}


def test_gradients_of_texts_are_those_of_each_alone_and_unpadded():
    model, given = llama().eval(), sequences(5)
    sample = Sample.tokens(given)
    network = Network.of(model, sample, layers=MLP)
    assert set(network.trained) == {f"model.layers.1.mlp.{k}_proj.weight" for k in ("gate", "up", "down")}
    found = torch.cat([part.each() for _, part in chunks(network, sample)])
    assert all(type(part) is Layered for _, part in chunks(network, sample))
    for row, one in zip(found, given, strict=True):
        model.zero_grad()
        model(torch.tensor([one]), labels=torch.tensor([one])).loss.backward()
        wanted = torch.cat([p.grad.flatten() for k, p in model.named_parameters() if "layers.1.mlp" in k])
        assert torch.allclose(row, wanted, atol=1e-6)
    whole = Network.of(model, sample)
    assert whole.parameters > network.parameters
    assert sum(len(part) for _, part in whole.gradients(sample)) == 5


def test_pseudo_targets_of_tokens_come_to_the_curvature():
    """The mean square of what is drawn, along some direction, is the Hessian of the loss there."""
    sample = Sample.tokens([[1, 2, 0], [2, 1]])
    reads = nn.Embedding(3, 3)
    network = Network.of(reads, sample)
    assert network.loss_name == "next-token"
    outputs = network.outputs(sample.inputs)
    along = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(0))
    drawn = directions(network, outputs, sample.targets, 20_000, torch.Generator().manual_seed(1))
    seen = ((drawn * along).flatten(2).sum(2) ** 2).sum(0)
    for i in range(2):
        bent = torch.autograd.functional.hessian(
            lambda o, i=i: network.loss(o[None], sample.targets[i : i + 1]).sum(), outputs[i]
        )
        wanted = torch.einsum("ab,abcd,cd->", along[i], bent, along[i])
        product = (times_hessian(network, outputs, sample.targets, along)[i] * along[i]).sum()
        assert float(product) == pytest.approx(float(wanted), rel=1e-4)
        # Relative standard error of a mean of 20,000 squares: at most √(kurtosis / 20,000), about 2 %.
        assert float(seen[i]) == pytest.approx(float(wanted), rel=0.08)


def test_an_audit_of_a_language_model_tells_its_inside():
    model = llama()
    before = digest(model)
    train, test = sequences(40), sequences(24, seed=1)
    train[7] = train[3]
    audit = unseen.audit(
        module={"lm": model},
        train=train,
        test=test,
        loss="next-token",
        layers=MLP,
        select=["U101", "U9"],
    )
    assert digest(model) == before
    assert model.config.use_cache
    told = {c.code: c for c in audit.context}
    assert set(told) >= {"U901", "U903", "U905"}
    assert "one answer an example" in audit["U902"][0].statement
    assert "one answer an example" in audit["U904"][0].statement
    assert "gives no class an example" in audit["U906"][0].statement
    assert "Texts to check first" in told["U905"].statement
    assert {(row["train"], row["and"]) for row in told["U905"].details.alike} & {
        ("train 3", "train 7"),
        ("train 7", "train 3"),
    }
    assert told["U905"].details.suspects[0]["target"].endswith(" tokens")
    # Which texts raise the loss of the worst ones is told, and no size.
    assert told["U905"].estimate is None
    assert "is raised most by train" in told["U905"].statement
    assert told["U905"].details.carriers[0]["raises it, times the first"] == 1.0
    assert audit["U101"]


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_adapters_are_what_is_trained(tmp_path):
    peft = pytest.importorskip("peft")

    def build():
        torch.manual_seed(0)
        config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        return peft.get_peft_model(llama(), config)

    model, sample = build(), Sample.tokens(sequences(12))
    network = Network.of(model, sample)
    assert all("lora_" in k for k in network.trained)
    assert len(network.trained) == 8
    fast = torch.cat([part.each() for _, part in chunks(network, sample)])
    assert torch.allclose(fast, torch.cat([g for _, g in network.gradients(sample)]), atol=1e-6)
    with torch.no_grad():
        for k, p in model.named_parameters():
            if "lora_" in k:
                p.mul_(1.5)
    model.save_pretrained(tmp_path / "adapter")
    # The function gives the network with an adapter, or without.
    for make in (build, llama):
        found, _ = stored(make, tmp_path / "adapter")
        assert digest(found["adapter"]) == digest(model) != digest(build())


class Adapted(nn.Module):
    """A frozen layer with an adapter of rank 1 beside it, named as adapters are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.base_layer = nn.Linear(3, 2).requires_grad_(requires_grad=False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(3, 1, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(1, 2, bias=False)})

    def forward(self, x):
        return self.base_layer(x) + self.lora_B["default"](self.lora_A["default"](x))


def test_a_file_of_an_adapter_leaves_the_rest_as_it_was_built(tmp_path):
    model = Adapted()
    adapter = {f"lora_{k}.weight": torch.ones_like(getattr(model, f"lora_{k}")["default"].weight) for k in "AB"}
    torch.save(adapter, tmp_path / "a.pt")
    found = stored(Adapted, tmp_path / "a.pt")[0]["a"]
    assert torch.equal(found.base_layer.weight, model.base_layer.weight)
    assert bool((found.lora_A["default"].weight == 1).all())
    sample = Sample.of((np.eye(3, dtype="float32"), [0, 1, 0]))
    network = Network.of(found, sample)
    assert set(network.trained) == {"lora_A.default.weight", "lora_B.default.weight"}
    assert torch.equal(network.outputs(sample.inputs), found(sample.inputs).detach())
    torch.save({"lora_A.weight": adapter["lora_A.weight"]}, tmp_path / "b.pt")
    with pytest.raises(BadInput, match=r"lacks lora_B\.default\.weight"):
        stored(Adapted, tmp_path / "b.pt")


@pytest.mark.parametrize("size", ["100KB", "1GB"])
def test_weights_as_they_are_saved_are_read_with_what_is_tied(tmp_path, size):
    model = llama(tied=True)
    model.save_pretrained(tmp_path / "run", max_shard_size="5KB" if size == "100KB" else size)
    many = len(list((tmp_path / "run").glob("*.safetensors")))
    assert (many > 1) == (size == "100KB")
    found, _ = stored(lambda: llama(seed=1, tied=True), tmp_path / "run")
    assert digest(found["run"]) == digest(model)
    llama(seed=2, tied=True).save_pretrained(tmp_path / "other")
    assert sorted(stored(lambda: llama(seed=1, tied=True), tmp_path)[0]) == ["other", "run"]


def test_a_file_without_what_is_trained_is_told(tmp_path):
    model = llama()
    kept = {k: v for k, v in model.state_dict().items() if "lm_head" not in k}
    torch.save(kept, tmp_path / "a.pt")
    with pytest.raises(BadInput, match=r"lacks lm_head\.weight"):
        stored(llama, tmp_path / "a.pt")


class Counted:
    """A tokenizer: each letter is its number."""

    def __call__(self, texts):
        return {"input_ids": [[ord(c) - 97 for c in text] for text in texts]}


def test_texts_are_read_by_a_tokenizer_and_columns_of_lists_as_they_are():
    sample = Sample.tokens(["abcd", "xy"], tokenizer=Counted(), length=3)
    assert sample.inputs.tolist() == [[0, 1, 2], [23, 24, 23]]
    assert sample.targets.tolist() == [[1, 2, -100], [24, -100, -100]]
    table = pl.DataFrame({"tokens": [[0, 1, 2], [3, 4]], "source": ["a", "b"], "book": [1, 1]})
    found = Sample.tokens(table, cluster="book")
    assert found.targets.tolist() == [[1, 2, -100], [4, -100, -100]]
    assert found.table.columns == ["source"]
    assert found.clusters.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["some text"], "holds texts; give the tokenizer"),
        ([[1, 2], [3]], "row 1 has 1 tokens; two are needed"),
        ([[1, 2], [0.5, 1.5]], "row 1 is no sequence of token numbers"),
        ([], "there are no examples"),
        (
            pl.DataFrame({"a": [1], "b": [2]}),
            r"name the one column that holds the tokens \(inputs\); the columns are a, b",
        ),
    ],
)
def test_what_is_no_sequence_of_tokens_is_told(given, words):
    with pytest.raises(BadInput, match=words):
        Sample.tokens(given)


class Quantised(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
        self.packed = nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)


@pytest.mark.parametrize(
    ("make", "layers", "words"),
    [
        (llama, r"mlp\.(", r"are no regular expression"),
        (llama, "nowhere", r"no parameter has 'nowhere' in its name; there are model\.embed_tokens\.weight"),
    ],
)
def test_layers_that_are_not_there_are_told(make, layers, words):
    with pytest.raises(BadInput, match=words):
        Network.of(make(), Sample.tokens(sequences(3)), layers=layers)


def test_tokens_of_another_vocabulary_and_quantised_weights_are_told():
    with pytest.raises(
        BadInput, match=r"does not take the inputs of train, of shape \(1, 2\) and type int64, 40 to 41"
    ):
        Network.of(llama(), Sample.tokens([[40, 41]]))
    with pytest.raises(BadInput, match=r"train has token 41, and the network knows 23 \(0 to 22\)"):
        Network.of(llama(), Sample(torch.tensor([[1, 2]]), torch.tensor([[2, 41]])))
    with pytest.raises(BadInput, match="packed holds uint8, quantised weights, which have no gradients"):
        Network.of(Quantised(), Sample.of(([[0.0, 1.0, 2.0]], [1])))
    with pytest.raises(BadInput, match=r"next-token reads sequences of tokens.*Sample\.tokens"):
        Network.of(nn.Linear(3, 2), Sample.of(([[0.0, 1.0, 2.0]], [1])), loss="next-token")


def test_half_precision_of_frozen_layers_is_raised_too():
    network = Network.of(llama().to(torch.bfloat16).eval(), Sample.tokens(sequences(3)), layers=MLP)
    assert network.notes[0] == "half precision was raised to single"
    assert "3 of 21 parameters count as trained" in network.notes[1]


def test_kronecker_factors_of_chosen_layers_stand_for_self_influence():
    sample = Sample.tokens(sequences(20))
    network = Network.of(llama(), sample, layers=MLP)
    fitted = Kronecker.fit(network, sample, draws=1, generator=torch.Generator().manual_seed(0))
    assert fitted.layers.left_out == ()
    own = fitted.own(sample)
    assert np.isfinite(own).all()
    assert (own > 0).all()


def test_an_adapter_goes_onto_the_network_that_the_function_gives_or_peft_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "target_modules": ["0"]}')
    torch.save({"base_model.model.0.lora_A.weight": torch.ones(4, 3)}, str(tmp_path / "adapter_model.bin"))
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(BadInput, match="goes onto the network by the package peft"):
        stored(lambda: nn.Sequential(nn.Linear(3, 2)), tmp_path)

    class Config:
        inference_mode = True

        @classmethod
        def from_pretrained(cls, folder):
            return cls()

    def adapted(network, config):
        assert not config.inference_mode
        raise KeyError("no such part")

    monkeypatch.setitem(sys.modules, "peft", type(sys)("peft"))
    sys.modules["peft"].PeftConfig, sys.modules["peft"].get_peft_model = Config, adapted
    with pytest.raises(BadInput, match=r"can.t be put onto the network that the function gives \(KeyError"):
        stored(lambda: nn.Sequential(nn.Linear(3, 2)), tmp_path)
