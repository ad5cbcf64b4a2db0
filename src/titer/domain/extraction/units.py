"""Units: what two spellings have in common and the exact factor between them."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from titer.domain.extraction.wording import fold

_PREFIX = {
    "": "1", "k": "1e3", "h": "1e2", "d": "1e-1", "c": "1e-2",
    "m": "1e-3", "u": "1e-6", "n": "1e-9", "p": "1e-12", "f": "1e-15",
}  # fmt: skip
# name -> (dimension, factor, may carry a prefix)
_BASE: dict[str, tuple[str, str, bool]] = {
    "g": ("mass", "1", True), "gram": ("mass", "1", False), "grams": ("mass", "1", False),
    "l": ("volume", "1", True), "lit": ("volume", "1", False), "liter": ("volume", "1", False),
    "litre": ("volume", "1", False), "cc": ("volume", "1e-3", False),
    "m3": ("volume", "1e3", False), "dm3": ("volume", "1", False), "cm3": ("volume", "1e-3", False),
    "mm3": ("volume", "1e-6", False), "mol": ("amount", "1", True), "eq": ("equivalent", "1", True),
    "val": ("equivalent", "1", True), "s": ("siemens", "1", True),
    "mho": ("siemens", "1", True), "mhos": ("siemens", "1", True),
    "m": ("length", "1", True), "u": ("enzyme", "1", True), "iu": ("enzyme", "1", True),
    "ie": ("enzyme", "1", True), "ui": ("enzyme", "1", True), "kat": ("katal", "1", True),
    "cfu": ("colony", "1", False), "ufc": ("colony", "1", False), "kbe": ("colony", "1", False),
    "mpn": ("mpn", "1", False), "npp": ("mpn", "1", False), "cells": ("cell", "1", False),
    "cell": ("cell", "1", False), "cps": ("copy", "1", False), "copies": ("copy", "1", False),
    "cp": ("copy", "1", False), "copy": ("copy", "1", False), "pfu": ("plaque", "1", False),
    "ntu": ("ntu", "1", False), "fnu": ("fnu", "1", False), "ftu": ("fnu", "1", False),
    "degc": ("degc", "1", False), "oc": ("degc", "1", False), "°c": ("degc", "1", False),
    "degf": ("degf", "1", False), "°f": ("degf", "1", False),
    "abs": ("absorbance", "1", True), "au": ("absorbance", "1", True), "hz": ("hertz", "1", False),
    "v": ("volt", "1", True), "min": ("time", "60", False), "sec": ("time", "1", False),
    "hr": ("time", "3600", False), "bq": ("becquerel", "1", True),
    "ci": ("becquerel", "3.7e10", True), "cpm": ("count rate", "1", False),
    "ct": ("cycles", "1", False),
    "osm": ("osmole", "1", True), "osmol": ("osmole", "1", True), "pa": ("pascal", "1", True),
    "mmhg": ("mmhg", "1", False), "ohm": ("ohm", "1", True), "j": ("joule", "1", True),
    "cal": ("calorie", "1", True), "gal": ("gallon", "1", False), "gpl": ("g/l", "1", True),
    "hazen": ("hazen", "1", False), "pcu": ("hazen", "1", False), "ptco": ("hazen", "1", False),
    "tcu": ("hazen", "1", False), "counts": ("signal", "1", False), "rfu": ("signal", "1", False),
    "rlu": ("signal", "1", False), "kcps": ("signal", "1e3", False),
    "cts": ("signal", "1", False), "brix": ("brix", "1", False), "°brix": ("brix", "1", False),
    "eu": ("ehrlich", "1", False), "e.u.": ("ehrlich", "1", False),
    "rbc": ("cell", "1", False), "wbc": ("cell", "1", False), "ery": ("cell", "1", False),
    "leu": ("cell", "1", False), "leuko": ("cell", "1", False),
    "x": ("times", "1", False), "s/co": ("ratio", "1", False),
}  # fmt: skip
_ALONE: dict[str, tuple[str, str]] = {
    "%": ("fraction", "1e-2"), "pct": ("fraction", "1e-2"), "percent": ("fraction", "1e-2"),
    "mass%": ("fraction", "1e-2"), "wt%": ("fraction", "1e-2"), "%wt": ("fraction", "1e-2"),
    "%w/w": ("fraction", "1e-2"), "w%": ("fraction", "1e-2"), "%m/m": ("fraction", "1e-2"),
    "mass-%": ("fraction", "1e-2"), "m%": ("fraction", "1e-2"), "weight%": ("fraction", "1e-2"),
    "%m": ("fraction", "1e-2"), "wt.%": ("fraction", "1e-2"), "gew.%": ("fraction", "1e-2"),
    "%vol": ("volume fraction", "1e-2"), "vol%": ("volume fraction", "1e-2"),
    "%v/v": ("volume fraction", "1e-2"), "%abv": ("volume fraction", "1e-2"),
    "vol.%": ("volume fraction", "1e-2"), "%alc": ("volume fraction", "1e-2"),
    "s": ("time", "1"), "sec.": ("time", "1"), "secs": ("time", "1"), "seconds": ("time", "1"),
    "cst": ("mm2/s", "1"), "mm2/s": ("mm2/s", "1"), "mm^2/s": ("mm2/s", "1"),
    "cp": ("viscosity", "1e-3"), "mpas": ("viscosity", "1e-3"), "mpa*s": ("viscosity", "1e-3"),
    "pas": ("viscosity", "1"), "pa*s": ("viscosity", "1"),
    "%w/v": ("mass/volume", "10"), "g%": ("mass/volume", "10"), "mg%": ("mass/volume", "1e-2"),
    "ppm": ("parts", "1e-6"), "ppb": ("parts", "1e-9"), "ppt": ("parts", "1e-12"),
    "permil": ("fraction", "1e-3"), "‰": ("fraction", "1e-3"), "m": ("amount/volume", "1"),
    "mm": ("amount/volume", "1e-3"), "um": ("amount/volume", "1e-6"),
    "nm": ("amount/volume", "1e-9"), "°c": ("degc", "1"), "c": ("degc", "1"), "k": ("kelvin", "1"),
    "f": ("degf", "1"), "ph": ("ph", "1"), "phunits": ("ph", "1"), "s/co": ("ratio", "1"),
    "s.u.": ("ph", "1"), "su": ("ph", "1"), "cps": ("signal", "1"), "index": ("ratio", "1"),
    "ratio": ("ratio", "1"), "aw": ("ratio", "1"), "pt-co": ("hazen", "1"), "pt/co": ("hazen", "1"),
    "°dh": ("dh", "1"), "dh": ("dh", "1"), "°f.": ("fh", "1"), "°fh": ("fh", "1"),
}  # fmt: skip
_POWER = re.compile(r"^(?:x|\*)?10(?:\^|\*\*|\*|e)\(?([+-]?\d{1,2})\)?(?:\*|x|\.)?")
_EXPONENT = re.compile(r"^(?:x|\*)?1?e([+-]?\d{1,2})")
_NUMBER = re.compile(r"^(\d{1,7}(?:\.\d+)?)")
# Other leading figures are a wavelength or a mass, no part of a unit.
_COUNTS = frozenset(("1 10 25 50 100 250 375 500 1000 10000 100000 1000000").split())
_FIGURES = "0123456789.,:+-<>/ "
_BASIS = re.compile(
    r"[\s(]+(?:as\s+)?(?:caco3|n|p|s|si|c|po4|no3|no2|nh4|nh3|o2|cl2|sio2|fw|dw|dm"
    r"|wet|dry|dryweight|d\.?w\.?|ts|tartaric|tartrate|h2so4)\)?(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit taken apart: what it measures and its size against the base of that."""

    dimension: str
    factor: Decimal


