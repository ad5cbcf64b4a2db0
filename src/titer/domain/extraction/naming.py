"""How the names of assays and the texts of files are taken apart."""

import re
from collections import Counter
from collections.abc import Iterable

from titer.domain.extraction.units import is_unit, measure
from titer.domain.extraction.vocabulary import concept_of, concepts, elements
from titer.domain.extraction.wording import words

QUALIFIERS = {
    "total": "total", "tot": "total", "gesamt": "total", "totale": "total",
    "dissolved": "dissolved", "diss": "dissolved", "soluble": "dissolved", "filtered": "dissolved",
    "gelost": "dissolved", "dissous": "dissolved", "disuelto": "dissolved",
    "free": "free", "libre": "free", "frei": "free", "bound": "bound", "extractable": "extractable",
    "exchangeable": "exchangeable", "recoverable": "total", "particulate": "particulate",
    "organic": "organic", "inorganic": "inorganic", "urine": "urine", "direct": "direct",
    "dry": "dry", "dm": "dry", "db": "dry",
}  # fmt: skip

NOISE = frozenset(
    (
        "icp ms oes aes ic uv vis hplc gc fid aas ecd cd dad fld uplc lc by in of the as"
        " level content count saliva csf stool faeces feces determination determined analysis"
        " analyses report serum plasma blood sample water he h2 o2 nogas gas mode axial"
        " radial corrected ppm ppb mg l ug ng ml g dl conc concentration amount result"
        " value mean average final calc calculated measured reported quantity total cells"
        " percent pct % x and for at 25 20 c i ii iii v2 v3 test quant quantitative"
        " units unit de du des la le el in der die das initial wert resultat ergebnis"
        " konzentration concentracion anion cation line kg ion ions as_n mmol umol nm assay"
        " avg mittelwert moyenne promedio mittel w v m dry matter wet basis raw_ic is eluted peak"
        " channel ch konz"
    ).split()
)

#: Flags that analysers print before a name whose result is out of its range.
_MARKED = re.compile(r"^\s*(?:[*^!#?>↑↓]{1,3}|v)\s+(?=\S)")

_PADDED = re.compile(r"(?<=[(\[{])\s+|\s+(?=[)\]}])")

#: What is examined, and how: words of a test's name that an instrument leaves out.
CONTEXT = frozenset(
    (
        "activity urine strip sediment whole blood venous arterial capillary milk soil feed wine"
        " beer juice oil grain meat fish food flour honey water wastewater effluent air leaf"
        " plant tissue presumptive spp species fluorometric photometric enzymatic"
        " spectrophotometric gravimetric titrimetric coulometric volumetric colorimetric"
        " potentiometric calculated automated manual quantitative qualitative semiquantitative"
        " viral load dna rna residue residues purified drinking surface ground rapid"
        " laboratory field reference gene target kjeldahl dumas combustion karl fischer tpa"
        " brookfield bradford bca qpcr ddpcr rtpcr pcr nir xrf elisa gc hplc petrifilm kf titration"
        " allergen allergens days detection absorbance medium culture plasma specimen"
        " oven gravimetry nephelometric soxhlet gerber ise electrode cuvette probe is as"
        " ct cq cp crt"
    ).split()
)

_BEGUN, _LEAST_SHARED = 2, 3

_BASIS = re.compile(r"\b(?:as|als|en|come|como) (nitrogen|phosphorus|sulphur|sulfur|N|P|S)\b")

#: Chinese and Japanese write what a figure is right behind the name: `砷样品含量`.
JOINED = re.compile(
    r"^([\u3041-\u9fff]{1,10}?)(?:样品)?(?:含量|浓度|濃度|测定值|測定値|结果|結果)$"
)

#: The number of a kit or a cuvette test: `LCK349`.
_KIT = re.compile(r"[a-z]{2,4}\d{3,5}")
_SYMBOL_BEHIND = re.compile(r"\s*\([^()]*\)$")
_SYMBOL = re.compile(r"\S\s*\(([A-Za-z][A-Za-z0-9*'/-]{0,5}|(?:CD\d+[+-]?\s?){2,4})\)$")

#: Another name in brackets behind the first: `p-Aminophenol (4-aminophenol)`.
_OTHER_NAME = re.compile(r"\S\s+\(((?:\d,?)*-?[A-Za-z][A-Za-z-]{6,40})\)$")
_NO_SYMBOLS = frozenset("I II III IV V VI VII A B C NGSP IFCC DM W&B DCCT T1 T2".split())

_NUCLIDE = re.compile(r"^([A-Za-z]+)[\s-]?(\d{1,3}m?)$")


def nuclide_spellings(name: str) -> list[str]:
    """The spellings of a nuclide: `Caesium-137` is `Cs-137`, `CS-137`, `137Cs`."""
    match = _NUCLIDE.match(_SYMBOL_BEHIND.sub("", name).strip())
    concept = concept_of(match[1]) if match else frozenset()
    symbols = [symbol for symbol, known in elements().items() if known in concept]
    if match is None or len(symbols) != 1:
        return []
    mass = match[2]
    return [
        f"{symbols[0]}-{mass}",
        f"{symbols[0]}{mass}",
        f"{mass}{symbols[0]}",
        f"{mass}-{symbols[0]}",
    ]


