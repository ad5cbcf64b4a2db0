"""When a message is sent again, and how it is signed (Standard Webhooks). Pure."""

import base64
import hmac
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256

TEST_PUBLISHED, TEST_MESSAGE = "test.published", "webhook.test"


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


_MINUTE, _HOUR = 60, 3_600
#: How long to wait before each attempt.
WAITS = (
    *(0, 5, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR),
    *(10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
#: A wait is so much longer or shorter, so that not all come at once.
JITTER = 0.1
#: An attempt that nobody tells of for so long is made again: its server was killed. Longer than an
#: attempt may take.
LEASE = timedelta(minutes=1)
#: An old secret still signs for so long after a new one was made.
OVERLAP = timedelta(hours=24)


def wait_before(attempt: int, chance: float) -> timedelta | None:
    """The wait before an attempt (from 1); None when there are no more. `chance` is from 0 to 1."""
    if attempt > len(WAITS):
        return None
    return timedelta(seconds=WAITS[attempt - 1] * (1 + JITTER * (2 * chance - 1)))


def spell_secret(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def sign(secrets: Iterable[str], message_id: str, timestamp: int, payload: str) -> str:
    """`v1,...`, once for each secret that is in force."""
    signed = f"{message_id}.{timestamp}.{payload}".encode()
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
