"""What the words of a header say about the column below it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from titer.domain.extraction.wording import fold, key, words

# A role's words, several languages, with how much they can be relied on.
_SAMPLE_STRONG = frozenset(
    key(x)
    for x in (
        "sample|sample id|sample name|sampleid|samplename|sample no|sample number|sample #"
        "|sample nr|sample label|sample identification|sample identifier|sample code"
        "|sample ident|sample ref|sample reference|sample identity|sample id no"
        "|sample no id|sample id name|sample title|specimen|specimen id|specimen no"
        "|specimen number|barcode|sample barcode|tube barcode|accession|accession no"
        "|accession number|lab id|lab no|lab number|lims id|lims no|lab code|labcode"
        "|laboratory id|tracking id|tracking no|unknown sample|sample ctrl id|tube id"
        "|external id|client sample id|client id|customer id|customer sample|customer id #"
        "|field id|field sample id|station id|sample desc|sample description|your reference"
        "|injection name|injection|sample/ctrl id|sample id/name|sampleno|sampleident"
        "|sample text|échantillon|n échantillon|no échantillon|code échantillon"
        "|nom échantillon|id échantillon|nom de l'échantillon|identifiant"
        "|référence échantillon|numéro échantillon|référence|réf échantillon|probe"
        "|proben id|proben-id|probenname|probenbezeichnung|proben nr|probennummer|probe nr"
        "|probennr|probenkennung|proben bezeichnung|probeid|labornummer|labornr"
        "|auftragsnummer|bezeichnung|muestra|id muestra|nombre muestra|código muestra"
        "|nombre de la muestra|código|identificación|n muestra|número de muestra|no muestra"
        "|nombre de muestra|codigo de muestra|id de muestra|campione|nome campione"
        "|id campione|codice campione|amostra|código amostra|nome da amostra|id amostra"
        "|staal|monster|monsternr|prøve|prøve id|prov|provnamn|muster|próbka|sample name id"
        "|sampleid name|sample id info|sample id no|name of sample|sample name (1-20)"
        "|sample name 1 20|samp id|samp name|smp id|sample_name|material id|lot id"
        "|sample ident no"
    ).split("|")
)
_SAMPLE_FAIR = frozenset(
    key(x)
    for x in (
        "id|name|label|nome|naam|nazwa|patient id|patient no|patient number|patient|order id"
        "|order no"
        "|order number|order|identifier|identification|sample info|solution label|pid|nom"
        "|nombre|kennung|tag|request id|requisition id|requisition no|requisition"
        "|test name sample|customer|client|isolate|isolate id"
        "|well sample|unknown|cow id|animal id|bottle|bottle id|vial name|vial id"
        "|acq file name|sample list|ref|patient name id|no. patient|n patient|dossier"
        "|n dossier|numéro|patientennummer|fallnummer|ear tag|item id|line id|ordernr"
        "|auftrag|ident|record id|run name|cup id|task id|data name|sample group"
    ).split("|")
)
_SAMPLE_FAINT = frozenset(
    key(x)
    for x in (
        "file|file name|filename|data file|datafile|title|description|data file name"
        "|comment|sample comment|analysis name|acquisition file|raw file|result file|remark"
        "|info|sample set"
    ).split("|")
)
_TEST = frozenset(
    key(x)
    for x in (
        "test|test name|testname|test code|test id|analyte|analyte name|analytes|parameter"
        "|parameter name|parameters|compound|compound name|component|component name|element"
        "|elements|peak name|peakname|assay|assay name|target|target name|determination"
        "|analysis|analysis name|analyt|parametre|paramètre|analyse|composé|élément"
        "|komponente|messgröße|bestimmung|prüfung|merkmal|parámetro|parametro|analito"
        "|componente|elemento|compuesto|ensayo|determinación|prueba|análisis|examen|line"
        "|line name|linename|formula|oxide|substance|stoff|substanz|measurement|item|exam"
        "|ion|channel name|param|name analyte|compound formula|analyte line|element line"
        "|wavelength|isotope|mass element|species|anal|elem|test description|test_name"
        "|method name|analysis code|observation|app name|variable|property|analyte label"
        "|program name|programme name"
        "|nuclide|radionuclide|antimicrobial|antibiotic|antimicrobial agent"
        "|compound id|chemical|chemical name|measurand|reagent|quantity name"
        "|prova|ensaio"
        "|verbindung|dosage|nom analyse|molecule|detector name|gene|gene name|marker"
    ).split("|")
)
_UNIT = frozenset(
    key(x)
    for x in (
        "unit|units|result unit|result units|einheit|unité|unités|unidad|unidades|unita"
        "|unità|uom|unit of measure|conc unit|conc units|concentration unit"
        "|concentration units|amount unit|amount units|dimension|unit name|measurement unit"
        "|std unit|unit result|eenheid|enhet|reporting units|units of measure|unidade|einh"
        "|calc conc units|sample units|final units|final unit|unit1|rep unit|analyte units"
        "|conc. units"
    ).split("|")
)
_VALUE: dict[str, float] = {
    key(x): score
    for score, names in (
        (1.0, "final result|final concentration|final conc|reported result|reported value|reported"
              "|reported concentration|reported conc|final value|final amount|final|reportable"
              "|result final|rep value|reported amount|corrected result|corrected concentration"
              "|corrected conc|report value|final sample conc|adjusted result"
              "|adjusted concentration"
              "|conc samp|sample conc|sample concentration|conc in sample|concentration in sample"
              "|conc. (samp)|conc (samp)|conc. (sample)|original sample conc|conc sample"
              "|dilution corrected conc|dilution corrected concentration|stock conc"
              "|original sample concentration|stock concentration|sample units conc"
              "|adj result|adj conc|adj concentration|adjusted conc|adj value"
              "|corr con|corr conc|wt corr conc|weight corrected conc"
              "|weight corrected concentration"
              "|conc x adf x mdf|conc x df|conc x dil|conc x dilution|conc x dilution factor"
              "|conc x dil factor|concentration x dilution|concentration x dilution factor"
              "|conc undiluted sample|undiluted conc|undiluted concentration"),
        (0.975, "c mean|mean c|c avg"
                "|mean conc|mean concentration|average conc|average concentration"
                "|avg conc|mean result"
                "|average result|conc mean|conc average|concentration mean|quantity mean"
                "|mean quantity|starting quantity mean|sq mean"
                "|meanresult|mean results|result mean|average results|avg result|mean conc samp"
                "|adj conc mean|adj result mean|adjconc mean"),
        (0.97, "result|results|résultat|resultat|ergebnis|resultado|resultados|risultato|resultaat"
               "|test result|analysis result|numeric result|result value|value result|messergebnis"
               "|wynik|tulos|endergebnis|result concentration|resultats|ergebnisse|risultati"
               "|result numeric|quantitative result|patient result|rslt|res|data and aborts"
               "|result (sample)|sample result"),
        (0.95, "concentration|conc|conc.|concentrations|cc|calc conc|calculated conc"
               "|calculated concentration|calc. conc|calc concentration|konzentration|konz"
               "|concentración|concentrazione|concentração|gehalt|teneur|contenu|contenido"
               ""
               "|titre|titer|mic|mic value"
               "|content|mass conc|conc calc|calculated amount|calc amount|found conc|conc found"
               "|activity|specific activity|activity concentration"
               "|solution conc|cal conc|quantification|quant result"
               "|density|potency|conc calib|measured concentration|mean conc. (sample)"
               "|found|determined conc|wt conc|average value|mean value|computed conc"
               "|concn|konz.|dosage result|konzentration mittelwert|peak concentration|peak conc"),
        (0.9, "wt mean|weighted mean|wt mean activity|weighted mean activity"
              "|amount|value|quantity|wert|messwert|mittelwert|mean|average|avg|valeur|valor|valore"
              "|moyenne|media|promedio|medio|moy|mw|numeric value|val|amt|gemiddelde|menge|quantité"
              "|cantidad|quantita|starting quantity|result 1|x|durchschnitt|average amount"
              "|mean amount|concentracao"
              "|mittel|measured value|test value|count|cantidad media|moyen|qty"),
        (0.85, "measured|reading|measurement|mesure|medida|messung|lectura|lecture|calib conc"
               "|c|analysis value|meas value|response value|level|conc calib units|meas conc"
               "|measured conc|measured result|concentration (calib)|conc. (calib)|conc (calib)"
               "|tube conc|qubit tube conc|count|counted|colonies|colony count|cfu|recuento"
               "|nombre ufc"),
        (0.8, "ct mean|cq mean|mean cq|mean ct|avg ct|cp mean|ct avg|average ct|average cq"),
        (0.78, "ct|cq|cp|ct value|cq value|ct values|crt|crossing point|cp value"
               "|quantification cycle"),
    )
    for x in names.split("|")
}  # fmt: skip
_NEGATIVE = frozenset(
    (
        "area height rt retention ret time date rsd sd stdev std stddev dev deviation err"
        " error uncertainty ± cv raw intensity intensities int counts cps signal abs"
        " absorbance response expected nominal theoretical theor reference ref range ranges"
        " limit limits lod loq mdl mda rl lld lloq uloq ql dl lower upper min max minimum"
        " maximum low high flag flags status dilution dil factor weight wt volume vol blank"
        " recovery rec recovered spike spiked standard standards calibration cal calibrator"
        " curve slope intercept r2 offset qvalue accuracy bias diff difference index no nr"
        " position pos rack cup vial tube order lot expiry operator user comment comments"
        " remark abnormal suspect action message check verified type mode correlation ratio"
        " isr istd symmetry width start end peak peaks plates resolution tailing s/n noise"
        " snr drift wavelength nm filter gain raw1 raw2 score rate rel unc se sem variance"
        " var median alarm acceptance criteria spec specification replicates reps nrep pass"
        " fail vessel reader oven chamber instrument cuvette detector block trigger"
        " judgment target baseline background bkg bg fläche hohe flache datum zeit zeile"
        " fehler surface hauteur temps heure aire altura fecha hora tiempo temps ecart"
        " abweichung standardabweichung rohwert extinktion sollwert attendu esperado"
        " grenzwert limite seuil dilucion verdunnung operateur lote kommentar commentaire"
        " lims kit reagent cartridge serial version sequence seq injection inj pct mw"
        " previous prior former historical anterior vorherig"
        " flagged expiration edited confirmed code interpretation method matrix mass stat"
        " concentration_of_std prepared predilution ampl threshold ct cq tm slope yint eff"
        " ref_range normalrange valid id sample name well wells cycle cycles plate task reporter"
        " quencher confidence sigma"
        " posizione peso altezza cella metodo calibrazione data ora operatore stato bianco"
        " diluizione fattore lotto posicion metodo calibracion operador usuario estado"
        " dilucion observaciones tipo posicao diluicao fator positie gewicht tijd methode"
        " verdunning analist opmerking poste poids operateur methode facteur remarque analyste"
        " rang etat einwaage faktor bediener bemerkung uhrzeit geraet gerat godzina pozycja masa"
        " metoda uwagi rozcienczenie instrumento strumento aparato serie sequenza secuencia"
    ).split()
)
#: What was measured on the way to the sample's own content.
_BEFORE_THE_END = frozenset(
    "reaction well digest extract tube eluate aliquot diluted calib calibration".split()
)
_SOFT_NEGATIVE = frozenset(("id sample name no mw matrix code pct mass type nm c").split())
_STATISTIC = re.compile(
    r"^(?:sd|s\.?d\.?|std\.?\s?dev\.?|stdev|stddev|standard deviation|%?\s?rsd.*|rel\.?\s?std.*|cv"
    r"|%\s?cv|cv\s?%|rsd\s?\(?%?\)?|variance|min(?:imum)?|max(?:imum)?|range|number"
    r"|count|n|sum|total|s|s ?rel.*|srel.*"
    r"|sdev of \d+|std of \d+|median|uncertainty|error|recovery.*|%\s?rec.*|spannweite|anzahl"
    r"|standardabweichung|stabw|ecart[- ]type|desv.*|varianz|se|sem|95% ci|relative std.*|sum:?"
    r"|reporting limit|mdl|lod|loq|rl|detection limit|bias|difference|rpd)[:.]?$"
)
_STATISTIC_OF = re.compile(
    r"^\D{2,24}[ _](?:%?\s?rsd|sd|std\.?\s?dev\.?|stdev|cv|%\s?cv)\s?\(?%?\)?$"
)
_SIGNAL = re.compile(
    r"^(?:(?:raw|net|mean|meas\.?|corr\.?|average|avg) )?"
    r"(?:intensit(?:y|ies)|intens\.?|cps|counts per second|absorbance|peak area|response)"
    r"(?: (?:average|mean|avg|per run))?$"
)
_MEAN = re.compile(
    r"^(?:mean|average|avg|ave|aver\.?|mittelwert|mw|mittel|moyenne|moy\.?|media|promedio|medio|x̄"
    r"|ave of \d+|mean of \d+|average of \d+|mean value|gemiddelde|durchschnitt|x"
    r"|(?:mean|average|avg|mittelwert|moyenne|promedio|media) (?:of )?(?:the )?(?:conc\w*|konz\w*"
    r"|results?|ergebnis\w*|values?|samples?|replicates?|readings?|measurements?)"
    r"|(?:conc\w*|konz\w*|results?|ergebnis\w*|amount|quantity|sq)"
    r" (?:mean|average|avg|mittelwert|mw|moyenne|media|promedio))[:.]?$"
)
_CONTROL_TYPE = re.compile(
    r"^(?:std|stds|standard|standards|cal|calib|calibration|calibrator"
    r"|calibration (?:standard|blank)"
    r"|blank|blk|cal ?blk|calblk|cal ?std|calstd|check standard|check std|qc"
    r"|qc sample|control|spike|spiked"
    r"|matrix spike|dup|duplicate|ccv|ccb|icv|icb|lcs|lfb|crm|wash|rinse|quality control|ctrl|ref"
    r"|reference|kalibrierung|leerwert|blanc|étalon|etalon|blanco|patron|patrón|kontrolle"
    r"|standard solution|method blank|drift|ntc|negative control|positive control|nc|pc"
    r"|fortified|spk|bianco|branco|(?:matrix |post )?spike dup(?:licate)?|post spike|ms|msd|lcsd"
    r"|(?:lab|laboratory|sample|analytical) dup(?:licate)?|(?:prep|reagent|instrument) blank"
    r"|(?:lab|laboratory) control(?: sample)?(?: dup(?:licate)?)?"
    r"|(?:initial|continuing) calibration .{3,12}|calibration (?:check|verification))$"
)


_NUMBER_OF_RESULT = re.compile(r"[a-z]{0,2}\d{1,2}")
_NUMBERED_RESULT = re.compile(r"(?:r|result|res|ergebnis|wert) ?\d{1,2}")
#: The first of several names of a sample: `Sample ID 1`.
_FIRST = re.compile(r" ?1$")


@dataclass(frozen=True, slots=True)
class Role:
    """The reading of one header text; each field is a strength between 0 and 1."""

    sample: float = 0.0
    test: float = 0.0
    unit: float = 0.0
    value: float = 0.0
    negative: bool = False

    @property
    def named(self) -> bool:
        return bool(self.sample or self.test or self.unit or self.value or self.negative)


def bare(text: str) -> str:
    """The header without what stands in brackets and without a closing colon."""
    return re.sub(r"[(\[{][^)\]}]*[)\]}]", " ", text).strip(" :.*#") or text


def negative_words(text: str) -> frozenset[str]:
    """The words of a text that speak against its being a result."""
    tokens = words(text)
    found = (set(tokens) | {token.rstrip("0123456789") for token in tokens}) & _NEGATIVE
    folded = fold(text)
    if "±" in text or "+/-" in text or re.search(r"%\s?(?:rsd|rec|cv)", folded):
        found.add("±")
    if folded in ("n", "nr", "no", "exp"):
        found.add(folded)
    return frozenset(found)


@lru_cache(maxsize=16384)
def role_of(text: str) -> Role:
    """Read one header text."""
    if not text or len(text) > 80:
        return Role()
    whole, core = key(text), key(bare(text))
    sample = test = unit = value = 0.0
    for name in (whole, core):
        if name in _SAMPLE_STRONG or _FIRST.sub("", name) in _SAMPLE_STRONG:
            sample = max(sample, 1.0)
        elif name in _SAMPLE_FAIR:
            sample = max(sample, 0.7)
        elif name in _SAMPLE_FAINT:
            sample = max(sample, 0.4)
        test = max(test, 1.0 if name in _TEST else 0.0)
        unit = max(unit, 1.0 if name in _UNIT or _unnumbered(name) in _UNIT else 0.0)
        value = max(value, _VALUE.get(name, 0.0))
    bracket = _bracket(text)
    if _NUMBERED_RESULT.fullmatch(core) and bracket:
        # `R1 (Drift)` beside `R2 (Content)`: only the brackets tell which is the result.
        value = _VALUE.get(key(bracket), 0.0)
    negative = bool(negative_words(text)) and not (sample or test or unit or value)
    if not value and not (sample or test or unit):
        value = _loose_value(text, negative)
    if value and (
        negative_words(bracket) - _SOFT_NEGATIVE or _BEFORE_THE_END.intersection(words(bracket))
    ):
        value *= 0.9
    return Role(sample, test, unit, value, negative)


def _unnumbered(name: str) -> str:
    """A header of one of several results without the number of the result: `unit` of `unit r1`."""
    return " ".join(word for word in name.split() if not _NUMBER_OF_RESULT.fullmatch(word))


def _bracket(text: str) -> str:
    return " ".join(re.findall(r"[(\[{]([^)\]}]*)[)\]}]", text))


def _loose_value(text: str, negative: bool) -> float:
    """A value word among others still says something, unless one speaks against it."""
    if negative:
        return 0.0
    tokens = words(text)
    if len(tokens) > 6:
        return 0.0
    for size in (3, 2, 1):
        for at in range(len(tokens) - size + 1):
            score = _VALUE.get(" ".join(tokens[at : at + size]), 0.0)
            if score and not (size == 1 and len(tokens[at]) < 3):
                return score * 0.9
    return 0.0


@lru_cache(maxsize=16384)
def is_statistic(text: str) -> bool:
    """Whether a row label names a statistic over other rows that is no result."""
    if len(text) >= 32:
        return False
    plain = fold(text)
    return _STATISTIC.match(plain) is not None or _STATISTIC_OF.match(plain) is not None


@lru_cache(maxsize=16384)
def is_signal(text: str) -> bool:
    """Whether a row label names what the instrument sensed, from which results are calculated."""
    return len(text) < 32 and _SIGNAL.match(fold(bare(text))) is not None


@lru_cache(maxsize=16384)
def is_mean(text: str) -> bool:
    """Whether a row label names the mean of other rows."""
    return len(text) < 32 and _MEAN.match(fold(text)) is not None


@lru_cache(maxsize=16384)
def is_control_type(text: str) -> bool:
    """Whether a row is declared a standard, blank, spike or control."""
    return len(text) < 32 and _CONTROL_TYPE.match(fold(text)) is not None


_SHEET_RAW = re.compile(
    r"\b(?:raw|area|areas|intensity|intensities|calib\w*|cal|curve|audit|integration|log|method"
    r"|settings|qc|blank|standards?|peak analysis|counts|cps|rohdaten|template)\b"
)
_SHEET_FINAL = re.compile(
    r"\b(?:conc\w*|results?|final|report\w*|sample units|ergebnis\w*|resultat\w*|resultado\w*)\b"
)


@lru_cache(maxsize=256)
def sheet_rank(name: str) -> float:
    """How much a sheet's name promises final results."""
    plain = " ".join(words(name))
    if _SHEET_RAW.search(plain):
        return 0.85
    return 1.0 if _SHEET_FINAL.search(plain) or not plain else 0.97
