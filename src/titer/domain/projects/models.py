"""Rows of projects. One table serves every face: integer `id` here, UUID `public_id` there."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.owned import TenantOwned, Versioned


class Project(Versioned, TenantOwned):
    """What samples are taken for."""

    __tablename__ = "projects"

    public_id: Mapped[UUID] = mapped_column(Uuid)
    code: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    client_id: Mapped[int | None]
    status: Mapped[str]
    sample_id_scheme: Mapped[str]
    start_date: Mapped[date | None] = mapped_column(Date)
    end_date: Mapped[date | None] = mapped_column(Date)
