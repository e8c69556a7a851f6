"""Form fields that take a number only as `swarm_admin.core.numbers` reads it."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from swarm_admin.core.numbers import is_decimal, parse_int


class WholeField(forms.IntegerField):
    """A form's field for a number without a sign."""

    def to_python(self, value: Any) -> int | None:
        text = str(value).strip() if value is not None else ""
        if text in self.empty_values:
            return None
        number = parse_int(text)
        if number is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number


class PlainDecimalField(forms.DecimalField):
    """A form's field for an amount."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        text = str(value).strip() if value is not None else ""
        if text not in self.empty_values and not is_decimal(text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)
