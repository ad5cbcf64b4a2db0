"""Which figure of a table is the result, where several could be."""

import pytest

from domain.extraction.miniatures import make_world
from domain.extraction.smallest import SURE, read
from titer.domain.extraction.engine import extract
from titer.domain.extraction.sniffing import decode

LEAD = ("PB", "Lead", "ug/L")
COAGULATION = (("PT", "Prothrombin time", "s"), ("INR", "INR", ""), ("FIB", "Fibrinogen", "mg/dL"))


def test_the_result_is_what_the_dilution_was_counted_into() -> None:
    found = read("""
Name;Conc. 1;Unit 1;Dil. factor;Conc. 2;Unit 2
Calibration;5.0;ug/L;;;
W26-0001;2.109;ug/L;2;4.218;ug/L
W26-0002;6.035;ug/L;2;12.07;ug/L
W26-0003;0.112;ug/L;2;<1.0;ug/L
""", LEAD)  # fmt: skip
    assert found == {
        ("W26-0001", "PB"): "4.218", ("W26-0002", "PB"): "12.07", ("W26-0003", "PB"): "<1.0",
    }  # fmt: skip


def test_a_mean_is_known_by_being_the_mean_and_left_to_a_person() -> None:
    world = make_world(["W26-0001"], [LEAD])
    text = b"Sample ID,Lead (ug/L)\nW26-0001,4.10\nW26-0001,4.30\nW26-0001,4.20\n"
    (found,) = extract(text, "export.csv", world).proposals
    assert found.result == "4.20"
    assert found.confidence < SURE
    assert "The value is the mean of the others; nothing calls it so." in found.reasons


def test_what_only_a_figure_names_is_left_to_a_person() -> None:
    tests = [(f"T{at}", f"Temperature at {at} % recovered", "°C") for at in (10, 50, 90)]
    text = b"Sample ID;W26-0001\n\nVolume (%);Temp (C)\n10;54.2\n50;98.7\n90;158.9\n"
    found = extract(text, "export.csv", make_world(["W26-0001"], tests)).proposals
    assert [p.result for p in found] == ["54.2", "98.7", "158.9"]
    assert all(p.confidence < SURE for p in found)


def test_a_unit_of_one_letter_names_no_element() -> None:
    found = read("""
Sample ID,Test,Result,Units
W26-0001,Iron,12.1,C
W26-0001,Iron,1.08,N
""", ("FE", "Iron", "mg/L"), ("C", "Carbon", "%"), ("N", "Nitrogen", "%"))  # fmt: skip
    assert {code for _, code in found} == {"FE"}


def test_repeats_without_a_mean_are_all_shown() -> None:
    world = make_world(["W26-0001"], [LEAD])
    text = b"Sample ID,Lead (ug/L)\nW26-0001,4.10\nW26-0001,4.50\n"
    found = extract(text, "export.csv", world).proposals
    assert {p.result for p in found} == {"4.10", "4.50"}
    assert all(p.conflict for p in found)


def test_a_column_that_numbers_the_lines_is_no_nitrogen() -> None:
    found = read("""
N.;Campione;Tipo;Peso [g];Azoto [%]
1;Bianco;Bianco;;
2;W26-0001;Campione;1.0925;2.374
3;W26-0002;Campione;0.9667;1.879
4;W26-0003;Campione;1.0045;2.088
Media;;;;2.114
""", ("N", "Azoto totale", "%"))  # fmt: skip
    assert found[("W26-0001", "N")] == "2.374"
    assert set(found.values()) == {"2.374", "1.879", "2.088"}


def test_names_and_results_by_turns_need_no_header() -> None:
    found = read("""
"0212","9:10","W26-0001","GLU","Negative","KET","15 mg/dL","pH","6.0","SG","1.020"
"0213","9:16","W26-0002","GLU","Negative","KET","Trace","pH","5.5","SG","1.015"
""", ("GLU", "Glucose, urine", ""), ("KET", "Ketones", "mg/dL"), ("PH", "pH", ""),
        ("SG", "Specific gravity", ""))  # fmt: skip
    assert found[("W26-0001", "GLU")] == "Negative"
    assert found[("W26-0001", "KET")] == "15"
    assert found[("W26-0002", "PH")] == "5.5"
    assert found[("W26-0002", "SG")] == "1.015"


