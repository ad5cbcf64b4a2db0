"""Tests of one catalogue that are of one thing: by another unit, condition, or way of counting."""

import re
from collections.abc import Iterable

from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.naming import CONTEXT, content_of
from titer.domain.extraction.units import Agreement, compare
from titer.domain.extraction.values import Assay
from titer.domain.extraction.wording import fold, key, words

_SIBLING = 0.7
#: Under which conditions a property is measured: `Kinematic viscosity at 40 °C`.
_CONDITION = re.compile(r"\s*(?:at|@|,|\bbei|\bà|\ba)\s*\d+(?:[.,]\d+)?\s?(?:°|deg|º)\s?[CFcf]$")
#: What says too little alone: many things have them.
COMMON = frozenset(
    (
        "acid time ratio point index activity density volume size temp temperature pressure free"
        " rate number degree cell cells solids residue material matter body point test strength"
        " total bound soluble crude relative specific mean viral load antibody antigen virus"
        " oxygen demand loss gain weight mass length width surface area phase extract"
        " stability colour color taste odour species group class type grade factor value"
        " score level yield power energy force angle speed flow day days hour hours"
        " reducing organic inorganic volatile dissolved suspended particulate available"
        " exchangeable extractable saturated unsaturated primary secondary final first second"
        " initial start end blank raw net gross direct indirect active passive positive negative"
        " sodium calcium magnesium potassium iron copper zinc lead"
    ).split()
)
#: What amplification instruments call the cycle at which a target is seen.
CYCLES = frozenset("ct cq cp crt".split())


class Relatives:
    """Looks from one of a tenant's assays to others."""

    def __init__(self, assays: Iterable[Assay]) -> None:
        self._assays = {assay.id: assay for assay in assays}
        self._conditioned = self._all_conditioned()

    def measured_as_told(self, name: str) -> list[Assay]:
        """The assays that a name tells of without the conditions that their own names end in."""
        return self._conditioned.get(key(name), [])

    def sibling(self, named: TestMatch, unit: str) -> tuple[TestMatch, ...]:
        """The one assay in a unit that is called nearly as the one that was named in another.

        Prothrombin time in seconds and prothrombin activity in percent are printed by one name.
        """
        told = _telling(named.assay)
        fits = [
            assay
            for assay in self._assays.values()
            if assay.id != named.assay.id
            and told & _telling(assay)
            and compare(unit, assay.unit)[0] is Agreement.SAME
        ]
        return (TestMatch(fits[0], _SIBLING, "part"),) if len(fits) == 1 else ()

    def beside_cycles(self, named: set[int]) -> list[Assay]:
        """The assays of the same targets as some that are the cycles at which these are seen."""
        cycles = [self._assays[assay] for assay in named]
        return [
            assay
            for assay in self._assays.values()
            if assay.id not in named
            and all(counts_cycles(one) and _telling(one) & _telling(assay)
                    for one in cycles)
        ]  # fmt: skip

    def _all_conditioned(self) -> dict[str, list[Assay]]:
        """The assays by their names without the conditions that these end in."""
        found: dict[str, list[Assay]] = {}
        for assay in self._assays.values():
            plain = _CONDITION.sub("", assay.name)
            if plain != assay.name:
                found.setdefault(key(plain), []).append(assay)
        return found


def _telling(assay: Assay) -> set[str]:
    return set(content_of(assay.name)) - COMMON - CONTEXT


def counts_cycles(assay: Assay) -> bool:
    """Whether an assay is of the cycle at which a target is seen, and not of its quantity."""
    return not CYCLES.isdisjoint((*words(assay.name), fold(assay.unit)))
