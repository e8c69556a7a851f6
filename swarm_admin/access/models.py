"""Accounts of people, named by their e-mail address, and keys with which other programs (the Hunter Agent) call us."""

import datetime
import hashlib
import hmac
import secrets
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

PREFIX_LENGTH = 12  # characters of the key that are kept readable: "swarm_" and six of its own
LAST_USED_PRECISION = datetime.timedelta(minutes=1)


class UserManager(BaseUserManager["User"]):
    """Makes accounts, and finds them by their address, however it is written."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new account; without a password nobody signs in until one is chosen. Raises ValueError without e-mail."""
        if not email:
            raise ValueError("An account needs an e-mail address: it is its name.")
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """An account that may do everything, roles or not: for `manage.py createsuperuser`."""
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who works here. Roles are groups (`access/roles.py`); invitations and the rest are in `access/staff.py`.

    The table is the one that Django's own user model had before: see `docs/decisions/0014-own-user-model.md`.
    """

    # As it was: a wider key would rewrite every table that says who did something.
    id = models.AutoField(primary_key=True)
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(default=False)  # Django's admin, where one is added, asks for it
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "auth_user"
        # With it, "unique" means once in any letter case; and allauth looks for addresses in small letters.
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_in_small_letters")
        ]

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name


class Scope(models.TextChoices):
    """What a key may be used for."""

    LEADS_READ = "leads:read", "Read leads"
    LEADS_WRITE = "leads:write", "Create leads"
    REQUESTS_WRITE = "requests:write", "Create data subject requests"


class ApiKey(models.Model):
    """One key: shown once when issued, kept as a hash.

    A key has 256 random bits, so nothing slower than SHA-256 is needed to keep it from being guessed.
    """

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=PREFIX_LENGTH, db_index=True)
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(cls, *, name: str, scopes: list[str], by: AbstractBaseUser | None) -> tuple["ApiKey", str]:
        """A new key and its plain text, which is nowhere else.

        Raises:
            ValueError: an unknown scope, or none.
        """
        unknown = sorted(set(scopes) - set(Scope.values))
        if unknown or not scopes:
            raise ValueError(f"Scopes must be some of {', '.join(Scope.values)}; got {', '.join(unknown) or 'none'}.")
        plaintext = f"swarm_{secrets.token_urlsafe(32)}"
        key = cls.objects.create(
            name=name,
            prefix=plaintext[:PREFIX_LENGTH],
            key_hash=hash_key(plaintext),
            scopes=sorted(set(scopes)),
            created_by=by,
        )
        return key, plaintext

    def revoke(self) -> None:
        """From now on the key opens nothing; a second time changes nothing."""
        self.revoked_at = self.revoked_at or timezone.now()
        self.save(update_fields=["revoked_at"])

    def allows(self, scope: str) -> bool:
        return self.revoked_at is None and scope in self.scopes


def hash_key(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()


def find_key(plaintext: str) -> ApiKey | None:
    """The key with this plain text, if it is not revoked; notes its use, to the minute."""
    digest = hash_key(plaintext)
    now = timezone.now()
    for key in ApiKey.objects.filter(prefix=plaintext[:PREFIX_LENGTH], revoked_at=None):
        if hmac.compare_digest(key.key_hash, digest):
            if key.last_used_at is None or now - key.last_used_at > LAST_USED_PRECISION:
                ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
            return key
    return None
