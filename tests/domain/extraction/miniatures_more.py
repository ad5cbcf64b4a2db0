"""Further small files: batch tables, section reports, plate blocks, other languages."""

from domain.extraction.miniatures import METALS, MINIATURES, Miniature, rows

MORE: list[Miniature] = []


def add(name, text, assays, truth, **more) -> None:
    MORE.append(Miniature(name, text.lstrip("\n"), tuple(assays), rows(truth), **more))


add(
    "batch table with group labels",
    """
Sample,,,,Caffeine Method,Caffeine Results,,,,Taurine Method,Taurine Results,,,
Name,Data File,Type,Acq. Date-Time,Exp. Conc.,RT,Resp.,Calc. Conc.,Final Conc.,Exp. Conc.,RT,Resp.,Calc. Conc.,Final Conc.
cal-1,c1.d,Cal,3/1/2026 10:00,10,2.11,2231,10.1,10.1,50,1.2,991,49.9,49.9
EN-4401,s1.d,Sample,3/1/2026 10:10,,2.11,7123,32.0,320.0,,1.2,4411,401.1,4011
EN-4402,s2.d,Sample,3/1/2026 10:20,,2.10,7001,31.1,311.0,,1.2,4400,400.0,4000
""",
    (("CAF", "Caffeine", "mg/L"), ("TAU", "Taurine", "mg/L")),
    """
EN-4401|CAF|320.0
EN-4401|TAU|4011
EN-4402|CAF|311.0
EN-4402|TAU|4000
""",
)

add(
    "sample and calibration concentrations side by side",
    """
Sample ID,Analyte Name,Int (Corr),RSD (Corr Int),Conc (Calib),Calib Units,Reported Conc (Samp),Sample Units
Calib Blank 1,Fe 238.204,12,5.0,0.0,mg/L,0.0,mg/kg
SO-771,Fe 238.204,99123,0.4,4.11,mg/L,411.2,mg/kg
SO-771,Pb 220.353,1123,1.4,0.11,mg/L,11.20,mg/kg
SO-772,Fe 238.204,88123,0.5,3.80,mg/L,380.1,mg/kg
""",
    (("FE", "Iron", "mg/kg"), ("PB", "Lead", "mg/kg")),
    """
SO-771|FE|411.2
SO-771|PB|11.20
SO-772|FE|380.1
""",
)

add(
    "combustion analyser",
    """
Date;Time;Sample;Weight [mg];C [%];S [%]
01.03.2026;10:01;Std 1;501;0,81;0,02
01.03.2026;10:05;KOH-551;498;2,113;0,411
01.03.2026;10:09;KOH-552;502;1,980;0,388
""",
    (("C", "Carbon", "%"), ("S", "Sulfur", "%")),
    """
KOH-551|C|2.113
KOH-551|S|0.411
KOH-552|C|1.980
KOH-552|S|0.388
""",
)

add(
    "section report with sample name and another id",
    """
[Header]
Application Name\tLab
[Sample Information]
Sample Name\tJU-20331
Sample ID\tUNK-0001
Sample Type\tUnknown

[Compound Results(Detector A)]
# of IDs\t3
ID#\tName\tR.Time\tArea\tHeight\tConc.\tCurve\tUnit
1\tFructose\t5.11\t81123\t2211\t41.20\tLinear\tg/L
2\tGlucose\t6.02\t71123\t2011\t38.77\tLinear\tg/L
3\tSucrose\t7.90\t11123\t511\t5.61\tLinear\tg/L
""",
    (("FRU", "Fructose", "g/L"), ("GLC", "Glucose", "g/L"), ("SUC", "Sucrose", "g/L")),
    """
JU-20331|FRU|41.20
JU-20331|GLC|38.77
JU-20331|SUC|5.61
""",
    file_name="run.txt",
)

