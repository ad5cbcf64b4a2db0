"""Layouts whose truth was written down before any of them was read."""

from domain.extraction.miniatures import Miniature, rows

UNSEEN: list[Miniature] = []


def add(name, text, assays, truth, **more) -> None:
    UNSEEN.append(Miniature(name, text.lstrip("\n"), tuple(assays), rows(truth), **more))


add(
    "pcr cartridge report, one block of keys a sample",
    """
System Name,Lab PCR
Exported Date,03/02/26 14:10:22

RESULT TABLE
Sample ID,RSP-26-1180
Patient ID,P-9921
Sample Type,Specimen
Assay,Resp Panel
Test Type,Specimen
Notes,

Analyte Result
Analyte Name,Ct,EndPt,Analyte Result,Probe Check Result
Flu A,0.0,3,NEG,PASS
RSV,24.1,512,POS,PASS
SPC,27.9,301,NA,PASS

RESULT TABLE
Sample ID,RSP-26-1181
Patient ID,P-9922
Sample Type,Specimen
Assay,Resp Panel
Test Type,Specimen
Notes,

Analyte Result
Analyte Name,Ct,EndPt,Analyte Result,Probe Check Result
Flu A,21.7,480,POS,PASS
RSV,0.0,-1,NEG,PASS
SPC,28.2,299,NA,PASS
""",
    (("FLUA", "Flu A", ""), ("RSV", "RSV", "")),
    """
RSP-26-1180|FLUA|NEG
RSP-26-1180|RSV|POS
RSP-26-1181|FLUA|POS
RSP-26-1181|RSV|NEG
""",
)

add(
    "icp-ms batch with internal standards and levels",
    """
Sample,,,,,7  Li  [ No Gas ] ,,55  Mn  [ He ] ,,78  Se  [ H2 ] ,,45  Sc ( ISTD )  [ He ] ,
Rjct,Data File,Acq. Date-Time,Type,Sample Name,Conc. [ ug/l ],Conc. RSD,Conc. [ ug/l ],Conc. RSD,Conc. [ ug/l ],Conc. RSD,CPS,CPS RSD
,001BLK.d,3/1/2026 9:01,CalBlk,Cal Blank,0.000,N/A,0.000,N/A,0.000,N/A,1210334.2,1.1
,002CAL.d,3/1/2026 9:05,CalStd,10 ppb,10.02,0.8,9.98,1.2,10.1,2.2,1209912.1,0.7
,003SMPL.d,3/1/2026 9:09,Sample,GW-26-0417,3.312,1.4,88.21,0.9,0.441,4.8,1188120.6,0.9
,004SMPL.d,3/1/2026 9:13,Sample,GW-26-0418,2.907,1.1,1204.5,0.4,<0.100,N/A,1192007.0,1.3
,005SPK.d,3/1/2026 9:17,Spike,GW-26-0418 MS,12.77,0.9,1214.0,0.6,10.02,1.9,1190021.4,1.0
,006QC.d,3/1/2026 9:21,QC2,CCV,10.11,0.8,10.04,0.7,9.89,2.0,1201331.8,0.8
""",
    (("LI", "Lithium", "ug/L"), ("MN", "Manganese", "ug/L"), ("SE", "Selenium", "ug/L")),
    """
GW-26-0417|LI|3.312
GW-26-0417|MN|88.21
GW-26-0417|SE|0.441
GW-26-0418|LI|2.907
GW-26-0418|MN|1204.5
GW-26-0418|SE|<0.100
""",
)

add(
    "chromatography peak summary by component",
    """
Peak Summary with Statistics
Component: Caffeine
\tSampleName\tVial\tInj\tRetention Time\tArea\t% Area\tHeight\tAmount\tUnits
1\tBEV-7701\t11\t1\t4.217\t1820331\t41.22\t201331\t98.412\tmg/L
2\tBEV-7702\t12\t1\t4.219\t1533012\t38.10\t188211\t82.907\tmg/L
3\tCaffeine STD 50\t2\t1\t4.218\t924410\t99.9\t103322\t50.011\tmg/L
Mean\t\t\t\t4.218\t\t\t\t77.110
% RSD\t\t\t\t0.02\t\t\t\t31.9
Component: Benzoic acid
\tSampleName\tVial\tInj\tRetention Time\tArea\t% Area\tHeight\tAmount\tUnits
1\tBEV-7701\t11\t1\t6.881\t882110\t19.97\t93110\t141.08\tmg/L
2\tBEV-7702\t12\t1\t6.880\t702217\t17.45\t74330\t112.35\tmg/L
""",
    (("CAF", "Caffeine", "mg/L"), ("BENZ", "Benzoic acid", "mg/L")),
    """
BEV-7701|CAF|98.412
BEV-7702|CAF|82.907
BEV-7701|BENZ|141.08
BEV-7702|BENZ|112.35
""",
    file_name="summary.txt",
)

add(
    "category rows below each other for every sample",
    """
Number,Label,Status,Category,27Al (STD),63Cu (KED),111Cd (KED)
,,,,ppb,ppb,ppb
1,Blank,OK,Concentration average,0.01,0.00,0.00
1,Blank,OK,Concentration RSD,55.1,88.0,91.2
1,Blank,OK,Intensity average,102.1,55.0,3.3
2,SLG-3301,OK,Concentration average,412.7,88.31,0.912
2,SLG-3301,OK,Concentration RSD,1.1,0.8,2.4
2,SLG-3301,OK,Intensity average,90211.0,40210.2,302.1
3,SLG-3302,OK,Concentration average,377.2,79.04,1.240
3,SLG-3302,OK,Concentration RSD,0.9,0.7,3.1
3,SLG-3302,OK,Intensity average,82310.1,36110.7,401.8
""",
    (("AL", "Aluminium", "ug/L"), ("CU", "Copper", "ug/L"), ("CD", "Cadmium", "ug/L")),
    """
SLG-3301|AL|412.7
SLG-3301|CU|88.31
SLG-3301|CD|0.912
SLG-3302|AL|377.2
SLG-3302|CU|79.04
SLG-3302|CD|1.240
""",
)

