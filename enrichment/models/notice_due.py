"""By when somebody has to be told that we hold their data, as the database orders them."""

from django.db import models


class NoticeDue(models.Func):
    """A month after collection, or the first delivery where that was earlier (Art. 14(3)); in UTC, without a zone.

    Of (collected, first disclosed). It orders; the day itself is `gdpr.notices.due_date`. Immutable, so it can be
    indexed: a month is added to a time without a zone.
    """

    arity = 2
    output_field = models.DateTimeField()
    template = "LEAST((%(expressions)s AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    arg_joiner = " AT TIME ZONE 'UTC') + INTERVAL '1 month', "