add(
    "bioprocess analyser wide",
    """
Date & Time,Sample ID,Sample Type,Gln,Glu,Gluc,Lac,NH4+,Na+,K+,Ca++,pH,PO2,PCO2,Osm
2026-03-01 10:00,FB12-D05,Spent Media,2.11,1.05,4.31,1.22,3.10,121.0,4.9,0.88,7.02,110,55,311
2026-03-01 11:00,FB12-D06,Spent Media,1.90,1.11,3.90,1.45,3.40,122.5,5.0,0.86,6.98,108,57,318
""",
    (
        ("GLUC", "Glucose", "g/L"),
        ("LAC", "Lactate", "g/L"),
        ("NH4", "Ammonium", "mmol/L"),
        ("NA", "Sodium", "mmol/L"),
        ("PH", "pH", ""),
    ),
    """
FB12-D05|GLUC|4.31
FB12-D05|LAC|1.22
FB12-D05|NH4|3.10
FB12-D05|NA|121.0
FB12-D05|PH|7.02
FB12-D06|GLUC|3.90
FB12-D06|LAC|1.45
FB12-D06|NH4|3.40
FB12-D06|NA|122.5
FB12-D06|PH|6.98
""",
)

add(
    "headerless long export",
    """
2026-03-01 10:00:00\tFB13-D05\tS\tGLN2B\tmmol/L\t2.340\t\t
2026-03-01 10:00:00\tFB13-D05\tS\tLAC2B\tmmol/L\t11.20\t\t
2026-03-01 10:10:00\tFB13-D06\tS\tGLN2B\tmmol/L\t2.110\t\t
2026-03-01 10:10:00\tFB13-D06\tS\tLAC2B\tmmol/L\t12.05\t\t
""",
    (("GLN2B", "Glutamine", "mmol/L"), ("LAC2B", "Lactate", "mmol/L")),
    """
FB13-D05|GLN2B|2.340
FB13-D05|LAC2B|11.20
FB13-D06|GLN2B|2.110
FB13-D06|LAC2B|12.05
""",
    file_name="x.txt",
)

add(
    "bead assay blocks by data type",
    """
Program,xAssay
Batch,B-22

DataType:,Median
Location,Sample,IL-6,TNF-alpha,Total Events
1(1,A1),Std1,2211,1923,200
2(1,A2),SUP-1001,331.5,120,210
3(1,A3),SUP-1002,298,101,199

DataType:,Result
Location,Sample,IL-6,TNF-alpha,Total Events
2(1,A2),SUP-1001,18.3,6.61,210
3(1,A3),SUP-1002,15.9,5.20,199

DataType:,Count
Location,Sample,IL-6,TNF-alpha,Total Events
2(1,A2),SUP-1001,55,61,210
3(1,A3),SUP-1002,58,60,199
""".replace("1(1,A1)", '"1(1,A1)"')
    .replace("2(1,A2)", '"2(1,A2)"')
    .replace("3(1,A3)", '"3(1,A3)"'),
    (("IL6", "IL-6", "pg/mL"), ("TNFA", "TNF-alpha", "pg/mL")),
    """
SUP-1001|IL6|18.3
SUP-1001|TNFA|6.61
SUP-1002|IL6|15.9
SUP-1002|TNFA|5.20
""",
)

add(
    "qualitative pcr cartridge, sections",
    """
RESULT TABLE
Sample ID,TB-26-0221
Patient ID,
Assay,Xpert MTB
Test Type,Specimen
Test Result,MTB NOT DETECTED

RESULT TABLE
Sample ID,TB-26-0222
Patient ID,
Assay,Xpert MTB
Test Type,Specimen
Test Result,MTB DETECTED LOW
""",
    (("MTB", "Xpert MTB", ""),),
    """
TB-26-0221|MTB|MTB NOT DETECTED
TB-26-0222|MTB|MTB DETECTED LOW
""",
    decoys=(),
)

