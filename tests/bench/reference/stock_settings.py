"""What `startproject` writes, with the product's database and its leads in the stock admin."""

from swarm_admin.settings import ALLOWED_HOSTS, AUTH_USER_MODEL, CACHES, DATABASES, SECRET_KEY, USE_TZ

__all__ = ["ALLOWED_HOSTS", "AUTH_USER_MODEL", "CACHES", "DATABASES", "SECRET_KEY", "USE_TZ"]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.bench.reference.stock_urls"
STATIC_URL = "/static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "swarm_admin.access",
    "gdpr",
    "enrichment",
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# Read by modules of the product at import.
from swarm_admin import settings as _product  # noqa: E402

for _name in dir(_product):
    if _name.isupper() and _name not in globals() and not _name.startswith(("CONTENT_", "ACCOUNT_", "STORAGES")):
        globals()[_name] = getattr(_product, _name)
