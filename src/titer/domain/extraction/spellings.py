"""What one assay is called, in the tenant's catalogue and by laboratories in general."""

import re

from titer.domain.extraction.naming import (
    concepts_in_context,
    in_percent,
    named_concepts,
    nuclide_spellings,
    qualifiers_among,
    short_basis,
    symbols_of,
    without_beginning,
)
from titer.domain.extraction.values import Assay
from titer.domain.extraction.vocabulary import concept_of, elements, kin
from titer.domain.extraction.wording import key, words

#: What a result is expressed as, where nothing else is ever meant.
_EXPRESSED_AS = re.compile(
    r",?\s*\(?\bas (?:CaCO3|(?:tartaric|citric|lactic|oleic|acetic|malic) acid|SO2)\)?$",
    re.IGNORECASE,
)

_AS_ELEMENT = re.compile(r"^(.{3,40}) as ([NPS])$")
_PLURAL = re.compile(r"(?<=[a-z]{4})s$")


def spellings_of(assay: Assay, shared: frozenset[str]) -> list[tuple[str, str]]:
    """All that names an assay by itself, with what kind of a name it is.

    `shared` are the first words that tell none of the tenant's assays from the others.
    """
    found = [(assay.code, "code"), (assay.name, "name")]
    found += [(alias, "alias") for alias in assay.aliases]
    found += [
        (other, "alias")
        for name in (assay.name, *assay.aliases)
        for other in (
            *nuclide_spellings(name),
            *symbols_of(name),
            _EXPRESSED_AS.sub("", name),
            _PLURAL.sub("", name),
            short_basis(name),
            without_beginning(name, shared),
        )
        if other != name
    ]
    return found


def concepts_of(assay: Assay) -> list[tuple[str, frozenset[str], float]]:
    """The concepts that an assay is of, with its fraction and how surely it is."""
    found: list[tuple[str, frozenset[str], float]] = []
    in_context: list[tuple[str, frozenset[str], float]] = []
    for text in (assay.name, *assay.aliases):
        if nuclide_spellings(text):
            # Of a nuclide nothing but itself is a spelling: Cs-134 is not Cs-137.
            return []
        named = [(c, qualifiers_among(q), 0.95) for c, q in named_concepts(short_basis(text))]
        known = {concept for concept, _, _ in named}
        found += named
        in_context += [
            (concept, qualifiers_among(rest), 0.88)
            for concept, rest in concepts_in_context(text)
            if concept not in known
        ]
    if assay.unit.strip() == "%":
        # Neutrophils in percent are a test of their own, however a laboratory calls them.
        found = [(in_percent(c), q, s) for c, q, s in found]
        in_context = [(in_percent(c), q, s) for c, q, s in in_context]
    if not found and assay.code:
        code = assay.code.strip()
        names = concept_of(code)
        if not names and code.capitalize() in elements() and not key(assay.name):
            names = frozenset((elements()[code.capitalize()],))
        found += [(name, frozenset(), 0.93) for name in names]
    found += [one for one in in_context if one[0] not in {name for name, _, _ in found}]
    held = {name for name, _, _ in found}
    near = [(kin()[n], q, s * 0.97) for n, q, s in found if n in kin() and kin()[n] not in held]
    return found + near


def expressed(text: str) -> frozenset[str]:
    """The concepts of a name with what it is expressed as, in any language: `Nitriet as N`."""
    based = _AS_ELEMENT.match(text)
    if based is None:
        return frozenset()
    return frozenset(
        found for name in concept_of(based[1]) for found in concept_of(f"{name} as {based[2]}")
    )


def fraction_of(assay: Assay) -> frozenset[str]:
    """The fraction that an assay's name says it is of: total, dissolved."""
    return qualifiers_among(words(assay.name))
