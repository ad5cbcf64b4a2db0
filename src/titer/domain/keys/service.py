"""Minting and revoking keys, and remembering when they were used."""

from collections.abc import Iterable
from datetime import datetime

from titer.domain.keys.models import ApiKey
from titer.domain.keys.repository import ApiKeys, note_use
from titer.domain.keys.rules import POWERS, PREFIXES, KeyIdentity, Kind, Scope, spell_scopes
from titer.domain.people.rules import Role
from titer.kit import tokens
from titer.kit.db.engine import Database
from titer.kit.errors import Detail, Forbidden, at_fault
from titer.kit.tenancy import Actor, Tenant, TenantSession

#: A key's last use is true to this many seconds, and costs no write per request.
USE_RESOLUTION = 60


async def mint(
    session: TenantSession,
    *,
    name: str,
    created_by: int,
    scopes: Iterable[Scope] = tuple(Scope),
    expires_at: datetime | None = None,
    client_id: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and its text: the only time that anybody sees it.

    With a client it is a results key, that client's; else it is one of the laboratory's own.
    """
    kind = Kind.LAB if client_id is None else Kind.RESULTS
    raw = tokens.mint(PREFIXES[kind])
    key = ApiKey(
        name=name,
        kind=kind,
        client_id=client_id,
        key_prefix=tokens.masked(raw),
        digest=tokens.digest(raw),
        scopes=spell_scopes(scopes),
        created_by=created_by,
        created_at=session.now,
        expires_at=expires_at,
    )
    session.label(key, "minted")
    return await ApiKeys(session, kind).add(key), raw


async def mint_as(
    session: TenantSession,
    maker: Role,
    *,
    name: str,
    created_by: int,
    scopes: Iterable[Scope],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """A new key that a person makes, with no power that the person's role lacks.

    Raises `Forbidden`, and `InvalidBody` for an expiry that has passed.
    """
    beyond = set(scopes) - POWERS[maker]
    if beyond:
        raise Forbidden(f"Your role cannot give a key the scope {spell_scopes(beyond)}.")
    refuse_past(session, expires_at)
    return await mint(
        session, name=name, created_by=created_by, scopes=scopes, expires_at=expires_at
    )


def refuse_past(session: TenantSession, expires_at: datetime | None) -> None:
    """Raise `InvalidBody` for an expiry that has passed."""
    if expires_at is not None and expires_at <= session.now:
        raise at_fault([Detail("expiresAt", "must lie in the future")])


async def revoke(session: TenantSession, key_id: int, kind: Kind = Kind.LAB) -> ApiKey:
    """End a key at once; one that has ended stays as it is. Raises `NotFound`."""
    key = await ApiKeys(session, kind).get_for_change(key_id)
    if key.revoked_at is None:
        key.revoked_at = session.now
        session.label(key, "revoked")
        await session.flush()
    return key


class KeyUses:
    """Uses of keys since they were last written down; one per worker."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], datetime] = {}

    def saw(self, key: KeyIdentity, now: datetime) -> None:
        known = key.last_used_at
        if known is None or (now - known).total_seconds() >= USE_RESOLUTION:
            self._seen[key.organization_id, key.key_id] = now

    async def write_down(self, database: Database) -> None:
        """Write what was seen, one short transaction per organization.

        What could not be written is kept for the next time.
        """
        by_organization: dict[int, list[tuple[int, datetime]]] = {}
        for (organization_id, key_id), moment in self._seen.items():
            by_organization.setdefault(organization_id, []).append((key_id, moment))
        for organization_id, uses in by_organization.items():
            async with database.work(writes=True) as work:
                session = await work.enter(Tenant(organization_id), Actor("system", "key uses"))
                for key_id, moment in sorted(uses):
                    await note_use(session, key_id, moment)
                await work.commit()
            for key_id, moment in uses:
                if self._seen.get((organization_id, key_id)) == moment:
                    del self._seen[organization_id, key_id]
