"""Rows of signatures."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import TenantOwned


class Signature(TenantOwned):
    """A person's signature on a record at one version. The table only ever grows.

    `record_hash` is the SHA-256, in hexadecimal, of the record as the signed act left it; what of
    the record is hashed, `record_format` says.
    """

    __tablename__ = "signatures"

    entity_type: Mapped[str]
    entity_id: Mapped[int]
    entity_version: Mapped[int]
    record_format: Mapped[int]
    record_hash: Mapped[str]
    user_id: Mapped[int]
    printed_name: Mapped[str]
    meaning: Mapped[str]
    method: Mapped[str]
    signed_at: Mapped[datetime] = mapped_column(Instant)
