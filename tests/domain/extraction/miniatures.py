"""Small files in the manner of laboratory instruments, written for these tests, with their truth.

Each is a layout seen in laboratories; names, identifiers and figures are invented.
"""

from dataclasses import dataclass, field

from titer.domain.extraction.values import Assay, Sample, Target, World

DECOYS = (
    ("TSS", "Total suspended solids", "mg/L"),
    ("COND", "Conductivity", "uS/cm"),
    ("TEMP", "Temperature", "degC"),
    ("ECOLI", "E. coli", "MPN/100mL"),
    ("PH", "pH", ""),
    ("CR", "Chromium", "ug/L"),
)


@dataclass(frozen=True)
class Miniature:
    name: str
    text: str
    assays: tuple[tuple[str, str, str], ...]
    truth: tuple[tuple[str, str, str], ...]
    file_name: str = "export.csv"
    hint: str | None = None
    others: tuple[str, ...] = ()
    encoding: str = "utf-8"
    decoys: tuple[tuple[str, str, str], ...] = field(default=DECOYS)

    @property
    def data(self) -> bytes:
        return self.text.encode(self.encoding)

    @property
    def world(self) -> World:
        names = list(dict.fromkeys([row[0] for row in self.truth] + list(self.others)))
        return make_world(
            names,
            self.assays + tuple(d for d in self.decoys if d[0] not in {a[0] for a in self.assays}),
        )


def make_world(names, assays) -> World:
    samples = tuple(Sample(i, name) for i, name in enumerate(names, 1))
    tests = tuple(Assay(i, *row) for i, row in enumerate(assays, 1))
    targets = tuple(Target(s.id * 1000 + a.id, s.id, a.id) for s in samples for a in tests)
    return World(samples, tests, targets)


def rows(text: str) -> tuple[tuple[str, str, str], ...]:
    """`id code result` lines."""
    lines = (line.strip().split("|") for line in text.strip().splitlines())
    return tuple((name, code, result) for name, code, result in lines)


METALS = (("NA", "Sodium", "mg/L"), ("FE", "Iron", "mg/L"), ("PB", "Lead", "ug/L"))

MINIATURES: list[Miniature] = []


def add(name, text, assays, truth, **more) -> None:
    MINIATURES.append(Miniature(name, text.lstrip("\n"), tuple(assays), rows(truth), **more))


add(
    "icp-oes wide with wavelengths",
    """
Solution Label,Type,Date,Na 589.592 mg/L,Fe 238.204 mg/L,Pb 220.353 ug/L
Blank,BLK,2026-03-01 10:00,0.00,0.001,0.2
W26-00101,Samp,2026-03-01 10:05,12.4,0.113,1.9
W26-00102,Samp,2026-03-01 10:08,8.80,<0.01,2.4
W26-00102 DUP,Samp,2026-03-01 10:11,8.85,<0.01,2.5
QC 10,QC,2026-03-01 10:14,10.1,9.98,10.2
""",
    METALS,
    """
W26-00101|NA|12.4
W26-00101|FE|0.113
W26-00101|PB|1.9
W26-00102|NA|8.80
W26-00102|FE|<0.01
W26-00102|PB|2.4
""",
    others=("W26-00103", "W26-001"),
)

add(
    "icp-ms grouped columns with rsd",
    """
,,,23 Na [He],,,56 Fe [He],,,208 Pb [No Gas],,
Sample Name,Type,Acq. Date-Time,Conc. [ mg/L ],Conc. RSD,CPS,Conc. [ mg/L ],Conc. RSD,CPS,Conc. [ ug/L ],Conc. RSD,CPS
Cal Blank,CalBlk,3/1/2026 9:00,0.000,N/A,120,0.000,N/A,33,0.000,N/A,12
LX-5501,Sample,3/1/2026 9:10,4.113,1.2,90012,0.220,2.2,3321,3.45,0.8,9981
LX-5502,Sample,3/1/2026 9:14,5.020,1.0,99012,0.118,3.1,1200,1.02,1.8,4420
""",
    METALS,
    """
LX-5501|NA|4.113
LX-5501|FE|0.220
LX-5501|PB|3.45
LX-5502|NA|5.020
LX-5502|FE|0.118
LX-5502|PB|1.02
""",
)

