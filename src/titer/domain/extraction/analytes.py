"""Recognising the tenant's own assays in header and cell texts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from titer.domain.extraction.alike import PARTLY, likeness
from titer.domain.extraction.cognates import cognate
from titer.domain.extraction.families import Families
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.naming import (
    CONTEXT,
    content_of,
    qualifier_fit,
    qualifiers_among,
    says_nothing,
    shared_beginnings,
    stems,
    telling,
    tidy,
    unit_stripped,
)
from titer.domain.extraction.numbers import looks_numeric
from titer.domain.extraction.relatives import COMMON, CYCLES, Relatives, counts_cycles
from titer.domain.extraction.roles import role_of
from titer.domain.extraction.short_forms import SHORTEST, ShortForms
from titer.domain.extraction.spellings import concepts_of, expressed, fraction_of, spellings_of
from titer.domain.extraction.values import Assay, LearnedAlias
from titer.domain.extraction.variants import variants, without_unit
from titer.domain.extraction.vocabulary import concept_of, concepts, elements, kin
from titer.domain.extraction.wording import fold, key, words

# Every instrument has a temperature of its own; with a strange word beside it, it is that one.
_AMBIENT = frozenset(["temp", "temperature", "temperatur", "temperatura", "pressure", "volume"])


@dataclass(frozen=True, slots=True)
class _Entry:
    assay: Assay
    qualifiers: frozenset[str]
    score: float


#: The amount concentration of a substance, as analysers of blood gases print it: `cNa+`.
_CONCENTRATION_OF = re.compile(r"^c([A-Z][A-Za-z0-9]{0,5}[+\-]{0,2})(?:\s?[(\[].{0,10})?$")

#: What stands in brackets behind a name: a unit, mostly.
_UNIT_BEHIND = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]$")

#: What analysers print in short for what they determine as an element.
_MOSTLY_AS = {"ammonia": "N", "nh3": "N", "ortho p": "P", "reactive p": "P"}
_LEFT_OUT = 0.7

_SHORTENED = 0.58

_SCORE = attrgetter("score")
_FIGURED_SCORE = 0.8

_COGNATE = 0.95
_ALSO = 0.96

_PAIR = 2

_FIGURED = re.compile(r"^\s*\d+(?:[.,]\d+)?\s*%\s*[A-Za-z]")

#: What was added to be measured beside the analyte: internal standards and labelled compounds.
#: And what numbers an instrument, or tells a signal from noise, and is no sulphur.
_INTERNAL = re.compile(
    r"\bS/N\b|\(I\.?S(?:TD)?\.?\)|\b1[35][CN]\d{0,2}-|-d\d{1,2}\b|^d(?:[3-7]|1\d)-"
)

#: What analysers append to the names of calculated results.
_CALCULATED = re.compile(r"(?<=[\w)])c$")

_OXIDATION = re.compile(r"\((?:I{1,3}|IV|V|VI{0,2})\)$")


class Lexicon:
    """What the tenant calls its assays, with what labs in general call them."""

    def __init__(
        self,
        assays: Iterable[Assay],
        learned: Iterable[LearnedAlias] = (),
        hinted: Iterable[LearnedAlias] = (),
    ) -> None:
        self.assays = {assay.id: assay for assay in assays}
        #: The units of the catalogue, folded.
        self.units = {fold(assay.unit) for assay in self.assays.values() if assay.unit}
        self._exact: dict[str, dict[int, TestMatch]] = {}
        self._concepts: dict[str, list[_Entry]] = {}
        self._cache: dict[str, tuple[TestMatch, ...]] = {}
        self._prefixes = shared_beginnings(a.name for a in self.assays.values())
        for assay in self.assays.values():
            self._learn(assay)
        for aliases, kind in ((learned, "learned"), (hinted, "hint")):
            # A person's word outweighs what the name would mean elsewhere.
            self._exact.update(self._said(aliases, kind))
        self._own_cognates = self._all_cognates()
        self._concept_forms = self._all_concept_forms()
        self._stems = self._all_stems()
        self.relatives = Relatives(self.assays.values())
        self._families = Families(self.assays.values())
        self._short = ShortForms(
            (assay, [(content_of(name), words(name)) for name in (assay.name, *assay.aliases)])
            for assay in self.assays.values()
        )
        self._longest = max((name.count(" ") + 1 for name in self._exact), default=1)

    def _said(self, aliases: Iterable[LearnedAlias], kind: str) -> dict[str, dict[int, TestMatch]]:
        """What people said that names mean; one name may stand for an analyte of several panels."""
        said: dict[str, dict[int, TestMatch]] = {}
        for alias in aliases:
            assay = self.assays.get(alias.assay_id)
            if assay is not None and key(alias.text):
                said.setdefault(key(alias.text), {})[assay.id] = TestMatch(assay, 1.0, kind)
        return said

    def _all_cognates(self) -> dict[str, list[Assay]]:
        """The assays by the forms of their names that languages share."""
        found: dict[str, list[Assay]] = {}
        for assay in self.assays.values():
            for form in {cognate(name) for name in (assay.name, *assay.aliases)} - {""}:
                found.setdefault(form, []).append(assay)
        return found

    def _all_concept_forms(self) -> dict[str, frozenset[str]]:
        """The concepts in use by the forms of their spellings that languages share."""
        found: dict[str, frozenset[str]] = {}
        for spelling, names in concepts().items():
            used = names & self._concepts.keys()
            form = cognate(spelling) if used else ""
            if form:
                found[form] = found.get(form, frozenset()) | used
        return found

    def _all_stems(self) -> frozenset[str]:
        """A word of every name that could lead to an assay; most texts hold none of them."""
        names = set(self._exact)
        names.update(name for name, found in concepts().items() if found & self._concepts.keys())
        symbols = [symbol for symbol, name in elements().items() if name in self._concepts]
        forms = [*self._concept_forms, *self._own_cognates]
        return frozenset(
            (
                *CYCLES,
                *(stem for name in [*names, *symbols] for stem in stems(name)),
                *(word for form in forms for word in form.split()),
            )
        )

    def _learn(self, assay: Assay) -> None:
        for text, kind in spellings_of(assay, self._prefixes):
            if text and key(text):
                score = 0.99 if kind == "alias" else 1.0
                matches = self._exact.setdefault(key(text), {})
                matches.setdefault(assay.id, TestMatch(assay, score, kind))
        for concept, qualifiers, score in concepts_of(assay):
            self._concepts.setdefault(concept, []).append(_Entry(assay, qualifiers, score))

    def by_figure(self, texts: Iterable[str]) -> dict[str, tuple[TestMatch, ...]]:
        """The assays that bare figures of one column or line name, by their texts."""
        named = self._families.members(texts)
        score = _FIGURED_SCORE if len(set(named.values())) > _PAIR else _FIGURED_SCORE * 0.8
        return {
            text: (TestMatch(self.assays[assay], score, "figure"),) for text, assay in named.items()
        }

    def match(self, text: str) -> tuple[TestMatch, ...]:
        """The assays a text may name, the likeliest first."""
        cached = self._cache.get(text)
        if cached is None:
            cached = self._match(tidy(text))
            if len(self._cache) < 100_000:
                self._cache[text] = cached
        return cached

    def _match(self, text: str) -> tuple[TestMatch, ...]:
        if not text or len(text) > 100 or looks_numeric(text) or _INTERNAL.search(text):
            return ()
        known = self._knows(text)
        if not known and _CALCULATED.search(text):
            return self._match(text[:-1])
        if not known:
            return self._of_concentration(text) or self._as_mostly_meant(text)
        best: dict[int, TestMatch] = {}
        for variant, factor, rest in variants(text):
            for match in self._whole(variant, qualifiers_among(rest)):
                scored = replace(match, score=match.score * factor, rest=rest)
                _keep(best, scored)
            if best:
                break
            if variant == text and _OXIDATION.search(text) and concept_of(text):
                # `Cr(VI)` is a thing of its own, and no chromium with a remark.
                return ()
        if not best:
            for match in self._named_twice(text) or self._within(text):
                _keep(best, match)
        if not best:
            for match in self._alike(text):
                _keep(best, match)
        if not best:
            return self._of_concentration(text) or self._as_mostly_meant(text)
        ranked = sorted(best.values(), key=lambda m: (-m.score, m.assay.id))
        return tuple(m for m in ranked if m.score >= 0.4)

    def _of_concentration(self, text: str) -> tuple[TestMatch, ...]:
        concentration = _CONCENTRATION_OF.match(text)
        if concentration:
            return self._match(concentration[1])
        alone = _UNIT_BEHIND.sub(lambda found: without_unit(found).strip(), text).strip()
        return self._match(alone) if alone != text else ()

    def _as_mostly_meant(self, text: str) -> tuple[TestMatch, ...]:
        """The assay that a name leaves something out of, which nobody but the analyst knows.

        `Ammonia` is mostly expressed as nitrogen, and a viscosity measured as the only test says.
        """
        name = unit_stripped(_UNIT_BEHIND.sub(without_unit, text)).strip()
        element = _MOSTLY_AS.get(key(name))
        based = self._whole(f"{name} as {element}", frozenset()) if element else []
        found = [replace(match, score=_LEFT_OUT, kind="basis") for match in based]
        told = self.relatives.measured_as_told(name)
        if len(told) == 1:
            found.append(TestMatch(told[0], _LEFT_OUT, "condition"))
        return tuple(found)

    def _knows(self, text: str) -> bool:
        """Whether a text holds a word of some name; most do not, which saves all further looks."""
        return not (
            self._stems.isdisjoint(stems(text))
            and self._stems.isdisjoint(cognate(text).split())
            and not self._short.may_know(text)
        )

    def _whole(self, text: str, qualifiers: frozenset[str]) -> list[TestMatch]:
        """Matches of a text taken as one name."""
        exact = self._exact.get(key(text), {})
        fits = [m for m in exact.values()
                if not qualifiers or qualifier_fit(fraction_of(m.assay), qualifiers)]  # fmt: skip
        if fits:
            return [_cased(match, text) for match in fits] + [
                # Of two tests that go by one name the unit may tell which one is meant.
                replace(match, score=match.score * _ALSO)
                for match in self._of_concepts(concept_of(text), qualifiers, 1.0)
                if match.assay.id not in exact
            ]
        found = self._of_concepts(concept_of(text), qualifiers, 1.0)
        found = found or self._of_concepts(expressed(text), qualifiers, _COGNATE)
        # `Er` is erbium, and the real extract of a beer where nobody measures erbium.
        found = found or self._of_concepts(concepts().get(key(text), frozenset()), qualifiers, 0.95)
        return found or self._of_cognates(text, qualifiers)

    def _named_twice(self, text: str) -> list[TestMatch]:
        """Matches of two names of one thing, the one behind the other: `Phosphate PO4-P`."""
        parts = text.split()
        for at in range(1, len(parts)):
            first = {m.assay.id: m for m in self._whole(" ".join(parts[:at]), frozenset())}
            again = self._whole(" ".join(parts[at:]), frozenset()) if first else []
            both = [min(first[m.assay.id], m, key=_SCORE) for m in again if m.assay.id in first]
            if both:
                return both
        return []

    def _of_cognates(self, text: str, qualifiers: frozenset[str]) -> list[TestMatch]:
        """Matches of the same word in another language."""
        form = cognate(text)
        if not form or concept_of(text):
            return []
        own = [
            TestMatch(assay, _COGNATE, "synonym")
            for assay in self._own_cognates.get(form, ())
            if not qualifiers or qualifier_fit(fraction_of(assay), qualifiers)
        ]
        return own or self._of_concepts(
            self._concept_forms.get(form, frozenset()), qualifiers, _COGNATE
        )

    def _of_concepts(
        self, names: frozenset[str], qualifiers: frozenset[str], factor: float
    ) -> list[TestMatch]:
        found = []
        for name in names:
            for entry in self._concepts.get(name, ()):
                fit = qualifier_fit(entry.qualifiers, qualifiers)
                if fit:
                    shared = 0.97 if len(names) > 1 else 1.0
                    score = entry.score * factor * fit * shared
                    found.append(TestMatch(entry.assay, score, "synonym"))
        return found

    def _within(self, text: str) -> list[TestMatch]:
        """Matches of the longest known name inside a text."""
        if _FIGURED.match(text):
            # `5% rec.` is not the recovery: the figure is part of the name.
            return []
        text = re.sub(r"[(\[{]([^)\]}]*)[)\]}]", without_unit, text)
        tokens = words(text)[:16]
        cased = re.findall(r"[A-Za-z]+\d*[A-Za-z0-9]*", text.replace("_", " "))
        names = concepts()
        for size in range(min(len(tokens), max(6, self._longest)), 0, -1):
            found: list[TestMatch] = []
            foreign = False
            for at in range(len(tokens) - size + 1):
                name = " ".join(tokens[at : at + size])
                rest = tokens[:at] + tokens[at + size :]
                matches = self._part(name, size, rest, cased)
                found += matches
                foreign = foreign or (not matches and telling(name, size) and name in names)
            if found:
                return [replace(m, score=m.score * 0.6) for m in found] if foreign else found
            if foreign and size > 1:
                return []
        return []

    def _alike(self, text: str) -> list[TestMatch]:
        """The assays whose names say the same in other words or longer ones."""
        said = content_of(unit_stripped(re.sub(r"[(\[{]([^)\]}]*)[)\]}]", without_unit, text)))
        scored = [
            (max(likeness(said, content_of(name)) for name in (assay.name, *assay.aliases)), assay)
            for assay in self.assays.values()
        ]
        found = [(score, assay) for score, assay in scored if score] or self._by_one_word(
            text, said
        )
        # A few words that several names hold say nothing.
        if len(found) > 1 and max(score for score, _ in found) <= PARTLY:
            return []
        return [TestMatch(assay, score, "alike") for score, assay in found]

    def _by_one_word(self, text: str, said: tuple[str, ...]) -> list[tuple[float, Assay]]:
        """The one assay whose name a header's only word is one end of, or shortens."""
        if len(said) != 1:
            return []
        word = said[0]
        if word in CYCLES:
            owners = [assay for assay in self.assays.values() if counts_cycles(assay)]
            return [(PARTLY, owners[0])] if len(owners) == 1 else []
        acronym = self._short.as_an_acronym(text.strip())
        if acronym is not None and len(word) >= SHORTEST:
            return [(PARTLY, acronym)]
        if word in COMMON or word in CONTEXT or role_of(word).named or concept_of(word):
            return []
        if len(word) >= SHORTEST and self._short.holding(word) == 1:
            ends = self._short.at_an_end(word)
            if ends is not None:
                return [(PARTLY, ends)]
        short = self._short.find(text.strip())
        return [(_SHORTENED, short)] if short is not None else []

    def _part(
        self, name: str, size: int, rest: tuple[str, ...], cased: list[str]
    ) -> list[TestMatch]:
        held = {token for token in cased if token in elements()}
        exact = self._exact.get(name, {})
        if size == 1 and len(name) <= 2:
            symbol = name.capitalize()
            coded = [m for m in exact.values() if {m.assay.code, m.assay.name} & set(cased)]
            if symbol not in held:
                return [replace(m, score=0.85, rest=rest) for m in coded if len(cased) <= 2]
            found = self._of_concepts(frozenset((elements()[symbol],)), qualifiers_among(rest), 1.0)
        elif exact and telling(name, size):
            found = [replace(m, kind="part") for m in exact.values()]
            found = [
                m for m in found if qualifier_fit(fraction_of(m.assay), qualifiers_among(rest))
            ]
        elif telling(name, size):
            found = self._of_concepts(
                concepts().get(name, frozenset()), qualifiers_among(rest), 1.0
            )
        else:
            return []
        unknown = [w for w in rest if not says_nothing(w)]
        if unknown and name in _AMBIENT:
            return []
        factor = 0.9 if not unknown else (0.7 if len(unknown) == 1 else 0.5)
        return [replace(m, score=m.score * factor, kind="part", rest=rest) for m in found]


def _keep(best: dict[int, TestMatch], match: TestMatch) -> None:
    held = best.get(match.assay.id)
    if held is None or match.score > held.score:
        best[match.assay.id] = match


def _cased(match: TestMatch, text: str) -> TestMatch:
    """A two-letter code that is spelled like another element's symbol is no sure match."""
    stripped = text.strip()
    symbol = elements().get(stripped)
    if match.kind == "code" and symbol is not None and match.assay.code.strip() != stripped:
        own = concept_of(match.assay.name)
        if own and symbol not in own and not any(kin().get(c) == symbol for c in own):
            return replace(match, score=0.4)
    return match
