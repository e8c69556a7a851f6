"""Everything that reads text from outside, by name: whoever writes another such reader enters it here.

A test holds the modules that use regular expressions against this list.
"""

import datetime
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from enrichment import labels
from enrichment.clay_routines import fields as routine_fields
from enrichment.clay_routines import results as routine_results
from enrichment.clay_routines import setup as routine_setup
from enrichment.deliveries import payload_display
from enrichment.imports import import_files
from enrichment.models import lead_search
from enrichment.pipeline import intake_rows, provenance
from enrichment.pipeline.mirror import run
from enrichment.pipeline.receive import triage, unmatched
from enrichment.pipeline.score import apply
from enrichment.scoring import editing
from enrichment.stores import mirror_copy
from enrichment.stores.text_match import SearchPatterns
from enrichment.vendors import answers, reading
from enrichment.vendors.clay import callback, routine
from enrichment.vendors.clay import fields as clay_fields
from enrichment.vendors.clay import wire as clay_wire
from enrichment.vendors.gohighlevel import custom_fields
from enrichment.vendors.gohighlevel.location import CustomFieldDefinition
from enrichment.waterfall import countries
from gdpr import rectifiable
from gdpr.identity import validation
from gdpr.leftovers import memory, names, planner, search_patterns
from gdpr.messages import templates
from gdpr.requests import intake, intake_csv, intake_email, leftover_erasure
from swarm_admin.core import clean_text, masking, numbers, text_match, timestamps
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.identifiers import emails, linkedin, phones, text
from tests.bounds.texts import SIZE, WHOLE

URL = "https://www.linkedin.com/in/erika-mustermann"
NOW = datetime.datetime(2026, 1, 15, tzinfo=datetime.UTC)
BY_PROFILE = SearchPatterns([URL], ["erika@home.example"], ["row_1"])
UNSURE = SearchPatterns(["https://www.linkedin.com/in/李-明"], ["erika@home.example"])  # nothing narrows the search
FINDER = search_patterns.Finder(
    search_patterns.patterns_for([("email", "erika@home.example"), ("phone", "+49 30 123456")])
)
NAMES = names.NameFinder(["Erika Mustermann", "李 明明"])


@dataclass(frozen=True)
class Parser:
    """`read` takes a text and may raise what is in `refuses`, and nothing else."""

    module: Any
    read: Callable[[str], object]
    refuses: tuple[type[Exception], ...] = ()
    size: int = SIZE


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def within(text: str) -> bytes:
    named = {"event": "row.enriched", "row_id": "row_1", "timestamp": "2026-01-15T10:00:00Z"}
    return json.dumps({**named, "data": {"linkedin_url": text}}).encode()


def imported(text: str) -> None:
    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(raw(text))
        file.flush()
        with import_files.open_rows(file.name) as (columns, rows):
            import_files.guess_mapping(columns)
            for _ in zip(range(1000), rows, strict=False):
                pass


def without_a_catalogue(text: str) -> str:
    labels._names = dict  # type: ignore[assignment]  # this process has no database
    return labels.with_provider_names(text)


def request(text: str) -> Any:
    names = ("name", "contact_email", "linkedin_url", "phone", "text", "received_at", "kind", "calendar")
    return [intake.read({"kind": "access", "phone": "+49 30 123456", name: text}) for name in names]


def requests_errors(text: str) -> None:
    try:
        intake.read({"kind": text, "received_at": text, "emails": text, text[:100]: text})
    except ValidationError as error:
        validation.sentences(error)


def provider(text: str) -> Any:
    use = {"name": text, "fields_enriched": [text], "timestamp": "2026-01-15T10:00:00Z", "cost": text}
    return provenance.provider_answers({"providers_used": [use]}, {})


def envelope(text: str) -> Any:
    wrapped: Any = text
    for _ in range(2000):
        wrapped = [wrapped]
    error = {"message": text, "code": text, "provider": text, "quota_remaining": text, "resets_at": text}
    return answers.read_envelope({"error": error}), answers.read_envelope({"error": {"message": wrapped}})


def email_with(header: str) -> Callable[[str], object]:
    return lambda text: intake_email.parse(f"MIME-Version: 1.0\n{header}{text}\n\nHello")


def row_of_table(text: str) -> Any:
    names = ("email_work", "email_provider", "cost", "error", "enriched_at", "linkedin_url")
    told = {"swarm_ref": "ref", **dict.fromkeys(names, text), "_status": {"title": text}, "_errors": {"phone": text}}
    return callback.read(json.dumps(told).encode(), NOW, {})


