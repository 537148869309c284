"""What a probe would ask, in words."""

from __future__ import annotations

from unseen.learners.language.base import LanguageModel
from unseen.learners.questions.forms import Form
from unseen.plain_text import counted
from unseen.probing.asking import Bill
from unseen.probing.heads import layers_of
from unseen.probing.probe import Planned

# Fewer lines than this in common are shown again.
MANY = 8


def told(plan: Planned, model: LanguageModel, bill: Bill) -> str:
    """Items, variants, how answers are read, the bill, and an original and a variant as they are asked."""
    head = f"{counted(len(plan.items), 'item')}, {counted(len(plan.variants), 'variant')} of them; {model.name}"
    first, original = plan.variants[0], whole(plan.originals[0])
    beside = (
        " One pass over each question besides: a head on its hidden states tells P(IK)." if layers_of(model) else ""
    )
    doubt = (
        f"doubt: two prompts more for each answer and two for each question, one letter of each (in the bill).{beside}"
    )
    return "\n".join([
        head, *plan.notes, f"answers are read so: {plan.rule}.", f"{bill}.", *([doubt] if plan.how.doubt else []), "",
        f"An original ({plan.originals[0].name}):", *_indented(original), "",
        f"A variant ({first.name}):", *_indented(behind(original, whole(first))), "",
    ])  # fmt: skip


def whole(form: Form) -> str:
    """All that is asked: the prompt of the log with the form in it, where there is one."""
    prompt = form.framed
    if prompt is None:
        return form.text
    return prompt if isinstance(prompt, str) else "\n".join(f"[{m['role']}] {m['content']}" for m in prompt)


def behind(known: str, text: str) -> str:
    """A text without the lines that it has in common with one that is shown above it, where these are many."""
    lines, others = text.splitlines(), known.splitlines()
    same = next(
        (i for i, (a, b) in enumerate(zip(lines, others, strict=False)) if a != b), min(len(lines), len(others))
    )
    # A line or two before the first that differs tell where it stands.
    return text if same < MANY else "\n".join([f"… (the first {same - 2} lines are those above)", *lines[same - 2 :]])


def _indented(text: str) -> list[str]:
    return [f"  {one}" for one in text.splitlines()]
