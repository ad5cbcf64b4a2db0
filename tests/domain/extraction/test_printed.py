"""Reports as instruments print them: keys and figures, blocks, fixed columns."""

from domain.extraction.miniatures import make_world
from domain.extraction.smallest import SURE, read
from titer.domain.extraction.engine import extract


def test_a_printed_table_may_be_keyed_by_figures() -> None:
    found = read("""
Sample ID       : W26-0001

Volume (%)      Temp (C) corrected
IBP               36.4
5                 47.9
10                54.2
50                98.7
90               158.9
FBP              196.3
""", ("T10", "Temperature at 10 % recovered", "°C"), ("T50", "Temperature at 50 % recovered", "°C"),
        ("T90", "Temperature at 90 % recovered", "°C"))  # fmt: skip
    assert found == {
        ("W26-0001", "T10"): "54.2", ("W26-0001", "T50"): "98.7", ("W26-0001", "T90"): "158.9",
    }  # fmt: skip


def test_the_corrected_figure_goes_before_the_observed_one() -> None:
    found = read("""
Sample ID            : W26-0001
------------------------------------------------
% Recovered     Vapour temp. [C]   Corrected [C]
IBP                    178.5             178.9
10%                    217.7             218.1
50%                    266.5             266.9
90%                    334.4             334.8
------------------------------------------------
Residue              : 1.4 %vol
""", ("T10", "Temperature at 10 % recovered", "°C"), ("T50", "Temperature at 50 % recovered", "°C"),
        ("IBP", "Initial boiling point", "°C"), ("RES", "Distillation residue", "% vol"))  # fmt: skip
    assert found == {
        ("W26-0001", "IBP"): "178.9", ("W26-0001", "T10"): "218.1",
        ("W26-0001", "T50"): "266.9", ("W26-0001", "RES"): "1.4",
    }  # fmt: skip


def test_a_name_below_the_title_of_a_summary_is_of_what_the_block_is_about() -> None:
    block = """
Component Summary Table
Name: {}
,Sample Name,Vial,Area,Amount,Units
1,W26-0001,1,1647189,{},mg/L
2,W26-0002,2,1599784,{},mg/L
"""
    text = block.format("Caffeine", "96.4", "31.2") + block.format("Paracetamol", "512.6", "483.3")
    found = read(text, ("CAF", "Caffeine", "mg/L"), ("PAR", "Paracetamol (acetaminophen)", "mg/L"))
    assert found == {
        ("W26-0001", "CAF"): "96.4", ("W26-0002", "CAF"): "31.2",
        ("W26-0001", "PAR"): "512.6", ("W26-0002", "PAR"): "483.3",
    }  # fmt: skip


def test_a_mark_between_a_name_and_its_figure_parts_nothing() -> None:
    found = read("""
Sample ID:  W26-0001
Nuclide          Activity        Uncertainty
                  Bq/kg             Bq/kg
K-40             4.217E+02      8.856E+00
Cs-137           3.810E+00      8.001E-02
Am-241     #    <4.120E-01
""", ("AM", "Americium-241", "Bq/kg"), ("CS", "Caesium-137", "Bq/kg"))  # fmt: skip
    assert found == {("W26-0001", "CS"): "3.810E+00", ("W26-0001", "AM"): "<4.120E-01"}


def test_a_recovery_may_be_a_test_of_its_own() -> None:
    found = read("""
Sample ID            : W26-0001
Recovery             : 96.6 % vol
Residue              : 1.2 % vol
Loss                 : 2.2 % vol
Total Recovery       : 97.8 % vol
""", ("REC", "Distillation recovery", "% vol"), ("RES", "Distillation residue", "% vol"),
        ("LOSS", "Distillation loss", "% vol"))  # fmt: skip
    assert found == {
        ("W26-0001", "REC"): "96.6", ("W26-0001", "RES"): "1.2", ("W26-0001", "LOSS"): "2.2",
    }  # fmt: skip


def test_a_line_among_lines_that_say_one_thing_each_heads_nothing() -> None:
    found = read("""
Determination time    2026-03-12  9:14:07
Method                KF water
Sample no.            1
ID1                   W26-0001
Sample size           0.5127 g
Titer                 5.0412 mg/mL
  Water               0.348 %
""", ("KF", "Water content (Karl Fischer)", "%"))  # fmt: skip
    assert found == {("W26-0001", "KF"): "0.348"}


