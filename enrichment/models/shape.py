"""The shape of an error message: what is left of it when ids, numbers and masked parts are taken out."""

from django.db import models


class Shape(models.Func):
    """ "clay create_rows: 400 row 17 has no [value]" → "clay create_rows: 400 row # has no #".

    The HTTP status at the beginning stays: it is a cause, not a detail. Immutable, so it can be indexed.
    """

    arity = 1
    output_field = models.TextField()
    _masked = r"\[(e-mail|url|number|value)\]"
    # \m and \y are PostgreSQL's: the beginning of a word, and either end of one.
    _status = r"[1-5]\d\d\y"
    _number = rf"(?<!^([a-z]+ [a-z_]+: )?)\m{_status}|\m(?!{_status})[[:alnum:]_-]*\d([[:alnum:]_:.-]*[[:alnum:]])?"
    template = f"regexp_replace(regexp_replace((%(expressions)s)::text, '{_masked}', '#', 'g'), '{_number}', '#', 'g')"