add(
    "icp long, one line a wavelength",
    """
Label;Element Label;Type;Flags;Soln Conc;Unit;Int;%RSD
K26/331;Na 589.592;Unk;;14,22;ppm;12345,6;0,5
K26/331;Fe 238.204;Unk;;0,113;ppm;993,1;1,5
K26/332;Na 589.592;Unk;;9,80;ppm;8345,6;0,7
K26/332;Fe 238.204;Unk;uv;-0,002;ppm;12,0;15,0
""",
    METALS,
    """
K26/331|NA|14.22
K26/331|FE|0.113
K26/332|NA|9.80
K26/332|FE|-0.002
""",
)

add(
    "aas single element, analyte in the preamble",
    """
Analyst,MK
Element:,Pb
Wavelength:,283.3 nm

Sample ID,Replicates,Conc (ug/L),%RSD,Mean Abs
Blank,3,0.0,,0.0002
SED-2201,3,4.51,1.2,0.0451
SED-2202,3,12.9,0.8,0.1301
""",
    METALS,
    """
SED-2201|PB|4.51
SED-2202|PB|12.9
""",
)

add(
    "ic summary, several header rows",
    """
Sequence Summary,,,,,
No.,Injection Name,Amount,Amount,Amount,Area
,,mg/L,mg/L,mg/L,uS*min
,,Chloride,Nitrate,Sulfate,Chloride
1,Blank,n.a.,n.a.,n.a.,n.a.
2,GW-4410,18.22,3.3,40.11,2.2
3,GW-4411,17.90,n.a.,39.80,2.1
4,GW-4411 spike,27.90,10.1,49.80,3.1
""",
    (("CL", "Chloride", "mg/L"), ("NO3", "Nitrate", "mg/L"), ("SO4", "Sulphate", "mg/L")),
    """
GW-4410|CL|18.22
GW-4410|NO3|3.3
GW-4410|SO4|40.11
GW-4411|CL|17.90
GW-4411|SO4|39.80
""",
)

add(
    "ic block per injection",
    """
Sample Name:\tEFF-9001\t\tInj. Vol.:\t25.0
Vial:\t12\t\tDilution:\t1.0

Peak\tRet.Time\tComponent\tAmount\tArea\tType
1\t3.21\tFluoride\t0.12\t0.01\tBMB
2\t4.55\tChloride\t55.31\t9.12\tBMB

Sample Name:\tStd 3\t\tInj. Vol.:\t25.0
Vial:\t13\t\tDilution:\t1.0

Peak\tRet.Time\tComponent\tAmount\tArea\tType
1\t3.20\tFluoride\t1.00\t0.11\tBMB
2\t4.54\tChloride\t10.02\t1.90\tBMB

Sample Name:\tEFF-9002\t\tInj. Vol.:\t25.0
Vial:\t14\t\tDilution:\t1.0

Peak\tRet.Time\tComponent\tAmount\tArea\tType
2\t4.55\tChloride\t61.07\t9.92\tBMB
""",
    (("F", "Fluoride", "mg/L"), ("CL", "Chloride", "mg/L")),
    """
EFF-9001|F|0.12
EFF-9001|CL|55.31
EFF-9002|CL|61.07
""",
    file_name="run.txt",
)

add(
    "toc with result columns",
    """
Sample Name,Sample ID,Anal.,Result(TC),Result(IC),Result(TOC),Unit,Vial
Untitled,RV-7001,TOC,25.11,5.01,20.10,mg/L,3
Untitled,RV-7002,TOC,31.30,6.20,25.10,mg/L,4
""",
    (("TOC", "Total organic carbon", "mg/L"), ("TIC", "Total inorganic carbon", "mg/L")),
    """
RV-7001|TIC|5.01
RV-7001|TOC|20.10
RV-7002|TIC|6.20
RV-7002|TOC|25.10
""",
)

