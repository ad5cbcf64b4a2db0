"""One effect per key: a request sent again gets its first answer, byte for byte.

The key's row is the first statement of the work's transaction and the answer its last, so that a
crash leaves neither. A second request with the same key waits for the first on the unique index;
what it finds when the first has committed is the answer. Only successes are kept: a failure rolled
back, and trying again is then right. (Stripe's second version of the rule; IETF
draft-ietf-httpapi-idempotency-key-header for the statuses.)
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import LargeBinary, Text, bindparam, delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Id, Instant
from titer.kit.errors import Conflict, Invalid, Misused
from titer.kit.owned import TenantKeyed
from titer.kit.prepared import TENANT, Prepared
from titer.kit.strokes import table_of
from titer.kit.tenancy import TenantSession

KEPT_FOR = timedelta(days=7)
WAIT_SECONDS = 2
_MAX_LENGTH = 255
_LOCK_NOT_AVAILABLE = "55P03"
_PURGE_ONE_IN, _PURGE_AT_ONCE = 100, 1_000


class InvalidIdempotencyKey(Invalid):
    slug = "invalid_idempotency_key"
    message = "Idempotency-Key takes 1 to 255 printable ASCII characters."


class IdempotencyKeyReused(Misused):
    slug = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request. Take a new key."


class IdempotencyInProgress(Conflict):
    slug = "idempotency_in_progress"
    message = "A request with this Idempotency-Key is still running. Retry in a moment."


class IdempotentRequest(TenantKeyed):
    """A request that was made under a key, and the answer that it got."""

    __tablename__ = "idempotent_requests"

    principal_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    headers: Mapped[str | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)


_REQUESTS = table_of(IdempotentRequest)
_OURS = (
    _REQUESTS.c.organization_id == TENANT,
    _REQUESTS.c.principal_id == bindparam("whose", type_=Id),
    _REQUESTS.c.key == bindparam("which", type_=Text),
)
_KEEP = Prepared(
    update(_REQUESTS)
    .where(*_OURS)
    .values(
        {
            "status": bindparam("answered", type_=Id),
            "headers": bindparam("with", type_=Text),
            "body": bindparam("text", type_=LargeBinary),
        }
    )
)
_FORGET = Prepared(delete(_REQUESTS).where(*_OURS))
_PATIENCE = Prepared(select(func.set_config("lock_timeout", bindparam("how_long"), True)))  # noqa: FBT003 - PostgreSQL's is_local


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent."""

    status: int
    headers: str
    body: bytes


def key_of(header: str | None) -> str | None:
    """The key that a header names, quoted or bare. Raises `InvalidIdempotencyKey`."""
    if header is None:
        return None
    key = header.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 1 <= len(key) <= _MAX_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidIdempotencyKey
    return key


def fingerprint(method: str, path: str, query: Mapping[str, str], body: bytes) -> bytes:
    """SHA-256 of what makes a request the same request."""
    told = sha256()
    for part in (method, path, *sorted(f"{name}={value}" for name, value in query.items())):
        told.update(part.encode())
        told.update(b"\0")
    told.update(body)
    return told.digest()


class Once:
    """One principal's key, within the transaction of the work that it guards."""

    def __init__(self, session: TenantSession, principal_id: int, key: str, told: bytes) -> None:
        self.session = session
        self._principal_id = principal_id
        self._key = key
        self._told = told

    async def earlier(self) -> Answer | None:
        """The answer that was given before; None when this is the first time, and now ours to do.

        Raises `IdempotencyKeyReused` and `IdempotencyInProgress`.
        """
        if await self._claim():
            return None
        row = await self._find()
        if row is None or row.expires_at <= self.session.now:
            await self._forget()
            await self._claim()
            return None
        if row.fingerprint != self._told:
            raise IdempotencyKeyReused
        if row.status is None or row.body is None:
            raise IdempotencyInProgress(retry_after=1)
        return Answer(row.status, row.headers or "{}", row.body)

    async def peek(self) -> Answer | None:
        """The answer that was given before, if any: only a look, which claims nothing.

        Raises `IdempotencyKeyReused`.
        """
        row = await self._find()
        if row is None or row.expires_at <= self.session.now:
            return None
        if row.fingerprint != self._told:
            raise IdempotencyKeyReused
        if row.status is None or row.body is None:
            return None
        return Answer(row.status, row.headers or "{}", row.body)

    async def keep(self, answer: Answer) -> None:
        """Keep the answer, in the transaction of the work."""
        answered = {"answered": answer.status, "with": answer.headers, "text": answer.body}
        await self.session.fetch(_KEEP, **self._ours(), **answered)
        if random.randrange(_PURGE_ONE_IN) == 0:  # noqa: S311 - a broom, not a secret
            await purge(self.session)

    async def _claim(self) -> bool:
        try:
            await self._be_patient(f"{WAIT_SECONDS}s")
            claimed = await self.session.insert_unless_taken(
                IdempotentRequest,
                principal_id=self._principal_id,
                key=self._key,
                fingerprint=self._told,
                created_at=self.session.now,
                expires_at=self.session.now + KEPT_FOR,
            )
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise IdempotencyInProgress(retry_after=1) from error
            raise
        await self._be_patient("0")
        return claimed

    async def _be_patient(self, how_long: str) -> None:
        """On PostgreSQL: how long the next statements wait for a lock."""
        if self.session.on_postgresql:
            await self.session.fetch(_PATIENCE, how_long=how_long)

    async def _find(self) -> IdempotentRequest | None:
        statement = select(IdempotentRequest).where(
            IdempotentRequest.principal_id == self._principal_id,
            IdempotentRequest.key == self._key,
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def _forget(self) -> None:
        await self.session.fetch(_FORGET, **self._ours())

    def _ours(self) -> dict[str, Any]:
        return {"whose": self._principal_id, "which": self._key}


async def purge(session: TenantSession) -> None:
    """Sweep out keys that have expired, a thousand at most."""
    expired = (
        select(IdempotentRequest.principal_id, IdempotentRequest.key)
        .where(IdempotentRequest.expires_at <= session.now)
        .limit(_PURGE_AT_ONCE)
    )
    for principal_id, key in (await session.execute(expired)).all():
        await session.execute(
            delete(IdempotentRequest)
            .where(IdempotentRequest.principal_id == principal_id, IdempotentRequest.key == key)
            .execution_options(synchronize_session=False)
        )
