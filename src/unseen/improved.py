"""Remedies at the library's front door: try them, show what came of it, look one up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from unseen.faces import document_in_python
from unseen.reported import Reported

if TYPE_CHECKING:
    import polars as pl

    from unseen.improving import Improvement
    from unseen.improving.prompting import Prompting
    from unseen.refitting import Asked
    from unseen.remedies import Remedy

PREFIX = "remedy"


@dataclass(frozen=True)
class Improved(Reported):
    """What trying remedies came to; shows itself in a notebook.

    Attributes:
        asked: Data, learner and held-out sets.
        results: One a family of shifts, as objects.
        source: Where the table came from.
        settings: Of the run.
    """

    asked: Asked
    results: tuple[Improvement, ...]
    source: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def document(self) -> dict[str, Any]:
        """Everything as plain data."""
        from unseen.report import improvement

        made = improvement.summarise(self.asked, self.results, source=self.source, settings=self.settings)
        return document_in_python(made)

    @property
    def helped(self) -> bool:
        """Whether remedies helped under any of the shifts."""
        return any(one.helped for one in self.results)

    @property
    def ranking(self) -> list[dict[str, Any]]:
        """Remedies under every shift, the best first, as plain data."""
        return [{"family": f["family"], **row} for f in self.document["families"] for row in f["ranking"]]

    def to_frame(self) -> pl.DataFrame:
        """One row a remedy under a shift, the best first: verdict, gains with intervals (mean, worst), cost."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for row in self.ranking:
            flat = {k: v for k, v in row.items() if isinstance(v, str | int | float | bool) or v is None}
            for name in ("gain", "gain_worst"):
                gain: Mapping[str, Any] = row.get(name) or {}
                flat |= {name: gain.get("value"), f"{name}_low": gain.get("low"), f"{name}_high": gain.get("high")}
            rows.append(flat)
        return pl.DataFrame(rows, infer_schema_length=None)

    def _rendered(self, form: str) -> str:
        return render(self.document, form)

    def __repr__(self) -> str:
        helped = [one.design.family for one in self.results if one.helped]
        return f"<Improved: helped under {', '.join(helped)}>" if helped else "<Improved: no remedy helped>"

    def _repr_html_(self) -> str:
        from unseen.report.pages import framed

        return framed(render(self.document, "html"), "unseen improve")


def render(document: Mapping[str, Any], format_: str, *, color: bool = False, full: bool = False) -> str:
    """A document of ``improve`` in one of ``rendered.FORMATS``; text is the first screen, or in full all of it.

    Raises:
        BadInput: There is no such format.
    """
    from unseen.report import improvement_html, improvement_markdown, improvement_terminal
    from unseen.report.rendered import in_form

    text = partial(improvement_terminal.text, color=color, full=full)
    return in_form(document, format_, text=text, markdown=improvement_markdown.render, html=improvement_html.render)


def first_answer(found: Improvement, seconds: float) -> str:
    """What the cheap remedies came to, in a line, while the dear ones are being tried."""
    from unseen.report.improvement import first_words

    return f"First answer after {seconds:.0f} s, from {len(found.ranking)} cheap remedies: {first_words(found)}\n"


def improve_asked(asked: Asked, run: Callable[..., list[Improvement]], *, source: str = "", **options: Any) -> Improved:
    """Try remedies on what was asked for, and keep the settings beside the result."""
    results = run(asked, **options)
    shown = ("remedies", "repeats", "rows", "smallest_gain", "judge", "level", "seed")
    return Improved(asked, tuple(results), source, {k: options[k] for k in shown if k in options})


def improve_prompted(
    given: Any, model: Any, shifts: Sequence[str], how: Prompting, *, second: Any = None, source: str = "",
    told: Callable[[str], object] | None = None, **options: Any,
) -> Improved:  # fmt: skip
    """Try ways to ask a language model, and keep the settings beside the result.

    Args:
        given: Answers of models, or a table of items that nobody answered yet.
        model: Name of a model, or one.
        shifts: Phrases; which kinds are not to be seen.
        how: How questions are asked.
        second: Another model, or its name.
        source: Where the items came from.
        told: Called with what it will take, before anything is asked.
        **options: Of ``unseen.improving.prompting.improve_prompts``.
    """
    from unseen.improving.prompting import improve_prompts, prompts_asked, work
    from unseen.learners.language.named import language_model

    asked, items, questions = prompts_asked(given, shifts, seed=how.seed)
    first, other = (language_model(m) if isinstance(m, str) else m for m in (model, second))
    asked = asked.by(first.name)
    if told is not None:
        told(
            work(asked, questions, options.get("remedies", ()), second=other, how=how, rows=options.get("rows", 20_000))
        )
    results = improve_prompts(asked, items, questions, first, how, second=other, **options)
    shown = ("remedies", "repeats", "rows", "smallest_gain", "judge", "level")
    kept = {"model": first.name, "seed": how.seed, "max_tokens": how.max_tokens, "longest": how.longest}
    return Improved(asked, tuple(results), source, {**kept, **{k: options[k] for k in shown if k in options}})


@dataclass(frozen=True)
class RemedyPage:
    """What there is to know about a remedy."""

    remedy: Remedy

    @property
    def code(self) -> str:
        """Its name after ``remedy:``."""
        return f"{PREFIX}:{self.remedy.name}"

    @property
    def title(self) -> str:
        """A few words."""
        return self.remedy.title

    @property
    def question(self) -> str:
        """What it does."""
        return self.remedy.what

    @cached_property
    def studies(self) -> list[dict[str, Any]]:
        """Its studies: direction, sentence, and the state and verdict of the evidence."""
        from unseen.atlas.citing import cited

        return cited(self.code, self.remedy.studies)

    def to_dict(self) -> dict[str, Any]:
        """All sections as plain data."""
        from unseen.remedies import NEEDS, label

        r = self.remedy
        return {
            "code": self.code, "title": r.title, "kind": r.kind, "what": r.what,
            "needs": [NEEDS[need] for need in r.needs], "cost": r.cost, "assumptions": r.assumptions,
            "settings": [label("", dict(s)).strip() or "usual" for s in r.grid], "sources": list(r.sources),
            "sees_target": r.sees_target, "studies": self.studies,
        }  # fmt: skip

    def __str__(self) -> str:
        from unseen.atlas.citing import citing_text
        from unseen.report.plain import page

        d = self.to_dict()
        sections = [
            ("What it does", d["what"]),
            ("Needs", "\n".join(d["needs"]) or "nothing beyond the data and the learner"),
            ("Cost", d["cost"]),
            ("Helps where", d["assumptions"] or "nothing more is known"),
            ("Looks at the target", "at its inputs, never at its labels" if d["sees_target"] else _sight(d["kind"])),
            ("Settings tried", "\n".join(d["settings"])),
            ("Sources", "\n".join(d["sources"])),
            ("Studies", citing_text(self.studies) or "none of the atlas"),
        ]
        return page(f"{d['code']}  {d['title']} ({d['kind']})", sections, hanging="    ")


def _sight(kind: str) -> str:
    return "at its inputs while answering, never at its labels" if kind == "test-time" else "no"


def remedy_pages(code: str) -> list[RemedyPage]:
    """Pages of ``remedy:NAME``, or of all remedies for ``remedy`` and ``remedy:``.

    Raises:
        BadInput: There is no remedy of this name.
    """
    from unseen.remedies import all_remedies, remedy_named

    name = code.partition(":")[2].strip().lower()
    return [RemedyPage(r) for r in ([remedy_named(name)] if name else all_remedies().values())]
