"""Finding a key before its tenant is known, and keeping a tenant's keys."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnClause, Select, bindparam, column, select, update

from titer.domain.keys.models import ApiKey, KeyUse
from titer.domain.keys.rules import KeyIdentity, Kind, read_scopes
from titer.domain.organizations.models import Organization, Plan
from titer.domain.organizations.rules import Requirements
from titer.kit.db.driver import Row
from titer.kit.db.engine import Work
from titer.kit.db.types import Instant
from titer.kit.paging import Slice, Window
from titer.kit.prepared import Lookup
from titer.kit.records import Records
from titer.kit.tenancy import Actor, Tenant, TenantSession

_COLUMNS: tuple[ColumnClause[Any], ...] = (
    column("organization_id", BigInteger),
    column("key_id", BigInteger),
    column("name"),
    column("user_id", BigInteger),
    column("scopes"),
    column("expires_at", Instant),
    column("revoked_at", Instant),
    column("last_used_at", Instant),
    column("api_access", Boolean),
    column("kind"),
    column("client_id", BigInteger),
    column("require_second_person", Boolean),
    column("require_if_match", Boolean),
    column("require_human_signature", Boolean),
    column("monthly_samples", BigInteger),
)
_BY_JOIN = (
    select(
        ApiKey.organization_id,
        ApiKey.id.label("key_id"),
        ApiKey.name,
        ApiKey.created_by.label("user_id"),
        ApiKey.scopes,
        ApiKey.expires_at,
        ApiKey.revoked_at,
        KeyUse.last_used_at,
        Plan.api_access,
        ApiKey.kind,
        ApiKey.client_id,
        Organization.require_second_person,
        Organization.require_if_match,
        Organization.require_human_signature,
        Plan.monthly_samples,
    )
    .join(Organization, Organization.id == ApiKey.organization_id)
    .join(Plan, Plan.name == Organization.plan)
    .outerjoin(
        KeyUse,
        (KeyUse.organization_id == ApiKey.organization_id) & (KeyUse.key_id == ApiKey.id),
    )
    .where(ApiKey.digest == bindparam("digest"))
)


#: On PostgreSQL a function that runs as the owner: no row is visible before the tenant is known.
LOOKUP = Lookup("find_api_key", _COLUMNS, _BY_JOIN)


def identity_of(row: Row) -> KeyIdentity:
    """What the look-up's columns say."""
    (
        organization_id,
        key_id,
        name,
        user_id,
        scopes,
        expires_at,
        revoked_at,
        last_used_at,
        api_access,
        kind,
        client_id,
        *requirements,
    ) = row
    return KeyIdentity(
        organization_id=organization_id,
        key_id=key_id,
        name=name,
        user_id=user_id,
        scopes=read_scopes(scopes),
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
        api_access=api_access,
        kind=Kind(kind),
        requirements=Requirements(*requirements),
        client_id=client_id,
    )


@dataclass(frozen=True, slots=True)
class KeyOpening:
    """A key that is looked up together with what it is used for.

    `let_in` says for whom it acts, and as whom; it is handed None where there is no such key.
    """

    values: Mapping[str, Any]
    let_in: Callable[[KeyIdentity | None], tuple[Tenant, Actor]]
    lookup: Lookup = LOOKUP

    def admit(self, found: Row | None) -> tuple[Tenant, Actor]:
        return self.let_in(None if found is None else identity_of(found))


async def find_key(work: Work, digest: bytes) -> KeyIdentity | None:
    """Whose key this is. On PostgreSQL the same round trip binds row-level security to them."""
    row = await work.find(LOOKUP, digest=digest)
    return None if row is None else identity_of(row)


async def every_digest(work: Work) -> list[bytes]:
    """The digests of all keys of all organizations, for whoever may see them."""
    rows = await work.look_up(select(ApiKey.__table__.c.digest).order_by(ApiKey.__table__.c.id))
    return [bytes(row.digest) for row in rows]


class ApiKeys(Records[ApiKey]):
    """The keys of one kind: of the laboratory's integrations, or of its clients."""

    model = ApiKey

    def __init__(self, session: TenantSession, kind: Kind = Kind.LAB) -> None:
        super().__init__(session)
        self.kind = kind

    async def matching(
        self, window: Window, *, created_by: int | None = None, client_id: int | None = None
    ) -> Slice[ApiKey]:
        pairs = ((ApiKey.created_by, created_by), (ApiKey.client_id, client_id))
        return await self.page(
            window, *(column == value for column, value in pairs if value is not None)
        )

    def _select(self) -> Select[Any]:
        return super()._select().where(ApiKey.kind == self.kind)

    async def last_uses(self, key_ids: Collection[int]) -> Mapping[int, datetime]:
        """When each of the keys was last seen, by its id; nothing of one that never was."""
        rows = await self.session.execute(
            select(KeyUse.key_id, KeyUse.last_used_at).where(KeyUse.key_id.in_(key_ids))
        )
        return {row.key_id: row.last_used_at for row in rows}


async def note_use(session: TenantSession, key_id: int, moment: datetime) -> None:
    """Remember that a key was used, unless a later use is known."""
    statement = (
        update(KeyUse)
        .where(KeyUse.key_id == key_id, KeyUse.last_used_at < moment)
        .values(last_used_at=moment)
        .execution_options(synchronize_session=False)
    )
    if (await session.execute(statement)).rowcount == 0:  # type: ignore[attr-defined]
        await session.insert_unless_taken(KeyUse, key_id=key_id, last_used_at=moment)
