"""What is limited, and where a caller stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in any span of so many seconds, under a name that callers see."""

    name: str
    quota: int
    seconds: int = 60

    @property
    def spelled(self) -> str:
        """`120/minute`."""
        return f"{self.quota}/" + ("minute" if self.seconds == 60 else f"{self.seconds} s")  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of one limit, and the seconds until its oldest use is forgotten."""

    limit: Limit
    remaining: int
    reset: float

    def worse(self, other: "Standing") -> "Standing":
        """The one of two that promises less."""
        return min(self, other, key=lambda standing: (standing.remaining, -standing.reset))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request was admitted, and where its caller stands with each limit after it."""

    admitted: bool
    standings: tuple[Standing, ...]

    @property
    def tightest(self) -> Standing:
        """The limit that the caller will meet, or has met, first; the longest wait among equals."""
        return min(self.standings, key=lambda standing: (standing.remaining, -standing.reset))


class Windows(Protocol):
    """Counts requests per caller."""

    #: Whether several processes count together.
    shared: bool

    async def hit(self, caller: bytes, limits: Sequence[Limit]) -> Verdict:
        """Admit one request and charge it to every limit, or refuse it and charge it to none."""
        ...

    def forget(self, caller: bytes) -> None:
        """The caller turned out to be nobody: keep no memory of them."""
        ...

    async def reachable(self) -> bool:
        """Whether the counting works as it is set up to, right now."""
        ...

    async def close(self) -> None: ...
