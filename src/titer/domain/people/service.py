"""Use cases of people: creating and changing them, signing in and out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from titer.domain.people import rules
from titer.domain.people.errors import LastAdministrator, WrongPassword
from titer.domain.people.models import SignIn, User
from titer.domain.people.repository import Failures, Login, SignIns, Users, find_logins
from titer.domain.people.rules import ADMINISTRATORS, Role, SignInIdentity
from titer.kit import tokens
from titer.kit.db.engine import Database
from titer.kit.errors import (
    Detail,
    Duplicate,
    InvalidBody,
    RateLimited,
    Unauthorized,
)
from titer.kit.passwords import MAX_LENGTH, MIN_LENGTH, Passwords, hash_aside
from titer.kit.tenancy import Actor, Tenant, TenantSession

#: An address is tried in no more organizations than this, unless one of them is named.
MOST_LOGINS = 5


async def create_user(
    session: TenantSession, email: str, name: str, role: Role, password: str
) -> User:
    """Create a person of this organization, who can sign in at once.

    Raises `InvalidBody` for an address or a password that cannot be one, and `Duplicate`.
    """
    email = email.strip()
    if not rules.is_email(email):
        raise _fault("email", "must be an e-mail address")
    _check_password(password)
    folded = rules.fold_email(email)
    holder = await Users(session).with_email(folded)
    if holder is not None:
        raise Duplicate(
            "A user with this e-mail address already exists.",
            facts={"field": "email", "existing_id": holder},
        )
    user = User(
        public_id=uuid4(),
        email=email,
        email_folded=folded,
        name=name,
        role=role,
        active=True,
        password_hash=await hash_aside(password),
    )
    return await Users(session).add(user)


async def change_user(
    session: TenantSession, user_id: int, values: Mapping[str, Any], expected: int | None = None
) -> User:
    """Change a person's `name`, `role`, `active` or `password`.

    A new password, and deactivation, end every sign-in of the person. The API keys that the
    person made keep working: a key belongs to the organization, and the laboratory's instruments
    must not fall silent because somebody leaves. Each key tells who made it, so that an
    administrator can revoke what a person may have taken along.

    Raises `NotFound`, `PreconditionFailed`, `InvalidBody`, and `LastAdministrator` when nobody
    would be left to administer the organization.
    """
    password = values.get("password")
    if password is not None:
        _check_password(password)
    # Administrators are locked before the person is, in the order of their ids: two who demote
    # each other at once wait for one another, and do not both succeed.
    administrators = await Users(session).lock_administrators() if _lowers(values) else set()
    user = await Users(session).get_for_change(user_id, expected)
    if administrators == {user.id}:
        raise LastAdministrator
    was_active = user.active
    for name in values.keys() & {"name", "role", "active"}:
        setattr(user, name, values[name])
    if user.active != was_active:
        session.label(user, "reactivated" if user.active else "deactivated")
    if password is not None:
        user.password_hash = await hash_aside(password)
        session.label(user, "password_changed")
    if password is not None or not user.active:
        await _end_all(session, await SignIns(session).open_of(user.id, session.now))
    await session.flush()
    return user


def _lowers(values: Mapping[str, Any]) -> bool:
    return values.get("active") is False or (
        "role" in values and values["role"] not in ADMINISTRATORS
    )


def _check_password(password: str) -> None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise _fault("password", f"must have {MIN_LENGTH} to {MAX_LENGTH} characters")


def _fault(field: str, message: str) -> InvalidBody:
    return InvalidBody(f"{field} {message}.", details=[Detail(field, message)])


async def sign_out(session: TenantSession, sign_in_id: int) -> None:
    """End a sign-in: its token opens nothing from now on."""
    await _end_all(session, [await SignIns(session).get_for_change(sign_in_id)])


async def _end_all(session: TenantSession, sign_ins: Sequence[SignIn]) -> None:
    for sign_in in sign_ins:
        sign_in.ended_at = session.now
        session.label(sign_in, "ended")
    await session.flush()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that succeeded: the only time that anybody sees its token."""

    token: str
    expires_at: datetime
    user: User


