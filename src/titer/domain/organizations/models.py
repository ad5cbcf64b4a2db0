"""Rows of organizations and plans."""

from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.owned import Base, TenantKeyed, TenantRoot, Versioned


class Plan(Base):
    """What an organization pays for. `monthly_samples` is None when there is no limit."""

    __tablename__ = "plans"

    name: Mapped[str] = mapped_column(primary_key=True)
    monthly_samples: Mapped[int | None]
    api_access: Mapped[bool]


class Organization(Versioned, TenantRoot):
    """A tenant. Its own id is what every row of its own carries as `organization_id`."""

    __tablename__ = "organizations"

    public_id: Mapped[UUID] = mapped_column(Uuid)
    name: Mapped[str]
    plan: Mapped[str]
    #: Whether whoever entered a result is kept from verifying it.
    require_second_person: Mapped[bool] = mapped_column(default=False)
    #: Whether a change through the Lab API must say which copy it was made from.
    require_if_match: Mapped[bool] = mapped_column(default=False)
    #: Whether keys are kept from verifying, reporting and deciding: a person signs instead.
    require_human_signature: Mapped[bool] = mapped_column(default=False)
    #: Whether an excerpt of an instrument file may be shown to a language model.
    allow_language_model: Mapped[bool] = mapped_column(default=False)


class QuotaUse(TenantKeyed):
    """Samples created by an organization in a calendar month (UTC), as `2026-06`."""

    __tablename__ = "quota_uses"

    month: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int]