add(
    "quantitative analysis, intensities beside concentrations, a block a sample",
    """
Quantitative Analysis - Summary Report
Sample ID:,SOIL-88-1
Sample Date/Time:,"Monday, March 02, 2026 10:44:11"
Concentration Results
,Analyte,Mass,Meas. Intens. Mean,Net Intens. Mean,Conc. Mean,Conc. SD,Conc. RSD,Report Unit
|,Ni,60,8812.4,8790.1,21.33,0.31,1.4,ug/L
|,Zn,66,20110.8,20001.2,151.7,1.20,0.8,ug/L
>,Rh,103,990122.0,990122.0,,,,ug/L
Sample ID:,SOIL-88-2
Sample Date/Time:,"Monday, March 02, 2026 10:48:30"
Concentration Results
,Analyte,Mass,Meas. Intens. Mean,Net Intens. Mean,Conc. Mean,Conc. SD,Conc. RSD,Report Unit
|,Ni,60,7012.0,6990.4,16.98,0.22,1.3,ug/L
|,Zn,66,18212.1,18102.5,137.3,1.01,0.7,ug/L
>,Rh,103,981220.0,981220.0,,,,ug/L
""",
    (("NI", "Nickel", "ug/L"), ("ZN", "Zinc", "ug/L")),
    """
SOIL-88-1|NI|21.33
SOIL-88-1|ZN|151.7
SOIL-88-2|NI|16.98
SOIL-88-2|ZN|137.3
""",
)

add(
    "qpcr quantification with starting quantities",
    """
Well,Fluor,Target,Content,Sample,Cq,Cq Mean,Cq Std. Dev,Starting Quantity (SQ),Log Starting Quantity,SQ Mean,SQ Std. Dev
A01,FAM,Legionella,Std-1,,18.02,18.02,0.00,1.00E+06,6.000,1.00E+06,0.00E+00
B01,FAM,Legionella,Unkn-1,COOL-5501,27.11,27.15,0.06,2.31E+03,3.364,2.25E+03,8.5E+01
B02,FAM,Legionella,Unkn-1,COOL-5501,27.19,27.15,0.06,2.19E+03,3.340,2.25E+03,8.5E+01
C01,FAM,Legionella,Unkn-2,COOL-5502,31.80,31.84,0.06,9.10E+01,1.959,8.85E+01,3.5E+00
C02,FAM,Legionella,Unkn-2,COOL-5502,31.88,31.84,0.06,8.60E+01,1.934,8.85E+01,3.5E+00
D01,FAM,Legionella,NTC,,N/A,0.00,0.00,N/A,N/A,0.00E+00,0.00E+00
""",
    (("LEG", "Legionella", "copies/mL"),),
    """
COOL-5501|LEG|2.25E+03
COOL-5502|LEG|8.85E+01
""",
)

add(
    "real-time pcr results section with quantity means",
    """
Block Type,96-Well Block
Experiment Name,GMO run 7
Quantification Cycle Method,Ct

[Results]
Well,Well Position,Omit,Sample Name,Target Name,Task,Reporter,Quencher,CT,Ct Mean,Ct SD,Quantity,Quantity Mean,Quantity SD
1,A1,false,MZE-410,35S,UNKNOWN,FAM,NFQ,28.41,28.44,0.04,102.4,100.6,2.5
2,A2,false,MZE-410,35S,UNKNOWN,FAM,NFQ,28.47,28.44,0.04,98.8,100.6,2.5
3,A3,false,MZE-410,HMG,UNKNOWN,FAM,NFQ,22.02,22.01,0.02,20110,20204,133
4,A4,false,MZE-410,HMG,UNKNOWN,FAM,NFQ,22.00,22.01,0.02,20298,20204,133
5,A5,false,NTC,35S,NTC,FAM,NFQ,Undetermined,,,,,
6,A6,false,STD1,35S,STANDARD,FAM,NFQ,25.0,25.0,0,1000,,
""",
    (("P35S", "35S", "copies"), ("HMG", "HMG", "copies")),
    """
MZE-410|P35S|100.6
MZE-410|HMG|20204
""",
)

add(
    "plate grids, names above and concentrations below",
    """
User: USER,Path: C:\\Data,Test ID: 412
Test Name: Mycotoxin ELISA,Date: 02.03.2026,Time: 11:20:41

Layout
,1,2,3,4
A,Std1,GRN-6101,GRN-6103,GRN-6105
B,Std2,GRN-6102,GRN-6104,GRN-6106

Concentration (ug/kg)
,1,2,3,4
A,0.5,2.31,0.88,4.12
B,5.0,1.07,3.65,0.74
""",
    (("DON", "Deoxynivalenol", "ug/kg"),),
    """
GRN-6101|DON|2.31
GRN-6102|DON|1.07
GRN-6103|DON|0.88
GRN-6104|DON|3.65
GRN-6105|DON|4.12
GRN-6106|DON|0.74
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"), ("PH", "pH", "")),
)

add(
    "titration results in triples of columns",
    """
Determination start;Method name;Ident;Sample size;Sample size unit;RS01.Name;RS01.Value;RS01.Unit;RS02.Name;RS02.Value;RS02.Unit
2026-03-02 08:01:12 UTC+1;Acidity;WIN-9901;10,0;mL;pH value;3,41;;Total acidity;5,62;g/L
2026-03-02 08:09:55 UTC+1;Acidity;WIN-9902;10,0;mL;pH value;3,28;;Total acidity;6,04;g/L
2026-03-02 08:18:40 UTC+1;Acidity;Check 1;10,0;mL;pH value;4,01;;Total acidity;5,00;g/L
""",
    (("PH", "pH", ""), ("TA", "Total acidity", "g/L")),
    """
WIN-9901|PH|3.41
WIN-9901|TA|5.62
WIN-9902|PH|3.28
WIN-9902|TA|6.04
""",
)

add(
    "karl fischer balance report with named results",
    """
"Task ID";"Sample ID 1";"Comment";"Size";"Size unit";"Consumption";"Content R1";"Unit R1";"Drift"
"T-0118";"PWD-2201";"";"0.5120";"g";"1.221";"0.238";"%";"4.1"
"T-0119";"PWD-2202";"";"0.4981";"g";"1.904";"0.382";"%";"4.0"
"T-0120";"Blank";"";"0";"g";"0.004";"";"%";"4.2"
""",
    (("KF", "Water content (Karl Fischer)", "%"),),
    """
PWD-2201|KF|0.238
PWD-2202|KF|0.382
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"), ("PH", "pH", "")),
)

