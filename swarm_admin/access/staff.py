"""People who work here: invited, given a role, shut out. Each act is in the audit ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.urls import reverse

from gdpr import audit
from swarm_admin.access.models import ApiKey, User
from swarm_admin.access.roles import ADMIN, COMPLIANCE, SALES_OPS
from swarm_admin.core import mail
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

ROLES = (SALES_OPS, COMPLIANCE, ADMIN)
KNOWN = "An account with this e-mail already exists."
MAIL = """You now have a Swarm Admin account with the role {role}.

Set your password here. The link works once and expires in {days} days:
{link}
"""


@dataclass(frozen=True)
class Invitation:
    """`link`: where they choose a password, told nowhere else. `is_mailed`: it certainly went to their address too."""

    user: User
    link: str
    is_mailed: bool


def people() -> QuerySet[User]:
    """Everybody, those who may sign in first; with `role`, `has_second_factor` and `open_sessions`."""
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    roles = Group.objects.filter(user=OuterRef("pk"), name__in=ROLES).order_by("name").values("name")
    return User.objects.annotate(
        role=Subquery(roles[:1]),
        has_second_factor=Exists(factors),
        open_sessions=Count("usersession"),
    ).order_by("-is_active", "email")


# ---------------------------------------------------------------- what may be done


def check_can_change(person: User, *, by: Any) -> None:
    """Raises ActionNotAllowed: nobody changes their own role or shuts themselves out, so somebody else always can."""
    if person.pk == by.pk:
        raise ActionNotAllowed("You can't change your own access. Ask another admin.")


def check_is_not_last(person: User) -> None:
    """Raises ActionNotAllowed where no other admin could sign in any more."""
    admins = User.objects.filter(is_active=True, groups__name=ADMIN)
    if admins.filter(pk=person.pk).exists() and not admins.exclude(pk=person.pk).exists():
        raise ActionNotAllowed("This is the last admin. Make someone else an admin first.")


# ---------------------------------------------------------------- what is done


def invite(*, email: str, first_name: str, last_name: str, role: str, by: Any) -> Invitation:
    """A new person of a role, who chooses a password by the link; mailed where mail is set up.

    Raises:
        ActionNotAllowed: somebody has this address, or there is no such role.
    """
    email = email.strip().lower()
    if role not in ROLES:
        raise ActionNotAllowed("Choose a role.")
    if User.objects.filter(email__iexact=email).exists():
        raise ActionNotAllowed(KNOWN)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, first_name=first_name, last_name=last_name)
            user.groups.set([Group.objects.get(name=role)])
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
            audit.record(Verb.INVITE_PERSON, by=by, on=user, reason=role)
    except IntegrityError:
        raise ActionNotAllowed(KNOWN) from None
    return _send_invitation(user, role)


def new_password_link(person: User, *, by: Any) -> Invitation:
    """A new link to choose a password with. Raises ActionNotAllowed for who may not sign in."""
    if not person.is_active:
        raise ActionNotAllowed("This account is deactivated. Reactivate it first.")
    with transaction.atomic():
        audit.record(Verb.LINK_FOR_PASSWORD, by=by, on=person)
    return _send_invitation(person, person.groups.values_list("name", flat=True).first() or "")


def change_email(person: User, email: str, *, by: Any) -> None:
    """Another address to sign in with; password, role and sessions stay. Raises ActionNotAllowed where it is taken."""
    email = email.strip().lower()
    taken = User.objects.exclude(pk=person.pk).filter(email__iexact=email).exists()
    if taken or EmailAddress.objects.exclude(user=person).filter(email__iexact=email).exists():
        raise ActionNotAllowed(KNOWN)
    try:
        with transaction.atomic():
            User.objects.filter(pk=person.pk).update(email=email)
            EmailAddress.objects.filter(user=person).delete()
            EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
            audit.record(Verb.CHANGE_EMAIL, by=by, on=person)
    except IntegrityError:
        raise ActionNotAllowed(KNOWN) from None


def change_role(person: User, role: str, *, by: Any) -> None:
    """The one role they have from now on. Raises ActionNotAllowed."""
    check_can_change(person, by=by)
    if role not in ROLES:
        raise ActionNotAllowed("Choose a role.")
    with transaction.atomic():
        _lock_admins()
        if role != ADMIN:
            check_is_not_last(person)
        others = person.groups.exclude(name__in=ROLES)
        person.groups.set([*others, Group.objects.get(name=role)])
        audit.record(Verb.GIVE_ROLE, by=by, on=person, reason=role)


def deactivate(person: User, *, by: Any) -> None:
    """They cannot sign in, and are signed out everywhere. What they did stays theirs. Raises ActionNotAllowed."""
    check_can_change(person, by=by)
    with transaction.atomic():
        _lock_admins()
        check_is_not_last(person)
        User.objects.filter(pk=person.pk).update(is_active=False)
        audit.record(Verb.SHUT_OUT, by=by, on=person)
    sign_out(person)


def reactivate(person: User, *, by: Any) -> None:
    """They may sign in again. Raises ActionNotAllowed."""
    check_can_change(person, by=by)
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(is_active=True)
        audit.record(Verb.LET_IN, by=by, on=person)


def end_sessions(person: User, *, by: Any) -> int:
    """Signed out everywhere; how many sessions that ended."""
    with transaction.atomic():
        audit.record(Verb.END_SESSIONS, by=by, on=person)
    return sign_out(person)


def remove_second_factor(person: User, *, by: Any) -> None:
    """For who lost theirs: they sign in by password alone, and are signed out everywhere. Raises ActionNotAllowed."""
    check_can_change(person, by=by)
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        audit.record(Verb.TAKE_SECOND_FACTOR, by=by, on=person)
    sign_out(person)


def issue_key(*, name: str, scopes: list[str], by: Any) -> tuple[ApiKey, str]:
    """A key for a program, and its plain text, which is nowhere else. Raises ValueError for its scopes."""
    with transaction.atomic():
        key, plaintext = ApiKey.issue(name=name, scopes=scopes, by=by)
        audit.record(Verb.ISSUE_KEY, by=by, on=key, fields=key.scopes)
    return key, plaintext


def revoke_key(key: ApiKey, *, by: Any) -> None:
    """It opens nothing any more."""
    with transaction.atomic():
        key.revoke()
        audit.record(Verb.REVOKE_KEY, by=by, on=key)


# ---------------------------------------------------------------- parts


def sign_out(person: User) -> int:
    sessions = list(UserSession.objects.filter(user=person))
    for session in sessions:
        session.end()
    return len(sessions)


def _lock_admins() -> None:
    """Two admins who shut out each other at once would leave nobody."""
    Group.objects.select_for_update().get(name=ADMIN)


def _send_invitation(user: User, role: str) -> Invitation:
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, token = key.split("-", 1)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
    link = f"{settings.BASE_URL}{path}"
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    body = MAIL.format(role=role or "staff", days=days, link=link)
    try:
        mail.send("Your Swarm Admin account", body, [user.email], seconds=mail.WEB_SECONDS)
    except (mail.NotSent, mail.OutcomeUnknown):
        return Invitation(user, link, is_mailed=False)
    return Invitation(user, link, is_mailed=True)
