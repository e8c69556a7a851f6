"""Views of the list of leads that staff keep under a name."""

from django.conf import settings
from django.db import models


class LeadView(models.Model):
    """Filters, order and page size of the list, without any search words: those may name a person."""

    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True, help_text="as it stands in the list's address")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False, help_text="everybody sees it; its owner alone changes it")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="lead_view_once")]

    def __str__(self) -> str:
        return self.name
