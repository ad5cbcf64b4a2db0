"""Finding a person before their tenant is known, and keeping a tenant's people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnClause,
    bindparam,
    case,
    column,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from titer.domain.people.models import SignIn, SignInFailure, User
from titer.domain.people.rules import ADMINISTRATORS, FORGOTTEN_AFTER, Role, SignInIdentity
from titer.kit.db.engine import Work
from titer.kit.db.types import Instant
from titer.kit.paging import Slice, Window
from titer.kit.records import Records

_FORGET_AT_ONCE = 100

_SIGN_IN: tuple[ColumnClause[Any], ...] = (
    column("organization_id"),
    column("sign_in_id"),
    column("user_id"),
    column("name"),
    column("email"),
    column("role"),
    column("active"),
    column("expires_at", Instant),
    column("ended_at", Instant),
)
#: On PostgreSQL functions that run as the owner: no row is visible before the tenant is known.
_SIGN_IN_BY_FUNCTION = select(*_SIGN_IN).select_from(
    func.find_sign_in(bindparam("digest")).table_valued()
)
_SIGN_IN_BY_JOIN = (
    select(
        SignIn.organization_id,
        SignIn.id.label("sign_in_id"),
        SignIn.user_id,
        User.name,
        User.email,
        User.role,
        User.active,
        SignIn.expires_at,
        SignIn.ended_at,
    )
    .join(User, (User.organization_id == SignIn.organization_id) & (User.id == SignIn.user_id))
    .where(SignIn.digest == bindparam("digest"))
)
_LOGIN: tuple[ColumnClause[Any], ...] = (
    column("organization_id"),
    column("user_id"),
    column("name"),
    column("password_hash"),
)
_LOGINS_BY_FUNCTION = select(*_LOGIN).select_from(
    func.find_logins(bindparam("email_folded")).table_valued()
)
_LOGINS_BY_QUERY = (
    select(User.organization_id, User.id.label("user_id"), User.name, User.password_hash)
    .where(User.email_folded == bindparam("email_folded"), User.active)
    .order_by(User.organization_id)
)


@dataclass(frozen=True, slots=True)
class Login:
    """An active user with the address that somebody signs in with."""

    organization_id: int
    user_id: int
    name: str
    password_hash: str


async def find_sign_in(work: Work, digest: bytes) -> SignInIdentity | None:
    """Whose sign-in this is."""
    statement = _SIGN_IN_BY_FUNCTION if work.on_postgresql else _SIGN_IN_BY_JOIN
    row = (await work.look_up(statement.params(digest=digest))).one_or_none()
    if row is None:
        return None
    return SignInIdentity(
        organization_id=row.organization_id,
        sign_in_id=row.sign_in_id,
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        role=Role(row.role),
        active=bool(row.active),
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


async def find_logins(work: Work, email_folded: str) -> list[Login]:
    """The active users with this address, one per organization, in the order of those."""
    statement = _LOGINS_BY_FUNCTION if work.on_postgresql else _LOGINS_BY_QUERY
    rows = await work.look_up(statement.params(email_folded=email_folded))
    return [Login(*row) for row in rows]


class Failures:
    """The tally of failed sign-ins, kept before anybody's tenant is known."""

    def __init__(self, work: Work) -> None:
        self.work = work

    async def count(self, subject: bytes) -> int | None:
        """Count one more failure, unless the subject is slowed down now; how many it has.

        One statement decides and counts, so that guesses made at once cannot outrun it.
        """
        now = self.work.now
        insert = postgresql.insert if self.work.on_postgresql else sqlite.insert
        statement = (
            insert(SignInFailure)
            .values(subject=subject, failures=1, slowed_until=None, last_failed_at=now)
            .on_conflict_do_update(
                index_elements=[SignInFailure.subject],
                set_={
                    "failures": case(
                        (SignInFailure.last_failed_at < now - FORGOTTEN_AFTER, 1),
                        else_=SignInFailure.failures + 1,
                    ),
                    "slowed_until": None,
                    "last_failed_at": now,
                },
                where=or_(SignInFailure.slowed_until.is_(None), SignInFailure.slowed_until <= now),
            )
            .returning(SignInFailure.failures)
        )
        counted: int | None = (await self.work.look_up(statement)).scalar_one_or_none()
        return counted

    async def slow_down(self, subject: bytes, until: datetime) -> None:
        await self.work.look_up(
            update(SignInFailure).where(SignInFailure.subject == subject).values(slowed_until=until)
        )

    async def slowed_until(self, subject: bytes) -> datetime | None:
        statement = select(SignInFailure.slowed_until).where(SignInFailure.subject == subject)
        until: datetime | None = (await self.work.look_up(statement)).scalar_one_or_none()
        return until

    async def take_back(self, subject: bytes, counted: int) -> None:
        """Undo a count that was no failure, unless somebody else has counted since."""
        await self.work.look_up(
            update(SignInFailure)
            .where(SignInFailure.subject == subject, SignInFailure.failures == counted)
            .values(failures=counted - 1, slowed_until=None)
        )

    async def forgive(self, subject: bytes) -> None:
        """Strike a subject's failures: the next one is the first in a row."""
        await self.work.look_up(delete(SignInFailure).where(SignInFailure.subject == subject))

    async def forget_old(self) -> None:
        """Let go of what is too old to count, a few rows at a time."""
        old = (
            select(SignInFailure.subject)
            .where(SignInFailure.last_failed_at < self.work.now - FORGOTTEN_AFTER)
            .limit(_FORGET_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        await self.work.look_up(delete(SignInFailure).where(SignInFailure.subject.in_(old)))


class Users(Records[User]):
    model = User

    async def matching(
        self, window: Window, *, role: str | None = None, active: bool | None = None
    ) -> Slice[User]:
        pairs = ((User.role, role), (User.active, active))
        return await self.page(
            window, *(field == value for field, value in pairs if value is not None)
        )

    async def with_email(self, email_folded: str) -> int | None:
        statement = select(User.id).where(User.email_folded == email_folded)
        return await self.session.scalar(statement)

    async def lock_administrators(self) -> set[int]:
        """The ids of the active administrators, who stay so until the commit."""
        statement = (
            select(User)
            .where(User.active, User.role.in_([str(role) for role in ADMINISTRATORS]))
            .order_by(User.id)
            .with_for_update()
        )
        return {row.id for row in await self.session.scalars(statement)}


class SignIns(Records[SignIn]):
    model = SignIn

    async def open_of(self, user_id: int, now: datetime) -> Sequence[SignIn]:
        """A person's sign-ins that still open something."""
        return await self.all(
            SignIn.user_id == user_id, SignIn.ended_at.is_(None), SignIn.expires_at > now
        )
