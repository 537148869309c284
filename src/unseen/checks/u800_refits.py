"""U800: which refits failed and which held-out sets could not be judged."""

from __future__ import annotations

from collections.abc import Iterable

from unseen.checks._domains import under_shift
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject


class Refits(Check):
    """Refits that failed."""

    code = "U800"
    title = "refits that failed"
    question = "Could the learner be refitted under every shift?"
    null = "none: a count"
    interest = "Any refit in which the learner raised, and any held-out set that is too small to judge."
    method = "Every refit runs by itself; what the learner raises is kept with the name of the refit."
    assumptions = "None: it counts."
    sources = ("Paleyes, Urma & Lawrence (2022), Challenges in deploying machine learning: a survey of case studies",)
    example = "gradient-boosting failed in 2 of 42 refits: ValueError: y contains 1 class."
    needs = ("learner",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """Failures, then what was left out, else that all went well."""
        under = under_shift(subject)
        name, total = under.runner.learner.name, len(under.refitted)
        outcomes: list[Outcome] = []
        for message, where in under.failures.items():
            outcomes.append(
                Found(
                    code=self.code, about=About("model", name),
                    statement=f"{name} failed in {len(where)} of {total} refits ({where[0]}"
                    + (f" and {len(where) - 1} more" if len(where) > 1 else "") + f"): {message}",
                    next_step="Make the learner robust to such training sets; the other refits are judged without it.",
                    effect=len(where) / total, details={"refits": where, "message": message},
                )
            )  # fmt: skip
        for family in under.plan.families():
            left = [(case.name, reason) for case, reason in under.plan.left_out if case.family == family]
            if left:
                examples = "; ".join(f"{n}: {reason}" for n, reason in left[:3])
                outcomes.append(
                    self.not_applicable(
                        f"{family}: {len(left)} held-out {'set is' if len(left) == 1 else 'sets are'} not judged ({examples}"
                        + ("; …" if len(left) > 3 else "") + ").",
                        "Give more rows for them, or join small groups into larger ones.",
                        about=About("factor", family), details={"left_out": [list(pair) for pair in left]},
                    )
                )  # fmt: skip
        if not under.failures:
            notes = " ".join(under.problem.notes)
            outcomes.append(
                Clear(
                    code=self.code, about=About("model", name),
                    statement=f"{name} was refitted {total} times without a failure." + (f" {notes}" if notes else ""),
                    next_step="Nothing to do.", details={"refits": total, "notes": list(under.problem.notes)},
                )
            )  # fmt: skip
        return outcomes
