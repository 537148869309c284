"""Tiny models that are built here, so that every claim is tried wherever transformers is installed."""

import pytest

MERGES = [("Ġ", "a"), ("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e"), ("a", "n"), ("i", "n"), ("0", "0"), (":", "Ġ"), ("Ġ", "b")]
CHAT = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "<s>{{ m.role }}: {{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant:{% endif %}"
)


def toy_tokenizer(chat=True, head=True):
    """Bytes and a few merges, some of them over the border between a prompt and its option."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = ["<s>", "</s>", *letters, *("".join(m) for m in MERGES)]
    made = Tokenizer(models.BPE({t: i for i, t in enumerate(vocabulary)}, MERGES))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    if head:
        made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


def toy_llama(seed=0, **settings):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    given = {
        "vocab_size": 267, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.4,
    }  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**{**given, **settings})).eval()


@pytest.fixture(scope="session")
def toy():
    """Makes a local model: ``toy(batch=…, nodes=…, chat=…)``."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from unseen.learners.language.local import LocalModel, in_memory

    model = toy_llama()

    def made(model=model, name="toy", chat=True, head=True, **settings):
        return LocalModel(in_memory(model, toy_tokenizer(chat, head), name), **settings)

    made.model = model
    made.folder = lambda path: (model.save_pretrained(path), toy_tokenizer().save_pretrained(path)) and path
    made.llama = toy_llama
    return made
