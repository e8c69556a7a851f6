"""GoHighLevel made ready: what the token may do, which location it is, and our custom fields in it."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from enrichment.connections import checks, scope_checks
from enrichment.connections.scope_checks import KeyWords, ScopeRow
from enrichment.models import Connection, ConnectionCheck, Finding
from enrichment.vendors import scopes as vendor_scopes
from enrichment.vendors.errors import UnknownOutcome, VendorError
from enrichment.vendors.gohighlevel import custom_fields, known_fields
from enrichment.vendors.gohighlevel.client import GoHighLevelClient
from enrichment.vendors.gohighlevel.custom_fields import FieldReport, FieldState
from enrichment.vendors.gohighlevel.fields import CUSTOM
from enrichment.vendors.gohighlevel.location import CustomFieldDefinition
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from enrichment.vendors.gohighlevel.scopes import LOCATION_READ, scopes
from enrichment.vendors.limiter import Slots
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

LOCATION: Final = "location"
FIELDS: Final = "fields"
LOCK: Final = "ghl_fields"
TYPE_WORDS: Final = {"TEXT": "Single line", "LARGE_TEXT": "Multi line", "NUMERICAL": "Number", "FLOAT": "Number"}
LOCK_SECONDS: Final = 180
LISTED_WITHIN: Final = datetime.timedelta(minutes=2)  # a field that was created is in the list after that


@dataclass(frozen=True)
class Created:
    """`names`: the fields made now; `error`: why it stopped before the others."""

    names: Sequence[str]
    error: VendorError | None = None


def scope_rows() -> list[ScopeRow]:
    """Empty without a token that can be sent."""
    try:
        return scope_checks.rows(GOHIGHLEVEL, scopes(known_fields.ghl()), key_words())
    except VendorError:
        return []


def check_can_test() -> None:
    """Raises ActionNotAllowed."""
    scope_checks.check_can_test(GOHIGHLEVEL)
    if not str(settings.GHL_LOCATION_ID).strip(". \t"):
        raise ActionNotAllowed("Set GHL_LOCATION_ID in the environment and restart first.")


def key_words() -> KeyWords:
    return KeyWords(
        "private integration token",
        "GoHighLevel: Settings → Private Integrations",
        f"The token has no access to location {settings.GHL_LOCATION_ID}. Create it in that sub-account, or correct "
        f"GHL_LOCATION_ID.",
    )


def test_token() -> str:
    """Every scope, and the location's name where the token may read it; what came of it.

    Raises ActionNotAllowed, VendorError where the token cannot be sent at all.
    """
    check_can_test()
    client = known_fields.ghl()
    results = scope_checks.test(GOHIGHLEVEL, scopes(client))
    if any(each.scope.name == LOCATION_READ and each.finding == Finding.OK for each in results):
        _check_location(client)
    return scope_checks.summary(GOHIGHLEVEL, results)


def _check_location(client: GoHighLevelClient) -> None:
    slots = checks.reserve(GOHIGHLEVEL, 1)
    try:
        slots.use()
        checks.save(GOHIGHLEVEL, LOCATION, Finding.OK, client.location_name())
    except VendorError as error:
        checks.save(GOHIGHLEVEL, LOCATION, vendor_scopes.judge(error), str(error))
    finally:
        slots.give_back()


# ---------------------------------------------------------------- custom fields


def check_fields() -> list[FieldReport]:
    """Look which of our fields the location has, and keep their ids. Raises ActionNotAllowed, VendorError."""
    check_can_test()
    client, slots = known_fields.ghl(), checks.reserve(GOHIGHLEVEL, 1)
    try:
        return _keep(custom_fields.compare(_listed(client, slots), known_fields.field_ids()), {})
    finally:
        slots.give_back()


def create_fields(*, by: Any) -> Created:
    """Create the fields that the location lacks; nothing that is there, and nothing twice.

    Raises ActionNotAllowed where that is under way already; VendorError where the fields cannot be listed.
    """
    check_can_test()
    if not cache.add(LOCK, "1", LOCK_SECONDS):
        raise ActionNotAllowed("The fields are being created already. Wait for it to finish.")
    try:
        slots = checks.reserve(GOHIGHLEVEL, len(CUSTOM) + 1)
        try:
            return _create(slots, by)
        finally:
            slots.give_back()
    finally:
        cache.delete(LOCK)


def _create(slots: Slots, by: Any) -> Created:
    client = known_fields.ghl()
    listed = _listed(client, slots)
    reports = custom_fields.compare(listed, known_fields.field_ids())
    made, error = dict[str, CustomFieldDefinition](), None
    for name in _names_to_create(reports):
        try:
            slots.use()
            made[name] = client.create_custom_field(custom_fields.label(name), custom_fields.data_type(name))
        except VendorError as refusal:
            error = refusal
            break
    known = {**known_fields.field_ids(), **{name: field.id for name, field in made.items()}}
    with transaction.atomic():
        _keep(custom_fields.compare([*listed, *made.values()], known), made)
        if made:
            connection = Connection.objects.get(system=GOHIGHLEVEL.slug)
            counts = {"created": len(made)}
            audit.record(Verb.CREATE_CUSTOM_FIELDS, by=by, on=connection, fields=list(made), counts=counts)
    return Created(list(made), error)


def _names_to_create(reports: Sequence[FieldReport]) -> list[str]:
    """Those that are missing, and were not made a moment ago: the list may lag."""
    fresh = set(_made_lately())
    return [each.name for each in reports if each.state == FieldState.MISSING and each.name not in fresh]


def _made_lately() -> dict[str, str]:
    """{name: time} of the fields that were created within the last minutes."""
    check = checks.current(GOHIGHLEVEL).get(FIELDS)
    created: Mapping[str, str] = check.seen.get("created", {}) if check else {}
    since = timezone.now() - LISTED_WITHIN
    return {name: at for name, at in created.items() if (moment := parse_datetime(at)) and moment > since}


def _listed(client: GoHighLevelClient, slots: Slots) -> list[CustomFieldDefinition]:
    """Raises VendorError, which is kept as the result of the check."""
    try:
        slots.use()
        return client.custom_fields()
    except VendorError as error:
        checks.save(GOHIGHLEVEL, FIELDS, vendor_scopes.judge(error), str(error), {"created": _made_lately()})
        raise


def _keep(reports: list[FieldReport], made: Mapping[str, CustomFieldDefinition]) -> list[FieldReport]:
    lately = {**_made_lately(), **dict.fromkeys(made, timezone.now().isoformat())}
    kept = {name: known for name, known in known_fields.field_ids().items() if name in lately}
    Connection.objects.update_or_create(
        system=GOHIGHLEVEL.slug,
        defaults={
            "field_ids": {**kept, **custom_fields.ids(reports)},
            "fields_location": str(settings.GHL_LOCATION_ID),
        },
    )
    ready = all(each.state == FieldState.READY for each in reports)
    rows = [
        {
            "name": each.name,
            "state": each.state,
            "type": each.found.data_type if each.found else "",
            "others": each.others,
        }
        for each in reports
    ]
    checks.save(GOHIGHLEVEL, FIELDS, Finding.OK if ready else Finding.WRONG, "", {"fields": rows, "created": lately})
    return reports


def field_rows(check: ConnectionCheck | None) -> list[dict[str, Any]]:
    """Each of our fields as the last look found it; `state` "" where nobody has looked yet."""
    seen = {each["name"]: each for each in (check.seen.get("fields", []) if check else [])}
    lately = _made_lately()
    return [_field_row(name, seen.get(name, {}), is_new=name in lately) for name in CUSTOM]


def _field_row(name: str, seen: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    state, found = seen.get("state", ""), seen.get("type", "")
    label = custom_fields.label(name)
    sentence = {
        FieldState.MISSING: "Values sent for it are lost until it is created.",
        FieldState.WRONG_TYPE: (
            f"Its type is {TYPE_WORDS.get(found, found)}, which can't hold what we send. Rename or delete it in "
            f"GoHighLevel, check again, then create ours."
        ),
        FieldState.DOUBLED: f"Another field is like it: {', '.join(seen.get('others', ()))}. We use one of them. "
        f"Rename or delete the one you don't need, then check again.",
    }.get(state, "")
    if state == FieldState.MISSING and is_new:
        sentence = "Created a moment ago. GoHighLevel doesn't list it yet. Check again in a minute."
    return {
        "name": name,
        "label": label,
        "state": state,
        "type_words": TYPE_WORDS.get(found or custom_fields.data_type(name), found),
        "sentence": sentence,
    }


def created_sentence(created: Created) -> str:
    """What came of it, for the person who pressed the button."""
    count = len(created.names)
    done = f"Created {count} field{'s' if count != 1 else ''}." if count else "No field was created."
    if created.error is None:
        return done if count else "Nothing to create: no field is missing."
    if isinstance(created.error, UnknownOutcome):
        return f"{done} The outcome of the next one is unknown ({created.error}). Check the fields, then go on."
    return f"{done} Then GoHighLevel returned an error: {created.error}. {created.error.advice}"