add(
    "hl7 specimen segments and coded observations",
    """
MSH|^~\\&|CHEM7|LAB|LIS|HOSP|20260302101500||OUL^R22^OUL_R22|77|P|2.5.1
PID|1||P-4401||DOE^JANE
SPM|1|SER-771204&LIS||SER^Serum^HL70487
OBR|1|||CHEM^Chemistry
OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L^^UCUM|3.9-6.1|N|||F
OBX|2|NM|2160-0^Creatinine^LN||<18|umol/L^^UCUM|62-106|L|||F
MSH|^~\\&|CHEM7|LAB|LIS|HOSP|20260302101700||OUL^R22^OUL_R22|78|P|2.5.1
PID|1||P-4402||ROE^RICHARD
SPM|1|SER-771205&LIS||SER^Serum^HL70487
OBR|1|||CHEM^Chemistry
OBX|1|NM|2345-7^Glucose^LN||11.9|mmol/L^^UCUM|3.9-6.1|H|||F
OBX|2|NM|2160-0^Creatinine^LN||88|umol/L^^UCUM|62-106|N|||F
""",
    (("GLU", "Glucose", "mmol/L"), ("CREA", "Creatinine", "umol/L")),
    """
SER-771204|GLU|5.4
SER-771204|CREA|<18
SER-771205|GLU|11.9
SER-771205|CREA|88
""",
    file_name="oul.hl7",
)

add(
    "astm with instrument fields in the specimen and dilution in the test",
    """
H|\\^&|||Immuno^1.2|||||LIS||P|1|20260302
P|1|||PAT-11
O|1|HRM-30011^0012^3^^S1|HRM-30011|^^^TSH^1\\^^^FT4^1|R|||||||||Serum
R|1|^^^TSH^1^DOSE|2.311|mIU/L|0.4 to 4.0|N||F||||20260302
R|2|^^^TSH^1^RLU|88211|RLU|||F||||20260302
R|3|^^^FT4^1^DOSE|14.20|pmol/L|9 to 19|N||F||||20260302
R|4|^^^FT4^1^RLU|40122|RLU|||F||||20260302
P|2|||PAT-12
O|1|HRM-30012^0012^4^^S1|HRM-30012|^^^TSH^1|R|||||||||Serum
R|1|^^^TSH^1^DOSE|0.018|mIU/L|0.4 to 4.0|L||F||||20260302
R|2|^^^TSH^1^RLU|2011|RLU|||F||||20260302
L|1|N
""",
    (("TSH", "TSH", "mIU/L"), ("FT4", "Free T4", "pmol/L")),
    """
HRM-30011|TSH|2.311
HRM-30011|FT4|14.20
HRM-30012|TSH|0.018
""",
    file_name="host.astm",
)

add(
    "headerless list with names, figures, units and dates",
    """
02/03/2026,EFF-20611,Nitrate-N,4.21,mg/L,OK
02/03/2026,EFF-20611,Ammonia-N,0.33,mg/L,OK
02/03/2026,EFF-20612,Nitrate-N,5.08,mg/L,OK
02/03/2026,EFF-20612,Ammonia-N,1.92,mg/L,OK
02/03/2026,QC-MID,Nitrate-N,5.00,mg/L,OK
""",
    (("NO3N", "Nitrate as N", "mg/L"), ("NH3N", "Ammonia as N", "mg/L")),
    """
EFF-20611|NO3N|4.21
EFF-20611|NH3N|0.33
EFF-20612|NO3N|5.08
EFF-20612|NH3N|1.92
""",
)

add(
    "samples across with a qualifier column each",
    """
Analytical results,,,,,
,,RV-1001,,RV-1002,
Analyte,Units,Result,Qual,Result,Qual
Arsenic,ug/L,4.4,,0.9,J
Barium,ug/L,112,,98.5,
Mercury,ug/L,0.2,U,0.2,U
""",
    (("AS", "Arsenic", "ug/L"), ("BA", "Barium", "ug/L")),
    """
RV-1001|AS|4.4
RV-1001|BA|112
RV-1002|AS|0.9
RV-1002|BA|98.5
""",
)

add(
    "european figures with grouped thousands",
    """
Labor;;;;
Probennummer;Entnahmeort;Natrium mg/l;Kalium mg/l;Leitfähigkeit µS/cm
TW-60501;Hahn Küche;1.234,5;12,40;2.310
TW-60502;Brunnen 2;87,25;3,05;612
TW-60503;Hochbehälter;1.020,0;10,90;1.987
""",
    (("NA", "Natrium", "mg/L"), ("K", "Kalium", "mg/L"), ("COND", "Leitfähigkeit", "uS/cm")),
    """
TW-60501|NA|1234.5
TW-60501|K|12.40
TW-60501|COND|2310
TW-60502|NA|87.25
TW-60502|K|3.05
TW-60502|COND|612
TW-60503|NA|1020.0
TW-60503|K|10.90
TW-60503|COND|1987
""",
    encoding="cp1252",
)