add(
    "protein electrophoresis wide in italian",
    """
Campione;Data;Proteine totali (g/dL);Albumina (g/dL)
SI-4411;01/03/2026;7,1;4,2
SI-4412;01/03/2026;6,8;3,9
""",
    (("TP", "Total protein", "g/dL"), ("ALB", "Albumin", "g/dL")),
    """
SI-4411|ALB|4.2
SI-4412|ALB|3.9
SI-4411|TP|7.1
SI-4412|TP|6.8
""",
)

add(
    "lachat style names with concentration and area",
    """
Sample ID,Cup No.,Nitrate-N Conc. (mg N/L),Nitrate-N Area,Ammonia-N Conc. (mg N/L),Ammonia-N Area,Run Time
DI,1,0.001,0.02,0.002,0.01,9:00
KR-1501,2,1.210,8.2,0.041,0.3,9:02
KR-1502,3,0.981,7.0,0.038,0.2,9:04
""",
    (("NO3N", "Nitrate as N", "mg/L"), ("NH3N", "Ammonia as N", "mg/L")),
    """
KR-1501|NO3N|1.210
KR-1501|NH3N|0.041
KR-1502|NO3N|0.981
KR-1502|NH3N|0.038
""",
)

add(
    "nitrate is not nitrate as nitrogen",
    """
Sample ID,Nitrate (mg/L),Nitrite (mg/L)
KR-1601,4.40,0.10
KR-1602,5.10,0.11
""",
    (("NO3N", "Nitrate as N", "mg/L"), ("NO2", "Nitrite", "mg/L")),
    """
KR-1601|NO2|0.10
KR-1602|NO2|0.11
""",
)

add(
    "detection limit rows and columns are no results",
    """
Analyte,Reporting Limit,LOD,WX-9001,WX-9002,Units
Arsenic,0.5,0.1,1.21,<0.5,ug/L
Lead,0.5,0.1,3.30,2.20,ug/L
""",
    (("AS", "Arsenic", "ug/L"), ("PB", "Lead", "ug/L")),
    """
WX-9001|AS|1.21
WX-9002|AS|<0.5
WX-9001|PB|3.30
WX-9002|PB|2.20
""",
)

add(
    "matrix spike recovery columns",
    """
Sample,Result (mg/L),Spike Added,Spike Result,Recovery %
Analyte: Chloride,,,,
ER-8801,22.1,10,31.9,98
ER-8802,19.9,10,30.1,102
""",
    (("CL", "Chloride", "mg/L"),),
    """
ER-8801|CL|22.1
ER-8802|CL|19.9
""",
)

add(
    "cyrillic free tab text with percent in cells",
    """
Sample\tMoisture\tProtein\tFat
GR-2001\t12.1 %\t11.3 %\t2.1 %
GR-2002\t12.6 %\t10.9 %\t2.0 %
""",
    (("MOI", "Moisture", "%"), ("PRO", "Protein", "%"), ("FAT", "Fat", "%")),
    """
GR-2001|MOI|12.1
GR-2001|PRO|11.3
GR-2001|FAT|2.1
GR-2002|MOI|12.6
GR-2002|PRO|10.9
GR-2002|FAT|2.0
""",
)

add(
    "instrument temperature is not the sample's temperature",
    """
Sample ID,Cell Temp (C),pH,EC (uS/cm)
LK-5501,25.1,7.7,320
LK-5502,25.0,7.9,311
""",
    (("PH", "pH", ""), ("EC", "Electrical conductivity", "uS/cm")),
    """
LK-5501|PH|7.7
LK-5501|EC|320
LK-5502|PH|7.9
LK-5502|EC|311
""",
)

add(
    "units in their own columns",
    """
SampleNo,Test1,Result1,Unit1
HM-3301,Potassium,4.4,mmol/L
HM-3302,Potassium,4.9,mmol/L
""",
    (("K", "Potassium", "mmol/L"),),
    """
HM-3301|K|4.4
HM-3302|K|4.9
""",
)

