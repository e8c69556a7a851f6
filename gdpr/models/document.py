"""Files made for a request: the access package, which expires, and the certificate, which holds nobody's data."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class DocumentKind(models.TextChoices):
    JSON = "json", "Data (JSON)"
    HTML = "html", "Document (HTML)"
    PDF = "pdf", "Document (PDF)"
    CSV = "csv", "Table (CSV)"
    CERTIFICATE = "certificate", "Certificate"


class RequestDocument(models.Model):
    request = models.ForeignKey("gdpr.SubjectRequest", on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=12, choices=DocumentKind.choices)
    file = models.FileField(upload_to="requests/", blank=True, default="", max_length=200)
    size = models.PositiveIntegerField(default=0, help_text="bytes")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    number = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="version; a certificate has several")
    superseded_at = models.DateTimeField(null=True, blank=True, help_text="another version says more")
    superseded_because = models.CharField(max_length=300, blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty: it is kept")
    erased_at = models.DateTimeField(null=True, blank=True)
    downloads = models.PositiveIntegerField(default=0)
    last_download_at = models.DateTimeField(null=True, blank=True)
    last_download_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["request", "kind"],
                condition=models.Q(superseded_at=None),
                name="one_document_counts",
            ),
            models.UniqueConstraint(fields=["request", "kind", "number"], name="document_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of request {self.request_id}"

    @property
    def available(self) -> bool:
        return self.erased_at is None and (self.expires_at is None or self.expires_at > timezone.now())