class SignInDesk:
    """Where people sign in.

    It opens its own transactions. An attempt is counted as a failure, and that is committed,
    before the password is looked at; only success takes the count back. So a refusal cannot undo
    its own count, a hundred guesses made at once count as a hundred, and no password is hashed
    while a transaction waits.
    """

    def __init__(self, database: Database, lasts: timedelta) -> None:
        self._database = database
        self._passwords = Passwords()
        self._lasts = lasts

    async def sign_in(
        self,
        email: str,
        password: str,
        organization_id: int | None = None,
        request_id: str | None = None,
    ) -> SignedIn:
        """Sign a person in by address and password.

        Raises `RateLimited` after too many failures in a row; `Unauthorized`, the same for an
        unknown address and for a wrong password; and `InvalidBody` when the password is right in
        more than one organization and none was named.
        """
        subject = rules.subject(email, organization_id)
        counted, logins = await self._count(subject, email, organization_id)
        matching = await self._matching(logins, password)
        if not matching:
            raise _refused()
        if len(matching) > 1:
            await self._take_back(subject, counted)
            raise _ambiguous(matching)
        if len(logins) > 1:
            # Whoever knows the password of one of several accounts must not clear the others'.
            await self._take_back(subject, counted)
            subject = rules.subject(email, matching[0].organization_id)
        return await self._admit(matching[0], subject, request_id)

    async def confirm(self, person: SignInIdentity, password: str) -> None:
        """Have a person who is signed in say their password again, as a signature wants it.

        Failures count together with those of signing in to their organization. Raises
        `RateLimited` after too many in a row, and `WrongPassword`.
        """
        subject = rules.subject(person.email, person.organization_id)
        _, logins = await self._count(subject, person.email, person.organization_id)
        theirs = [login for login in logins if login.user_id == person.user_id]
        if not await self._matching(theirs, password):
            raise WrongPassword
        async with self._database.work(writes=True) as work:
            await Failures(work).forgive(subject)
            await work.commit()

    async def _count(
        self, subject: bytes, email: str, organization_id: int | None
    ) -> tuple[int, list[Login]]:
        async with self._database.work(writes=True) as work:
            failures = Failures(work)
            counted = await failures.count(subject)
            if counted is None:
                raise _slowed(work.now, await failures.slowed_until(subject))
            wait = rules.slow_down(counted)
            if wait is not None:
                await failures.slow_down(subject, work.now + wait)
            if counted == 1:
                await failures.forget_old()
            logins = await find_logins(work, rules.fold_email(email))
            await work.commit()
        named = organization_id
        wanted = [each for each in logins if named is None or each.organization_id == named]
        return counted, wanted[:MOST_LOGINS]

    async def _matching(self, logins: Sequence[Login], password: str) -> list[Login]:
        if not logins:
            await self._passwords.verify(password, None)
        return [
            login for login in logins if await self._passwords.verify(password, login.password_hash)
        ]

    async def _take_back(self, subject: bytes, counted: int) -> None:
        async with self._database.work(writes=True) as work:
            await Failures(work).take_back(subject, counted)
            await work.commit()

    async def _admit(self, login: Login, subject: bytes, request_id: str | None) -> SignedIn:
        token = tokens.mint(rules.PREFIX)
        async with self._database.work(writes=True) as work:
            await Failures(work).forgive(subject)
            actor = Actor("user", login.name, login.user_id, request_id=request_id)
            session = await work.enter(Tenant(login.organization_id), actor)
            user = await Users(session).get_for_change(login.user_id)
            if not user.active or user.password_hash != login.password_hash:
                raise _refused()
            sign_in = SignIn(
                user_id=user.id,
                digest=tokens.digest(token),
                created_at=work.now,
                expires_at=work.now + self._lasts,
            )
            session.label(sign_in, "started")
            await SignIns(session).add(sign_in)
            await work.commit()
        return SignedIn(token, sign_in.expires_at, user)


def _refused() -> Unauthorized:
    return Unauthorized("The e-mail address or the password is not right.")


def _ambiguous(logins: Sequence[Login]) -> InvalidBody:
    fault = Detail("organizationId", "is required: the address belongs to several organizations")
    return InvalidBody(
        "You belong to several organizations: name the one to enter as organizationId.",
        details=[fault],
        facts={"organization_ids": [login.organization_id for login in logins]},
    )


def _slowed(now: datetime, until: datetime | None) -> RateLimited:
    seconds = max(1, math.ceil((until - now).total_seconds())) if until else 1
    return RateLimited(
        f"Too many wrong passwords in a row. Try again in {seconds} s.", retry_after=seconds
    )
