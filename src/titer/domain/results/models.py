"""Rows of result history."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import ExactDecimal, Instant
from titer.kit.owned import TenantOwned


class ResultEntry(TenantOwned):
    """What was once the result of a test, kept for good beside what came later.

    `action` says what made it: `entered`, `cleared`, `verified` or `reopened`. `version` is the
    version of the sample test that it left behind. An entry about one analyte of a panel names it.
    """

    __tablename__ = "result_entries"
    __audited__ = False  # the sample test's own event says the same

    sample_test_id: Mapped[int]
    analyte_id: Mapped[int | None]
    analyte_code: Mapped[str | None]
    version: Mapped[int]
    action: Mapped[str]
    result: Mapped[str | None]
    result_operator: Mapped[str | None]
    result_value: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    unit: Mapped[str | None]
    specification: Mapped[str]
    spec_min: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    spec_max: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    notes: Mapped[str | None]
    source: Mapped[str | None]
    reason: Mapped[str | None]
    actor_id: Mapped[int | None]
    occurred_at: Mapped[datetime] = mapped_column(Instant)
