"""Expected numbers of an audit that is planned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unseen.errors import BadInput
from unseen.estimates.intervals.designs import Layout, checked

DEFAULT_INTRACLASS = 0.1
DEFAULT_PAIRING = 0.3
# Beyond these a number is a slip of the hand; the arithmetic of power would still print something.
MOST_ITEMS = 10**12
MOST_MODELS = 10_000


@dataclass(frozen=True, slots=True)
class Design:
    """Expected numbers of an audit that is planned.

    Attributes:
        models: Models.
        items: Items of each model; may be left out where clusters and rows per cluster are given.
        unseen_share: Share of the items (and of the clusters) that is unseen.
        clusters: Sampling units of all items; each lies on one side.
        rows_per_cluster: Mean items per cluster.
        uneven: Standard deviation of the items per cluster over their mean.
        intraclass: Correlation of the scores of two items of one cluster.
        score: Expected mean score on seen items, as a share of the score's range.
        sd: Standard deviation of a score, where scores are not 0 and 1.
        pairing: Correlation of two models' scores on one item.
        factors: Factors of the items, for the searches.
    """

    models: int = 4
    items: int | None = None
    unseen_share: float = 0.5
    clusters: int | None = None
    rows_per_cluster: float | None = None
    uneven: float = 0.0
    intraclass: float | None = None
    score: float = 0.7
    sd: float | None = None
    pairing: float = DEFAULT_PAIRING
    factors: int = 1

    def checked(self) -> Design:
        """The design, if its numbers can be those of an audit.

        Raises:
            BadInput: One of them lies outside its range, or they contradict each other.
        """
        checked("the number of models", self.models, 1, MOST_MODELS, "Give --models 1 or more.")
        if self.items is not None:
            checked("the number of items", self.items, 4, MOST_ITEMS, "Give the items of each model, seen and unseen.")
        checked("the expected score", self.score, 0, 1, "Give it as a share of the score's range (0.7).", open_low=True)
        if not 0 < self.unseen_share < 1:
            raise BadInput(
                f"the unseen share lies between 0 and 1, got {self.unseen_share:g}. A gap needs items on both sides: 0.4 "
                "for 40 % unseen."
            )
        if self.clusters is not None:
            checked("the number of clusters", self.clusters, 2, MOST_ITEMS, "One cluster tells nothing about others.")
        if self.rows_per_cluster is not None:
            checked("the rows per cluster", self.rows_per_cluster, 1, MOST_ITEMS, "A cluster has a row.")
        if self.intraclass is not None:
            checked("the intraclass correlation", self.intraclass, 0, 1, "0.1 is usual for questions about one text.")
            if self.clusters is None and self.rows_per_cluster is None and self.intraclass > 0:
                raise BadInput(
                    f"an intraclass correlation of {self.intraclass:g} is one of rows in clusters, and no cluster is "
                    "given. Add --clusters or --rows-per-cluster."
                )
        if self.sd is not None:
            checked("the standard deviation of a score", self.sd, 0, 0.5, "As a share of the range.", open_low=True)
        checked("the pairing of two models", self.pairing, -1, 0.99, "0.3 is usual.")
        checked("the unevenness of clusters", self.uneven, 0, math.inf, "0 for clusters of one size.")
        checked("the number of factors", self.factors, 0, 50, "")
        self._sides()
        return self

    def _sides(self) -> None:
        layout = self.layout
        for name, share in (("unseen", self.unseen_share), ("seen", 1 - self.unseen_share)):
            if share * layout.clusters < 2 - 1e-9:
                what = "items" if layout.single else "clusters"
                raise BadInput(
                    f"{layout.clusters:g} {what} at an unseen share of {self.unseen_share:g} leave "
                    f"{share * layout.clusters:.1g} on the {name} side, and an interval needs 2. Give more {what}, or a "
                    "share nearer to one half."
                )

    @property
    def layout(self) -> Layout:
        """Clusters and rows.

        Raises:
            BadInput: Items, clusters and rows per cluster contradict each other, or say too little.
        """
        n, k, m = self.items, self.clusters, self.rows_per_cluster
        if n is None:
            if k is None or m is None:
                raise BadInput("nothing to plan. Give a pilot log, or --items (or --clusters and --rows-per-cluster).")
            n = round(k * m)
        if k is None:
            k = n if m is None else max(2, round(n / m))
        if m is not None and abs(k * m - n) > max(1.0, 0.02 * n):
            raise BadInput(
                f"{k} clusters of {m:g} rows are {k * m:g} items, and {n} were given. Leave one of the three out."
            )
        if k > n:
            raise BadInput(f"{k} clusters can't have {n} items: each has one at least. Give fewer clusters.")
        return Layout(k, n / k, 0.0 if k == n else self.uneven**2)

    @property
    def correlation(self) -> float:
        """The intraclass correlation; 0 where each item is a unit of its own."""
        if self.layout.single:
            return 0.0
        return DEFAULT_INTRACLASS if self.intraclass is None else self.intraclass
