"""Who may administer, how an address is compared, and how guessing is slowed down. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

PREFIX = "ls_"


class Role(StrEnum):
    """What a person is within an organization. The first two have the same powers here."""

    SYSTEM_ADMINISTRATOR = "system_administrator"
    ADMINISTRATOR = "administrator"
    REVIEWER = "reviewer"
    TECHNICIAN = "technician"
    READ_ONLY = "read_only"


class Circle(StrEnum):
    """Who an operation of the settings is for."""

    MEMBER = "member"
    SIGNER = "signer"
    ADMINISTRATOR = "administrator"


ADMINISTRATORS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.ADMINISTRATOR})
ROLES: Mapping[Circle, frozenset[Role]] = {
    Circle.MEMBER: frozenset(Role),
    Circle.SIGNER: ADMINISTRATORS | {Role.REVIEWER},
    Circle.ADMINISTRATOR: ADMINISTRATORS,
}


@dataclass(frozen=True, slots=True)
class SignInIdentity:
    """What a sign-in's digest leads to, before anybody has let it in."""

    organization_id: int
    sign_in_id: int
    user_id: int
    name: str
    email: str
    role: Role
    active: bool
    expires_at: datetime
    ended_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Whether the person is active and the sign-in neither ended nor past its time."""
        return self.active and self.ended_at is None and now < self.expires_at


_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def is_email(text: str) -> bool:
    """Whether a text can be an e-mail address: the mail server knows the rest."""
    return _EMAIL.fullmatch(text) is not None and text.isprintable()


def fold_email(email: str) -> str:
    """The address as it is compared: composed the same way, and without case."""
    return unicodedata.normalize("NFKC", email.strip()).casefold()


FREE_FAILURES = 5
LONGEST_WAIT = timedelta(minutes=15)
#: After this long without a failure an account starts afresh.
FORGOTTEN_AFTER = timedelta(days=1)


def slow_down(failures: int) -> timedelta | None:
    """How long no attempt is taken after so many failures in a row.

    Nothing below five; then one second, doubling up to 15 minutes. Never for good.
    """
    if failures < FREE_FAILURES:
        return None
    doublings = min(failures - FREE_FAILURES, 10)
    return min(timedelta(seconds=2**doublings), LONGEST_WAIT)


def subject(email: str, organization_id: int | None) -> bytes:
    """What failures are counted under: what the caller named, whether or not it exists.

    So an address that nobody has is slowed down exactly as one that somebody has.
    """
    return sha256(f"{organization_id or ''}:{fold_email(email)}".encode()).digest()