add(
    "discrete analyser, long",
    """
Sample ID\tMethod\tResult\tUnits\tAbsorbance\tDilution\tTime
STD1\tNH3-N\t0.50\tmg/L\t0.112\t1\t09:11
SW-100231\tNH3-N\t0.032\tmg/L\t0.010\t1\t09:12
SW-100231\tPO4-P\t0.011\tmg/L\t0.005\t1\t09:13
SW-100232\tNH3-N\t<0.010\tmg/L\t0.001\t1\t09:14
SW-100232\tPO4-P\t0.120\tmg/L\t0.055\t1\t09:15
""",
    (("NH3N", "Ammonia as N", "mg/L"), ("FRP", "Orthophosphate as P", "mg/L")),
    """
SW-100231|NH3N|0.032
SW-100231|FRP|0.011
SW-100232|NH3N|<0.010
SW-100232|FRP|0.120
""",
)

add(
    "flow injection, one block an analyte",
    """
Channel report
Analyte: Nitrate + Nitrite as N
Cup,Sample,Peak Height,Conc. (mg/L)
1,Cal 1,100,0.10
5,MW-301,321,0.322
6,MW-302,118,0.118
Analyte: Total Phosphorus
Cup,Sample,Peak Height,Conc. (mg/L)
1,Cal 1,90,0.05
5,MW-301,61,0.034
6,MW-302,44,0.021
""",
    (("NOX", "NOx-N", "mg/L"), ("TP", "Total phosphorus", "mg/L")),
    """
MW-301|NOX|0.322
MW-302|NOX|0.118
MW-301|TP|0.034
MW-302|TP|0.021
""",
)

add(
    "titrator, one result a line",
    """
Method;Sample identification;Date;Result name;Result;Unit;EP1 volume
Alkalinity;BW-1181;01.03.2026;Total alkalinity;182,4;mg/L;3,65
pH;BW-1181;01.03.2026;pH;7,81;;
Alkalinity;BW-1182;01.03.2026;Total alkalinity;95,0;mg/L;1,90
pH;BW-1182;01.03.2026;pH;7,02;;
""",
    (("ALK", "Alkalinity", "mg/L"), ("PH", "pH", "")),
    """
BW-1181|ALK|182.4
BW-1181|PH|7.81
BW-1182|ALK|95.0
BW-1182|PH|7.02
""",
)

add(
    "hplc ascii report, one sample",
    """
Sample Name: TAB-26-0091
Acq. Operator: jd
Injection Date: 01-Mar-26

RetTime  Type   Area      Amount    Name
[min]           [mAU*s]   [mg/L]
-------  -----  --------  --------  -----------
2.113    BB     1123.22   50.113    Paracetamol
5.220    VB     221.10    12.020    Caffeine
""",
    (("APAP", "Paracetamol", "mg/L"), ("CAF", "Caffeine", "mg/L")),
    """
TAB-26-0091|APAP|50.113
TAB-26-0091|CAF|12.020
""",
    file_name="report.txt",
)

add(
    "gc-ms target list with several samples across",
    """
Compound,CAS,Units,TK-88101,TK-88102,Method Blank
Benzene,71-43-2,ug/L,0.55,<0.20,<0.20
Toluene,108-88-3,ug/L,1.90,0.42,<0.20
o-Xylene,95-47-6,ug/L,ND,0.31,<0.20
Toluene-d8 (surr),,%,98,101,99
""",
    (("BENZ", "Benzene", "ug/L"), ("TOL", "Toluene", "ug/L"), ("OXYL", "o-Xylene", "ug/L")),
    """
TK-88101|BENZ|0.55
TK-88101|TOL|1.90
TK-88101|OXYL|ND
TK-88102|BENZ|<0.20
TK-88102|TOL|0.42
TK-88102|OXYL|0.31
""",
)