def test_the_kind_of_instrument_may_say_what_a_report_is_about() -> None:
    block = """
Volumetric KF Titrator
No.  1/2
  ID 1                {}
  R1 Content          {} %
No.  2/2
  ID 1                {}
  R1 Content          {} %

Statistics
  Rx     Name      n    Mean value     Unit    s
  R1     Content   2    {}          %       0.06

"""
    text = block.format("W26-0001", "5.03", "W26-0001", "5.14", "5.085")
    text += block.format("W26-0002", "0.21", "W26-0002", "0.23", "0.220")
    found = read(text, ("WAT", "Water content (Karl Fischer)", "%"), ("ASH", "Ash", "%"))
    assert found == {("W26-0001", "WAT"): "5.085", ("W26-0002", "WAT"): "0.220"}


def test_the_columns_of_a_short_block_are_those_of_the_longer_one_below() -> None:
    found = read("""
 Sample    : W26-0001

          Compound                  R.T.   QIon  Response  Conc Units Dev(Min)
 --------------------------------------------------------------------------
 Internal Standards
   1) Fluorobenzene                 7.801   96     412033    10.00 ug/L    0.00
   6) Chlorobenzene-d5             11.540  117     355120    10.00 ug/L    0.00

 Target Compounds                                                   Qvalue
   2) Vinyl Chloride                0.000   62          0     N.D.
   5) Benzene                       7.415   78      33283     0.83 ug/L       94
   6) Trichloroethene               8.102   95     459947    11.47 ug/L  #    93
   8) Tetrachloroethene            10.622  164    1444402    36.02 ug/L       91
""", ("BENZ", "Benzene", "ug/L"), ("VC", "Vinyl chloride", "ug/L"),
        ("TCE", "Trichloroethene (TCE)", "ug/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "VC"): "N.D.", ("W26-0001", "BENZ"): "0.83", ("W26-0001", "TCE"): "11.47",
    }  # fmt: skip


def test_a_line_may_name_each_of_its_results() -> None:
    found = read("""
ID : W26-0001
NAME     %     TIME   AREA
A1A     0.7   0.24   10.88
F       0.9   0.39   14.40
A0     89.2   0.89  1579.80

HbA1c    5.4 %     IFCC  36 mmol/mol
HbA1     6.6 %   HbF   0.9 %
""", ("A1C", "HbA1c (NGSP)", "%"), ("A1CI", "HbA1c (IFCC)", "mmol/mol"),
        ("HBF", "Haemoglobin F", "%"))  # fmt: skip
    assert found == {
        ("W26-0001", "A1C"): "5.4", ("W26-0001", "A1CI"): "36", ("W26-0001", "HBF"): "0.9",
    }  # fmt: skip


def test_a_word_behind_a_mark_is_a_result() -> None:
    found = read("""
Patient ID  W26-0001

GLU  * 500 mg/dL
NIT  * Positive
LEU    Negative
""", ("GLU", "Glucose", ""), ("NIT", "Nitrite", ""), ("LEU", "Leukocytes", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "GLU"): "500", ("W26-0001", "NIT"): "Positive",
        ("W26-0001", "LEU"): "Negative",
    }  # fmt: skip


def test_an_uncertainty_in_the_same_unit_is_no_result() -> None:
    found = read("""
Nuclide:  3H

P#  PID  S# SMPL_ID        Count Time     CPMA   A:2S%      DPM1     tSIE      Bq/L  2S Bq/L
 7    1   3 W26-0001          60.00      12.99    3.22     54.12   283.72    112.75     5.49
 7    2   4 W26-0002          60.00       3.54    4.10     14.73   279.96     30.70     2.76
 7    3   5 W26-0003          60.00       2.89    8.86     12.03   284.76     25.07     6.81
""", ("H3", "Tritium activity", "Bq/L"))  # fmt: skip
    assert found == {
        ("W26-0001", "H3"): "112.75", ("W26-0002", "H3"): "30.70", ("W26-0003", "H3"): "25.07",
    }  # fmt: skip


def test_a_key_may_have_its_unit_behind_it() -> None:
    found = read("""
Sample ID    : W26-0001
Recovery   (%vol)  : 97.4
Residue    (%vol)  : 1.2
Loss       (%vol)  : 1.4
""", ("RES", "Distillation residue", "% vol"), ("LOSS", "Distillation loss", "% vol"))  # fmt: skip
    assert found == {("W26-0001", "RES"): "1.2", ("W26-0001", "LOSS"): "1.4"}


def test_columns_that_only_units_label_hold_one_name_s_results() -> None:
    found = read("""
Sample ID:      W26-0001

Peak     R.time   Height      Area     Area %
A1a        0.20     5210     21044      0.9
A1c        0.88    12243    105311      4.4
A0         1.47   512344   2104733     86.2

Concentration:        %        mmol/mol
A1c                   5.3         34
""", ("A1C", "Haemoglobin A1c (NGSP)", "%"),
        ("A1CI", "Haemoglobin A1c (IFCC)", "mmol/mol"))  # fmt: skip
    assert found == {("W26-0001", "A1C"): "5.3", ("W26-0001", "A1CI"): "34"}


def test_statistics_below_the_last_report_are_not_its_sample_s() -> None:
    block = """
ID1                   {}
Sample size           0.5127 g
  Water               {} %

"""
    values = ("0.348", "0.361", "4.872")
    text = "".join(block.format(f"W26-000{at}", value) for at, value in enumerate(values, 1))
    text += "Statistics\nWater    Mean     1.860 %\n         s abs    2.6079\n"
    found = read(text, ("KF", "Water content (Karl Fischer)", "%"))
    assert list(found.values()) == list(values)


def test_lines_of_means_below_element_lines_in_angstrom() -> None:
    found = read("""
Sample Name:  W26-0001   Acquired:  11/12/2026 9:48:10 AM   Type:  Unk
Method:  EPA200_7   Mode:  CONC

Elem     Al3961    Ba4934    Ca3179
Units       ppm       ppm       ppm
Avg       .1741     .1926     20.30
Stddev    .0032     .0021     .1925
%RSD      1.838     1.090     0.948
""", ("AL", "Aluminium, total", "mg/L"), ("CA", "Calcium, total", "mg/L"))  # fmt: skip
    assert found == {("W26-0001", "AL"): ".1741", ("W26-0001", "CA"): "20.30"}


def test_strips_print_signs_behind_and_in_place_of_figures() -> None:
    found = read("""
ID:W26-0001
 URO     Normal
*KET     +-
 PRO     30 mg/dL*
 NIT     -
 LEU     -
 BIL     -
""", ("URO", "Urobilinogen", ""), ("KET", "Ketones", ""), ("PRO", "Protein", "mg/dL"),
        ("NIT", "Nitrite", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "URO"): "Normal", ("W26-0001", "KET"): "+-", ("W26-0001", "PRO"): "30",
    }  # fmt: skip


def test_the_mean_in_a_summary_of_several_samples_is_of_none() -> None:
    block = """
Sample {}/3
ID1  {}
Sample size  0.4842 g
R2  {} %  Water content
"""
    values = {"W26-0001": "0.2134", "W26-0002": "0.1876", "W26-0003": "1.0472"}
    text = "".join(block.format(at, *pair) for at, pair in enumerate(values.items(), 1))
    text += (
        "\nStatistics\nRx  Name  n  Mean value  Unit  s\nR2  Water content  3  0.4827  %  0.489\n"
    )
    found = read(text, ("KF", "Water (Karl Fischer)", "%"))
    assert found == {(sample, "KF"): value for sample, value in values.items()}


def test_what_a_title_in_spaced_letters_calls_a_limit_is_left_to_a_person() -> None:
    text = """
Sample Identification:        W26-0001

 N U C L I D E   M D A   R E P O R T

  Nuclide        Energy      Nuclide MDA     Activity
   Name           (keV)        (Bq/kg)        (Bq/kg)

   CO-60         1332.49      2.310E-001     4.016E-002
   CS-137         661.65      3.699E-001     1.142E+001
   K-40          1460.81      4.016E-001     3.905E+002
"""
    world = make_world(["W26-0001"], [("CO60", "Cobalt-60", "Bq/kg")])
    (found,) = extract(text.encode(), "gamma.rpt", world).proposals
    assert (found.result, found.confidence < SURE) == ("4.016E-002", True)


def test_a_file_that_is_named_like_a_block_s_sample_names_no_column() -> None:
    block = """
Sample ID: {0}
Solution Type: Sample
Dataset File: C:\\Data\\{0}.16

   Analyte   Mass   Meas. Intens. Mean    Conc. Mean   Conc. SD   Sample Unit
   V           51              88024.69        {1}      0.028          ug/L
   Cr          52              79403.39         0.633      0.029          ug/L
   Pb         208              10682.56         0.912      0.030          ug/L
"""
    pairs = ("W26-0001", " 1.874"), ("W26-0001 Dup", " 1.901"), ("W26-0002", "12.340")
    text = "".join(block.format(*pair) for pair in pairs)
    found = read(text, ("V", "Vanadium", "ug/L"))
    assert found == {("W26-0001", "V"): "1.874", ("W26-0002", "V"): "12.340"}


def test_a_mark_close_to_a_short_name_parts_nothing() -> None:
    found = read("""
ID:    W26-0001
GLU * >=55    mmol/L
KET * 1.5     mmol/L
SG     1.030
NIT    Negative
""", ("GLU", "Glucose", "mmol/L"), ("KET", "Ketones", "mmol/L"),
        ("NIT", "Nitrite", ""))  # fmt: skip
    assert found == {
        ("W26-0001", "GLU"): ">=55", ("W26-0001", "KET"): "1.5", ("W26-0001", "NIT"): "Negative",
    }  # fmt: skip
