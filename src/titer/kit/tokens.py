"""Bearer secrets: made, recognised by their checksum, and kept only as a hash.

A token is `prefix` + 34 random base62 characters (202 bits) + 6 base62 characters of the CRC-32
of all that precedes. The checksum lets a typing error die before it reaches the database, and lets
a scanner of leaked secrets recognise one without false alarms. With that much entropy a plain
SHA-256 is the right way to keep it (OWASP ASVS 5, 6.5.2).
"""

import re
import secrets
import string
import zlib
from hashlib import sha256

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 34
_CHECKSUM_LENGTH = 6
_SHAPE = re.compile(r"[a-z]{2,3}_[0-9A-Za-z]{40}")


def mint(prefix: str) -> str:
    """A new token that begins with `prefix`, for example `lk_`."""
    text = prefix + "".join(secrets.choice(BASE62) for _ in range(_RANDOM_LENGTH))
    return text + checksum(text)


def checksum(text: str) -> str:
    """Six base62 digits of the CRC-32 of `text`."""
    number = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def is_well_formed(token: str, *prefixes: str) -> bool:
    """Whether `token` has one of the prefixes, the right shape and the right checksum."""
    return (
        token.startswith(prefixes)
        and _SHAPE.fullmatch(token) is not None
        and checksum(token[:-_CHECKSUM_LENGTH]) == token[-_CHECKSUM_LENGTH:]
    )


def digest(token: str) -> bytes:
    """What is stored in place of a token."""
    return sha256(token.encode()).digest()


def masked(token: str) -> str:
    """What may be shown of a token ever after: its prefix and eight characters."""
    start = token.index("_") + 1
    return token[: start + 8] + "..."