add(
    "dilution factor with raw and final concentrations",
    """
Sample,Weight (g),Volume (mL),Dilution Factor,Cu Raw (mg/L),Cu Final (mg/kg),Zn Raw (mg/L),Zn Final (mg/kg)
Prep Blank,,50,1,0.002,,0.004,
FDR-4410,0.5021,50,10,0.441,439.2,0.912,908.2
FDR-4411,0.4988,50,10,0.390,390.9,1.104,1106.7
FDR-4411 dup,0.5010,50,10,0.402,401.2,1.098,1095.8
""",
    (("CU", "Copper", "mg/kg"), ("ZN", "Zinc", "mg/kg")),
    """
FDR-4410|CU|439.2
FDR-4410|ZN|908.2
FDR-4411|CU|390.9
FDR-4411|ZN|1106.7
""",
)

add(
    "controls, spikes and standards among the samples",
    """
Run,Sample Type,Sample ID,Analyte,Result,Units,Expected,Recovery %
1,Standard,STD 5,Phosphate,5.02,mg/L,5.00,100.4
2,Method Blank,MB-1,Phosphate,<0.01,mg/L,,
3,LCS,LCS-1,Phosphate,1.98,mg/L,2.00,99.0
4,Unknown,CRK-0891,Phosphate,0.112,mg/L,,
5,Duplicate,CRK-0891,Phosphate,0.118,mg/L,,
6,Matrix Spike,CRK-0891,Phosphate,2.09,mg/L,2.11,98.9
7,Matrix Spike Dup,CRK-0891,Phosphate,2.11,mg/L,2.11,99.9
8,Unknown,CRK-0892,Phosphate,0.087,mg/L,,
9,CCV,CCV-2,Phosphate,4.91,mg/L,5.00,98.2
""",
    (("PO4", "Phosphate", "mg/L"),),
    """
CRK-0891|PO4|0.112
CRK-0892|PO4|0.087
""",
)

add(
    "repeated measurements closed by their mean, german",
    """
Probe;Nr.;Messzeit;Trübung (NTU);Farbe SAK 436 (1/m)
ROH-1101;1;08:01;1,22;0,41
ROH-1101;2;08:02;1,25;0,42
ROH-1101;3;08:03;1,21;0,40
ROH-1101;Mittelwert;;1,23;0,41
ROH-1101;Stdabw.;;0,02;0,01
ROH-1102;1;08:06;0,31;0,11
ROH-1102;2;08:07;0,33;0,12
ROH-1102;3;08:08;0,32;0,13
ROH-1102;Mittelwert;;0,32;0,12
ROH-1102;Stdabw.;;0,01;0,01
""",
    (("TURB", "Trübung", "NTU"), ("SAK436", "SAK 436", "1/m")),
    """
ROH-1101|TURB|1.23
ROH-1101|SAK436|0.41
ROH-1102|TURB|0.32
ROH-1102|SAK436|0.12
""",
)

add(
    "quantifier and qualifier columns of one compound",
    """
Compound: Atrazine
Name,Sample Type,Exp. Conc,RT,Area,IS Area,Response,S/N,Conc (ng/L),Accuracy %,Signal
STD10,Cal,10.0,5.11,20110,99012,0.203,210,10.2,102,ok
PST-0401,Sample,,5.12,41022,98710,0.416,402,20.7,,ok
PST-0402,Sample,,5.11,3011,99120,0.030,31,1.52,,ok
Compound: Simazine
Name,Sample Type,Exp. Conc,RT,Area,IS Area,Response,S/N,Conc (ng/L),Accuracy %,Signal
STD10,Cal,10.0,4.71,18110,99012,0.183,190,9.8,98,ok
PST-0401,Sample,,4.72,12020,98710,0.122,122,6.41,,ok
PST-0402,Sample,,4.70,990,99120,0.010,9,0.52,,low
""",
    (("ATZ", "Atrazine", "ng/L"), ("SIM", "Simazine", "ng/L")),
    """
PST-0401|ATZ|20.7
PST-0402|ATZ|1.52
PST-0401|SIM|6.41
PST-0402|SIM|0.52
""",
)

