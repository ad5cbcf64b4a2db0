"""Argon2id passwords, hashed off the event loop and verified a few at a time.

Parameters are OWASP's minimum (19 MiB, two passes, one lane). A sign-in for an unknown person
verifies against a hash that nobody's password has, so that both answers take as long.
"""

import asyncio
from functools import cache

from passlib.context import CryptContext

MIN_LENGTH, MAX_LENGTH = 10, 256
_AT_ONCE = 2


@cache
def _context() -> CryptContext:
    return CryptContext(
        schemes=["argon2"], argon2__memory_cost=19_456, argon2__time_cost=2, argon2__parallelism=1
    )


@cache
def _nobody() -> str:
    return hash_now("the password of nobody at all")


def hash_now(password: str) -> str:
    """The Argon2id hash of `password`, in the calling thread."""
    return str(_context().hash(password))


async def hash_aside(password: str) -> str:
    """The Argon2id hash of `password`, made off the event loop."""
    return await asyncio.to_thread(hash_now, password)


class Passwords:
    """Verifies without holding up other requests."""

    def __init__(self) -> None:
        self._turnstile = asyncio.Semaphore(_AT_ONCE)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` made `stored`; with no hash stored, as slow and false."""
        is_hash = stored is not None and bool(_context().identify(stored))
        against = stored if is_hash else _nobody()
        async with self._turnstile:
            matches = await asyncio.to_thread(_context().verify, password, against)
        return bool(matches) and is_hash
