"""What a design can show: smallest detectable differences and units needed, with clusters."""

from __future__ import annotations

import math

from unseen.errors import BadInput, TooFewUnits
from unseen.estimates.estimate import Estimate
from unseen.estimates.intervals.means import normal_quantile

# One more unit never decides for certain: "how many times as many" is never told as less than this.
LEAST_TIMES = 1.1


def design_effect(rows_per_cluster: float, intraclass: float) -> float:
    """Factor by which clusters inflate the variance of a mean: 1 + (m − 1)ρ, at least 1/m.

    Args:
        rows_per_cluster: m, mean rows per cluster (for uneven sizes Σn²/Σn).
        intraclass: ρ, correlation of two rows of one cluster.

    Source: Kish (1965), section 5.4.

    >>> round(design_effect(5, 0.5), 6)
    3.0
    """
    if rows_per_cluster < 1 or not -1 <= intraclass <= 1:
        raise BadInput(
            f"a cluster has 1 row or more and a correlation within ±1, got {rows_per_cluster}, {intraclass}."
        )
    return max(1 / rows_per_cluster, 1 + (rows_per_cluster - 1) * intraclass)


def smallest_detectable(
    sd_a: float, n_a: float, sd_b: float, n_b: float,
    *, alpha: float = 0.05, power: float = 0.8, correlation: float = 0.0,
) -> float:  # fmt: skip
    """Smallest true difference of two means that a two-sided test rejects with the stated power.

    δ = (z_{1−α/2} + z_{power})·√(s_a²/n_a + s_b²/n_b − 2ρ·s_a·s_b/√(n_a·n_b)).

    Args:
        sd_a: Standard deviation of one unit of a (√(p(1 − p)) where binary).
        n_a: Independent units, or the effective number: rows over the design effect.
        sd_b: The same for b.
        n_b: The same for b.
        alpha: Two-sided level.
        power: Chance to reject.
        correlation: Between the means of both sides; 0 where the sides share no unit.

    Raises:
        TooFewUnits: A side has no unit.
        BadInput: alpha, power or correlation lies outside its range.

    Source: Cohen (1988), ch. 2; Card et al. (2020), With little power comes great responsibility.

    >>> round(smallest_detectable(0.5, 400, 0.5, 400), 3)
    0.099
    """
    if min(n_a, n_b) <= 0:
        raise TooFewUnits(f"a side without units detects nothing, got {n_a} and {n_b}. Add rows to the empty side.")
    if not -1 <= correlation <= 1:
        raise BadInput(f"a correlation lies within ±1, got {correlation}.")
    ea, eb = sd_a / math.sqrt(n_a), sd_b / math.sqrt(n_b)
    return _reach(alpha, power) * math.sqrt(max(0.0, ea * ea + eb * eb - 2 * correlation * ea * eb))