class Agreement(Enum):
    SAME = "same"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    NOTE = "note"
    CONVERTIBLE = "convertible"
    CONTRADICTS = "contradicts"


#: The letters of Russian units: мг/дм3, мкг/л.
_CYRILLIC = str.maketrans({
    "м": "m", "к": "k", "г": "g", "д": "d", "л": "l", "с": "c", "н": "n", "о": "o", "ь": "",
    "℃": "degc",
})  # fmt: skip


@lru_cache(maxsize=4096)
def _tidy(unit: str) -> str:
    text = fold(unit).translate(_CYRILLIC).strip("[]() .:;,")
    text = _BASIS.sub("", text).strip() if len(text) > 2 else text
    text = re.sub(r"^([mun]?g)\s?(?:n|p|s|si|caco3|c|o2|cl2)\s?/", r"\1/", text)
    text = text.replace("litre", "l").replace("liter", "l").replace("deg.", "deg")
    text = re.sub(r"\bmass\s*%", "mass%", text)
    text = re.sub(r"^(pp[mbt])\s?\(?(?:w|wt|m)(?:/(?:w|wt|m))?\)?$", r"\1", text)
    text = re.sub(r"%\s*(?:(?:air\s*)?sat(?:uration|\.)?|mc|dc)$", "%", text)
    text = re.sub(r"(?<=[a-z])\s*(?:\^|\*\*)?\s*-1\b", "^-1", text)
    inverse = re.fullmatch(r"(.+?)[\s.·*]+([a-z0-9]+?)\^-1", text)
    if inverse:
        text = f"{inverse[1]}/{inverse[2]}"
    return text.replace(" per ", "/").replace("·", "").replace(" ", "")


def _leading_factor(text: str) -> tuple[Decimal, str]:
    for pattern in (_POWER, _EXPONENT):
        match = pattern.match(text)
        if match and abs(int(match[1])) <= 15:
            return Decimal(10) ** int(match[1]), text[match.end() :]
    match = _NUMBER.match(text)
    if match and match[1] in _COUNTS:
        return Decimal(match[1]), text[match.end() :].lstrip("x*")
    return Decimal(1), text


