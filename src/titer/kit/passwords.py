"""Argon2id passwords, hashed off the event loop and a few at a time.

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
    """The Argon2id hash of `password`, in the calling thread: for the command line."""
    return str(_context().hash(password))


class Passwords:
    """Hashes and verifies without holding up other requests."""

    def __init__(self) -> None:
        self._turnstile = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._turnstile:
            return await asyncio.to_thread(hash_now, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` made `stored`; with nothing stored, as slow and false."""
        async with self._turnstile:
            matches = await asyncio.to_thread(_context().verify, password, stored or _nobody())
        return bool(matches) and stored is not None