def symbols_of(name: str) -> list[str]:
    """A symbol that a name ends in: `aw` of `Water activity (aw)`, and no unit or method."""
    found = _SYMBOL.search(name) or _OTHER_NAME.search(name)
    if found is None or is_unit(found[1]) or found[1].upper() in _NO_SYMBOLS:
        return []
    told = set(words(found[1]))
    return [] if told & (CONTEXT | NOISE | QUALIFIERS.keys()) else [found[1]]


def short_basis(name: str) -> str:
    """A name with the symbol of what it is expressed as: `Nitrate as N`."""
    return _BASIS.sub(lambda match: f"as {match[1][0].upper()}", name)


def shared_beginnings(names: Iterable[str]) -> frozenset[str]:
    """The first words that so many names share that they tell none of them from the others.

    `Distillation recovery`, `Distillation residue`, `Distillation loss`.
    """
    counts = Counter(told[0] for name in set(names) if len(told := words(name)) == _BEGUN)
    return frozenset(word for word, number in counts.items() if number >= _LEAST_SHARED)


def without_beginning(name: str, shared: frozenset[str]) -> str:
    """A name of two words without the first one, if that is shared."""
    told = words(name)
    return told[1] if len(told) == _BEGUN and told[0] in shared else name


def tidy(text: str) -> str:
    """A name with single spaces, and none just inside of brackets."""
    return " ".join(_PADDED.sub("", _MARKED.sub("", text)).split())


def stems(text: str) -> list[str]:
    """The words of a text without their figures, and without what is joined to them."""
    found = [word.strip("0123456789.,") or word for word in words(text)]
    return found if text.isascii() else [JOINED.sub(r"\1", word) for word in found]


def says_nothing(word: str) -> bool:
    """Whether a word beside a name says nothing against it: a figure, a unit, a kit's number."""
    return word in NOISE or word in QUALIFIERS or word[0].isdigit() or bool(_KIT.fullmatch(word))


def qualifiers_among(names: Iterable[str]) -> frozenset[str]:
    """What some words say of the fraction that is meant: `total`, `dissolved`."""
    return frozenset(QUALIFIERS[name] for name in names if name in QUALIFIERS)


def unit_stripped(text: str) -> str:
    """A name without a unit written behind it."""
    parts = text.rstrip(" .:").split()
    for size in (3, 2, 1):
        tail = " ".join(parts[-size:]).strip("()[],")
        enough = "/" in tail or "%" in tail or tail.casefold() in ("ppm", "ppb", "ntu", "fnu")
        if len(parts) > size and enough and measure(tail) is not None:
            return " ".join(parts[:-size]).rstrip(" ,;:-(")
    return text


def content_of(text: str) -> tuple[str, ...]:
    """The words and figures that tell a name from others."""
    return tuple(word for word in words(text) if word not in NOISE or word.isdigit())


def in_percent(concept: str) -> str:
    """The concept of a share where there is one: neutrophils in percent are no count."""
    share = f"{concept} %"
    return share if share in concepts().get(share, ()) else concept


def named_concepts(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The concepts of an assay's own name, with the words around them."""
    if not text:
        return []
    whole = concept_of(text) or concept_of(unit_stripped(text))
    if whole:
        return [(name, ()) for name in whole]
    inner = re.search(r"\(([^)]+)\)", text)
    core = re.sub(r"\([^)]*\)", " ", text).strip()
    if concept_of(core):
        extra = words(inner[1]) if inner else ()
        return [(name, extra) for name in concept_of(core)]
    tokens = words(core) if inner and concept_of(inner[1]) else words(text)
    names = concepts()
    for size in range(min(6, len(tokens)), 0, -1):
        for at in range(len(tokens) - size + 1):
            name = " ".join(tokens[at : at + size])
            rest = tokens[:at] + tokens[at + size :]
            known = [w for w in rest if w in NOISE or w in QUALIFIERS]
            if name in names and telling(name, size) and len(known) == len(rest):
                return [(found, rest) for found in names[name]]
    return []


def concepts_in_context(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """The concepts of a name that says as well in what, or how, they are determined."""
    head, comma, tail = text.partition(",")
    if comma:
        turned = named_concepts(f"{tail} {head}")
        if turned:
            return turned
        rest = words(tail)
        if all(w in CONTEXT or w in NOISE or w in QUALIFIERS or w[0].isdigit() for w in rest):
            return [(found, (*more, *rest)) for found, more in named_concepts(head)]
    bare = [word for word in text.split() if not all(w in CONTEXT for w in words(word))]
    return named_concepts(" ".join(bare)) if 0 < len(bare) < len(text.split()) else []


def telling(name: str, size: int) -> bool:
    """Whether a name of some words is long enough to be looked for inside of a text."""
    return size > 1 or len(name) > 2 or name == "ph"


def qualifier_fit(own: frozenset[str], found: frozenset[str]) -> float:
    """How well the fraction that a text tells of goes with an assay's own; 0 for not at all."""
    if own == found:
        return 1.0
    if own and found:
        return 0.0
    if found:
        return 0.95 if found == {"total"} else 0.75
    return 0.95 if own == {"total"} else 0.8
