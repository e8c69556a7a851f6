"""The country that a company's location names: "Berlin, Germany" and "San Francisco, CA" alike."""

import functools
import unicodedata

from phonenumbers.geodata.locale import LOCALE_DATA

# Postal abbreviations of the states of the USA: what stands last in "San Francisco, CA".
STATES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY DC".split()
)
OTHER_NAMES = {"usa": "US", "u s a": "US", "u s": "US", "united states of america": "US", "uk": "GB", "england": "GB",
               "scotland": "GB", "wales": "GB", "northern ireland": "GB", "great britain": "GB", "uae": "AE",
               "the netherlands": "NL", "holland": "NL", "korea": "KR", "republic of korea": "KR", "russia": "RU",
               "czechia": "CZ", "viet nam": "VN", "turkiye": "TR"}  # fmt: skip


def country_of(location: str) -> str:
    """The country's English name; "" where the last part of the location names none.

    A state of the USA stands for the USA: "CA" is California, as LinkedIn and the providers write it.
    """
    last = location.rpartition(",")[2].strip()
    if last.upper() in STATES and last.isupper():
        return _names()["US"]
    code = _codes().get(_normalised(last))
    return _names().get(code, "") if code else ""


def _normalised(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())


@functools.cache
def _names() -> dict[str, str]:
    """{ISO 3166-1 code: English name}, from the data of the phone number library."""
    found = {}
    for code, names in LOCALE_DATA.items():
        name = names.get("en", "")
        # "*aa" refers to the name in another language of the same country.
        while name.startswith("*"):
            name = names.get(name[1:], "")
        if name:
            found[code] = name
    return found


@functools.cache
def _codes() -> dict[str, str]:
    """{plain name or code: code}. Two letters are a code only where they are no state's."""
    codes = {_normalised(name): code for code, name in _names().items()}
    codes |= {code.lower(): code for code in _names() if code not in STATES}
    return codes | OTHER_NAMES
