"""Addresses, LinkedIn profiles and phone numbers found in text of any size and from anybody.

The time grows with the length of the text and no faster, whatever stands in it: no expression here begins with a
repeat of any length, and none goes back over what it has passed. A text that says what nobody means costs no more
than one that does.
"""

import re
from collections.abc import Iterator

LONGEST_EMAIL = 64 + 1 + 255  # characters: local part, @ and domain (RFC 5321, 4.5.3.1)
LONGEST_HOST = 255
FEWEST_DIGITS, MOST_DIGITS = 5, 15  # of a phone number with its country (E.164)
FEWEST_NATIONAL = 6  # digits of a phone number without its country

_RUN = re.compile(r"[^\s@<>\"'(),;:|]+")
# A profile's own address, the old mobile site's, and Sales Navigator's, whose id ends at a comma.
_PROFILE = re.compile(
    r"linkedin\.com/(?:(?:mwlite/)?(?:profile/)?in|sales/(?:lead|people))/[^\s/?#\"'<>,;|]+", re.IGNORECASE
)
_HOST_BACKWARDS = re.compile(r"[\w.-]*")
_PHONE = re.compile(r"\+\d[\d\s().\-/]+")
# What a number is written with on one line, in full width too; the plus stands for a blank in a form.
_NUMBER = re.compile("[(\uff08\\d][\\d \\t\u00a0\u202f().\\-/+\u2010-\u2015\uff08\uff09\uff0d\uff0e]+")
_BETWEEN_NUMBERS = (re.compile(r"[/(\uff08]"), re.compile(r"\s"))
_DECIMAL = re.compile(r"\d\.\d+")  # 0.1234567: no phone number is written so
_NO_DIGIT = re.compile(r"\D")
_EMAIL_IN_PROSE = re.compile(r"(?<![\w.+'-])[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PROFILE_IN_PROSE = re.compile(
    r"(?:https?://)?(?:(?<![\w-])[\w-]{1,63}\.)?linkedin\.com/"
    r"(?:(?:mwlite/)?(?:profile/)?in|sales/(?:lead|people))/[^\s<>\"'),;]+",
    re.IGNORECASE,
)


def emails(text: str) -> Iterator[str]:
    """What may be an e-mail address: the runs on both sides of an @, without dots around them.

    Anything that can stand in one is taken, in any script; what is longer than an address can be is none.
    """
    if "@" not in text:
        return
    start = end = -1
    for run in _RUN.finditer(text):
        if run.start() == end + 1 and end >= 0 and text[end] == "@" and run.end() - start <= LONGEST_EMAIL:
            yield text[start : run.end()].strip(".")
        start, end = run.span()


def profiles(text: str) -> Iterator[str]:
    """What may be the address of a LinkedIn profile, without its scheme: "de.linkedin.com/in/slug"."""
    end = 0
    for found in _PROFILE.finditer(text):
        before = text[max(end, found.start() - LONGEST_HOST) : found.start()]
        host = _HOST_BACKWARDS.match(before[::-1])
        yield before[len(before) - (host.end() if host else 0) :] + found.group().rstrip(".)]}")
        end = found.end()


def phones(text: str) -> Iterator[str]:
    """International numbers, "+" and digits alone."""
    for found in _PHONE.finditer(text):
        digits = _NO_DIGIT.sub("", found.group())
        if FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
            yield f"+{digits}"


def numbers(text: str) -> Iterator[str]:
    """What may be a phone number in any spelling, with its country or without: "(321) 555-4188", "13215554188".

    As given. Where more digits stand together than a number has, the parts between blanks, slashes and brackets.
    """
    for found in _NUMBER.finditer(text):
        run = found.group()
        if len(_NO_DIGIT.sub("", run)) <= MOST_DIGITS:
            parts = [run]
        else:
            parts = [part for between in _BETWEEN_NUMBERS for part in between.split(run)]
        for part in parts:
            part = part.strip()
            if FEWEST_NATIONAL <= len(_NO_DIGIT.sub("", part)) <= MOST_DIGITS and not _DECIMAL.fullmatch(part):
                yield part


def emails_in_prose(text: str) -> Iterator[str]:
    """Addresses as people write them in a sentence; a host without a dot is none."""
    return (found.group().strip(".'") for found in _EMAIL_IN_PROSE.finditer(text))


def profiles_in_prose(text: str) -> Iterator[str]:
    """Addresses of profiles as people write them in a sentence, as given."""
    return (found.group().rstrip(".") for found in _PROFILE_IN_PROSE.finditer(text))
