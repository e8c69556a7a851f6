"""The places that hold a person's data, as the law's side works through them: the mirror, Clay, GoHighLevel, Instantly.

Each fulfils `gdpr.stores.PersonalDataStore`. `people` finds a person in the mirror, `text_match` in free text,
`asking` makes the vendors' calls, `texts` says what a person does by hand.
"""

from gdpr import data_subjects
from gdpr.stores import register


def register_all() -> None:
    """Make the four stores known to the law's side."""
    from enrichment.models import WebhookDelivery
    from enrichment.stores import saved_searches, values
    from enrichment.stores.clay import ClayStore
    from enrichment.stores.ghl import GoHighLevelStore
    from enrichment.stores.instantly import InstantlyStore
    from enrichment.stores.mirror import MirrorStore, erase_delivery
    from enrichment.stores.source import LeadSource
    from gdpr.leftovers import memory
    from gdpr.requests import leftover_erasure

    for store in (ClayStore(), GoHighLevelStore(), InstantlyStore(), MirrorStore()):
        register(store)
    data_subjects.register(LeadSource())
    values.register_fields()
    memory.register_forgetter(saved_searches.forget_person)
    leftover_erasure.register_eraser(WebhookDelivery._meta.db_table, erase_delivery)
