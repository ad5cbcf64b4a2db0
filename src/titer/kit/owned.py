"""What belongs to a tenant: the bases that every table's class is made of."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from titer.kit.db.types import Id, Instant


class Base(DeclarativeBase):
    """Every mapped class, whether tenant-owned or not. Every integer is 63 bits wide."""

    type_annotation_map: ClassVar = {int: Id}


class TenantRoot(Base):
    """The row that is the organization itself: found only by its own id."""

    __abstract__ = True
    __audited__: ClassVar[bool] = True

    @declared_attr
    @classmethod
    def id(cls) -> Mapped[int]:
        return mapped_column(Id, primary_key=True, autoincrement=True, sort_order=-1)


class TenantKeyed(Base):
    """A row that an organization has one of per some other key: counters, tallies."""

    __abstract__ = True
    __audited__: ClassVar[bool] = False

    @declared_attr
    @classmethod
    def organization_id(cls) -> Mapped[int]:
        return mapped_column(BigInteger, primary_key=True, sort_order=-2)


class TenantOwned(TenantKeyed):
    """A row that belongs to one organization, and is found only through it.

    The primary key is the pair: on PostgreSQL in fact, on SQLite (where `id` alone is the integer
    key) in the mapper's eyes.
    """

    __abstract__ = True
    #: Whether changes to this table must write an audit event in their transaction.
    __audited__: ClassVar[bool] = True

    @declared_attr
    @classmethod
    def id(cls) -> Mapped[int]:
        return mapped_column(Id, primary_key=True, autoincrement=True, sort_order=-1)


class Versioned:
    """A row that changes: each UPDATE checks the version it was read at and leaves the next.

    The session stamps the times, so that no use case can forget to.
    """

    @declared_attr
    @classmethod
    def created_at(cls) -> Mapped[datetime]:
        return mapped_column(Instant, sort_order=90)

    @declared_attr
    @classmethod
    def updated_at(cls) -> Mapped[datetime]:
        return mapped_column(Instant, sort_order=91)

    @declared_attr
    @classmethod
    def version(cls) -> Mapped[int]:
        return mapped_column(sort_order=92)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}
