"""Texts: what do we write to people?"""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gdpr.messages import templates
from gdpr.messages.defaults import DEFAULTS
from gdpr.models import MessageTemplate
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_request"
EDIT = "gdpr.edit_template"


class TextForm(forms.Form):
    subject = forms.CharField(max_length=200)
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 16}), label="Text")
    note = forms.CharField(max_length=300, label="What changed, and why")


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    texts = [{"title": templates.title(text.slug), "text": text} for text in templates.all_current()]
    return render(request, "gdpr/messages/texts.html", {"texts": texts})


@screen(EDIT, "GET", "POST")
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest version in a form for the next one, filled in with invented values beside it."""
    if slug not in DEFAULTS:
        raise Http404
    present = templates.current(slug)
    form = TextForm(request.POST or None, initial={"subject": present.subject, "body": present.body})
    if request.method == "POST" and form.is_valid() and "preview" not in request.POST:
        try:
            made = templates.new_version(slug, **form.cleaned_data, by=request.user)
        except ActionNotAllowed as why:
            form.add_error("body", str(why))
        else:
            messages.success(request, f"Version {made.number} published.")
            return redirect("texts")
    context = {
        "form": form,
        "title": templates.title(slug),
        "slug": slug,
        "shown": _preview(slug, form, present),
        "placeholders": templates.PLACEHOLDERS,
        "required": templates.REQUIRED.get(slug, ()),
        "versions": MessageTemplate.objects.filter(slug=slug).select_related("created_by").order_by("-number"),
    }
    return render(request, "gdpr/messages/text.html", context, status=422 if form.is_bound and form.errors else 200)


def _preview(slug: str, form: TextForm, present: MessageTemplate) -> tuple[str, str]:
    """What is typed, as a person would read it; the present version where it cannot be filled in."""
    subject, body = form["subject"].value() or "", form["body"].value() or ""
    try:
        templates.check(slug, subject, body)
    except ActionNotAllowed as why:
        if form.is_bound and "body" not in form.errors:
            form.add_error("body", str(why))
        return templates.preview(present.subject, present.body)
    return templates.preview(subject, body)