add(
    "lc-ms compound blocks",
    """
Quantify Compound Summary Report

Compound 1:  PFOA
#\tName\tType\tStd. Conc\tRT\tArea\tConc.\t%Dev
1\tstd_1\tStandard\t1.0\t3.31\t221\t1.02\t2.0
2\tPF-30001\tAnalyte\t\t3.31\t411\t2.11\t
3\tPF-30002\tAnalyte\t\t3.30\t98\t0.47\t

Compound 2:  PFOS
#\tName\tType\tStd. Conc\tRT\tArea\tConc.\t%Dev
1\tstd_1\tStandard\t1.0\t4.31\t231\t0.98\t-2.0
2\tPF-30001\tAnalyte\t\t4.31\t911\t4.06\t
3\tPF-30002\tAnalyte\t\t4.30\t18\t0.09\t
""",
    (("PFOA", "PFOA", "ng/L"), ("PFOS", "PFOS", "ng/L")),
    """
PF-30001|PFOA|2.11
PF-30002|PFOA|0.47
PF-30001|PFOS|4.06
PF-30002|PFOS|0.09
""",
    file_name="quan.txt",
)

add(
    "xrf oxides with unit row",
    """
Ident,Date,SiO2,Al2O3,Fe2O3,LOI,Sum
,,%,%,%,%,%
CEM-0411,01/03/2026,20.11,4.52,3.01,1.9,99.8
CEM-0412,01/03/2026,20.31,4.60,2.96,2.1,99.9
Mean,,20.21,4.56,2.99,2.0,99.9
Std Dev,,0.14,0.06,0.04,0.1,0.1
""",
    (
        ("SIO2", "SiO2", "%"),
        ("AL2O3", "Al2O3", "%"),
        ("FE2O3", "Fe2O3", "%"),
        ("LOI", "Loss on ignition", "%"),
    ),
    """
CEM-0411|SIO2|20.11
CEM-0411|AL2O3|4.52
CEM-0411|FE2O3|3.01
CEM-0411|LOI|1.9
CEM-0412|SIO2|20.31
CEM-0412|AL2O3|4.60
CEM-0412|FE2O3|2.96
CEM-0412|LOI|2.1
""",
)

CBC = (
    ("WBC", "White blood cells", "10^9/L"),
    ("HGB", "Haemoglobin", "g/L"),
    ("PLT", "Platelets", "10^9/L"),
    ("LYMP", "Lymphocytes %", "%"),
)
add(
    "haematology wide",
    """
Date,Sample ID,Mode,WBC(10^9/L),RBC(10^12/L),HGB(g/L),PLT(10^9/L),LYM%,LYM#
2026-03-01,2603010011,CBC,6.4,4.51,133,221,31.2,2.0
2026-03-01,2603010012,CBC,11.2,5.01,151,310,12.0,1.3
2026-03-01,QC-L1,CBC,5.2,4.01,120,200,30.0,1.5
""",
    CBC,
    """
2603010011|WBC|6.4
2603010011|HGB|133
2603010011|PLT|221
2603010011|LYMP|31.2
2603010012|WBC|11.2
2603010012|HGB|151
2603010012|PLT|310
2603010012|LYMP|12.0
""",
)

add(
    "haematology in other units",
    """
Sample No.,WBC,HGB,PLT
,10^3/uL,g/dL,10^3/uL
H-880121,6.4,13.3,221
""",
    CBC,
    """
H-880121|WBC|6.4
H-880121|HGB|133
H-880121|PLT|221
""",
)

add(
    "hl7 oru",
    "\r".join(
        [
            "MSH|^~\\&|ANALYZER|LAB|LIS||20260301||ORU^R01|1|P|2.3.1",
            "PID|1||P-11",
            "OBR|1|ORD-1|2603029981|CHEM^Chem|||20260301",
            "OBX|1|NM|GLU^Glucose||5.31|mmol/L|3.9-6.1|N|||F",
            "OBX|2|NM|CREA^Creatinine||88|umol/L|60-110|N|||F",
            "OBX|3|ST|HCV^Anti-HCV||Non-reactive|||N|||F",
            "",
        ]
    ),
    (("GLU", "Glucose", "mmol/L"), ("CRE", "Creatinine", "umol/L"), ("AHCV", "Anti-HCV", "")),
    """
2603029981|GLU|5.31
2603029981|CRE|88
2603029981|AHCV|Non-reactive
""",
    file_name="result.hl7",
)

