"""Keeping the laboratory's clients.

An upsert finds its client by `with_code` or `named` of the repository, then creates or changes it
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from titer.domain.clients.models import Client
from titer.domain.clients.repository import Clients
from titer.domain.keys import service as keys
from titer.domain.keys.models import ApiKey
from titer.domain.keys.rules import Scope
from titer.domain.people.rules import is_email
from titer.domain.reference.rules import code_at_fault
from titer.domain.reference.service import write
from titer.kit.errors import Detail, at_fault, taken, unknown
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


async def mint_results_key(
    session: TenantSession,
    *,
    client_id: int,
    name: str,
    created_by: int,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key that reads one client's results, and its text.

    Raises `InvalidReference` for a client that is not the organization's or is not active, and
    `InvalidBody` for an expiry that has passed.
    """
    if client_id not in await Clients(session).active_ids([client_id]):
        raise unknown("clientId", [client_id])
    keys.refuse_past(session, expires_at)
    return await keys.mint(
        session,
        name=name,
        created_by=created_by,
        scopes=[Scope.READ],
        expires_at=expires_at,
        client_id=client_id,
    )


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
