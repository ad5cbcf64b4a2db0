"""Organizations, plans, and the month's tally."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, Text, bindparam, insert, select, text, update

from titer.domain.organizations.models import Organization, Plan, QuotaUse
from titer.domain.organizations.rules import Requirements
from titer.kit.db.engine import Work
from titer.kit.db.types import Id
from titer.kit.prepared import TENANT, Prepared
from titer.kit.strokes import table_of
from titer.kit.tenancy import TenantSession


@cache
def _spending(is_limited: bool) -> Prepared:  # noqa: FBT001 - positions are what is remembered
    """Counts units against a month that has begun, where there is a limit not beyond it."""
    uses = QuotaUse.__table__
    units = bindparam("units", type_=Id)
    statement = (
        update(table_of(QuotaUse))
        .where(uses.c.organization_id == TENANT, uses.c.month == bindparam("in_month", type_=Text))
        .values({"used": uses.c.used + units})
        .returning(uses.c.used)
    )
    if is_limited:
        statement = statement.where(uses.c.used + units <= bindparam("allowed", type_=Id))
    return Prepared(statement)


class Organizations:
    """The organization of a session: there is only one."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def own(self) -> Organization:
        return (await self.session.scalars(select(Organization))).one()

    async def find_own(self) -> Organization | None:
        """None when the session was opened for an organization that is not there."""
        return (await self.session.scalars(select(Organization))).one_or_none()

    async def own_for_change(self) -> Organization:
        return (await self.session.scalars(select(Organization).with_for_update())).one()

    async def plan(self) -> Plan:
        statement = select(Plan).join(Organization, Organization.plan == Plan.name)
        return (await self.session.scalars(statement)).one()

    async def requirements(self) -> Requirements:
        """What the organization asks for: known already where a key was looked up."""
        known = self.session.tenant.known
        if isinstance(known, Requirements):
            return known
        own, plan = await self.own(), await self.plan()
        return Requirements(
            second_person=own.require_second_person,
            if_match=own.require_if_match,
            human_signature=own.require_human_signature,
            monthly_samples=plan.monthly_samples,
        )

    async def used_in(self, month: str) -> int:
        statement = select(QuotaUse.used).where(QuotaUse.month == month)
        return (await self.session.scalar(statement)) or 0

    async def use(self, month: str, units: int, limit: int | None) -> bool:
        """Count `units` against the month, unless that passes the limit: one statement decides."""
        if await self._add(month, units, limit):
            return True
        if await self.session.insert_unless_taken(QuotaUse, month=month, used=0):
            return await self._add(month, units, limit)
        # Another request opened the month between our two statements, or the month is full.
        return await self._add(month, units, limit)

    async def _add(self, month: str, units: int, limit: int | None) -> bool:
        values = {"in_month": month, "units": units}
        if limit is not None:
            values["allowed"] = limit
        return bool(await self.session.fetch(_spending(limit is not None), **values))


class Plans:
    """The plans of this installation: they belong to nobody."""

    def __init__(self, work: Work) -> None:
        self.work = work

    async def all(self) -> list[Plan]:
        rows = await self.work.look_up(select(Plan.__table__).order_by(Plan.name))
        return [Plan(**row._mapping) for row in rows]  # noqa: SLF001 - a row's public mapping

    async def set(self, name: str, *, monthly_samples: int | None, api_access: bool) -> None:
        values = {"monthly_samples": monthly_samples, "api_access": api_access}
        changed = await self.work.look_up(
            update(Plan).where(Plan.name == name).values(values).returning(Plan.name)
        )
        if changed.first() is None:
            await self.work.look_up(insert(Plan).values(name=name, **values))


async def every_organization(work: Work) -> Sequence[Row[Any]]:
    """All organizations by id: on PostgreSQL seen only as the role that owns the tables."""
    table = Organization.__table__
    columns = table.c.id, table.c.name, table.c.plan, table.c.created_at
    found = await work.look_up(select(*columns).order_by(table.c.id))
    rows: Sequence[Row[Any]] = found.all()
    return rows


async def next_organization_id(work: Work) -> int:
    """The id of the next organization, known before its row, as row-level security wants."""
    sequence = (
        "SELECT nextval(pg_get_serial_sequence('organizations', 'id'))"
        if work.on_postgresql
        else "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'organizations'"
    )
    return int((await work.look_up(text(sequence))).scalar_one())