add(
    "astm",
    "\r\n".join(
        [
            "H|\\^&|||cobas|||||host||P|1|20260301",
            "P|1||PAT-4",
            "O|1|A0099812||^^^ALT|R",
            "R|1|^^^ALT|33|U/L|0^41|N||F",
            "R|2|^^^AST|29|U/L|0^40|N||F",
            "L|1|N",
        ]
    ),
    (("ALT", "ALT", "U/L"), ("AST", "AST", "U/L")),
    """
A0099812|ALT|33
A0099812|AST|29
""",
    file_name="a.astm",
)

add(
    "chemistry long with expected and reference columns",
    """
SampleID,TestName,TestCode,Expected,Result,Units,RefLow,RefHigh,Flag
SER-70011,Glucose,GLU,5.0,5.2,mmol/L,3.9,6.1,
SER-70011,Urea,UREA,6.0,6.6,mmol/L,2.5,7.8,H
SER-70012,Glucose,GLU,5.0,4.1,mmol/L,3.9,6.1,
""",
    (("GLU", "Glucose", "mmol/L"), ("UREA", "Urea", "mmol/L")),
    """
SER-70011|GLU|5.2
SER-70011|UREA|6.6
SER-70012|GLU|4.1
""",
)

add(
    "qpcr with quantity",
    """
* Block Type = 96fast
* Chemistry = TAQMAN

Well,Sample Name,Target Name,Task,CT,Ct Mean,Quantity,Quantity Mean
A1,NTC,Norovirus GI,NTC,Undetermined,,,
A2,OY-55011,Norovirus GI,UNKNOWN,31.2,31.3,120,118
A3,OY-55012,Norovirus GI,UNKNOWN,33.0,33.1,41,40
""",
    (("NOVGI", "Norovirus GI", "copies/uL"),),
    """
OY-55011|NOVGI|118
OY-55012|NOVGI|40
""",
)

add(
    "plate reader list",
    """
Plate,Well,Sample ID,OD 450,Concentration (ng/mL)
P1,A1,STD1,2.1,100
P1,B1,FD-60001,0.551,12.1
P1,C1,FD-60002,0.221,4.3
""",
    (("GLIA", "Gliadin", "ng/mL"),),
    """
FD-60001|GLIA|12.1
FD-60002|GLIA|4.3
""",
)

add(
    "cell counter",
    """
Sample ID,Total cells/mL,Viable cells/mL,Viability (%),Avg. diameter (um),Dilution factor
BR-D03-1,1.52E6,1.44E6,94.7,15.2,10
BR-D04-1,2.90E6,2.71E6,93.4,15.0,10
""",
    (("VCD", "Viable cell density", "cells/mL"), ("VIA", "Viability", "%")),
    """
BR-D03-1|VCD|1.44E6
BR-D03-1|VIA|94.7
BR-D04-1|VCD|2.71E6
BR-D04-1|VIA|93.4
""",
)

add(
    "milk analyser, spanish, decimal comma",
    """
Muestra;Fecha;Grasa (%);Proteína (%);Lactosa (%);Células somáticas
LE-10091;01/03/2026;3,85;3,21;4,71;210
LE-10092;01/03/2026;4,02;3,33;4,69;98
""",
    (
        ("FAT", "Fat", "%"),
        ("PROT", "Protein", "%"),
        ("LACT", "Lactose", "%"),
        ("SCC", "Somatic cell count", ""),
    ),
    """
LE-10091|FAT|3.85
LE-10091|PROT|3.21
LE-10091|LACT|4.71
LE-10091|SCC|210
LE-10092|FAT|4.02
LE-10092|PROT|3.33
LE-10092|LACT|4.69
LE-10092|SCC|98
""",
    encoding="cp1252",
)

