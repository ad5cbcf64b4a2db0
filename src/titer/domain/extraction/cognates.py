"""One form for the same learned word in several languages: `Progesteron`, `progesterona`."""

import re
from functools import lru_cache

from titer.domain.extraction.wording import words

#: Spellings that languages differ in, in the order in which they are made alike.
_ALIKE = (
    ("sch", "s"), ("ph", "f"), ("th", "t"), ("ch", "c"), ("ae", "e"), ("oe", "e"), ("qu", "c"),
    ("y", "i"), ("j", "i"), ("k", "c"), ("z", "c"), ("x", "s"), ("ct", "t"), ("mf", "nf"),
)  # fmt: skip
_QUALITY = re.compile(r"(?<=..)(?:itaets?|itats?|iteit|idade|idad|ity|ite|ita|iti)$")
_DOUBLED = re.compile(r"(.)\1+")
_ENDING = re.compile(r"(?:ium|[aeiou]+s?)$")
_SHORTEST_WORD = 6
_SHORTEST_FORM = 5


@lru_cache(maxsize=65536)
def cognate(text: str) -> str:
    """The form of a name, or nothing where none of its words is long enough to be sure of."""
    forms: list[str] = []
    long = False
    for word in words(text):
        form = _form(word) if word.isalpha() else word
        long = long or (len(word) >= _SHORTEST_WORD and len(form) >= _SHORTEST_FORM)
        forms.append(form)
    return " ".join(forms) if long else ""


def _form(word: str) -> str:
    if len(word) < _SHORTEST_FORM:
        return word
    form = _QUALITY.sub("it", word)
    for one, other in _ALIKE:
        form = form.replace(one, other)
    return _ENDING.sub("", _DOUBLED.sub(r"\1", form.removeprefix("h")))
