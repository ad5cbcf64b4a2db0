"""Rows of approvals."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import TenantOwned, Versioned


class Approval(Versioned, TenantOwned):
    """A verified result out of specification, waiting for or bearing a decision.

    `superseded_at` is set when the retest after a rejection is verified: the rejection then no
    longer holds the sample back.
    """

    __tablename__ = "approvals"

    sample_id: Mapped[int]
    sample_test_id: Mapped[int]
    kind: Mapped[str]
    status: Mapped[str]
    comment: Mapped[str | None]
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    superseded_at: Mapped[datetime | None] = mapped_column(Instant)