def _part(text: str) -> tuple[str, Decimal] | None:
    factor, rest = _leading_factor(text.strip("()"))
    rest = rest.strip("()")
    if rest in ("", "#"):
        return "count", factor
    if rest in _BASE:
        dimension, size, _ = _BASE[rest]
        return dimension, factor * Decimal(size)
    base = _BASE.get(rest[1:])
    if base is not None and base[2] and rest[0] in _PREFIX:
        return base[0], factor * Decimal(base[1]) * Decimal(_PREFIX[rest[0]])
    return None


@lru_cache(maxsize=4096)
def measure(unit: str) -> Measure | None:
    """The unit's dimension and size, or None where the spelling is not known."""
    if not unit or len(unit) > 40:
        return None
    text = _tidy(unit)
    if text in _ALONE:
        return Measure(_ALONE[text][0], Decimal(_ALONE[text][1]))
    if unit.strip() in ("K/uL", "K/µL", "K/μL", "M/uL", "M/µL", "M/μL", "T/L", "G/L"):
        size = {"K": "1e9", "M": "1e12", "T": "1e12", "G": "1e9"}[unit.strip()[0]]
        return Measure("count/volume", Decimal(size))
    parts = text.split("/")
    if len(parts) > 2:
        return None
    upper = _part(parts[0])
    if upper is None:
        return None
    if len(parts) == 1:
        return None if upper[0] == "count" else Measure(*upper)
    lower = _part(parts[1])
    if lower is None or not lower[1]:
        return None
    dimension, factor = f"{upper[0]}/{lower[0]}", upper[1] / lower[1]
    if dimension == "mass/mass":
        dimension = "fraction"
    elif dimension == "volume/volume":
        dimension = "volume fraction"
    elif dimension == "cell/volume":
        dimension = "count/volume"
    return Measure(dimension, factor)


_BY_VOLUME = "volume fraction"
_NEAR = {
    frozenset(("parts", "mass/volume")): Decimal("1e3"),
    frozenset(("parts", "fraction")): Decimal(1),
    frozenset(("copy/volume", "enzyme/volume")): Decimal(0),
    frozenset(("ntu", "fnu")): Decimal(1),
    frozenset(("colony/volume", "mpn/volume")): Decimal(0),
}


#: What analysers print behind a result that is out of its range.
_MARKS = frozenset("L l H h".split())


def is_bare_share(unit: str) -> bool:
    """Whether a unit is `%` and does not say of what."""
    return _tidy(unit) in ("%", "pct", "percent")


def tells_less(found: str, wanted: str) -> bool:
    """Whether a file says `%` where a test is by volume: it may be by mass as well."""
    by = measure(wanted)
    return is_bare_share(found) and by is not None and by.dimension == _BY_VOLUME


def spelled(unit: str) -> str:
    """A unit's letters and figures alone, with `per` in words."""
    return re.sub(r"[^a-z0-9]", "", fold(unit).replace("/", "per"))


def is_unit(text: str) -> bool:
    """Whether a whole cell is nothing but a unit; a lone `L` is the mark of a low result."""
    if text in _MARKS:
        return False
    # Most cells are figures and dates: they are told apart at once.
    return 0 < len(text) <= 24 and bool(text.strip(_FIGURES)) and measure(text) is not None


@lru_cache(maxsize=4096)
def compare(found: str, wanted: str) -> tuple[Agreement, Decimal]:
    """How a unit in the file stands to the test's own, and the factor from one to the other."""
    one = Decimal(1)
    if not found.strip() or not wanted.strip():
        return Agreement.ABSENT, one
    if _tidy(found) == _tidy(wanted):
        return Agreement.SAME, one
    a, b = measure(found), measure(wanted)
    if a is None or b is None:
        return Agreement.UNKNOWN, one
    if is_bare_share(found) and b.dimension == _BY_VOLUME:
        return Agreement.NOTE, one
    if a.dimension == b.dimension:
        if a.factor == b.factor:
            return Agreement.SAME, one
        return Agreement.CONVERTIBLE, a.factor / b.factor
    return _compare_near(a, b)


def _compare_near(a: Measure, b: Measure) -> tuple[Agreement, Decimal]:
    bridge = _NEAR.get(frozenset((a.dimension, b.dimension)))
    if bridge is None or not bridge:
        return Agreement.CONTRADICTS, Decimal(1)
    a_size = a.factor * bridge if a.dimension == "parts" else a.factor
    b_size = b.factor * bridge if b.dimension == "parts" else b.factor
    if a_size == b_size:
        return Agreement.NOTE, Decimal(1)
    if {a.dimension, b.dimension} == {"parts", "fraction"}:
        return Agreement.CONVERTIBLE, a_size / b_size
    return Agreement.CONTRADICTS, Decimal(1)
