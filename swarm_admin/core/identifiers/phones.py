"""One key for one number: E.164 of a number that can exist."""

import functools

import phonenumbers

from swarm_admin.core.identifiers.text import visible

NO_COUNTRY = "ZZ"  # for a number that has to name its own
MAX_LENGTH = 64  # characters as written; E.164 itself has fifteen digits
_QUOTES = "'\"\u2019`"  # spreadsheets keep a number as text by an apostrophe before it


def canonical(number: str, country: str) -> str:
    """E.164; a number without a country code is read as one of `country` (ISO 3166, two letters). Idempotent.

    Only a valid number, not merely one of a possible length: a placeholder such as 000-000-0000 is nobody's, and
    must never make one person of all who carry it.

    Raises:
        ValueError: it is no valid number of any country.
    """
    if len(number) > MAX_LENGTH:
        raise ValueError(f"must be at most {MAX_LENGTH} characters long.")
    return _canonical(number, country)


@functools.lru_cache(maxsize=4096)
def _canonical(number: str, country: str) -> str:
    text = visible(number).strip(_QUOTES).removeprefix("tel:").strip()
    readings = [text]
    if text.startswith("00"):  # for the plus sign (ITU-T E.123), in countries too that dial another prefix abroad
        readings.append(f"+{text[2:]}")
    if "(0)" in text:  # dialled at home only, where it is dialled at all
        readings.append(text.replace("(0)", ""))
    parsed = [each for each in (_parsed(reading, country) for reading in readings) if each]
    if not parsed:
        raise ValueError("must be a phone number.")
    for each in parsed:
        if phonenumbers.is_valid_number(each):
            return str(phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164))
    raise ValueError("must be a valid phone number for its country.")


def _parsed(text: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