add(
    "field sonde with two conductivities and two oxygens",
    """
Date,Time,Site,Temp (C),SpCond (uS/cm),Cond (uS/cm),DO (% sat),DO (mg/L),pH,pH (mV),Turb (NTU),Battery (V)
3/2/2026,09:10,LAKE-3301,8.41,412.0,281.3,98.1,11.42,7.81,-44.1,2.3,5.9
3/2/2026,09:40,LAKE-3302,8.92,420.5,291.0,96.4,11.10,7.74,-40.8,3.1,5.9
""",
    (
        ("TEMP", "Temperature", "degC"),
        ("SPC", "Specific conductance", "uS/cm"),
        ("DO", "Dissolved oxygen", "mg/L"),
        ("PH", "pH", ""),
        ("TURB", "Turbidity", "NTU"),
    ),
    """
LAKE-3301|TEMP|8.41
LAKE-3301|SPC|412.0
LAKE-3301|DO|11.42
LAKE-3301|PH|7.81
LAKE-3301|TURB|2.3
LAKE-3302|TEMP|8.92
LAKE-3302|SPC|420.5
LAKE-3302|DO|11.10
LAKE-3302|PH|7.74
LAKE-3302|TURB|3.1
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"), ("ECOLI", "E. coli", "MPN/100mL")),
)

add(
    "elemental analyser with peak areas before contents",
    """
Hole,Weight [mg],Name,Method,N Area,C Area,H Area,N [%],C [%],H [%],N Factor
1,2.011,Blank,2mg90s,12,40,310,,,,
2,2.104,Sulfanilamide,2mg90s,30112,70221,9021,16.27,41.81,4.65,1.001
3,2.331,CMP-0071,2mg90s,5210,80112,9902,2.51,44.12,5.91,1.001
4,2.290,CMP-0072,2mg90s,4411,78120,9711,2.19,43.80,5.88,1.001
""",
    (("N", "Nitrogen", "%"), ("C", "Carbon", "%"), ("H", "Hydrogen", "%")),
    """
CMP-0071|N|2.51
CMP-0071|C|44.12
CMP-0071|H|5.91
CMP-0072|N|2.19
CMP-0072|C|43.80
CMP-0072|H|5.88
""",
)

add(
    "most probable numbers with counted wells",
    """
Sample ID,Collected,TC Large Wells,TC Small Wells,Total Coliforms (MPN/100mL),EC Large Wells,EC Small Wells,E. coli (MPN/100mL)
BCH-1201,3/1/2026,49,12,145.0,11,2,14.8
BCH-1202,3/1/2026,49,48,>2419.6,30,9,62.4
BCH-1203,3/1/2026,0,0,<1.0,0,0,<1.0
""",
    (("TC", "Total coliforms", "MPN/100mL"), ("ECOLI", "E. coli", "MPN/100mL")),
    """
BCH-1201|TC|145.0
BCH-1201|ECOLI|14.8
BCH-1202|TC|>2419.6
BCH-1202|ECOLI|62.4
BCH-1203|TC|<1.0
BCH-1203|ECOLI|<1.0
""",
)

add(
    "environmental data deliverable with detect flags",
    """
sys_sample_code,lab_anl_method_name,analysis_date,chemical_name,cas_rn,result_value,result_unit,detect_flag,reporting_detection_limit,method_detection_limit,dilution_factor
MWELL-71,SW8260,03/02/2026,Benzene,71-43-2,12.4,ug/L,Y,1.0,0.22,1
MWELL-71,SW8260,03/02/2026,Toluene,108-88-3,,ug/L,N,1.0,0.25,1
MWELL-72,SW8260,03/02/2026,Benzene,71-43-2,,ug/L,N,1.0,0.22,1
MWELL-72,SW8260,03/02/2026,Toluene,108-88-3,3.11,ug/L,Y,1.0,0.25,1
""",
    (("BENZENE", "Benzene", "ug/L"), ("TOLUENE", "Toluene", "ug/L")),
    """
MWELL-71|BENZENE|12.4
MWELL-72|TOLUENE|3.11
""",
)

add(
    "raw signals alone",
    """
Well,Sample,OD 450,OD 620,OD 450-620
A1,SRM-8801,0.881,0.041,0.840
A2,SRM-8802,1.204,0.040,1.164
A3,Blank,0.051,0.041,0.010
""",
    (("IGG", "IgG", "mg/L"),),
    "",
    others=("SRM-8801", "SRM-8802"),
)

add(
    "particle counts under their size classes, a block a sample",
    """
Sample: OIL-7701
Test date: 2026-03-02
Size (um),Counts/mL,ISO code
>4,18020,21
>6,3211,19
>14,220,15
Water content (ppm): 112
Viscosity 40C (cSt): 46.2

Sample: OIL-7702
Test date: 2026-03-02
Size (um),Counts/mL,ISO code
>4,9120,20
>6,1211,17
>14,98,14
Water content (ppm): 98
Viscosity 40C (cSt): 45.9
""",
    (("WATER", "Water content", "ppm"), ("VIS40", "Viscosity at 40 C", "cSt")),
    """
OIL-7701|WATER|112
OIL-7701|VIS40|46.2
OIL-7702|WATER|98
OIL-7702|VIS40|45.9
""",
    file_name="oil.txt",
)

add(
    "chromatography wide with times, areas and amounts of each ion",
    """
No.,Sample Name,Ret.Time Chloride min,Area Chloride µS*min,Amount Chloride mg/L,Ret.Time Sulfate min,Area Sulfate µS*min,Amount Sulfate mg/L
1,Blank,n.a.,n.a.,n.a.,n.a.,n.a.,n.a.
2,Std 3,4.21,1.221,10.02,9.87,0.912,9.98
3,RW-70011,4.22,3.110,25.61,9.88,1.440,15.70
4,RW-70012,4.22,0.512,4.18,9.88,n.a.,n.a.
5,RW-70012 x10,4.22,0.051,4.21,9.88,0.110,12.0
""",
    (("CL", "Chloride", "mg/L"), ("SO4", "Sulfate", "mg/L")),
    """
RW-70011|CL|25.61
RW-70011|SO4|15.70
RW-70012|CL|4.18
RW-70012|SO4|12.0
""",
)
add(
    "one block of an injection with its peaks",
    """
Data File C:\\DATA\\RUN7\\004F0401.D
Sample Name: SOL-5521
Acq. Operator : LAB
Injection Date : 02-Mar-26

#  Name        RetTime    Area     Amount    Units
1  Methanol    1.912      101.2    0.214     %
2  Ethanol     2.410      8812.0   11.920    %
3  1-Propanol  3.101      512.1    1.000     %
""",
    (("ETOH", "Ethanol", "%"), ("MEOH", "Methanol", "%")),
    """
SOL-5521|ETOH|11.920
SOL-5521|MEOH|0.214
""",
    file_name="report.txt",
)
add(
    "unit columns between the oxides",
    """
Sample,Date,SiO2,Unit,Al2O3,Unit,CaO,Unit,Sum
RAW-8101,2026-03-02,21.31,%,5.12,%,64.88,%,99.1
RAW-8102,2026-03-02,20.98,%,5.40,%,64.10,%,98.8
Check CRM,2026-03-02,22.0,%,5.0,%,65.0,%,99.9
""",
    (("SIO2", "SiO2", "%"), ("AL2O3", "Al2O3", "%"), ("CAO", "CaO", "%")),
    """
RAW-8101|SIO2|21.31
RAW-8101|AL2O3|5.12
RAW-8101|CAO|64.88
RAW-8102|SIO2|20.98
RAW-8102|AL2O3|5.40
RAW-8102|CAO|64.10
""",
)
add(
    "german meter with the quantity in the preamble",
    """
Gerät;Multi 9630
Messgröße;pH-Wert
Datum;02.03.2026

ID;Uhrzeit;Messwert;Einheit;Temperatur;Einheit
BEL-401;08:11;7,42;;14,2;°C
BEL-402;08:14;7,61;;14,4;°C
Puffer 7;08:20;7,00;;20,0;°C
""",
    (("PH", "pH-Wert", ""),),
    """
BEL-401|PH|7.42
BEL-402|PH|7.61
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"),),
)
add(
    "plate counts with their calculated result",
    """
Lab ID,Analysis,Dilution,Plate 1,Plate 2,Average,Result (CFU/mL),Comment
FOOD-9001,Total plate count,1000,44,51,47.5,47500,
FOOD-9001,Yeast and mould,10,3,5,4,40,
FOOD-9002,Total plate count,1000,<1,<1,<1,<1000,
FOOD-9002,Yeast and mould,10,12,10,11,110,
NEG CTRL,Total plate count,1,0,0,0,0,
""",
    (("TPC", "Total plate count", "CFU/mL"), ("YM", "Yeast and mould", "CFU/mL")),
    """
FOOD-9001|TPC|47500
FOOD-9001|YM|40
FOOD-9002|TPC|<1000
FOOD-9002|YM|110
""",
)
add(
    "samples across with dates and places above the figures",
    """
Client,Town,Town,Town
Sample ID,TWN-1101,TWN-1102,TWN-1103
Date sampled,2026-03-01,2026-03-01,2026-03-02
pH,7.4,7.6,7.5
Conductivity (uS/cm),412,398,405
Nitrate (mg/L),3.1,2.8,<0.5
Limit of detection nitrate,0.5,0.5,0.5
""",
    (("PH", "pH", ""), ("COND", "Conductivity", "uS/cm"), ("NO3", "Nitrate", "mg/L")),
    """
TWN-1101|PH|7.4
TWN-1101|COND|412
TWN-1101|NO3|3.1
TWN-1102|PH|7.6
TWN-1102|COND|398
TWN-1102|NO3|2.8
TWN-1103|PH|7.5
TWN-1103|COND|405
TWN-1103|NO3|<0.5
""",
)
add(
    "figures with their units in one cell",
    """
Sample ID,Parameter,Result
LEA-2201,Chemical oxygen demand,412 mg/L
LEA-2201,Ammonium nitrogen,38.1 mg/L
LEA-2202,Chemical oxygen demand,< 15 mg/L
LEA-2202,Ammonium nitrogen,0.42 mg/L
""",
    (("COD", "Chemical oxygen demand", "mg/L"), ("NH4N", "Ammonium as N", "mg/L")),
    """
LEA-2201|COD|412
LEA-2201|NH4N|38.1
LEA-2202|COD|<15
LEA-2202|NH4N|0.42
""",
)
add(
    "spanish autoanalyser, long",
    """
Fecha;Muestra;Técnica;Resultado;Unidades;Abs;Observaciones
02/03/2026;VN-3301;Acidez volátil;0,41;g/L;0,201;
02/03/2026;VN-3301;SO2 libre;22;mg/L;0,114;
02/03/2026;VN-3302;Acidez volátil;0,55;g/L;0,266;
02/03/2026;VN-3302;SO2 libre;18;mg/L;0,098;
02/03/2026;Control 1;SO2 libre;30;mg/L;0,150;
""",
    (("VA", "Acidez volátil", "g/L"), ("FSO2", "SO2 libre", "mg/L")),
    """
VN-3301|VA|0.41
VN-3301|FSO2|22
VN-3302|VA|0.55
VN-3302|FSO2|18
""",
    encoding="cp1252",
)
add(
    "haematology with flags behind every figure",
    """
Sample ID,Date,WBC,WBC Flag,RBC,RBC Flag,HGB,HGB Flag
,,10^9/L,,10^12/L,,g/L,
BLD-660101,2026-03-02,12.1,H,4.41,,133,
BLD-660102,2026-03-02,5.3,,3.02,L,88,L
QC-LOW,2026-03-02,2.1,,2.0,,60,
""",
    (
        ("WBC", "White blood cells", "10^9/L"),
        ("RBC", "Red blood cells", "10^12/L"),
        ("HGB", "Haemoglobin", "g/L"),
    ),
    """
BLD-660101|WBC|12.1
BLD-660101|RBC|4.41
BLD-660101|HGB|133
BLD-660102|WBC|5.3
BLD-660102|RBC|3.02
BLD-660102|HGB|88
""",
)
add(
    "two repeated lines and an average column",
    """
Sample Id,Run,Fat,Protein,Moisture,Fat Avg,Protein Avg,Moisture Avg
MT-4401,1,21.1,18.2,58.9,21.2,18.3,58.8
MT-4401,2,21.3,18.4,58.7,21.2,18.3,58.8
MT-4402,1,12.0,20.1,65.2,12.1,20.0,65.3
MT-4402,2,12.2,19.9,65.4,12.1,20.0,65.3
""",
    (("FAT", "Fat", "%"), ("PROT", "Protein", "%"), ("MOIST", "Moisture", "%")),
    """
MT-4401|FAT|21.2
MT-4401|PROT|18.3
MT-4401|MOIST|58.8
MT-4402|FAT|12.1
MT-4402|PROT|20.0
MT-4402|MOIST|65.3
""",
)
add(
    "tensile machine with settings and results",
    """
Test speed,50,mm/min
Preload,0.5,N

Specimen label,Thickness (mm),Width (mm),Maximum Load (N),Tensile strength (MPa),Elongation at break (%)
PLA-1001,2.01,10.0,812.1,40.4,3.2
PLA-1002,2.00,10.1,799.0,39.6,3.0
Mean,2.005,10.05,805.6,40.0,3.1
Standard deviation,0.01,0.07,9.3,0.6,0.1
""",
    (("TS", "Tensile strength", "MPa"), ("EB", "Elongation at break", "%")),
    """
PLA-1001|TS|40.4
PLA-1001|EB|3.2
PLA-1002|TS|39.6
PLA-1002|EB|3.0
""",
)
add(
    "qualifier sign in a column of its own",
    """
Lab Number,Component,Sign,Result,Units,MRL
DRK-88101,Arsenic,<,1.0,ug/L,1.0
DRK-88101,Fluoride,,0.71,mg/L,0.1
DRK-88102,Arsenic,,2.3,ug/L,1.0
DRK-88102,Fluoride,<,0.1,mg/L,0.1
""",
    (("AS", "Arsenic", "ug/L"), ("F", "Fluoride", "mg/L")),
    """
DRK-88102|AS|2.3
DRK-88101|F|0.71
""",
)
add(
    "radiation counts with activity and uncertainty",
    """
Sample ID;Nuclide;Gross counts;Live time (s);Activity (Bq/kg);Uncertainty (Bq/kg);MDA (Bq/kg)
FOD-3310;Cs-137;8121;3600;12,4;0,8;1,1
FOD-3310;K-40;22101;3600;410;21;9
FOD-3311;Cs-137;210;3600;<1,1;;1,1
FOD-3311;K-40;19800;3600;377;19;9
""",
    (("CS137", "Cs-137", "Bq/kg"), ("K40", "K-40", "Bq/kg")),
    """
FOD-3310|CS137|12.4
FOD-3310|K40|410
FOD-3311|CS137|<1.1
FOD-3311|K40|377
""",
)
add(
    "raw spectrometer table without results",
    """
Sample ID,Abs 254,Abs 436,Abs 620,Scan time
HUM-1201,0.221,0.051,0.010,11:02
HUM-1202,0.198,0.049,0.009,11:04
""",
    (("TOC", "Total organic carbon", "mg/L"),),
    "",
    others=("HUM-1201", "HUM-1202"),
)

