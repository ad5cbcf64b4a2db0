"""Names that say the same: other languages, short forms, bare figures, and what must stay apart."""

import pytest

from titer.domain.extraction.analytes import Lexicon
from titer.domain.extraction.cognates import cognate
from titer.domain.extraction.families import Families
from titer.domain.extraction.short_forms import ShortForms
from titer.domain.extraction.values import Assay
from titer.domain.extraction.wording import words


def lexicon_of(*named: tuple[str, str, str]) -> Lexicon:
    return Lexicon([Assay(at, *row) for at, row in enumerate(named, 1)])


def codes(lexicon: Lexicon, text: str) -> list[str]:
    return [match.assay.code for match in lexicon.match(text)]


@pytest.mark.parametrize(("one", "other"), [
    ("Progesteron", "progesterone"), ("Kortisol", "cortisol"), ("Colesterolo", "cholesterol"),
    ("Glifosato", "glyphosate"), ("Ocratossina A", "ochratoxin A"), ("Fenitoina", "phenytoin"),
    ("Naftaleno", "naphthalene"), ("Osmolalité", "osmolality"), ("Enterococchi", "enterococci"),
])  # fmt: skip
def test_a_learned_word_has_one_form_in_several_languages(one, other) -> None:
    assert cognate(one) == cognate(other) != ""


@pytest.mark.parametrize(("one", "other"), [
    ("nitrite", "nitrate"), ("chloroethane", "chloroethene"), ("sulfide", "sulfate"),
    ("lactose", "lactase"), ("fluorene", "fluorine"), ("chlorate", "chlorite"),
])  # fmt: skip
def test_names_of_other_things_keep_other_forms(one, other) -> None:
    assert cognate(one) != cognate(other)


def test_short_words_have_no_form_to_go_by() -> None:
    assert cognate("Zink") == ""


DISTILLED = [
    Assay(1, "T10", "Temperature at 10 % recovered", "°C"),
    Assay(2, "T50", "Temperature at 50 % recovered", "°C"),
    Assay(3, "T90", "Temperature at 90 % recovered", "°C"),
    Assay(4, "FLASH", "Flash point", "°C"),
]


def test_bare_figures_name_the_tests_that_differ_by_them() -> None:
    named = Families(DISTILLED).members(["IBP", "5", "10.0", "50 %", "90% (°C)", "FBP"])
    assert named == {"10.0": 1, "50 %": 2, "90% (°C)": 3}


def test_one_figure_alone_names_nothing() -> None:
    assert Families(DISTILLED).members(["5", "10", "20"]) == {}


def test_figures_that_two_families_share_name_nothing() -> None:
    released = [
        Assay(5, "D10", "Dissolution after 10 min (mean of 6)", "%"),
        Assay(6, "D50", "Dissolution after 50 min (mean of 6)", "%"),
    ]
    families = Families([*DISTILLED, *released])
    assert families.members(["10", "50"]) == {}
    assert families.members(["10", "50", "90"]) == {}
    assert Families(released).members(["10", "50"]) == {"10": 5, "50": 6}


def short_forms(*names: str) -> ShortForms:
    return ShortForms(
        (Assay(at, name, name), [(words(name), words(name))]) for at, name in enumerate(names, 1)
    )


@pytest.mark.parametrize(("text", "name"), [
    ("VANC2", "Vancomycin"), ("TBA", "Total bile acids"), ("Bact.", "Bacteria"),
    ("GENT", "Gentamicin"), ("SDMA", None), ("Bact", None), ("V", None),
])  # fmt: skip
def test_a_short_form_leads_to_the_only_name_that_it_shortens(text, name) -> None:
    forms = short_forms("Vancomycin", "Total bile acids", "Bacteria", "Gentamicin")
    found = forms.find(text)
    assert (found.name if found else None) == name


def test_a_short_form_of_two_names_stands_for_neither() -> None:
    assert short_forms("Vancomycin", "Vanadium").find("VAN") is None
    assert short_forms("Total bile acids", "Total body aluminium").find("TBA") is None


