"""What a key may do, and when it still may."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from titer.domain.organizations.rules import Requirements
from titer.domain.people.rules import Role

PREFIX = "lk_"
RESULTS_PREFIX = "lr_"


class Kind(StrEnum):
    """Whose key it is: an integration of the laboratory's, or one of its clients'."""

    LAB = "lab"
    RESULTS = "results"


#: How the text of a key begins.
PREFIXES: Mapping[Kind, str] = {Kind.LAB: PREFIX, Kind.RESULTS: RESULTS_PREFIX}


class Scope(StrEnum):
    """What a key is good for: read everything, change things, or put a name to a result."""

    READ = "read"
    WRITE = "write"
    VERIFY = "verify"


#: The most that a key may do which a person of this role makes.
POWERS: Mapping[Role, frozenset[Scope]] = {
    Role.SYSTEM_ADMINISTRATOR: frozenset(Scope),
    Role.ADMINISTRATOR: frozenset(Scope),
    Role.REVIEWER: frozenset(Scope),
    Role.TECHNICIAN: frozenset({Scope.READ, Scope.WRITE}),
    Role.READ_ONLY: frozenset({Scope.READ}),
}


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """What a key's digest leads to, before anybody has let it in."""

    organization_id: int
    key_id: int
    name: str
    user_id: int
    scopes: frozenset[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    api_access: bool
    kind: Kind = Kind.LAB
    requirements: Requirements | None = None
    #: Whose results it reads; None of the laboratory's own, which are nobody's in particular.
    client_id: int | None = None

    def opens(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired, on a plan with API access."""
        expired = self.expires_at is not None and self.expires_at <= now
        return self.api_access and self.revoked_at is None and not expired


def spell_scopes(scopes: Iterable[Scope]) -> str:
    """Scopes in their fixed order, as they are kept."""
    wanted = set(scopes)
    return " ".join(scope for scope in Scope if scope in wanted)


@lru_cache(maxsize=16)
def read_scopes(text: str) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in text.split())