add(
    "thousands commas and points",
    """
Sample ID,Sodium (mg/L),Iron (mg/L)
SAL-1101,"12,345.6",0.11
SAL-1102,"1,234",0.20
""",
    METALS[:2],
    """
SAL-1101|NA|12345.6
SAL-1101|FE|0.11
SAL-1102|NA|1234
SAL-1102|FE|0.20
""",
)

add(
    "duplicate column headings with raw data",
    """
ID;Raw Na;Raw K;Na (mmol/L);K (mmol/L);Status
2603-9911;88123;4411;139;4,1;OK
2603-9912;87123;4811;141;4,6;OK
""",
    (("NA", "Sodium", "mmol/L"), ("K", "Potassium", "mmol/L")),
    """
2603-9911|NA|139
2603-9911|K|4.1
2603-9912|NA|141
2603-9912|K|4.6
""",
)

add(
    "portuguese long",
    """
Amostra;Ensaio;Resultado;Unidade
AG-110;Turbidez;0,85;NTU
AG-110;Cor;5;uH
AG-111;Turbidez;1,20;NTU
""",
    (("TURB", "Turbidity", "NTU"),),
    """
AG-110|TURB|0.85
AG-111|TURB|1.20
""",
)

add(
    "uncertainty beside the value",
    """
Sample name;Sr-90 (Bq/L);u;Cs-137 (Bq/L);u
RA-771;0,113;0,011;0,45;0,05
RA-772;0,098;0,010;0,39;0,04
""",
    (("SR90", "Sr-90", "Bq/L"), ("CS137", "Cs-137", "Bq/L")),
    """
RA-771|SR90|0.113
RA-771|CS137|0.45
RA-772|SR90|0.098
RA-772|CS137|0.39
""",
)

add(
    "vi-cell style key values with unit in the key",
    """
RunDate :\t01 Mar 2026  10:10:10 AM
Sample ID :\tCHO-0451
Dilution factor :\t1.0
Total cells :\t1204
Viability (%) :\t95.4
Viable cells/ml (x10^6) :\t4.51
""",
    (("VIA", "Viability", "%"), ("VCD", "Viable cell density", "10^6 cells/mL")),
    """
CHO-0451|VIA|95.4
CHO-0451|VCD|4.51
""",
    file_name="x.txt",
)

add(
    "two sheets worth of units in one long table",
    """
SampleID,Analyte,Dissolved/Total,Result,Units
MN-3001,Copper,Total,12.2,ug/L
MN-3001,Zinc,Total,88,ug/L
MN-3002,Copper,Total,10.9,ug/L
""",
    (("CU", "Copper", "ug/L"), ("ZN", "Zinc", "ug/L")),
    """
MN-3001|CU|12.2
MN-3001|ZN|88
MN-3002|CU|10.9
""",
)

add(
    "aligned text without delimiters, wide",
    """
Sample        Cl      NO3     SO4
            (mg/L)  (mg/L)  (mg/L)
TK-101        12.1     3.3    41.2
TK-102        11.8     2.9    40.0
""",
    (("CL", "Chloride", "mg/L"), ("NO3", "Nitrate", "mg/L"), ("SO4", "Sulfate", "mg/L")),
    """
TK-101|CL|12.1
TK-101|NO3|3.3
TK-101|SO4|41.2
TK-102|CL|11.8
TK-102|NO3|2.9
TK-102|SO4|40.0
""",
    file_name="x.prn",
)

add(
    "microplate with mean concentration rows",
    """
Sample,Wells,Value,R,Result,MeanResult,SD,CV
Un01 FD-7001,A3,0.51,,11.9,12.0,0.1,0.9
,A4,0.52,,12.1,,,
Un02 FD-7002,B3,0.31,,4.4,4.5,0.1,2.0
,B4,0.32,,4.6,,,
""",
    (("ELISA", "Gluten ELISA", "mg/kg"),),
    """
FD-7001|ELISA|12.0
FD-7002|ELISA|4.5
""",
    decoys=(),
)

MINIATURES.extend(MORE)