@pytest.mark.parametrize(("text", "code"), [
    ("TSH3UL", "TSH"), ("hCG5", "HCG"), ("cCa2+", "ICA"), ("% Viability", "VIA"),
    ("Lymphocytes/CD3-CD56+ | Freq. of Parent", "NK"), ("Gesamtalkalinität", "ALK"),
    ("Nucleic Acid(ng/uL)", "DNA"), ("L. pneumophila", "LPN"), ("ALKP", "ALP"),
    ("Rame", "CU"), ("砷", "AS"), ("Ртуть", "HG"),
])  # fmt: skip
def test_what_instruments_print_leads_to_the_catalogue(text, code) -> None:
    lexicon = lexicon_of(
        ("TSH", "Thyroid stimulating hormone", "mIU/L"), ("HCG", "hCG, total beta", "IU/L"),
        ("ICA", "Ionised calcium", "mmol/L"), ("VIA", "Viability", "%"),
        ("NK", "NK cells (CD3-CD56+)", "%"), ("ALK", "Total alkalinity", "mmol/L"),
        ("DNA", "DNA concentration", "ng/uL"), ("ALP", "Alkaline phosphatase", "U/L"),
        ("LPN", "Legionella pneumophila (qPCR)", "GU/L"), ("CU", "Copper, total", "mg/L"),
        ("AS", "Arsenic", "ug/L"), ("HG", "Mercury", "ug/L"),
    )  # fmt: skip
    assert codes(lexicon, text)[:1] == [code]


@pytest.mark.parametrize(("text", "catalogue"), [
    ("Cs-134", ("CS137", "Caesium-137", "Bq/kg")), ("13C8-PFOA", ("PFOA", "PFOA", "ng/L")),
    ("Y 371.029 (IS)", ("Y", "Yttrium", "ug/L")), ("Cr(VI)", ("CRT", "Chromium, total", "ug/L")),
    ("Cetane Index", ("CN", "Cetane number", "")), ("Toluene-d8", ("TOL", "Toluene", "ug/L")),
    ("Instrument S/N:", ("S", "Sulphur", "mg/kg")), ("PCA", ("TVC", "Colony count (PCA, 36 C)", "CFU/mL")),
    ("5% rec.", ("REC", "Distillation recovery", "%")),
])  # fmt: skip
def test_what_only_sounds_alike_leads_nowhere(text, catalogue) -> None:
    assert codes(lexicon_of(catalogue), text) == []


def test_a_symbol_behind_a_name_is_a_name_too() -> None:
    lexicon = lexicon_of(("WAT", "Water activity (aw)", ""), ("CAF", "Caffeine (HPLC)", "%"))
    assert codes(lexicon, "aw") == ["WAT"]
    assert codes(lexicon, "HPLC") == []


def test_of_two_tests_of_one_name_the_coded_one_goes_before() -> None:
    lexicon = lexicon_of(("TP", "Total protein", "g/L"), ("TPHOS", "Total phosphorus", "mg/L"))
    first, second = lexicon.match("TP")
    assert (first.assay.code, second.assay.code) == ("TP", "TPHOS")
    assert second.score < first.score


@pytest.mark.parametrize(("text", "code"), [
    ("Alcohol [%w/w]", "ALCW"), ("Alcohol [%v/v]", "ALCV"), ("Turbidity [EBC]", "HAZE"),
    ("Protein Dry basis %", "PDM"), ("Protein %", "PROT"), ("Protein (dm)", "PDM"),
    ("cNa+ (mmol/L)", "NA"), ("S ppm (wt/wt)", "S"), ("Phosphate tot LCK349", "TP"),
    ("cNa+ [mmol/L]", "NA"), ("ABEc [mmol/L]", "BE"), ("Nitrite-1 as N", "NO2"), ("PT-RecombiPlasTin 2G", "PT"),
    ("PO4-P ges.", "TP"), ("CHO", "CHO"), ("Fosfaat PO4-P", "SRP"), ("SNF", "FFTM"), ("AC ACID", "ACET"),
])  # fmt: skip
def test_what_stands_beside_a_name_leads_to_the_test_that_it_tells(text, code) -> None:
    lexicon = lexicon_of(
        ("ALCV", "Alcohol by volume", "% vol"), ("ALCW", "Alcohol by mass", "% m/m"),
        ("HAZE", "Haze", "EBC"), ("PROT", "Protein (as is)", "%"),
        ("PDM", "Protein, dry matter basis", "%"), ("NA", "Sodium", "mmol/L"),
        ("S", "Sulphur", "mg/kg"), ("TP", "Total phosphorus (as P)", "mg/L"),
        ("NO2", "Nitrite as N", "mg/L"), ("SRP", "Fosfaat-P (ortho)", "mg/L"),
        ("FFTM", "Solids non-fat", "g/100g"), ("ACET", "Acetic acid", "g/L"),
        ("BE", "Base excess", "mmol/L"), ("PT", "Prothrombin time", "s"), ("CHO", "Residual CHO DNA", "pg/mL"),
    )  # fmt: skip
    assert codes(lexicon, text)[:1] == [code]