add(
    "wine, french",
    """
Échantillon;TAV (% vol);Acidité totale (g/L);Acidité volatile (g/L);pH;SO2 libre (mg/L)
VIN-3301;12,85;3,61;0,42;3,48;21
VIN-3302;13,10;3,40;0,38;3,55;18
""",
    (
        ("ABV", "Alcohol", "%vol"),
        ("TA", "Total acidity", "g/L"),
        ("VA", "Volatile acidity", "g/L"),
        ("PH", "pH", ""),
        ("FSO2", "Free SO2", "mg/L"),
    ),
    """
VIN-3301|ABV|12.85
VIN-3301|TA|3.61
VIN-3301|VA|0.42
VIN-3301|PH|3.48
VIN-3301|FSO2|21
VIN-3302|ABV|13.10
VIN-3302|TA|3.40
VIN-3302|VA|0.38
VIN-3302|PH|3.55
VIN-3302|FSO2|18
""",
)

add(
    "german water lab, transposed",
    """
Parameter;Einheit;T-26-881;T-26-882;Grenzwert
pH-Wert;;7,41;7,55;6,5-9,5
Leitfähigkeit;µS/cm;512;498;2790
Nitrat;mg/l;22,1;18,4;50
Blei;µg/l;<1;1,2;10
""",
    (
        ("PH", "pH", ""),
        ("EC", "Conductivity", "uS/cm"),
        ("NO3", "Nitrate", "mg/L"),
        ("PB", "Lead", "ug/L"),
    ),
    """
T-26-881|PH|7.41
T-26-881|EC|512
T-26-881|NO3|22.1
T-26-881|PB|<1
T-26-882|PH|7.55
T-26-882|EC|498
T-26-882|NO3|18.4
T-26-882|PB|1.2
""",
    decoys=DECOYS[:1],
)

add(
    "soil, id in first column without header",
    """
,pH,Organic Matter %,P (ppm),K (ppm)
F-2201,6.4,3.1,22,180
F-2202,5.9,2.7,41,210
""",
    (
        ("PH", "pH", ""),
        ("OM", "Organic matter", "%"),
        ("P", "Phosphorus", "ppm"),
        ("K", "Potassium", "ppm"),
    ),
    """
F-2201|PH|6.4
F-2201|OM|3.1
F-2201|P|22
F-2201|K|180
F-2202|PH|5.9
F-2202|OM|2.7
F-2202|P|41
F-2202|K|210
""",
)

add(
    "meter log, key and value",
    """
Sample ID: PND-4001
Date: 2026-03-01
pH: 7.62
Conductivity: 411 uS/cm
Temperature: 14.2 C
""",
    (("PH", "pH", ""), ("EC", "Conductivity", "uS/cm")),
    """
PND-4001|PH|7.62
PND-4001|EC|411
""",
    decoys=DECOYS[:1],
    file_name="meter.txt",
)

add(
    "replicates with mean rows",
    """
Sample ID,Rep,Moisture (%),Ash (%)
FL-9101,1,12.1,0.55
FL-9101,2,12.3,0.57
FL-9101,Mean,12.2,0.56
FL-9101,SD,0.1,0.01
FL-9102,1,13.0,0.61
FL-9102,2,13.4,0.63
FL-9102,Mean,13.2,0.62
FL-9102,SD,0.2,0.01
""",
    (("MOIST", "Moisture", "%"), ("ASH", "Ash", "%")),
    """
FL-9101|MOIST|12.2
FL-9101|ASH|0.56
FL-9102|MOIST|13.2
FL-9102|ASH|0.62
""",
)

add(
    "replicate columns with a mean column",
    """
Sample,Rep 1,Rep 2,Rep 3,Mean,SD
Turbidity (NTU),,,,,
TW-11201,0.41,0.43,0.42,0.42,0.01
TW-11202,0.50,0.52,0.51,0.51,0.01
""",
    (("TURB", "Turbidity", "NTU"),),
    """
TW-11201|TURB|0.42
TW-11202|TURB|0.51
""",
)

add(
    "fixed width columns",
    """
Laboratory report

Sample          Analyte          Result     Units
--------------  ---------------  ---------  -------
AQ-5501         Chloride            22.4    mg/L
AQ-5501         Fluoride             0.31   mg/L
AQ-5502         Chloride            19.8    mg/L
""",
    (("CL", "Chloride", "mg/L"), ("F", "Fluoride", "mg/L")),
    """
AQ-5501|CL|22.4
AQ-5501|F|0.31
AQ-5502|CL|19.8
""",
    file_name="report.txt",
)