def test_a_header_that_spells_the_unit_is_of_the_results() -> None:
    found = read("""
Well,Sample,Target,Status,Concentration,CopiesPer20uLWell,AcceptedDroplets
A01,W26-0001,N1,Manual,9.2,184,15710
B01,W26-0002,N1,Manual,0.56,11.2,16820
""", ("N1", "SARS-CoV-2 N1", "copies/20uL well"))  # fmt: skip
    assert found == {("W26-0001", "N1"): "184", ("W26-0002", "N1"): "11.2"}


def test_one_column_may_be_known_by_its_unit_beside_others_that_are_named() -> None:
    found = read("""
Sample Name,Volume [µl],Concentration,Units,A260/A280
W26-0001,2,412.6,ng/µl,1.87
W26-0002,2,88.35,ng/µl,1.84
""", ("DNA", "dsDNA yield", "ng/uL"), ("R280", "Purity ratio 260/280", ""))  # fmt: skip
    assert found[("W26-0001", "DNA")] == "412.6"
    assert found[("W26-0001", "R280")] == "1.87"


def test_the_unit_tells_apart_what_goes_by_one_name() -> None:
    found = read("""
Sample ID,Test,Result,Units
W26-0001,PT,12.1,s
W26-0001,PT,1.08,INR
W26-0001,FIB,301,mg/dL
""", *COAGULATION)  # fmt: skip
    assert found == {
        ("W26-0001", "PT"): "12.1", ("W26-0001", "INR"): "1.08", ("W26-0001", "FIB"): "301",
    }  # fmt: skip


def test_a_line_may_hold_a_second_result_of_another_test() -> None:
    found = read("""
Sample ID,Test,Result,Units,Result 2,Units 2
W26-0001,PT,24.4,s,2.21,INR
W26-0001,FIB,283,mg/dL,,
""", *COAGULATION)  # fmt: skip
    assert found[("W26-0001", "PT")] == "24.4"
    assert found[("W26-0001", "INR")] == "2.21"


def test_the_unit_right_of_a_name_says_what_it_is_expressed_as() -> None:
    found = read("""
Sample ID,Analyte Name,Conc,Units,Analyte Name,Conc,Units
W26-0001,Ammonia,0.114,mg N/L,Orthophosphate,0.0218,mg P/L
W26-0002,Ammonia,0.0377,mg N/L,Orthophosphate,0.0094,mg P/L
""", ("NH3N", "Ammonia as N", "mg/L"), ("PO4P", "Orthophosphate as P", "mg/L"))  # fmt: skip
    assert found[("W26-0002", "NH3N")] == "0.0377"
    assert found[("W26-0001", "PO4P")] == "0.0218"


@pytest.mark.parametrize("gap", ["", "\n"])
def test_headings_over_fixed_columns_need_not_be_parted_as_these_are(gap) -> None:
    found = read(f"""
Pos Type Identity          NO3+NO2            Total P
                           mg N/l   Height    mg P/l    Height
{gap}1   S1   Standard 1         0.100      841     0.0200     604
2   U    W26-0001           0.842     6981     0.0351    1052
3   U    W26-0002           2.116    17504     0.1180    3544
4   W    Wash               0.001      120     0.0001     101
""", ("NOX", "Nitrate + nitrite as N", "mg/L"), ("TP", "Total phosphorus", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "NOX"): "0.842", ("W26-0001", "TP"): "0.0351",
        ("W26-0002", "NOX"): "2.116", ("W26-0002", "TP"): "0.1180",
    }  # fmt: skip