def smallest_detectable_paired(sd_change: float, n: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The same for the mean of n paired changes: δ = (z_{1−α/2} + z_{power})·s/√n.

    >>> round(smallest_detectable_paired(0.5, 200), 3)
    0.099
    """
    return smallest_detectable(sd_change, n, 0.0, n, alpha=alpha, power=power)


def detectable_from_error(error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest detectable effect of an estimate whose standard error is known.

    >>> round(detectable_from_error(0.01), 4)
    0.028
    """
    return _reach(alpha, power) * error


def units_needed(
    gap: float, sd_a: float, sd_b: float,
    *, alpha: float = 0.05, power: float = 0.8, design: float = 1.0, correlation: float = 0.0,
) -> int:  # fmt: skip
    """Rows a side (the same on both) so that a true difference is found with the stated power.

    n = ⌈(z_{1−α/2} + z_{power})²·(s_a² + s_b² − 2ρ·s_a·s_b)·deff / gap²⌉.

    Args:
        gap: True difference, in score units.
        sd_a: Standard deviation of one row of a.
        sd_b: The same for b.
        alpha: Two-sided level.
        power: Chance to reject.
        design: Design effect of clusters (``design_effect``).
        correlation: Of the two scores of one unit, where the design is paired.

    Raises:
        BadInput: gap is not above zero, or another value lies outside its range.

    Source: Cohen (1988), ch. 2; Kish (1965), section 5.4.

    >>> units_needed(0.1, 0.5, 0.5)
    393
    """
    if gap <= 0 or design <= 0:
        raise BadInput(f"a gap and a design effect lie above zero, got {gap} and {design}.")
    variance = sd_a * sd_a + sd_b * sd_b - 2 * correlation * sd_a * sd_b
    return max(2, math.ceil(_reach(alpha, power) ** 2 * variance * design / gap**2))


def times_to_decide(estimate: Estimate, matters: float, *, alpha: float) -> float:
    """How many times as many units would decide between "an effect" and "none that matters".

    A question is decided where the effect passes its test at ``alpha``, or its interval excludes ``matters``. Once the
    standard error is below matters / (z_{α/2} + z_{level}) every value falls on one side or the other. The standard
    error is known from the same units, so that its upper 80 % limit is used: s²·(n − 1)/χ²_{0.2}(n − 1).

    Args:
        estimate: The effect with its interval.
        matters: The effect that matters, in the unit of the estimate.
        alpha: Two-sided level at which the null is tested, the audit's correction included.

    Returns:
        The ratio, at least 1.1: one more unit never decides for certain.

    Raises:
        BadInput: The effect that matters is not above zero.

    >>> from unseen.estimates import Estimate
    >>> round(times_to_decide(Estimate(0.05, -0.02, 0.12, 200, "an example"), 0.1, alpha=0.05), 2)
    2.14
    """
    from scipy import special

    if matters <= 0:
        raise BadInput(f"an effect that matters lies above zero, got {matters}.")
    tail = normal_quantile((1 - estimate.level) / 2)
    dof = max(1, estimate.units - 1)
    error = error_of(estimate) * math.sqrt(dof / float(special.chdtri(dof, 0.8)))
    return max(LEAST_TIMES, (error * (normal_quantile(alpha / 2) + tail) / matters) ** 2)


def units_to_decide(estimate: Estimate, matters: float, *, alpha: float) -> tuple[float, int]:
    """The ratio of ``times_to_decide`` and the number of units that it comes to.

    Everything that names a number of units to collect takes it from here, so that no two sentences contradict.

    >>> from unseen.estimates import Estimate
    >>> units_to_decide(Estimate(0.05, -0.02, 0.12, 200, "an example"), 0.1, alpha=0.05)
    (2.14..., 429)
    """
    times = times_to_decide(estimate, matters, alpha=alpha)
    return times, max(estimate.units + 1, round(times * estimate.units))


def told_times(times: float) -> str:
    """A number of times as it is told: two digits that count, since the variance behind it is known no better.

    >>> told_times(2.43), told_times(12.6), told_times(197.2), told_times(8947)
    ('2.4', '13', '200', '8,900')
    """
    if times < 9.95:
        return f"{times:.1f}"
    return f"{int(float(f'{times:.2g}')):,}"


def error_of(estimate: Estimate) -> float:
    """Half the width of an interval over the normal quantile of its level: the standard error where it is normal.

    >>> from unseen.estimates import Estimate
    >>> round(error_of(Estimate(0.0, -0.196, 0.196, 100, "an example")), 3)
    0.1
    """
    return estimate.width / 2 / normal_quantile((1 - estimate.level) / 2)


def power_of(gap: float, error: float, *, alpha: float = 0.05) -> float:
    """Chance that a two-sided normal test rejects when the true effect and the standard error are these.

    >>> round(power_of(0.28, 0.1), 2)
    0.8
    """
    from scipy import special

    if error <= 0:
        raise BadInput(f"a standard error lies above zero, got {error}.")
    critical = normal_quantile(alpha / 2)
    return float(special.ndtr(abs(gap) / error - critical) + special.ndtr(-abs(gap) / error - critical))


def _reach(alpha: float, power: float) -> float:
    if not (0 < alpha < 1 and alpha < power < 1):
        raise BadInput(f"alpha lies in (0, 1) and power between alpha and 1, got {alpha} and {power}.")
    return normal_quantile(alpha / 2) + normal_quantile(1 - power)
