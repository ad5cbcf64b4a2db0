"""Rules of the catalogue. Pure."""

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from titer.kit.errors import Detail

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}")
#: A storage location's code is a step of a path, so it holds no `/`.
PLACE_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,63}")
MOST_DECIMALS = 15
#: What programs call a custom field.
FIELD_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Resource(StrEnum):
    """What an organization may define fields for."""

    TEST = "test"
    SAMPLE = "sample"


def code_at_fault(code: str | None, pattern: re.Pattern[str] = CODE) -> list[Detail]:
    """What is wrong with a code, if there is one."""
    if code is None or pattern.fullmatch(code):
        return []
    marks = "_.:+-" if pattern is PLACE_CODE else "_.:/+-"
    return [Detail("code", f"must be up to 64 letters, digits and {marks}")]


def limits_at_fault(
    spec_min: Decimal | None, spec_max: Decimal | None, loq: Decimal | None
) -> list[Detail]:
    """What is wrong with a specification: bounds the wrong way round, or a negative LOQ."""
    faults: list[Detail] = []
    if spec_min is not None and spec_max is not None and spec_min > spec_max:
        faults.append(Detail("specMin", "must not be above specMax"))
    if loq is not None and loq < 0:
        faults.append(Detail("loq", "must not be negative"))
    return faults


def decimals_at_fault(decimals: int | None) -> list[Detail]:
    if decimals is None or 0 <= decimals <= MOST_DECIMALS:
        return []
    return [Detail("decimals", f"must be from 0 to {MOST_DECIMALS}")]


def repeats_at_fault(codes: Sequence[str]) -> list[Detail]:
    """What is wrong with the codes of a panel's analytes: one that stands twice."""
    twice = sorted({code for code in codes if codes.count(code) > 1})
    return [Detail("analytes", f"must not name {code} twice") for code in twice]


def capacity_at_fault(capacity: int | None) -> list[Detail]:
    if capacity is None or capacity > 0:
        return []
    return [Detail("capacity", "must be at least 1")]


def verb_of(*, was_active: bool, is_active: bool) -> str:
    """What the trail calls a change: it may take a record out of use, or bring it back."""
    if was_active == is_active:
        return "changed"
    return "restored" if is_active else "retired"


def lies_within(path: str, above: str) -> bool:
    """Whether the storage location at `path` is the one at `above`, or lies below it."""
    return path == above or path.startswith(f"{above}/")


def path_of(parent_path: str | None, code: str) -> str:
    """`COLD/F2/B07`: the way down to a storage location, by code."""
    return f"{parent_path}/{code}" if parent_path else code