@pytest.mark.parametrize(("encoding", "header", "assay", "unit"), [
    ("gb18030", "序号,样品编号,稀释倍数,荧光强度,砷样品含量(μg/L)", "砷", "μg/L"),
    ("cp932", "測定No.,試料名,回数,滴定時間,水分(ppm)", "水分", "ppm"),
    ("cp1251", "Номер,Проба,Объем,Площадь,Свинец (мг/дм3)", "Свинец", "mg/L"),
    ("cp1252", "Nr.,Probe,Gerät,Fläche,Blei (mg/L)", "Blei", "mg/L"),
])  # fmt: skip
def test_exports_older_than_unicode_are_read(encoding, header, assay, unit) -> None:
    text = f"{header}\n1,W26-0001,1,1041.5,3.308\n2,W26-0002,1,708.7,6.313\n"
    assert decode(text.encode(encoding)) == text
    found = read(text, ("X", assay, unit), encoding=encoding)
    assert found == {("W26-0001", "X"): "3.308", ("W26-0002", "X"): "6.313"}


def test_an_organism_is_a_result() -> None:
    found = read("""
Analyte Name;Sample ID;Organism (best match);Score Value
A1;W26-0001;Staphylococcus aureus;2.27
A2;W26-0002;Candida albicans;2.31
""", ("MIC", "Microorganism identification (MALDI-TOF)", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "MIC"): "Staphylococcus aureus", ("W26-0002", "MIC"): "Candida albicans",
    }  # fmt: skip


def test_a_bar_at_the_margin_parts_nothing() -> None:
    found = read("""
Sample ID: W26-0001

   Analyte     Mass    Meas. Intens. Mean   Conc. Mean    Conc. SD   Sample Unit
|> Sc             45             214403.2                            ug/L
|  Cr             52               3074.6        0.973       0.015   ug/L
|  Pb            208               5022.1        0.271       0.009   ug/L
""", LEAD, ("CR", "Chromium", "ug/L"))  # fmt: skip
    assert found == {("W26-0001", "CR"): "0.973", ("W26-0001", "PB"): "0.271"}


def test_a_qualifier_is_no_result() -> None:
    found = read("""
Sample Name,Component Name,Component Type,Calculated Concentration
W26-0001,Atrazine 1,Quantifiers,0.0332
W26-0001,Atrazine 2,Qualifiers,0.0336
""", ("ATR", "Atrazine", "ug/L"))  # fmt: skip
    assert found == {("W26-0001", "ATR"): "0.0332"}


def test_columns_of_their_own_stand_beside_the_test_that_a_line_names() -> None:
    found = read("""
Sample Name,App Name,Concentration,Units,260/280
W26-0001,dsDNA,412.6,ng/µL,1.87
W26-0002,dsDNA,88.35,ng/µL,1.84
""", ("DNA", "dsDNA concentration", "ng/uL"), ("R280", "A260/A280 purity ratio", ""))  # fmt: skip
    assert found[("W26-0001", "DNA")] == "412.6"
    assert found[("W26-0002", "R280")] == "1.84"


