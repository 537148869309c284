"""Pairs of an original and its variants of one kind and level, for the checks that ask what a kind of rewriting costs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import polars as pl

from unseen.checks._rows import scored
from unseen.checks._unit import Unit
from unseen.checks._variants import VariantPairs, variant_pairs
from unseen.checks.base import About, Check, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, Condition, Term, originals
from unseen.checks.details.models import RewordedFlips
from unseen.errors import TooFewUnits
from unseen.estimates.intervals.paired import paired_difference
from unseen.plain_text import counted


class CheckOfKinds(Check):
    """A check of what variants of some kinds lose against their originals, one outcome a model and level.

    Attributes:
        kinds: Values of the column ``variant`` that it is about.
    """

    kinds: ClassVar[tuple[str, ...]]
    needs = ("responses", "variant_of", "variant")

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model, kind and level."""
        outcomes = [
            guarded(
                self,
                _about(name, kind, level),
                lambda n=name, k=kind, v=level, p=pairs: self._judge(n, k, v, p, subject, settings),
            )
            for name, kind, level, pairs in self._pairs(subject)
        ]
        return outcomes or [
            self.not_applicable(
                f"No model answered an original and a variant of the kind {' or '.join(self.kinds)}.",
                f"Ask them so: unseen probe LOG --model MODEL --variants {','.join(self.kinds)}; or name the kind of each "
                "rewritten item in a column variant.",
                unlocks=("variant",),
            )
        ]

    @abstractmethod
    def advice(self, kind: str, level: str, unit: Unit) -> str:
        """What to do where a kind costs score, in the words of what users know a score as."""

    def _pairs(self, subject: Subject) -> Iterator[tuple[str, str, str, VariantPairs]]:
        table = subject.answers.table
        columns = ["variant", *(["variant_level"] if "variant_level" in table.columns else [])]
        kept = table.select("item", *(pl.col(c).cast(pl.String).fill_null("") for c in columns)).unique("item")
        levels = {
            str(row["item"]): (str(row["variant"]), str(row.get("variant_level", "")))
            for row in kept.filter(pl.col("variant").is_in(self.kinds)).iter_rows(named=True)
        }
        names = subject.answers.codes("item").levels
        own = {i: levels[str(name)] for i, name in enumerate(names) if str(name) in levels}
        for model, pairs in variant_pairs(subject).items():
            for kind, level in sorted(set(own.values())):
                at = np.array([own.get(int(i)) == (kind, level) for i in pairs.item])
                if at.any():
                    fields = {n: getattr(pairs, n)[at] for n in ("original", "variant", "root", "item", "cluster")}
                    yield model, kind, level, replace(pairs, **fields)

    def _judge(
        self, name: str, kind: str, level: str, pairs: VariantPairs, subject: Subject, settings: Settings
    ) -> Outcome:
        loss, p = paired_difference(
            pairs.original, pairs.variant, pairs.cluster, rng=self.rng(settings, name, kind, level), level=settings.level,
            permutations=settings.n_resamples,
        )  # fmt: skip
        if loss.units < settings.min_units:
            raise TooFewUnits(
                f"{name} has {counted(loss.units, 'independent original')} of it, not {settings.min_units}."
            )
        flips, before, after = pairs.flips(), float(pairs.original.mean()), float(pairs.variant.mean())
        unit = scored(subject).unit
        under = f"{kind}, {level}" if level else kind
        turned = f"{flips['flips_to_wrong']:,} answers turn worse and {flips['flips_to_right']:,} better"
        of = f"{unit.a_word} of " if unit.lower else ""
        numbers = (
            f"{of}{unit.shown(before):.2f} on originals, {unit.shown(after):.2f} on these "
            f"({counted(flips['pairs'], 'pair')}; {turned})"
        )
        clear = f"{unit.loses(name)} nothing that matters"
        terms = [Term("variant", "levels", f"variant = {kind}", levels=(kind,))]
        terms += [Term("variant_level", "levels", f"variant_level = {level}", levels=(level,))] if level else []
        return self.decide(
            about=_about(name, kind, level),
            estimate=loss,
            p_value=p,
            found=f"{unit.loses(name)} {loss.format(2)} under {under}: {numbers}.",
            clear=f"{clear} under {under} ({loss.format(2)}): {numbers}.",
            next_step=self.advice(kind, level, unit),
            settings=settings,
            scale=scored(subject).scale,
            blames=Blame((name,), Condition(tuple(terms)), originals()),
            shared=f"{unit.change} under {under}",
            details=RewordedFlips(
                model=name, **flips, mean_original=before, mean_variant=after, worst=pairs.worst(), loss=loss
            ),
        )  # fmt: skip


def _about(name: str, kind: str, level: str) -> About:
    return About("factor", f"{name}: {kind}{f', {level}' if level else ''}")
