"""Rows of people and their sign-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import Base, TenantOwned, Versioned


class User(Versioned, TenantOwned):
    """A person within one organization; someone who works for two has a user in each."""

    __tablename__ = "users"

    public_id: Mapped[UUID] = mapped_column(Uuid)
    email: Mapped[str]
    #: The address as it is compared: case-folded. Unique within the organization.
    email_folded: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    password_hash: Mapped[str] = mapped_column(info={"kept_out_of_audit": True})


class SignIn(TenantOwned):
    """A person's session, until it ends or is ended."""

    __tablename__ = "sign_ins"

    user_id: Mapped[int]
    digest: Mapped[bytes] = mapped_column(info={"kept_out_of_audit": True})
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInFailure(Base):
    """Failures in a row under one subject, and until when it answers no further attempt.

    It belongs to no organization: a subject is a digest of what somebody typed, and most of what
    is typed by those who guess is nobody's address.
    """

    __tablename__ = "sign_in_failures"

    subject: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    slowed_until: Mapped[datetime | None] = mapped_column(Instant)
    last_failed_at: Mapped[datetime] = mapped_column(Instant)
