"""Rows of walks through numbered pages."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.tenancy import TenantOwned


class Walk(TenantOwned):
    """Where a key's walk through a list began: what came later is not of it."""

    __tablename__ = "walks"
    __audited__ = False  # it says how a list is read, and nothing of the laboratory

    key_id: Mapped[int]
    list: Mapped[str]
    newest_id: Mapped[int]
    began_at: Mapped[datetime] = mapped_column(Instant)