def test_of_several_results_of_a_line_each_goes_to_the_test_in_its_unit() -> None:
    found = read("""
ID Patient;Test;Paramètre 1;Unité;Paramètre 2;Unité;Paramètre 3;Unité
W26-0001;TP;13,2;s;98;%;1,01;INR
W26-0001;FIB;8,7;s;3,12;g/L;;
W26-0002;TP;28,7;s;31;%;2,54;INR
W26-0002;FIB;5,5;s;4,87;g/L;;
""", ("TP", "Taux de prothrombine", "%"), ("INR", "INR", ""),
        ("FIB", "Fibrinogène", "g/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "TP"): "98", ("W26-0001", "INR"): "1.01", ("W26-0001", "FIB"): "3.12",
        ("W26-0002", "TP"): "31", ("W26-0002", "INR"): "2.54", ("W26-0002", "FIB"): "4.87",
    }  # fmt: skip


def test_one_name_in_two_units_is_of_two_tests_that_are_called_nearly_alike() -> None:
    found = read("""
Sample ID,Test,Result,Units
W26-0001,Prothrombin time,12.0,s
W26-0001,Prothrombin time,95,%
""", ("PT", "Prothrombin time", "s"), ("PTA", "Prothrombin activity", "%"))  # fmt: skip
    assert found == {("W26-0001", "PT"): "12.0", ("W26-0001", "PTA"): "95"}


def test_beside_the_cycle_the_concentration_is_of_the_same_target() -> None:
    found = read("""
Name,Cp,Concentration
W26-0001,31.42,2.14E2
W26-0002,27.05,4.38E3
""", ("CP", "Legionella spp. Cp value", ""),
        ("QTY", "Legionella spp. quantity", "GU/reaction"))  # fmt: skip
    assert found == {
        ("W26-0001", "CP"): "31.42", ("W26-0001", "QTY"): "2.14E2",
        ("W26-0002", "CP"): "27.05", ("W26-0002", "QTY"): "4.38E3",
    }  # fmt: skip


def test_the_element_behind_a_name_speaks_against_nothing() -> None:
    found = read("""
Monster-ID;Nitraat+Nitriet (N);;Ammonium (N);
;mg/l;Piekhoogte;mg/l;Piekhoogte
W26-0001;12,43;10020;0,118;138
W26-0002;3,07;2546;0,842;763
""", ("NOX", "Nitraat + nitriet als N", "mg/l"), ("NH4", "Ammonium als N", "mg/l"))  # fmt: skip
    assert found == {
        ("W26-0001", "NOX"): "12.43", ("W26-0001", "NH4"): "0.118",
        ("W26-0002", "NOX"): "3.07", ("W26-0002", "NH4"): "0.842",
    }  # fmt: skip


def test_a_description_may_name_the_test_that_the_chemical_form_does_not() -> None:
    found = read("""
Sample ID;Program;Description;Result;Unit;Chemical form
W26-0001;514;LCK 514 COD 100-2000;842;mg/L;O2
W26-0001;303;LCK 303 Ammonium 2-47;41.3;mg/L;NH4-N
W26-0002;304;LCK 304 Ammonium 0.015-2;0.284;mg/L;NH4-N
""", ("COD", "Chemical oxygen demand", "mg/L"),
        ("NH4N", "Ammonium nitrogen", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "COD"): "842", ("W26-0001", "NH4N"): "41.3", ("W26-0002", "NH4N"): "0.284",
    }  # fmt: skip


def test_a_column_that_repeats_itself_explains_no_more_than_one_result() -> None:
    found = read("""
Sample ID:;W26-0001

Volume [%];Temp [°C];Time [min]
IBP;36.4;7.2
5;47.0;8.3
10;54.1;9.4
50;97.8;18.2
90;161.5;27.0
FBP;198.7;30.1

% Residue;1.0;%
""", ("IBP", "Initial boiling point", "degC"), ("T10", "Distillation 10% recovered", "degC"),
        ("T50", "Distillation 50% recovered", "degC"), ("RES", "Distillation residue", "% vol"),
        ("TEMP", "Temperature", "degC"))  # fmt: skip
    assert found == {
        ("W26-0001", "IBP"): "36.4", ("W26-0001", "T10"): "54.1",
        ("W26-0001", "T50"): "97.8", ("W26-0001", "RES"): "1.0",
    }  # fmt: skip


def test_cells_may_hold_several_results_by_name() -> None:
    found = read("""
Type\tAnal.\tSample ID\tResult\tNotes\tVial
Unknown\tNPOC/TN\tRB\tNPOC:0.081 mg/L TN:0.012 mg/L\t\t2
Unknown\tNPOC/TN\tW26-0001\tNPOC:3.412 mg/L TN:0.874 mg/L\t\t3
Unknown\tNPOC/TN\tW26-0002\tNPOC:<0.05 mg/L TN:1.226 mg/L\t\t4
""", ("TOC", "Organic carbon (NPOC)", "mg/L"), ("TN", "Total nitrogen", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "TOC"): "3.412", ("W26-0001", "TN"): "0.874",
        ("W26-0002", "TOC"): "<0.05", ("W26-0002", "TN"): "1.226",
    }  # fmt: skip


def test_a_result_out_of_such_a_cell_cites_the_field_of_the_cell() -> None:
    world = make_world(["W26-0001"], [("TN", "Total nitrogen", "mg/L")])
    text = "Sample,Result,Vial\nB-1,TOC:0.1 TN:0.2,1\nW26-0001,TOC:3.412 TN:0.874,2\n"
    (found,) = extract(text.encode(), "toc.csv", world).proposals
    assert (found.result, found.source.line, found.source.column) == ("0.874", 3, 2)
    assert found.source.text in text.splitlines()[2].split(",")[1]


def test_cycles_and_quantities_of_one_target_go_to_tests_of_their_own() -> None:
    found = read("""
Well,Fluor,Target,Sample,Cq,Cq Mean,SQ Mean
B01,FAM,L. pneumophila,W26-0001,34.53,34.53,3696.9
B01,HEX,IPC,W26-0001,30.26,30.26,NaN
B03,FAM,L. pneumophila,W26-0002,NaN,0,NaN
B03,HEX,IPC,W26-0002,29.73,29.73,NaN
""", ("CQ", "Legionella pneumophila Cq", ""), ("QTY", "Legionella pneumophila quantity", "GU/well"),
        ("IPC", "Internal positive control Cq", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "CQ"): "34.53", ("W26-0001", "QTY"): "3696.9",
        ("W26-0001", "IPC"): "30.26", ("W26-0002", "IPC"): "29.73",
    }  # fmt: skip


def test_a_cycle_that_was_not_seen_is_no_quantity() -> None:
    found = read("""
Sample Name,Target Name,CT,Ct Mean,Quantity,Quantity Mean
W26-0001,N1,27.368,27.293,1750.632,1842.771
W26-0001,N1,27.223,27.293,1934.910,1842.771
W26-0002,N1,Undetermined,,,
""", ("N1", "SARS-CoV-2 N1 gene", "copies/reaction"))  # fmt: skip
    assert found == {("W26-0001", "N1"): "1842.771"}


def test_a_coefficient_of_variation_beside_the_results_is_none() -> None:
    found = read("""
Proben-ID;Konz. TC;Einheit;VK TC [%];Konz. TIC;Einheit;VK TIC [%]
W26-0001;88,41;mg/l;0,6;41,20;mg/l;0,9
W26-0002;61,07;mg/l;1,2;38,55;mg/l;0,4
""", ("TC", "Total carbon", "mg/L"), ("TIC", "Total inorganic carbon", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "TC"): "88.41", ("W26-0001", "TIC"): "41.20",
        ("W26-0002", "TC"): "61.07", ("W26-0002", "TIC"): "38.55",
    }  # fmt: skip


def test_a_line_of_another_name_is_not_of_the_sample_above() -> None:
    found = read("""
Sample Name,Sample ID,Anal.,Mean Conc.
River,W26-0001,NPOC,5.460
River,,NPOC,5.460
QC 5ppm,,NPOC,5.060
""", ("TOC", "Organic carbon (NPOC)", "mg/L"))  # fmt: skip
    assert found == {("W26-0001", "TOC"): "5.460"}


def test_lines_above_may_list_what_numbered_columns_hold() -> None:
    found = read("""
ANAL,Channel 1,Channel 2
METH,NO3-N,NH4-N
RUN,261117A
UNIT,mg/L,mg/L
BASE,3500,3498

Peak,Cup,Sample Identity,Dil,Results 1,Height 1,Results 2,Height 2
1,1,W26-0001,1,4.249,25594,1.388,10717
2,2,W26-0002,1,8.690,48688,1.576,11695
""", ("NO3N", "Nitrate nitrogen", "mg/L"), ("NH4N", "Ammonium nitrogen", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "NO3N"): "4.249", ("W26-0001", "NH4N"): "1.388",
        ("W26-0002", "NO3N"): "8.690", ("W26-0002", "NH4N"): "1.576",
    }  # fmt: skip


def test_a_unit_behind_a_header_hides_nothing_of_it() -> None:
    found = read("""
Sample\tValues\tMeanResult\tDilution\tAdjResult ppm
W26-0001\t1.446\t58.395\t500.000\t29.198
W26-0002\t0.301\t14.977\t500.000\t7.489
""", ("GLUTEN", "Gluten", "mg/kg"))  # fmt: skip
    assert found == {("W26-0001", "GLUTEN"): "29.198", ("W26-0002", "GLUTEN"): "7.489"}


def test_the_cycle_of_what_was_not_seen_is_none() -> None:
    found = read("""
Target,Sample,Cq,Cq Mean
N1,W26-0001,21.98,21.98
N1,W26-0002,NaN,0.00
""", ("N1", "SARS-CoV-2 N1 Ct", "Ct"))  # fmt: skip
    assert found == {("W26-0001", "N1"): "21.98"}


def test_a_share_of_the_area_is_shown_for_a_share_and_left_to_a_person() -> None:
    text = """
SampleName,Peak Name,RT,Area,% Area
W26-0001,Monomer,8.610,5984190,97.73
W26-0001,Caffeine,9.610,84190,1.73
"""
    assays = ("MONO", "Monomer", "%"), ("CAF", "Caffeine", "mg/L")
    world = make_world(["W26-0001"], assays)
    (found,) = extract(text.lstrip().encode(), "export.csv", world).proposals
    assert (found.code, found.result) == ("MONO", "97.73")
    assert found.confidence < SURE


def test_the_sample_s_value_is_the_result_and_the_spike_s_is_none() -> None:
    found = read("""
Sample Lot,Sample ID,Range (EU/mL),Sample Value (EU/mL),Sample CV (%),Spike Value (EU/mL)
L726,W26-0001,5-0.005,<0.005,1.4,0.670
L116,W26-0002,5-0.005,0.0112,2.0,0.622
""", ("ENDO", "Bacterial endotoxins", "EU/mL"))  # fmt: skip
    assert found == {("W26-0001", "ENDO"): "<0.005", ("W26-0002", "ENDO"): "0.0112"}


def test_of_a_share_and_a_mass_the_test_in_percent_has_the_share() -> None:
    found = read("""
Sample ID,% Nitrogen,% Protein,Protein factor,mg N
W26-0001,1.638,10.23,6.25,33.365
W26-0002,5.051,31.57,6.25,38.379
""", ("N", "Total nitrogen (Kjeldahl)", "%"), ("PROT", "Crude protein", "%"))  # fmt: skip
    assert found == {
        ("W26-0001", "N"): "1.638", ("W26-0001", "PROT"): "10.23",
        ("W26-0002", "N"): "5.051", ("W26-0002", "PROT"): "31.57",
    }  # fmt: skip


def test_a_column_of_named_results_is_of_no_unnamed_test() -> None:
    found = read("""
Sample ID,W26-0001
ID#,Name,R.Time,Area,Conc.,Unit
1,CBDA,3.000,168619,1.9137,%
2,CBD,5.700,244634,2.7764,%
""", ("CBDA", "Cannabidiolic acid", "% w/w"), ("CBD", "Cannabidiol", "% w/w"),
        ("MOIST", "Moisture", "%"))  # fmt: skip
    assert found == {("W26-0001", "CBDA"): "1.9137", ("W26-0001", "CBD"): "2.7764"}


def test_the_average_of_all_samples_is_of_none() -> None:
    found = read("""
No.,Injection Name,Fluoride,Bromide
,,mg/L,mg/L
1,W26-0001,0.52,0.33
2,W26-0002,0.10,0.31
3,W26-0003,0.23,n.a.
Maximum,,0.52,0.33
Average,,0.28,0.32
""", ("F", "Fluoride", "mg/L"), ("BR", "Bromide", "mg/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "F"): "0.52", ("W26-0001", "BR"): "0.33", ("W26-0002", "F"): "0.10",
        ("W26-0002", "BR"): "0.31", ("W26-0003", "F"): "0.23",
    }  # fmt: skip


def test_what_was_found_by_the_factor_of_a_titrant_is_no_titer() -> None:
    found = read("""
Sample ID1;Method name;Result.RS01.Name;Result.RS01.Value;Result.RS01.Unit;EP1.Volume;Titer
W26-0001;KFT Ipol;Water;0.243;%;7.9916;4.9873
W26-0002;KFT Ipol;Water;0.258;%;6.7341;4.9873
""", ("WATER", "Water content (Karl Fischer)", "% w/w"))  # fmt: skip
    assert found == {("W26-0001", "WATER"): "0.243", ("W26-0002", "WATER"): "0.258"}


def test_the_mean_of_two_columns_of_repeats_is_called_so() -> None:
    found = read("""
Analysenname;c(NPOC) Mw [mg/l];c(NPOC) SD [mg/l];c(NPOC) 1;c(NPOC) 2
W26-0001;59,140;0,651;58,548;59,731
W26-0002;12,414;0,137;12,289;12,538
""", ("TOC", "Total organic carbon (NPOC)", "mg/L"))  # fmt: skip
    assert found == {("W26-0001", "TOC"): "59.140", ("W26-0002", "TOC"): "12.414"}


def test_a_deleted_peak_is_not_detected() -> None:
    found = read("""
Sample ID,Compound,Conc
W26-0001,MTBE,N.D. d
W26-0001,Benzene,0.35
""", ("MTBE", "Methyl tert-butyl ether", "ug/L"), ("BENZ", "Benzene", "ug/L"))  # fmt: skip
    assert found == {("W26-0001", "MTBE"): "N.D.", ("W26-0001", "BENZ"): "0.35"}


def test_lines_of_labels_within_a_table_of_samples_begin_no_other() -> None:
    found = read("""
Sample Name,W26-0001,W26-0002
Distribution Base,Volume,Volume
Form,Standard,Narrow
Median Size,22.59470(µm),20.36264(µm)
Span,1.24293,1.24073
""", ("D50", "Median size D50", "µm"), ("SPAN", "Span", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "D50"): "22.59470", ("W26-0001", "SPAN"): "1.24293",
        ("W26-0002", "D50"): "20.36264", ("W26-0002", "SPAN"): "1.24073",
    }  # fmt: skip


def test_what_is_expressed_as_nobody_knows_what_is_left_to_a_person() -> None:
    world = make_world(["W26-0001"], [("NH3N", "Ammonia as N", "mg/L")])
    text = "Sample ID,Test,Result,Unit\nW26-0001,Ammonia,0.058,mg/l\n"
    (found,) = extract(text.encode(), "export.csv", world).proposals
    assert (found.result, found.confidence < SURE) == ("0.058", True)
    assert "The file does not say what the result is expressed as." in found.reasons


def test_a_property_without_its_conditions_is_left_to_a_person() -> None:
    assays = ("KV", "Kinematic viscosity at 40 °C", "mm2/s"), ("RHO", "Density at 15 °C", "g/cm3")
    world = make_world(["W26-0001"], assays)
    text = "Sample Name,Kinematic Viscosity [mm²/s],Density [g/cm³]\nW26-0001,98.417,0.8693\n"
    found = extract(text.encode(), "export.csv", world).proposals
    assert {(p.code, p.result) for p in found} == {("KV", "98.417"), ("RHO", "0.8693")}
    assert all(p.confidence < SURE for p in found)


def test_of_two_tests_that_differ_by_their_conditions_neither_is_meant() -> None:
    found = read("""
Sample Name,Kinematic Viscosity [mm²/s]
W26-0001,98.417
""", ("KV40", "Kinematic viscosity at 40 °C", "mm2/s"),
        ("KV100", "Kinematic viscosity at 100 °C", "mm2/s"))  # fmt: skip
    assert found == {}


def test_the_actual_concentration_goes_before_that_of_the_digest() -> None:
    found = read("""
Element,Pb

Action,Sample ID,Conc. (ppb),Abs.,WF,VF,Actual Conc.,Actual Conc. Unit,Remarks
UNK,W26-0001,12.4757,0.0998,0.5142,50.0000,,,R1
UNK,W26-0001,12.6379,0.1011,0.5142,50.0000,,,R2
UNK-AV,W26-0001,12.5568,0.1005,0.5142,50.0000,1.2210,mg/kg,
""", ("PB", "Lead", "mg/kg"))  # fmt: skip
    assert found == {("W26-0001", "PB"): "1.2210"}


def test_the_unit_of_what_was_diluted_is_that_of_the_undiluted() -> None:
    found = read("""
Sample\tWells\tValues\tResult\tMeanResult\tDilution\tAdj.Result
\t\t\t(ng/mL)\t(ng/mL)
W26-0001\tC1\t0.309\t2.187\t2.144\t10.0\t21.440
\tD1\t0.896\t2.101
W26-0002\tC2\t1.880\t8.989\t8.813\t10.0\t88.127
\tD2\t1.273\t8.636
W26-0003\tC3\t0.082\t4.886\t4.790\t10.0\t47.905
\tD3\t0.080\t4.695
""", ("HCP", "Host cell protein (ELISA)", "ng/mL"))  # fmt: skip
    assert found == {
        ("W26-0001", "HCP"): "21.440", ("W26-0002", "HCP"): "88.127", ("W26-0003", "HCP"): "47.905",
    }  # fmt: skip


def test_a_unit_may_say_by_a_formula_what_it_is_expressed_as() -> None:
    found = read("""
Proben-ID;Programmname;Messwert;Einheit
W26-0001;Ammonium;0,901;mg/L NH4-N
W26-0001;Nitriet;0,076;mg N/l
""", ("NH4N", "Ammoniumstickstoff", "mg/L"), ("NO2N", "Nitrite-N", "mg N/L"))  # fmt: skip
    assert found == {("W26-0001", "NH4N"): "0.901", ("W26-0001", "NO2N"): "0.076"}


def test_where_no_mean_is_printed_the_cycle_of_the_single_run_says_why() -> None:
    found = read("""
Sample Name,Target Name,CT,Ct Mean,Quantity,Quantity Mean
W26-0001,L.pneumophila,Undetermined,,,
W26-0001,Legionella spp,32.465,32.465,186.028,186.028
W26-0002,L.pneumophila,25.038,25.038,1579.4,1579.4
""", ("LPN", "Legionella pneumophila Ct", "Ct"), ("LSPP", "Legionella spp. Ct", "Ct"))  # fmt: skip
    assert found == {
        ("W26-0001", "LPN"): "Undetermined", ("W26-0001", "LSPP"): "32.465",
        ("W26-0002", "LPN"): "25.038",
    }  # fmt: skip


def test_a_percentage_that_does_not_say_of_what_is_left_to_a_person() -> None:
    world = make_world(["W26-0001"], [("ABV", "Alcohol by volume", "% vol")])
    for unit, sure in (("%", False), ("% v/v", True)):
        text = f"Sample ID,Test,Result,Unit\nW26-0001,Alcohol by volume,4.98,{unit}\n"
        (found,) = extract(text.encode(), "export.csv", world).proposals
        assert (found.result, found.confidence >= SURE) == ("4.98", sure)


def test_the_head_of_a_file_tells_more_than_a_unit_that_one_line_has() -> None:
    found = read("""
Volumetric KF Titrator
Sample Name,Result,Unit
W26-0001,5.03,%
W26-0002,4.98,
W26-0003,4.91,
X-1,4.80,%
""", ("KF", "Water (Karl Fischer)", "%"), ("PH", "pH", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "KF"): "5.03", ("W26-0002", "KF"): "4.98", ("W26-0003", "KF"): "4.91",
    }  # fmt: skip
