"""Tests that differ by a figure alone, and texts that give nothing but that figure.

A distillation's temperatures at 10, 50 and 90 % recovered, a dissolution after 15 and 30 minutes:
instruments print them as a table whose first column, or first line, holds the bare figures.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from titer.domain.extraction.values import Assay
from titer.domain.extraction.wording import key

_FIGURE = re.compile(r"(?<![\d.,])\d{1,4}(?:[.,]\d{1,2})?(?![\d.,])")
_BARE = re.compile(
    r"^(\d{1,4}(?:[.,]\d{1,2})?)\s*(?:%|vol\s*%|%\s*vol|min(?:utes)?\.?|h|d|days?)?$", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]$")
_LEAST_MEMBERS = 2


class Families:
    """The groups of a tenant's assays whose names are equal but for one figure."""

    def __init__(self, assays: Iterable[Assay]) -> None:
        found: dict[str, dict[Decimal, set[int]]] = defaultdict(lambda: defaultdict(set))
        for assay in assays:
            for name in (assay.name, *assay.aliases):
                for figure in _FIGURE.finditer(name):
                    rest = f"{name[: figure.start()]} # {name[figure.end() :]}"
                    found[key(rest)][_number(figure[0])].add(assay.id)
        self._families = [
            {figure: next(iter(ids)) for figure, ids in members.items() if len(ids) == 1}
            for members in found.values()
            if len(members) >= _LEAST_MEMBERS
        ]

    def members(self, texts: Iterable[str]) -> dict[str, int]:
        """The assays that some texts of one column or line name by their bare figures.

        Nothing where fewer than two members of a family are there, or two families fit.
        """
        if not self._families:
            return {}
        bare = {
            text: match[1]
            for text in set(texts)
            if (match := _BARE.match(_IN_BRACKETS.sub("", text).strip()))
        }
        fits: list[dict[str, int]] = []
        for family in self._families:
            named = {t: family[_number(f)] for t, f in bare.items() if _number(f) in family}
            if len(set(named.values())) >= _LEAST_MEMBERS:
                fits.append(named)
        return fits[0] if len(fits) == 1 else {}


def _number(figure: str) -> Decimal:
    return Decimal(figure.replace(",", "."))