add(
    "microbiology",
    """
Lab No,Test,Count,Unit,Method
MB-26-1001,E. coli,<1,MPN/100mL,9223B
MB-26-1001,Total coliforms,24,MPN/100mL,9223B
MB-26-1002,E. coli,3,MPN/100mL,9223B
""",
    (("ECOLI", "Escherichia coli", "MPN/100mL"), ("TC", "Total coliforms", "MPN/100mL")),
    """
MB-26-1001|ECOLI|<1
MB-26-1001|TC|24
MB-26-1002|ECOLI|3
""",
)

add(
    "spectrophotometer with absorbance beside",
    """
Sample ID,Abs 880,Conc,Units,Method
PHO-8801,0.211,0.33,mg/L,Phosphate
PHO-8802,0.105,0.16,mg/L,Phosphate
""",
    (("PO4", "Orthophosphate", "mg/L"),),
    """
PHO-8801|PO4|0.33
PHO-8802|PO4|0.16
""",
)

add(
    "json records",
    """
[{"sampleId": "API-2201", "analyte": "Nitrate", "value": 3.20, "unit": "mg/L"},
 {"sampleId": "API-2202", "analyte": "Nitrate", "value": 4.00, "unit": "mg/L"}]
""",
    (("NO3", "Nitrate", "mg/L"),),
    """
API-2201|NO3|3.20
API-2202|NO3|4.00
""",
    file_name="x.json",
)

add(
    "allotrope simple model",
    """
{"solution-analyzer aggregate document": {"solution-analyzer document": [
 {"measurement aggregate document": {"measurement document": [
   {"sample document": {"sample identifier": "BRX-1"},
    "analyte aggregate document": {"analyte document": [
      {"analyte name": "glucose", "molar concentration": {"value": 5.120, "unit": "mmol/L"}},
      {"analyte name": "lactate", "molar concentration": {"value": 1.70, "unit": "mmol/L"}}]}}]}}]}}
""",
    (("GLU", "Glucose", "mmol/L"), ("LAC", "Lactate", "mmol/L")),
    """
BRX-1|GLU|5.120
BRX-1|LAC|1.70
""",
    file_name="asm.json",
)

add(
    "html table",
    """
<html><body><table><tr><th>Sample</th><th>COD (mg/L)</th><th>BOD5 (mg/L)</th></tr>
<tr><td>INF-7001</td><td>512</td><td>210</td></tr>
<tr><td>INF-7002</td><td>488</td><td>195</td></tr></table></body></html>
""",
    (("COD", "Chemical oxygen demand", "mg/L"), ("BOD", "BOD5", "mg/L")),
    """
INF-7001|COD|512
INF-7001|BOD|210
INF-7002|COD|488
INF-7002|BOD|195
""",
    file_name="x.xls",
)

add(
    "several tables in one file",
    """
Anions
Sample ID,Chloride (mg/L),Sulfate (mg/L)
MT-6101,11.2,30.1
MT-6102,12.9,28.0

Metals
Sample ID,Fe (mg/L),Pb (ug/L)
MT-6101,0.12,1.1
MT-6102,0.40,<0.5
""",
    (
        ("CL", "Chloride", "mg/L"),
        ("SO4", "Sulfate", "mg/L"),
        ("FE", "Iron", "mg/L"),
        ("PB", "Lead", "ug/L"),
    ),
    """
MT-6101|CL|11.2
MT-6101|SO4|30.1
MT-6102|CL|12.9
MT-6102|SO4|28.0
MT-6101|FE|0.12
MT-6101|PB|1.1
MT-6102|FE|0.40
MT-6102|PB|<0.5
""",
)

add(
    "sample blocks with key lines and no table header",
    """
Sample ID,CLN-0101
Glucose,5.5,mmol/L
Lactate,1.2,mmol/L

Sample ID,CLN-0102
Glucose,6.1,mmol/L
Lactate,0.9,mmol/L
""",
    (("GLU", "Glucose", "mmol/L"), ("LAC", "Lactate", "mmol/L")),
    """
CLN-0101|GLU|5.5
CLN-0101|LAC|1.2
CLN-0102|GLU|6.1
CLN-0102|LAC|0.9
""",
)

