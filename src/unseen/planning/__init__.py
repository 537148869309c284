"""How much to collect: what an audit of this size would show, from expected numbers or from a pilot.

Both ways end in one ``Plan``. From numbers, the intervals that the checks would compute are worked out at the expected
scores; from a pilot, the audit itself is run on it, and the standard errors of its estimates are carried over to other
sizes. Levels are those of the audit's correction (``auditing.levels_alone``), so that a plan, U003 and the next step of
an undecided question name the same numbers.
"""

from __future__ import annotations

from unseen.planning.design import Design
from unseen.planning.numbers import from_numbers
from unseen.planning.pilot import from_pilot
from unseen.planning.plan import Plan

__all__ = ["Design", "Plan", "from_numbers", "from_pilot"]