add(
    "cold vapour single element with absorbance and blank corrected",
    """
Method: Hg CV,,,,
Date: 02.03.2026,,,,
Seq,Sample ID,Mean Abs,Mean Conc (ug/L),RSD %,Final Conc (ug/kg)
1,Cal Zero,0.0002,0,,
2,Std 1,0.0411,1.00,1.2,
3,FSH-5501,0.0312,0.76,1.5,38.1
4,FSH-5502,0.0098,0.24,2.9,12.2
5,FSH-5502 spike,0.0502,1.22,1.1,61.0
""",
    (("HG", "Mercury", "ug/kg"),),
    """
FSH-5501|HG|38.1
FSH-5502|HG|12.2
""",
    decoys=(("PH", "pH", ""), ("COND", "Conductivity", "uS/cm")),
)
add(
    "toc with three modes in lines",
    """
Type,Anal.,Sample Name,Sample ID,Origin,Result(NPOC),Result(TN),Unit,Vial
Standard,NPOC,STD,STD 10,c1,10.02,,mg/L,1
Unknown,NPOC/TN,Raw,SRF-9001,m1,4.112,1.020,mg/L,2
Unknown,NPOC/TN,Treated,SRF-9002,m1,1.877,0.912,mg/L,3
Control,NPOC/TN,QC,QC 5,m1,5.01,4.98,mg/L,4
""",
    (("TOC", "TOC (NPOC)", "mg/L"), ("TN", "Total nitrogen", "mg/L")),
    """
SRF-9001|TOC|4.112
SRF-9001|TN|1.020
SRF-9002|TOC|1.877
SRF-9002|TN|0.912
""",
)
add(
    "french laboratory list with methods",
    """
N° échantillon;Paramètre;Méthode;Résultat;Unité;LQ;Incertitude
EAU-26-0331;Nitrates;NF EN ISO 10304;12,8;mg/L;0,5;0,9
EAU-26-0331;Chlorures;NF EN ISO 10304;31,0;mg/L;1;2,1
EAU-26-0332;Nitrates;NF EN ISO 10304;<0,5;mg/L;0,5;
EAU-26-0332;Chlorures;NF EN ISO 10304;18,4;mg/L;1;1,3
""",
    (("NO3", "Nitrates", "mg/L"), ("CL", "Chlorures", "mg/L")),
    """
EAU-26-0331|NO3|12.8
EAU-26-0331|CL|31.0
EAU-26-0332|NO3|<0.5
EAU-26-0332|CL|18.4
""",
)
add(
    "gas analyser with totals and normalised amounts",
    """
Sample: GAS-7001
Component,Ret.Time,Area,ESTD mol%,Norm mol%
Nitrogen,0.91,1201,1.022,1.015
Methane,1.20,88112,92.310,91.705
Ethane,2.41,4100,5.511,5.475
Total,,,98.843,98.195

Sample: GAS-7002
Component,Ret.Time,Area,ESTD mol%,Norm mol%
Nitrogen,0.91,980,0.811,0.808
Methane,1.20,89010,94.002,93.657
Ethane,2.41,3980,5.001,4.983
Total,,,99.814,99.448
""",
    (("CH4", "Methane", "mol%"),),
    """
GAS-7001|CH4|91.705
GAS-7002|CH4|93.657
""",
)
add(
    "clinical chemistry export with several identifiers",
    """
Rack,Pos,Barcode,Patient,Test,Result,Unit,Flag,Abs,Date
1,1,CLI-440121,P-1,ALT,31,U/L,,0.112,2026-03-02 09:00
1,1,CLI-440121,P-1,AST,28,U/L,,0.101,2026-03-02 09:00
1,2,CLI-440122,P-2,ALT,112,U/L,H,0.401,2026-03-02 09:02
1,2,CLI-440122,P-2,AST,98,U/L,H,0.360,2026-03-02 09:02
C,1,QC1,,ALT,40,U/L,,0.140,2026-03-02 09:10
""",
    (("ALT", "ALT", "U/L"), ("AST", "AST", "U/L")),
    """
CLI-440121|ALT|31
CLI-440121|AST|28
CLI-440122|ALT|112
CLI-440122|AST|98
""",
)
add(
    "soil report wide with extraction names",
    """
Lab No,Grower Ref,pH (H2O),pH (CaCl2),Olsen P (mg/kg),K (mg/kg),Mg (mg/kg),Organic C (%)
SOL-3101,Field A,6.4,5.8,22,181,92,2.1
SOL-3102,Field B,7.1,6.5,15,140,77,1.8
""",
    (
        ("PHW", "pH (H2O)", ""),
        ("P", "Olsen phosphorus", "mg/kg"),
        ("K", "Potassium", "mg/kg"),
        ("MG", "Magnesium", "mg/kg"),
    ),
    """
SOL-3101|PHW|6.4
SOL-3101|P|22
SOL-3101|K|181
SOL-3101|MG|92
SOL-3102|PHW|7.1
SOL-3102|P|15
SOL-3102|K|140
SOL-3102|MG|77
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"),),
)
add(
    "moisture balance slips after each other",
    """
---- DRYING ----
Sample ID     MOI-8801
Start weight  5.012 g
End weight    4.412 g
Moisture      11.97 %MC
Dry time      8:12 min
---- END ----
---- DRYING ----
Sample ID     MOI-8802
Start weight  5.104 g
End weight    4.611 g
Moisture      9.66 %MC
Dry time      7:55 min
---- END ----
""",
    (("MOIST", "Moisture", "%"),),
    """
MOI-8801|MOIST|11.97
MOI-8802|MOIST|9.66
""",
    file_name="slip.txt",
)
add(
    "water bath log that names a sample but holds none of its results",
    """
Time,Bath,Temp C,Setpoint C,Remark
08:00,1,37.1,37.0,INC-4401 in
12:00,1,37.0,37.0,
16:00,1,37.2,37.0,INC-4401 out
""",
    (("TEMP", "Temperature", "degC"), ("COL", "Coliforms", "CFU/100mL")),
    "",
    others=("INC-4401",),
)
add(
    "calibration verification that quotes samples in a remark",
    """
Element,Cal slope,Intercept,R2,LOD,Next sample
Pb,0.0211,0.0001,0.9998,0.2,ICP-2201
Cd,0.1021,0.0000,0.9999,0.05,ICP-2202
""",
    (("PB", "Lead", "ug/L"), ("CD", "Cadmium", "ug/L")),
    "",
    others=("ICP-2201", "ICP-2202"),
)
add(
    "ion chromatography by lines of a peak table",
    """
Sample Name,Peak No,Peak Name,Ret. Time (min),Area (µS*min),Height (µS),Rel. Area (%),Amount (mg/L)
LCH-6601,1,Fluoride,3.11,0.112,1.01,2.1,0.221
LCH-6601,2,Chloride,4.40,5.010,30.1,90.0,44.10
LCH-6602,1,Fluoride,3.11,0.098,0.90,1.9,0.191
LCH-6602,2,Chloride,4.41,4.022,25.0,88.0,35.62
""",
    (("F", "Fluoride", "mg/L"), ("CL", "Chloride", "mg/L")),
    """
LCH-6601|F|0.221
LCH-6601|CL|44.10
LCH-6602|F|0.191
LCH-6602|CL|35.62
""",
)
add(
    "target and measured values of a blending line",
    """
Batch,Target Brix,Measured Brix,Target pH,Measured pH,Status
JCE-1101,11.2,11.3,3.50,3.52,OK
JCE-1102,11.2,11.1,3.50,3.47,OK
""",
    (("BRIX", "Brix", "degBx"), ("PH", "pH", "")),
    """
JCE-1101|BRIX|11.3
JCE-1101|PH|3.52
JCE-1102|BRIX|11.1
JCE-1102|PH|3.47
""",
    decoys=(("TSS", "Total suspended solids", "mg/L"),),
)
add(
    "previous and current results side by side",
    """
Sample ID,Analyte,Previous Result,Current Result,Unit,Change %
WLL-201,Iron,0.21,0.34,mg/L,61.9
WLL-201,Manganese,0.05,0.04,mg/L,-20
WLL-202,Iron,0.10,0.11,mg/L,10
WLL-202,Manganese,0.02,0.02,mg/L,0
""",
    (("FE", "Iron", "mg/L"), ("MN", "Manganese", "mg/L")),
    """
WLL-201|FE|0.34
WLL-201|MN|0.04
WLL-202|FE|0.11
WLL-202|MN|0.02
""",
)
