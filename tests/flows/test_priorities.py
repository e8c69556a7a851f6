"""Where a limit holds the work back, what people wait for and fresh leads pass what is tried again in bulk."""

from django.utils import timezone

from enrichment.models import Attempt, Batch, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch import plan, rows, trigger
from enrichment.vendors import limiter


def with_rows(pipeline, settings):
    settings.CLAY_FLUSH_SECONDS = 0.0
    plan.plan_batches(BatchKind.ROWS)
    rows.run_due()
    assert not Lead.objects.filter(clay_row_id=None).exists()


def asked():
    return set(Attempt.objects.values_list("lead__linkedin_url", flat=True))


def next_minute():
    for key in limiter.connection().keys("limit:clay.triggers:*"):  # none where a minute has passed indeed
        limiter.connection().delete(key)


def test_the_one_slot_there_is_goes_to_who_is_waited_for(pipeline, settings):
    settings.CLAY_TRIGGERS_PER_MINUTE = 1
    settings.CLAY_TRIGGER_BATCH = 2
    bulk = [pipeline.lead(f"bulk-{number}", dispatch_priority=0) for number in range(6)]
    with_rows(pipeline, settings)
    plan.plan_batches(BatchKind.TRIGGER)  # the crowd is planned already when the others come
    fresh = pipeline.lead("fresh", dispatch_priority=10)
    urgent = pipeline.lead("urgent", dispatch_priority=20)
    with_rows(pipeline, settings)
    plan.plan_batches(BatchKind.TRIGGER)
    seen = []
    for _ in range(3):
        before = asked()
        trigger.run_due()
        seen.append(asked() - before)
        next_minute()
        Batch.objects.filter(status="planned").update(not_before=timezone.now())
    assert {urgent.linkedin_url, fresh.linkedin_url} == seen[0]
    assert seen[1] | seen[2] < {lead.linkedin_url for lead in bulk}
    assert all(seen)
