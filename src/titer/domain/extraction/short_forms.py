"""Short forms that instruments print for long names: `VANC2`, `TBA`, `Bact.`"""

import re
from collections.abc import Iterable

from titer.domain.extraction.values import Assay

SHORTEST = 3
_LONGER = 4
_LONGEST = 10
#: The number of a reagent's generation, as analysers append it to a name.
_GENERATION = re.compile(r"(?<=[A-Z]{4})\d$")
_SHORT = re.compile(r"^[A-Z][A-Za-z]{2,9}\.?$")
_WORDS = re.compile(r"[^\W_]+")
#: What stands there is how or in what, and not what.
_IN_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]")
_JOINING = frozenset("of and in by the as to for with".split())


Words = tuple[str, ...]


class ShortForms:
    """Beginnings, ends and initials of the names of a tenant's assays.

    A form that could stand for two of them stands for none.
    """

    def __init__(self, named: Iterable[tuple[Assay, list[tuple[Words, Words]]]]) -> None:
        named = list(named)
        self._named = [(assay, [telling for telling, _ in names]) for assay, names in named]
        self._starts: set[str] = set()
        self._initials: dict[str, set[int]] = {}
        self._assays = {assay.id: assay for assay, _ in self._named}
        for assay, spelled in named:
            for telling, name in spelled:
                self._starts.update(word[:SHORTEST] for word in telling[:1] + telling[-1:])
                initials = "".join(word[0] for word in name if word not in _JOINING)
                if len(initials) >= SHORTEST:
                    self._initials.setdefault(initials, set()).add(assay.id)

    def may_know(self, text: str) -> bool:
        """Whether a text is worth a closer look; most are not."""
        if len(text) > _LONGEST + 2 or " " in text:
            return False
        plain = text.casefold()
        return plain[:SHORTEST] in self._starts or plain in self._initials

    def holding(self, word: str) -> int:
        """How many assays have a word in their names."""
        return sum(any(word in name for name in names) for _, names in self._named)

    def as_an_acronym(self, text: str) -> Assay | None:
        """The assay in whose name a text in capitals stands in capitals: `Residual CHO DNA`."""
        if not text.isupper():
            return None
        found = [
            assay
            for assay in self._assays.values()
            if text in _WORDS.findall(_IN_BRACKETS.sub(" ", assay.name))
        ]
        return found[0] if len(found) == 1 else None

    def at_an_end(self, word: str) -> Assay | None:
        """The assay whose name begins or ends with a word."""
        found = [a for a, names in self._named if any(word in n[:1] + n[-1:] for n in names)]
        return found[0] if len(found) == 1 else None

    def find(self, text: str) -> Assay | None:
        """The only assay that a text in capitals, or with a point at its end, is short for."""
        text = _GENERATION.sub("", text)
        if not _SHORT.match(text):
            return None
        plain = text.rstrip(".").casefold()
        initials = self._initials.get(plain, set())
        if text.isupper() and initials:
            return self._assays[next(iter(initials))] if len(initials) == 1 else None
        if not text.isupper() and (len(plain) < _LONGER or not text.endswith(".")):
            return None
        found = [
            assay
            for assay, names in self._named
            if any(name and name[0].startswith(plain) and name[0] != plain for name in names)
        ]
        return found[0] if len(found) == 1 else None
