"""How names are compared: folded to plain lower-case words and symbols."""

import re
import unicodedata
from functools import lru_cache

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon",
    "κ": "kappa", "λ": "lambda", "σ": "sigma", "ω": "omega",
}  # fmt: skip
_TOKEN = re.compile(r"[a-z]+\d*[a-z0-9]*|\d+(?:[.,]\d+)?[a-z]*|[%#±]|[^\x00-\x7f\W]+")
_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z][a-z])")
_SPACES = re.compile(r"\s+")
#: German compounds are taken apart after what says "total".
_TOTAL = re.compile(r"\bgesamt(?=[a-z]{4})")


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Lower case without accents; micro signs, Greek letters and subscripts spelled plainly."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("º", "°"))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    plain = plain.replace("μ", "u").replace("−", "-").replace("–", "-").replace("—", "-")
    for letter, name in _GREEK.items():
        plain = plain.replace(letter, name)
    return _SPACES.sub(" ", plain).strip()


@lru_cache(maxsize=65536)
def words(text: str) -> tuple[str, ...]:
    """The words of a name in order, with camel case and underscores taken apart."""
    spaced = _CAMEL.sub(" ", text[:200]).replace("_", " ")
    return tuple(_TOKEN.findall(_TOTAL.sub("gesamt ", fold(spaced))))


@lru_cache(maxsize=65536)
def key(text: str) -> str:
    """One spelling for all the ways the same words are written."""
    return " ".join(words(text))
