"""Rows of walks through numbered pages."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import TenantOwned


class Walk(TenantOwned):
    """How far a key has walked through a list: where its pages begin, from `first_page` on.

    `starts` is a JSON list with, for each of these pages, what its first row is ordered by.
    """

    __tablename__ = "walks"
    __audited__ = False  # it says how a list is read, and nothing of the laboratory

    key_id: Mapped[int]
    list: Mapped[str]
    first_page: Mapped[int]
    starts: Mapped[str]
    noted_at: Mapped[datetime] = mapped_column(Instant)
