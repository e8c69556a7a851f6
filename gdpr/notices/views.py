"""Notices: who has not been told that we hold their data?"""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render

from gdpr.messages.mail_check import check_can_send_mail
from gdpr.models import MessageTemplate, Notice, NoticeChannel, NoticeRun
from gdpr.notices import exports, notices, wording
from gdpr.states import MessageStatus
from swarm_admin.core.csv_export import attachment
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed
from swarm_admin.core.form_fields import WholeField
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_retention"
SEND = "gdpr.send_notices"
EDIT = "gdpr.edit_template"
SHOWN = 50


class SendForm(forms.Form):
    limit = WholeField(
        min_value=1,
        max_value=notices.MOST,
        initial=100,
        label="Number of notices, oldest first",
        widget=forms.NumberInput(attrs={"class": "form-control w-auto"}),
    )


class TextForm(forms.Form):
    subject = forms.CharField(max_length=200)
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 18}), label="Text")
    note = forms.CharField(max_length=300, required=False, label="What changed, and why")


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """The queue by due date, and what went out; for htmx the live part."""
    may_send = request.user.has_perm(SEND)
    context = {
        "figures": notices.figures(),
        "queue": notices.queue(SHOWN),
        "recent": Notice.objects.select_related("template", "created_by").order_by("-id")[:SHOWN],
        "template": wording.template(),
        "form": SendForm(),
        "why_not": why_not_allowed(notices.check_can_send)
        if may_send
        else "You don't have permission to send notices.",
        "run": NoticeRun.objects.filter(channel=NoticeChannel.EMAIL).first(),
        "exports": exports.waiting(),
        "may_send": may_send,
        "may_edit": request.user.has_perm(EDIT),
    }
    template = "gdpr/notices/_notices.html" if request.htmx else "gdpr/notices/notices.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@screen(SEND)
def plan(request: HttpRequest) -> HttpResponse:
    """What sending would do, before it does: how many, by which text, who is left out."""
    form = SendForm(request.GET)
    if not form.is_valid():
        messages.error(request, f"Number of notices: {form.errors['limit'][0]}")
        return redirect("notices")
    limit = form.cleaned_data["limit"]
    reason = why_not_allowed(check_can_send_mail) or why_not_allowed(notices.check_is_idle)
    context = notices.plan(limit) | {"limit": limit, "why_no_mail": reason}
    return render(request, "gdpr/notices/notices_plan.html", context)


@screen(SEND, "POST")
def send(request: HttpRequest) -> HttpResponseBase:
    """Queue them; or give them to another tool as a file."""
    form = SendForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Number of notices: {form.errors['limit'][0]}")
        return redirect("notices")
    limit = form.cleaned_data["limit"]
    try:
        if "export" in request.POST:
            return attachment(exports.COLUMNS, exports.rows(limit=limit, by=request.user), "notices.csv")
        notices.send(limit=limit, by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    else:
        messages.success(request, "Queuing notices, oldest first. Progress is shown here.")
    return redirect("notices")


class SentForm(forms.Form):
    sent_at = forms.DateTimeField()


@screen(SEND, "POST")
def confirm_export(request: HttpRequest, pk: int) -> HttpResponse:
    """The other tool sent an export, or did not: its people are notified, or queued again."""
    run = get_object_or_404(NoticeRun, pk=pk, channel=NoticeChannel.EXPORT)
    form = SentForm(request.POST)
    try:
        if "return" in request.POST:
            exports.give_back(run, by=request.user)
            messages.success(request, f"{run.queued:,} people are going back into the queue.")
        elif form.is_valid():
            exports.confirm(run, sent_at=form.cleaned_data["sent_at"], by=request.user)
            messages.success(request, f"{run.queued:,} people are being marked as notified.")
        else:
            messages.error(request, "Enter when the other tool sent it.")
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    return redirect("notices")


@screen(SEND, "POST")
def retry(request: HttpRequest) -> HttpResponse:
    """What was not sent, or what nobody knows of, once more; or the latter counted as told."""
    if "told" in request.POST:
        messages.success(request, f"{notices.mark_as_sent(by=request.user):,} marked as notified.")
    else:
        status = MessageStatus.UNKNOWN if "unknown" in request.POST else MessageStatus.FAILED
        messages.success(request, f"{notices.retry(status, by=request.user):,} queued for retry.")
    return redirect("notices")


@screen(EDIT, "GET", "POST")
def text(request: HttpRequest) -> HttpResponse:
    """The text's versions and a form for the next one."""
    present = wording.template()
    form = TextForm(request.POST or None, initial={"subject": present.subject, "body": present.body})
    if request.method == "POST" and form.is_valid():
        try:
            made = wording.change_text(**form.cleaned_data, by=request.user)
        except ActionNotAllowed as why:
            form.add_error("body", str(why))
        else:
            messages.success(request, f"Version {made.number} published.")
            return redirect("notices")
    versions = MessageTemplate.objects.filter(slug=wording.SLUG).select_related("created_by").order_by("-number")
    status = 422 if form.is_bound and form.errors else 200
    context = {
        "form": form,
        "floor": wording.FLOOR,
        "versions": versions,
        "values": [*wording.template_values(None), *wording.floor_values()],
    }
    return render(request, "gdpr/notices/notice_text.html", context, status=status)
