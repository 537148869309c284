"""How often models are right by guessing: known from the number of options, or fitted; every value that the data allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.checks._irt import Grid
from unseen.checks._keys import option_count
from unseen.checks.base import Subject
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates.difficulty.rasch import RaschFit, fit_rasch

IntArray = NDArray[np.int64]
# Twice the loss of log-likelihood that a 95 % profile interval allows.
ALLOWED = 1.92
LARGE = 0.5
GRID = (0.0, 0.1, 0.2, 0.25, 1 / 3, 0.5)
# Guessing shows in the shape of a few models' curves as well as in that of hundreds.
MAX_MODELS, MAX_ITEMS = 12, 4000


@dataclass(frozen=True, slots=True)
class Floors:
    """Chances of being right without knowing that these data allow.

    Attributes:
        values: The likeliest first, then the ends of what is allowed.
        known: Whether the number of options is known.
    """

    values: tuple[float, ...]
    known: bool

    def said(self) -> str:
        """In words, for a sentence."""
        best = self.values[0]
        if len(self.values) == 1:
            return f"guessing right {best:.2f} of the time" if best > 0 else "no guessing"
        low, high = min(self.values), max(self.values)
        return f"whatever share of {low:.2f} to {high:.2f} is guessed right, which these data leave open"


def floors(subject: Subject, g: Grid) -> Floors:
    """The floors that a subject's answers allow; computed once."""
    return subject.shared("irt_floors", lambda: _floors(subject, g))


def _floors(subject: Subject, g: Grid) -> Floors:
    options = option_count(subject)
    tried = g.trials.sum(axis=0)
    share = g.right.sum(axis=0) / np.maximum(tried, 1)
    if options is not None and np.isfinite(options).any():
        known = float(np.nanmean(1 / options))
        candidates = (0.0, known)
    else:
        # Nobody is right less often than by guessing; a little below it by chance.
        lowest = float(share[tried > 0].min(initial=1.0))
        known, candidates = None, tuple(c for c in GRID if c <= lowest + 0.05)
    if len(candidates) == 1:
        return Floors(candidates, known is not None)
    order = np.argsort(share, kind="stable")
    models = order[np.unique(np.linspace(0, len(order) - 1, min(MAX_MODELS, len(order))).round().astype(int))]
    items = np.flatnonzero(g.trials[:, models].sum(axis=1) > 0)
    if len(items) > MAX_ITEMS:
        items = items[np.linspace(0, len(items) - 1, MAX_ITEMS).round().astype(int)]
    fitted = _likelihoods(g, items, models, candidates)
    if not fitted:
        return Floors((known or 0.0,), known is not None)
    best = max(fitted, key=fitted.__getitem__)
    allowed = sorted(c for c, value in fitted.items() if value >= fitted[best] - ALLOWED)
    if known is None and 0.0 in allowed:
        # Data that do not tell guessing from none are not taken for questions of two options, of which nothing speaks.
        allowed = [c for c in allowed if c < LARGE]
        best = max(allowed, key=fitted.__getitem__)
    # A curve of another shape than the logistic one looks like guessing: where nothing names the options, the interval
    # is never narrower than without a floor.
    ends = {0.0 if known is None else allowed[0], allowed[-1]}
    return Floors((best, *(c for c in sorted(ends) if c != best)), known is not None)


def _likelihoods(g: Grid, items: IntArray, models: IntArray, candidates: Iterable[float]) -> dict[float, float]:
    """Log-likelihood under each floor, of the same models: one that a floor leaves without an ability counts nowhere."""
    fits: dict[float, RaschFit] = {}
    for c in candidates:
        try:
            fits[c] = fit_rasch(g.right[np.ix_(items, models)], g.trials[np.ix_(items, models)], floor=c)
        except (TooFewUnits, Undefined):
            continue
    if not fits:
        return {}
    finite = np.stack([np.isfinite(fit.ability) for fit in fits.values()])
    shared = finite.all(axis=0)
    if (finite == shared).all():
        return {c: fit.log_likelihood for c, fit in fits.items()}
    if shared.sum() >= 2:
        return _likelihoods(g, items, models[shared], fits)
    most = finite.sum(axis=1).max()
    return {c: fit.log_likelihood for c, fit in fits.items() if np.isfinite(fit.ability).sum() == most}
