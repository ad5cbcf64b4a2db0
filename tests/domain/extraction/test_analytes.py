"""Header texts lead to the tenant's assays, by all the names that laboratories use."""

import pytest

from titer.domain.extraction.analytes import Lexicon
from titer.domain.extraction.hints import read_hint
from titer.domain.extraction.values import Assay, LearnedAlias
from titer.domain.extraction.vocabulary import concepts, elements, names_analyte

ASSAYS = [
    Assay(1, "NA", "Sodium", "mg/L"), Assay(2, "NO3", "Nitrate", "mg/L"),
    Assay(3, "NO3N", "Nitrate as N", "mg/L"), Assay(4, "FET", "Iron, total", "mg/L"),
    Assay(5, "FED", "Iron (dissolved)", "mg/L"), Assay(6, "DOC", "Dissolved organic carbon", "mg/L"),
    Assay(7, "TA", "Total acidity", "g/L"), Assay(8, "WBC", "White blood cells", "10^9/L"),
    Assay(9, "CL", "Chloride", "mg/L"), Assay(10, "SIO2", "SiO2", "%"),
    Assay(11, "TEMP", "Temperature", "degC"), Assay(12, "X7", "House method seven", "", ("HM-7",)),
    Assay(13, "MN", "", "mg/L"), Assay(14, "CR6", "Hexavalent chromium", "ug/L"),
    Assay(15, "CA", "Calcium", "mg/L"),
]  # fmt: skip
LEXICON = Lexicon(ASSAYS, [LearnedAlias("Kanal 4", 9)])


@pytest.mark.parametrize(("text", "code"), [
    ("Na", "NA"), ("NA", "NA"), ("Sodium", "NA"), ("sodium (mg/L)", "NA"), ("Na 589.592", "NA"),
    ("23 Na [He]", "NA"), ("Na mg/L", "NA"), ("Natrium", "NA"), ("Na+", "NA"), ("NO3", "NO3"),
    ("NO3-", "NO3"), ("Nitrat", "NO3"), ("Nitrate-N", "NO3N"), ("NO3-N (ppm)", "NO3N"),
    ("Nitrate as N", "NO3N"), ("Nitrate (mg/L as N)", "NO3N"), ("Total Iron", "FET"),
    ("Fe (dissolved)", "FED"), ("Result(NPOC)", "DOC"), ("NPOC", "DOC"), ("TA", "TA"),
    ("Leukozyten", "WBC"), ("WBC(10/uL)", "WBC"), ("Cl-", "CL"), ("IC-Cl", "CL"),
    ("Chloride, mg/L", "CL"), ("Kanal 4", "CL"), ("HM-7", "X7"), ("Cr(VI)", "CR6"),
    ("Chloride: result", "CL"), ("Parameter: Chloride", "CL"), ("NA-I", "NA"), ("Ca2+", "CA"),
    ("Mn 257.610", "MN"), ("AL Na 589", "NA"), ("Conc. Nitrate", "NO3"),
])  # fmt: skip
def test_a_spelling_leads_to_its_assay(text, code) -> None:
    matches = LEXICON.match(text)
    assert matches
    assert matches[0].assay.code == code


@pytest.mark.parametrize("text", [
    "", "12.5", "Sample", "Nitrite", "CD_1_Total", "Sample Type", "Si", "Magnesium", "x" * 150,
    "nano", "Vessel temperature", "WAX", "as", "Total nitrogen", "BOD",
])  # fmt: skip
def test_a_text_that_names_none_finds_none(text) -> None:
    assert LEXICON.match(text) == ()


def test_an_element_symbol_in_lower_letters_beats_no_code() -> None:
    (match,) = LEXICON.match("Ta")
    assert match.score < 0.5


def test_a_name_with_strange_words_is_a_looser_match() -> None:
    assert LEXICON.match("Nitrate")[0].score > LEXICON.match("Nitrate UV")[0].score
    assert LEXICON.match("Chloride flux coefficient")[0].score < 0.6


def test_dissolved_never_answers_to_total() -> None:
    lexicon = Lexicon([Assay(1, "FED", "Dissolved iron", "mg/L")])
    assert lexicon.match("Total iron") == ()
    assert lexicon.match("Iron")[0].score < 0.85


def test_the_vocabulary_holds_all_elements_and_many_analytes() -> None:
    assert len(elements()) == 118
    assert len(set().union(*concepts().values())) > 118 + 150
    assert names_analyte("Copper Conc.")
    assert not names_analyte("Concentration")


@pytest.mark.parametrize(("hint", "alias", "assay"), [
    ("NPOC = DOC", "NPOC", 6), ("CH2 is Sodium", "CH2", 1), ("DOC means carbon run", "carbon run", 6),
    ('"Peak 3" = Chloride; thanks', "Peak 3", 9),
])  # fmt: skip
def test_a_hint_gives_an_assay_another_name(hint, alias, assay) -> None:
    assert [(a.text, a.assay_id) for a in read_hint(hint, ASSAYS).aliases] == [(alias, assay)]


def test_a_hint_gives_a_column_its_role() -> None:
    hint = read_hint(
        "sample column is Patient no., result column = Q7, test column is Kanal", ASSAYS
    )
    assert hint.sample_headers == {"patient no"}
    assert hint.value_headers == {"q7"}
    assert hint.test_headers == {"kanal"}


def test_a_hint_without_a_pair_says_nothing() -> None:
    assert read_hint("please hurry", ASSAYS).aliases == ()
    assert read_hint(None, ASSAYS).aliases == ()
    assert read_hint("foo = bar", ASSAYS).aliases == ()