def result_of_routine(text: str) -> Any:
    found = {"email": text, "person": {text[:100]: text}, "linkedin_url": text}
    told = clay_wire.RunResult(id="ref", status="failed", result=found, error=text)
    setup = routine_setup.RoutineSetup("function:t", (), {})
    return routine_results.read(told, setup, linkedin_url=URL, at=NOW, known={})


PARSERS: dict[str, Parser] = {
    "table: a row": Parser(callback, lambda text: callback.read(raw(text), NOW, {}), (callback.NotARow,), WHOLE),
    "table: a row with a text": Parser(callback, row_of_table),
    "routine: a result": Parser(routine_results, result_of_routine),
    "routine: a name": Parser(
        routine_fields, lambda text: (routine_fields.guess_input(text), routine_fields.guess_output(text))
    ),
    "routine: its ID": Parser(routine_setup, routine_setup.check_routine_id, (ActionNotAllowed,)),
    "routine: an item refused": Parser(routine, routine._item_named),
    "custom fields": Parser(
        custom_fields,
        lambda text: custom_fields._is_called("title", CustomFieldDefinition(id="f", name=text, field_key=text)),
    ),
    "moments": Parser(timestamps, timestamps.require_timestamp, (ValueError,), size=WHOLE),
    "leftovers: keys of the cache": Parser(memory, lambda text: memory._TELLABLE.fullmatch(text), size=WHOLE),
    "numbers": Parser(numbers, lambda text: (numbers.parse_int(text), numbers.is_decimal(text)), size=WHOLE),
    "text match: emails": Parser(text_match, lambda text: list(text_match.emails(text))),
    "text match: profiles": Parser(text_match, lambda text: list(text_match.profiles(text))),
    "text match: phones": Parser(text_match, lambda text: list(text_match.phones(text))),
    "text match: numbers": Parser(text_match, lambda text: list(text_match.numbers(text))),
    "text match: emails in prose": Parser(text_match, lambda text: list(text_match.emails_in_prose(text))),
    "text match: profiles in prose": Parser(text_match, lambda text: list(text_match.profiles_in_prose(text))),
    "missing": Parser(text, text.is_missing),
    "clean text": Parser(clean_text, clean_text.cleaned),
    "clean lines": Parser(clean_text, lambda text: clean_text.cleaned(text, lines=True)),
    "damaged text": Parser(clean_text, clean_text.is_damaged),
    "address": Parser(emails, emails.canonical, (ValueError,)),
    "address: every spelling": Parser(emails, lambda text: emails.spellings(f"a@{text[:250]}.de"), (ValueError,)),
    "phone": Parser(phones, lambda text: phones.canonical(text, "US"), (ValueError,)),
    "phone, as long as one may be": Parser(phones, lambda text: phones.canonical(text[:64], "US"), (ValueError,)),
    "webhook: event": Parser(triage, lambda text: triage.parse_event(raw(text)), (triage.Malformed,), WHOLE),
    "webhook: event with a text": Parser(triage, lambda text: triage.parse_event(within(text)).url),
    "webhook: whom it is about": Parser(
        unmatched, lambda text: unmatched.identities(raw(text)), (unmatched.TooManyPeople,), WHOLE
    ),
    "webhook: whom its text is about": Parser(
        unmatched, lambda text: unmatched.identities(within(text)), (unmatched.TooManyPeople,)
    ),
    "webhook: shown": Parser(payload_display, lambda text: payload_display.body_text(raw(text), unmasked=False)),
    "webhook: shown whole": Parser(payload_display, lambda text: payload_display.body_text(raw(text), unmasked=True)),
    "webhook: told to its person": Parser(mirror_copy, lambda text: mirror_copy.document_of(raw(text))),
    "traces": Parser(SearchPatterns, lambda text: BY_PROFILE.kinds(f"erika {text}")),
    "traces, nothing sure": Parser(SearchPatterns, UNSURE.kinds),
    "LinkedIn": Parser(linkedin, linkedin.canonical, (ValueError,)),
    "LinkedIn: slug": Parser(
        linkedin, lambda text: linkedin.canonical(f"linkedin.com/in/{text[:1900]}"), (ValueError,)
    ),
    "row of Clay": Parser(
        clay_fields, lambda text: clay_fields.normalise(dict.fromkeys(clay_fields.readers("US"), text), "US")
    ),
    "row of Clay: time": Parser(reading, reading.moment, (reading.Unreadable,)),
    "row of Clay: providers": Parser(provenance, provider),
    "row of Clay: error": Parser(run, lambda text: run.RunError.read({"message": text, "code": text})),
    "row of Clay: tier": Parser(apply, apply.clay_tier),
    "row of Clay: country": Parser(countries, lambda text: countries.country_of(text[:300])),
    "lead sent": Parser(intake_rows, lambda text: intake_rows.parse_row(dict.fromkeys(intake_rows.FIELDS, text), NOW)),
    "import": Parser(import_files, imported, (import_files.Unreadable,)),
    "import: below a head": Parser(
        import_files, lambda text: imported(f"linkedin_url,a\n{text}"), (import_files.Unreadable,)
    ),
    "import: JSON": Parser(import_files, lambda text: imported(f'[{{"a": {text}'), (import_files.Unreadable,)),
    "answer: body": Parser(answers, lambda text: answers.decode(raw(text))),
    "answer: error": Parser(answers, envelope),
    "answer: mask": Parser(answers, answers.mask),
    "answer: time": Parser(answers, answers.read_time),
    "answer: Retry-After": Parser(answers, answers.read_retry_after),
    "answer: address": Parser(clay_wire, clay_wire._same),
    "message with providers": Parser(labels, lambda text: without_a_catalogue(text)),
    "masked": Parser(masking, lambda text: [masking.mask(text, kind) for kind in ("name", "email", "phone")]),
    "search": Parser(lead_search, lead_search.prefix_query),
    "search: what it identifies": Parser(lead_search, lambda text: lead_search.identified(text, personal=True)),
    "scorecard: form": Parser(
        editing, lambda text: editing.parse_form({f"components.{text}.cap": text, "components.0.cap": text})
    ),
    "scorecard: number": Parser(editing, editing.parse_number),
    "scorecard: button": Parser(editing, lambda text: editing.apply({"components": []}, f"move:components.{text}")),
    "request": Parser(intake, request, (ValidationError,)),
    "request: what is wrong": Parser(validation, requests_errors),
    "request: list": Parser(intake_csv, lambda text: intake_csv.parse(raw(text)), (ActionNotAllowed,)),
    "request: list below a head": Parser(
        intake_csv, lambda text: intake_csv.parse(raw(f"kind,emails\n{text}")), (ActionNotAllowed,)
    ),
    "request: new values": Parser(
        rectifiable, lambda text: rectifiable.clean_values({"title": f"x{text}y"}), (rectifiable.InvalidValues,)
    ),
    "e-mail": Parser(intake_email, intake_email.parse),
    "e-mail: sender": Parser(intake_email, lambda text: intake_email.parse(f"From: {text}\n\nHello")),
    "e-mail: raw sender": Parser(intake_email, email_with("From: ")),
    "e-mail: raw subject": Parser(intake_email, email_with("Subject: ")),
    "e-mail: raw date": Parser(intake_email, email_with("Date: ")),
    "e-mail: raw type": Parser(intake_email, email_with("Content-Type: ")),
    "e-mail: HTML": Parser(intake_email, email_with("Content-Type: text/html\n\n")),
    "e-mail: punycode": Parser(intake_email, email_with("Content-Type: text/plain; charset=punycode\n\nb9-")),
    "leftovers: identifiers": Parser(
        search_patterns, lambda text: search_patterns.read_identifiers([text, text[:50]]), (ValueError,)
    ),
    "leftovers: spellings": Parser(
        search_patterns, lambda text: [search_patterns.spellings(kind, text[:5000]) for kind in search_patterns.KINDS]
    ),
    "leftovers: search": Parser(search_patterns, lambda text: FINDER.find(raw(text))),
    "leftovers: names": Parser(names, lambda text: NAMES.find(raw(text))),
    "leftovers: a name": Parser(names, names.parts),
    "leftovers: last names": Parser(names, lambda text: NAMES.last_names_in(text)),
    "leftovers: bytes in statistics": Parser(
        planner, lambda text: planner.unpack_array(text.encode("utf-8", "ignore").decode())
    ),
    "leftovers: row to be erased": Parser(leftover_erasure, leftover_erasure._KEY.fullmatch),
    "message template": Parser(templates, lambda text: templates.render(text, {}), (ValueError, KeyError)),
}
