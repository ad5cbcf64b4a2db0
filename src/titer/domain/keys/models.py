"""Rows of API keys."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import TenantKeyed, TenantOwned


class ApiKey(TenantOwned):
    """A key, of which only the digest and the first characters are kept."""

    __tablename__ = "api_keys"

    name: Mapped[str]
    #: `lab`, or `results` for one that is a client's.
    kind: Mapped[str] = mapped_column(default="lab")
    client_id: Mapped[int | None]
    key_prefix: Mapped[str]
    digest: Mapped[bytes] = mapped_column(info={"kept_out_of_audit": True})
    #: Space-separated, in a fixed order: `read write verify`.
    scopes: Mapped[str]
    created_by: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class KeyUse(TenantKeyed):
    """When a key was last seen, to the minute: apart, so that a request never rewrites its key."""

    __tablename__ = "key_uses"

    key_id: Mapped[int] = mapped_column(primary_key=True)
    last_used_at: Mapped[datetime] = mapped_column(Instant)