add(
    "sample given once, then blank below",
    """
Sample;Parameter;Messwert;Einheit
ABW-33001;CSB;412;mg/l
;Ammonium;31,2;mg/l
ABW-33002;CSB;388;mg/l
;Ammonium;28,9;mg/l
""",
    (("COD", "COD", "mg/L"), ("NH4", "Ammonium", "mg/L")),
    """
ABW-33001|COD|412
ABW-33001|NH4|31.2
ABW-33002|COD|388
ABW-33002|NH4|28.9
""",
)

add(
    "id in the file name only",
    """
Element,Conc.,Unit,StdErr
Fe,55.1,%,0.2
Mn,1.2,%,0.01
""",
    (("FE", "Iron", "%"), ("MN", "Manganese", "%")),
    """
ORE-7712|FE|55.1
ORE-7712|MN|1.2
""",
    file_name="ORE-7712_20260301.csv",
)

add(
    "hint names the analyte",
    """
Sample ID,CH2 (mg/L),CH3 (mg/L)
DW-77001,4.4,0.21
DW-77002,4.1,0.19
""",
    (("FE", "Iron", "mg/L"), ("MN", "Manganese", "mg/L")),
    """
DW-77001|FE|4.4
DW-77001|MN|0.21
DW-77002|FE|4.1
DW-77002|MN|0.19
""",
    hint="CH2 = Iron, CH3 = Manganese",
)

add(
    "viral load named by its unit",
    """
Sample,Assay Lot,Result,Comment
VL-260011,L22,1200 IU/mL,
VL-260012,L22,<40 IU/mL,
""",
    (("HCVQ", "HCV quantitation", "IU/mL"),),
    """
VL-260011|HCVQ|1200
VL-260012|HCVQ|<40
""",
)

add(
    "dissolved and total metals side by side",
    """
Sample ID,Iron Total (mg/L),Iron Dissolved (mg/L),Date
RVR-2001,1.20,0.35,2026-03-01
RVR-2002,0.98,0.22,2026-03-01
""",
    (("FET", "Total iron", "mg/L"), ("FED", "Dissolved iron", "mg/L")),
    """
RVR-2001|FET|1.20
RVR-2001|FED|0.35
RVR-2002|FET|0.98
RVR-2002|FED|0.22
""",
)

add(
    "utf-16 with tab",
    """
Sample ID\tTest\tResult\tUnit
ZX-44001\tAlbumin\t41\tg/L
ZX-44002\tAlbumin\t38\tg/L
""",
    (("ALB", "Albumin", "g/L"),),
    """
ZX-44001|ALB|41
ZX-44002|ALB|38
""",
    encoding="utf-16",
)

add(
    "auto-analyser with limits and qualifiers apart",
    """
LabSampleID,ClientID,Analyte,CAS,Result,Qualifier,Units,MDL,RL,DF
2603-110-01,MW-1,Arsenic,7440-38-2,2.1,,ug/L,0.2,0.5,1
2603-110-01,MW-1,Cadmium,7440-43-9,0.5,U,ug/L,0.1,0.5,1
2603-110-02,MW-2,Arsenic,7440-38-2,4.7,J,ug/L,0.2,0.5,1
""",
    (("AS", "Arsenic", "ug/L"), ("CD", "Cadmium", "ug/L")),
    """
2603-110-01|AS|2.1
2603-110-01|CD|0.5
2603-110-02|AS|4.7
""",
)

add(
    "dsc style: two sample identifiers, one of them known",
    """
Analysis,Sample Identity,Patient,Hb,Ht
1,2603-0441,DOE,14.1,42
2,2603-0442,ROE,12.9,39
""",
    (("HB", "Haemoglobin", "g/dL"), ("HT", "Haematocrit", "%")),
    """
2603-0441|HB|14.1
2603-0441|HT|42
2603-0442|HB|12.9
2603-0442|HT|39
""",
)
