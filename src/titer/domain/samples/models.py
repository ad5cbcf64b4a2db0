"""Rows of samples, their scheduled tests, and the counters of their tracking ids."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import ExactDecimal, Instant, Words
from titer.kit.owned import TenantKeyed, TenantOwned, Versioned


class Sample(Versioned, TenantOwned):
    """A sample: registered, received, tested, verified, reported."""

    __tablename__ = "samples"

    tracking_id: Mapped[str]
    external_id: Mapped[str | None]
    status: Mapped[str]
    priority: Mapped[str]
    client_id: Mapped[int | None]
    client_name: Mapped[str]
    material_type_id: Mapped[int]
    project_id: Mapped[int | None]
    storage_location_id: Mapped[int | None]
    plant_location: Mapped[str | None]
    #: As it was given: a date, or an instant in our spelling.
    collection_date: Mapped[str | None]
    notes: Mapped[str | None]
    received_at: Mapped[datetime | None] = mapped_column(Instant)
    completed_at: Mapped[datetime | None] = mapped_column(Instant)
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    created_by: Mapped[int | None]
    #: What the client calls it.
    name: Mapped[str | None]
    order_id: Mapped[int | None]
    sku_id: Mapped[int | None]
    lot: Mapped[str | None]
    batch: Mapped[str | None]
    composite: Mapped[bool] = mapped_column(default=False)
    number_of_composites: Mapped[int] = mapped_column(default=1)
    serving_size: Mapped[str | None]
    custom_fields: Mapped[dict[str, str]] = mapped_column(Words, default=dict)


class SampleTest(Versioned, TenantOwned):
    """A test scheduled on a sample, and its current result.

    `test_code`, `test_name` and `unit` are copied from the catalogue when the test is scheduled;
    unit and limits are frozen when the result is entered, so that no later change of the
    catalogue changes a verdict in the past. A `panel` has a result for each of its analytes in
    place of one of its own. `started_at` is when the first of its results came.
    """

    __tablename__ = "sample_tests"

    sample_id: Mapped[int]
    tracking_id: Mapped[str]
    test_definition_id: Mapped[int]
    test_code: Mapped[str]
    test_name: Mapped[str]
    unit: Mapped[str | None]
    status: Mapped[str]
    result: Mapped[str | None]
    result_operator: Mapped[str | None]
    result_value: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    specification: Mapped[str]
    spec_min: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    spec_max: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    notes: Mapped[str | None]
    source: Mapped[str | None]
    entered_by: Mapped[int | None]
    entered_at: Mapped[datetime | None] = mapped_column(Instant)
    verified_by: Mapped[int | None]
    verified_at: Mapped[datetime | None] = mapped_column(Instant)
    panel: Mapped[bool] = mapped_column(default=False)
    loq: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    custom_fields: Mapped[dict[str, str]] = mapped_column(Words, default=dict)


class AnalyteResult(Versioned, TenantOwned):
    """An analyte of a scheduled panel, and its current result.

    The panel's analytes are those in use when it is scheduled; unit and limits are frozen when the
    result is entered.
    """

    __tablename__ = "analyte_results"
    __audited__ = False  # part of its test, whose event names the results

    sample_test_id: Mapped[int]
    analyte_id: Mapped[int]
    position: Mapped[int]
    code: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str | None]
    result: Mapped[str | None]
    result_operator: Mapped[str | None]
    result_value: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    specification: Mapped[str]
    spec_min: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    spec_max: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    loq: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    entered_by: Mapped[int | None]
    entered_at: Mapped[datetime | None] = mapped_column(Instant)


class Counter(TenantKeyed):
    """The last number given out under a prefix of tracking ids, such as `S-2026`."""

    __tablename__ = "counters"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
