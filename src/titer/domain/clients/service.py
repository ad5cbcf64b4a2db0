"""Keeping the laboratory's clients.

An upsert finds its client by `with_code` or `named` of the repository, then creates or changes it
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from titer.domain.clients.models import Client
from titer.domain.clients.repository import Clients
from titer.domain.people.rules import is_email
from titer.domain.reference.rules import code_at_fault
from titer.domain.reference.service import write
from titer.kit.errors import Detail, at_fault, taken
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEntry:
    """What a person keeps of a client."""

    name: str
    code: str | None = None
    contact_name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    notes: str | None = None
    active: bool = True


async def create(session: TenantSession, entry: ClientEntry) -> Client:
    """Add a client. Raises `InvalidBody` and `Duplicate` (name in any case, or code)."""
    await _check(session, entry)
    row = Client(
        name=entry.name,
        name_folded=entry.name.casefold(),
        code=entry.code,
        contact_name=entry.contact_name,
        email=entry.email,
        phone=entry.phone,
        address=entry.address,
        notes=entry.notes,
        active=entry.active,
    )
    return await Clients(session).add(row)


async def change(
    session: TenantSession,
    client_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> Client:
    """Change those fields of an entry that `values` names; samples keep the name they were given.

    Raises `NotFound`, `PreconditionFailed`, and what `create` raises.
    """
    row = await Clients(session).get_for_change(client_id, expected)
    entry = replace(_entry(row), **values)
    await _check(session, entry, row.id)
    write(session, row, values)
    row.name_folded = entry.name.casefold()
    await session.flush()
    return row


async def _check(session: TenantSession, entry: ClientEntry, but_for: int | None = None) -> None:
    faults = code_at_fault(entry.code)
    if entry.email is not None and not is_email(entry.email):
        faults.append(Detail("email", "must be an e-mail address"))
    if faults:
        raise at_fault(faults)
    clients = Clients(session)
    holder = await clients.named(entry.name)
    if holder is not None and holder.id != but_for:
        raise taken("name", entry.name, holder.id)
    if entry.code is not None:
        await clients.require_free(entry.code, but_for)


def _entry(row: Client) -> ClientEntry:
    return ClientEntry(
        name=row.name,
        code=row.code,
        contact_name=row.contact_name,
        email=row.email,
        phone=row.phone,
        address=row.address,
        notes=row.notes,
        active=row.active,
    )
