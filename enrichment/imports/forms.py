"""Forms of the screens."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from enrichment.imports.import_files import guess_mapping
from enrichment.imports.importing import REQUIRED
from enrichment.pipeline.intake_rows import LeadIn


class UploadForm(forms.Form):
    """The file of an import."""

    file = forms.FileField(
        label="File",
        help_text="CSV (comma, semicolon or tab) or JSON (an array, or one lead per line).",
        widget=forms.ClearableFileInput(
            attrs={"class": "form-control", "accept": ".csv,.tsv,.txt,.json,.jsonl,.ndjson"}
        ),
        error_messages={"empty": "The file is empty.", "required": "Choose a file."},
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {settings.IMPORT_MAX_BYTES // 1_000_000:,} MB; cut it in parts."
            )
        return file


def _label(name: str) -> str:
    words = name.replace("_", " ").capitalize()
    return words.replace("Linkedin", "LinkedIn").replace(" url", " URL")


class MappingForm(forms.Form):
    """Which column gives which field; guessed from the headers at first."""

    def __init__(self, *args: Any, columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        guessed = {field: column for column, field in guess_mapping(columns).items()}
        choices = [("", "— none —"), *((column, column) for column in columns)]
        for name in LeadIn.model_fields:
            self.fields[name] = forms.ChoiceField(
                label=_label(name),
                choices=choices,
                initial=guessed.get(name, ""),
                required=name in REQUIRED,
                error_messages={"required": "Required. Choose a column."},
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = [column for column in cleaned.values() if column]
        for name, column in list(cleaned.items()):  # an error takes its field out
            if column and given.count(column) > 1:
                self.add_error(name, "This column is already mapped.")
        return cleaned

    def columns(self) -> dict[str, str]:
        """{column: field} of a valid form."""
        return {column: name for name, column in self.cleaned_data.items() if column}
