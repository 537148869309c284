"""The field against enumeration of all sequences; the compiler against Python's regular expressions."""

import itertools
import re

import pytest
import torch

from unseen.engine.seeds import seeded_torch, torch_generator
from unseen.errors import BadInput, Undefined
from unseen.learners.architectures.automata import at_most_once, compile_expression
from unseen.learners.architectures.crf import LinearChainCRF, TaggerCRF

LABELS = ["a", "b", "c"]


@pytest.mark.parametrize(
    "expression",
    ["a", "(a b)*", "(a c)* | (b c)*", "[a b]+ c?", "[^a]* a [^a]*", ". . a?", "(a|b)* a (a|b)", "((a|b)* c)+ b*", "a? a?"],
)  # fmt: skip
def test_the_automaton_accepts_what_python_does(expression):
    machine = compile_expression(expression, LABELS)
    spelled = re.sub(r"\[(\^?)([^\]]*)\]", lambda m: f"[{m[1]}{m[2].replace(' ', '')}]", expression).replace(" ", "")
    for n in range(7):
        for word in itertools.product(range(3), repeat=n):
            text = "".join(LABELS[i] for i in word)
            assert machine.accepts(word) == bool(re.fullmatch(spelled, text)), text


def test_intersection_and_complement():
    machine = compile_expression(f"({at_most_once(['a', 'b'])}) & !(. . .)", LABELS)
    for n in range(7):
        for word in itertools.product(range(3), repeat=n):
            assert machine.accepts(word) == (word.count(0) <= 1 and word.count(1) <= 1 and n != 3)


def test_arity_needs_one_state_a_subset():
    machine = compile_expression(at_most_once(["a", "b"]), LABELS)
    assert sum(machine.alive()) == 4


@pytest.mark.parametrize(
    ("expression", "message"),
    [("(a b", "closing bracket, found the end"), ("a d", "unknown label 'd'"), ("* a", "label or an opening bracket"),
     ("a ) b", "nothing more, found '\\)' at position 2"), ("a $", "can't read '\\$'")],
)  # fmt: skip
def test_syntax_errors_say_where(expression, message):
    with pytest.raises(BadInput, match=message):
        compile_expression(expression, LABELS)


def field(automaton=None):
    with seeded_torch(3):
        made = LinearChainCRF(3, automaton).double()
        for p in made.parameters():
            torch.nn.init.normal_(p)
        return made, torch.randn(4, 5, 3, dtype=torch.float64), torch.tensor([5, 4, 2, 5])


def brute(made, emissions, lengths, accepts):
    """Log partition, probability and best sequence of each row, by writing out every sequence."""
    for row, n in zip(emissions, lengths.tolist(), strict=True):
        scores = {}
        for word in itertools.product(range(3), repeat=n):
            if accepts(word):
                s = made.start[word[0]] + made.end[word[-1]] + sum(row[t, y] for t, y in enumerate(word))
                scores[word] = s + sum(made.transitions[a, b] for a, b in itertools.pairwise(word))
        yield (
            torch.logsumexp(torch.stack(list(scores.values())), 0),
            scores,
            max(scores, key=lambda w: scores[w].item()),
        )


@pytest.mark.parametrize("expression", [None, "(a c)* a? | (b c)* b?", at_most_once(["a", "b"]), ". . a? .*"])
def test_partition_viterbi_and_probabilities_are_those_of_enumeration(expression):
    machine = compile_expression(expression, LABELS) if expression else None
    made, emissions, lengths = field(machine)
    total, best = made.log_partition(emissions, lengths), made.decode(emissions, lengths)
    accepts = machine.accepts if machine else lambda _: True
    for i, (log_z, scores, top) in enumerate(brute(made, emissions, lengths, accepts)):
        n = int(lengths[i])
        assert torch.isclose(total[i], log_z)
        assert tuple(best[i, :n].tolist()) == top
        every = list(itertools.product(range(3), repeat=n))
        labels = torch.zeros(len(every), 5, dtype=torch.int64)
        labels[:, :n] = torch.tensor(every)
        p = made.log_probability(emissions[i].expand(len(every), 5, 3), labels, lengths[i].expand(len(every))).exp()
        assert p.sum().item() == pytest.approx(1.0)
        outside = torch.tensor([word not in scores for word in every])
        assert (p[outside] == 0).all()  # exactly: nothing leaks out of the language
        assert (p[~outside] > 0).all()


def test_gradient_of_the_partition_is_the_marginals():
    made, emissions, lengths = field(compile_expression("(a c)* a? | (b c)* b?", LABELS))
    emissions = emissions.requires_grad_()
    (marginals,) = torch.autograd.grad(made.log_partition(emissions, lengths).sum(), emissions)
    assert torch.allclose(marginals.sum(2), (torch.arange(5) < lengths[:, None]).double())
    wanted = torch.zeros_like(marginals)
    for i, (log_z, scores, _) in enumerate(brute(made, emissions.detach(), lengths, made.automaton.accepts)):
        for word, s in scores.items():
            for t, y in enumerate(word):
                wanted[i, t, y] += (s - log_z).exp().detach()
    assert torch.allclose(marginals, wanted)


def test_restricting_renormalises_the_plain_field():
    machine = compile_expression(at_most_once(["a"]), LABELS)
    made, emissions, lengths = field()
    inside = torch.tensor([[0, 1, 2, 1, 2], [1, 1, 2, 0, 0], [2, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    tight = made.restricted(machine)
    gain = tight.log_probability(emissions, inside, lengths) - made.log_probability(emissions, inside, lengths)
    mass = torch.stack([
        torch.stack([(s - z).exp() for w, s in scores.items() if machine.accepts(w)]).sum()
        for z, scores, _ in brute(made, emissions, lengths, lambda _: True)
    ])  # fmt: skip
    assert torch.allclose(gain, -mass.log())


def test_what_cannot_be_is_refused():
    with pytest.raises(BadInput, match="language is empty"):
        LinearChainCRF(3, compile_expression("a & b", LABELS))
    with pytest.raises(BadInput, match="has 3 labels, the field 4"):
        LinearChainCRF(4, compile_expression("a", LABELS))
    made, emissions, lengths = field(compile_expression("(a b)*", LABELS))
    with pytest.raises(Undefined, match="no sequence of length 5"):
        made.log_partition(emissions, lengths)


def test_a_tagger_learns_to_copy_under_a_constraint():
    machine = compile_expression(at_most_once(["a"]), LABELS)
    generator = torch_generator(0, "x")
    labels = torch.randint(1, 3, (64, 5), generator=generator)
    labels[torch.arange(64), torch.randint(5, (64,), generator=generator)] = 0
    x = torch.nn.functional.one_hot(labels, 3).float()
    with seeded_torch(0):
        model = TaggerCRF(3, 3, 8, machine)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    lengths = torch.full((64,), 5)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(x, labels, lengths).backward()
        optimizer.step()
    assert (model.field.decode(model(x), lengths) == labels).float().mean() > 0.98
