"""Rules of the catalogue. Pure."""

from decimal import Decimal

from titer.kit.errors import Detail


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


def path_of(parent_path: str | None, code: str) -> str:
    """`COLD/F2/B07`: the way down to a storage location, by code."""
    return f"{parent_path}/{code}" if parent_path else code
