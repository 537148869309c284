"""Plans at the library's front door: make one, show it, keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from unseen.faces import document_in_python
from unseen.reported import Reported

if TYPE_CHECKING:
    from unseen.planning import Plan


@dataclass(frozen=True)
class Planned(Reported):
    """What a design would show; shows itself in a notebook.

    Attributes:
        result: The plan, as objects.
    """

    result: Plan

    @cached_property
    def document(self) -> dict[str, Any]:
        """Everything as plain data."""
        from unseen.report import plan

        return document_in_python(plan.summarise(self.result))

    @property
    def smallest_gap_found(self) -> float | None:
        """Smallest gap of one model (U101) that is found with the power asked for."""
        return self.result.questions[0].found

    @property
    def items_to_decide(self) -> int | None:
        """Items of each model with which every gap is decided at ``gap_that_matters``; None where no number does."""
        matters = self.result.settings.gap_that_matters
        return next(need.items for need in self.result.questions[0].to_decide if need.gap == matters)

    def _rendered(self, form: str) -> str:
        return render(self.document, form)

    def __repr__(self) -> str:
        from unseen.report.plan import title

        return f"<Planned: {title(self.document)}>"

    def _repr_html_(self) -> str:
        from unseen.report.pages import framed

        return framed(render(self.document, "html"), "unseen plan")


def render(document: Mapping[str, Any], format_: str, *, color: bool = False, full: bool = False) -> str:
    """A document of ``plan`` in one of ``rendered.FORMATS``; text is the first screen, or in full all of it.

    Raises:
        BadInput: There is no such format.
    """
    from unseen.report import plan_html, plan_markdown, plan_terminal
    from unseen.report.rendered import in_form

    text = partial(plan_terminal.text, color=color, full=full)
    return in_form(document, format_, text=text, markdown=plan_markdown.render, html=plan_html.render)
