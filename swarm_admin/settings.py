"""Configuration, all of it from the environment (`.env.example` lists every name).

Three modes: `production` (the default; refuses missing or default secrets by name), `demo`
(the sandbox stands in for the vendors, on a compressed clock) and `test`.
"""

from urllib.parse import urlsplit

from kombu import Queue

from swarm_admin import embedded
from swarm_admin.environment import (
    BASE_DIR,
    DATA_DIR,
    INSECURE_DEFAULT,
    MODE,
    PRODUCTION,
    VAR_DIR,
    env,
    mail_server,
    mail_timeout,
    one_of,
    port,
    public_url,
    refuse_incomplete,
    require_identity_keys,
    secret,
    slack_url,
    vendor_url,
)
from swarm_admin.security import *  # noqa: F403 - settings too: cookies, headers, what is logged

# ---------------------------------------------------------------- secrets

SECRET_KEY = secret("DJANGO_SECRET_KEY")
# First key writes, all keys look up: "id:secret,id:secret" (rotation without losing a suppression).
IDENTITY_HASH_KEYS = secret("IDENTITY_HASH_KEYS", default=f"demo:{INSECURE_DEFAULT}")
CLAY_API_KEY = secret("CLAY_API_KEY")
CLAY_WEBHOOK_SECRET = secret("CLAY_WEBHOOK_SECRET")
CLAY_WEBHOOK_SECRET_PREVIOUS = env("CLAY_WEBHOOK_SECRET_PREVIOUS", default="")
GHL_API_KEY = secret("GHL_API_KEY")
INSTANTLY_API_KEY = secret("INSTANTLY_API_KEY")

# ---------------------------------------------------------------- outside systems

PORT = port("PORT", 8000)
SANDBOX_PORT = port("SANDBOX_PORT", 8100, apart_from=PORT if MODE == "demo" else None)
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}"
BASE_URL = public_url("BASE_URL", f"http://127.0.0.1:{PORT}")
CLAY_API_BASE_URL = vendor_url("CLAY_API_BASE_URL", "https://api.clay.com/v1", f"{SANDBOX_URL}/clay/v1")
CLAY_WORKSPACE_ID = env("CLAY_WORKSPACE_ID", default="" if PRODUCTION else "demo-workspace")
# Which way leads go to Clay, until an admin chooses another on Connections: the specification's API, a table's webhook
# and HTTP API column, or a routine of the public API.
CLAY_CONNECTOR = one_of("CLAY_CONNECTOR", ("rows-api", "table", "routine"))
# Where a table's webhook may be: rows, which hold personal data, are posted nowhere else.
CLAY_SOURCE_HOSTS = env.list("CLAY_SOURCE_HOSTS", default=["api.clay.com"])
CLAY_PUBLIC_API_BASE_URL = vendor_url(
    "CLAY_PUBLIC_API_BASE_URL", "https://api.clay.com/public/v0", f"{SANDBOX_URL}/clay/public/v0"
)
CLAY_PUBLIC_API_HEADER = one_of("CLAY_PUBLIC_API_HEADER", ("clay-api-key", "authorization"))  # the second: Bearer
CLAY_ROUTINE_ID = env("CLAY_ROUTINE_ID", default="")  # function:… or workflow:…; empty: the one chosen on Connections
# Registered with Clay's command line, which tells its signing secret; the demo's stand-in has one.
CLAY_ROUTINE_WEBHOOK_ID = env("CLAY_ROUTINE_WEBHOOK_ID", default="demo-webhook" if MODE == "demo" else "")
CLAY_SIGNING_SECRET = env("CLAY_SIGNING_SECRET", default=INSECURE_DEFAULT if MODE == "demo" else "")
CLAY_SIGNING_SECRET_PREVIOUS = env("CLAY_SIGNING_SECRET_PREVIOUS", default="")
CLAY_TABLE_ID = env("CLAY_TABLE_ID", default="")  # empty: the one `clay_setup` made
GHL_API_BASE_URL = vendor_url("GHL_API_BASE_URL", "https://services.leadconnectorhq.com", f"{SANDBOX_URL}/ghl")
GHL_LOCATION_ID = env("GHL_LOCATION_ID", default="" if PRODUCTION else "demo-location")
INSTANTLY_API_BASE_URL = vendor_url(
    "INSTANTLY_API_BASE_URL", "https://api.instantly.ai/api/v2", f"{SANDBOX_URL}/instantly/api/v2"
)
# Where new leads go until an admin chooses a campaign on Connections.
INSTANTLY_CAMPAIGN_ID = env("INSTANTLY_CAMPAIGN_ID", default="" if PRODUCTION else "demo-campaign")
VENDOR_TIMEOUT_SECONDS = env.float("VENDOR_TIMEOUT_SECONDS", default=20.0)
VENDOR_CONCURRENCY = env.int("VENDOR_CONCURRENCY", default=8)  # calls at once in one worker task
VENDOR_LATENCY_SECONDS = env.float("VENDOR_LATENCY_SECONDS", default=1.0)  # a limit's slot is kept so much longer
VENDOR_MAX_ANSWER_BYTES = env.int("VENDOR_MAX_ANSWER_BYTES", default=64_000_000)  # an export of 5000 rows fits

refuse_incomplete("CLAY_WORKSPACE_ID", "GHL_LOCATION_ID", "BASE_URL", "EMAIL_URL")
require_identity_keys(IDENTITY_HASH_KEYS)

# ---------------------------------------------------------------- pipeline

# Divides every wait and every rate window; 1 in production. The sandbox runs at the same speed.
CLOCK_SPEED = env.float("CLOCK_SPEED", default=60.0 if MODE == "demo" else 1.0)
TICK_SECONDS = env.float("TICK_SECONDS", default=0.5 if MODE == "demo" else 2.0)  # how often beat looks for due work
TICK_SLOTS = env.int("TICK_SLOTS", default=2)  # ticks of one busy stage at once, over all workers
CLAY_ROWS_BATCH = env.int("CLAY_ROWS_BATCH", default=50)  # Clay: at most 100
CLAY_TRIGGER_BATCH = env.int("CLAY_TRIGGER_BATCH", default=25)  # Clay: at most 50
CLAY_UPDATE_BATCH = env.int("CLAY_UPDATE_BATCH", default=100)  # Clay: at most 200
CLAY_FLUSH_SECONDS = env.float("CLAY_FLUSH_SECONDS", default=60.0)  # a partial batch leaves
CLAY_ROWS_PER_MINUTE = env.int("CLAY_ROWS_PER_MINUTE", default=100)  # per table
CLAY_UPDATES_PER_MINUTE = env.int("CLAY_UPDATES_PER_MINUTE", default=200)  # per table
CLAY_TRIGGERS_PER_MINUTE = env.int("CLAY_TRIGGERS_PER_MINUTE", default=50)  # per workspace
CLAY_EXPORTS_PER_HOUR = env.int("CLAY_EXPORTS_PER_HOUR", default=10)  # per workspace
CLAY_SUBMISSIONS_PER_SECOND = env.int("CLAY_SUBMISSIONS_PER_SECOND", default=10)  # into all sources of a workspace
CLAY_SUBMISSIONS_BURST = env.int("CLAY_SUBMISSIONS_BURST", default=20)
CLAY_SOURCE_LIFE = env.int("CLAY_SOURCE_LIFE", default=50_000)  # submissions a source takes before it takes no more
CLAY_ROUTINE_CALLS_PER_MINUTE = env.int("CLAY_ROUTINE_CALLS_PER_MINUTE", default=300)  # Clay publishes no figure
CLAY_OVERDUE_SECONDS = env.float("CLAY_OVERDUE_SECONDS", default=3600.0)  # no result came back
# What is done then: a person is asked, the lead is submitted once more (at a cost), or given up.
CLAY_OVERDUE_POLICY = one_of("CLAY_OVERDUE_POLICY", ("ask", "resubmit", "give_up"))
CLAY_LIMIT_UNIT = env("CLAY_LIMIT_UNIT", default="calls")  # or "rows"
GHL_PER_TEN_SECONDS = env.int("GHL_PER_TEN_SECONDS", default=100)  # per location
GHL_PER_DAY = env.int("GHL_PER_DAY", default=200_000)  # per location
INSTANTLY_PER_SECOND = env.int("INSTANTLY_PER_SECOND", default=100)  # per workspace
INSTANTLY_PER_MINUTE = env.int("INSTANTLY_PER_MINUTE", default=6_000)  # per workspace
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", default=3)
RETRY_BASE_SECONDS = env.float("RETRY_BASE_SECONDS", default=30.0)  # doubled at each attempt
# Then a killed worker's work is due. Longer than the slowest round of calls, or two workers would be at it.
LEASE_SECONDS = env.float("LEASE_SECONDS", default=30.0 if MODE == "demo" else 300.0)
# A worker whose interpreter is held so long ends by itself: before its leases have run out.
WORKER_FROZEN_SECONDS = env.float("WORKER_FROZEN_SECONDS", default=0.8 * LEASE_SECONDS)
# A vendor that leaves so many calls of one kind in a row unanswered is paused, and asked again with one call, first
# after VENDOR_PROBE_SECONDS, later less often, at least every VENDOR_PROBE_MOST_SECONDS.
VENDOR_DOWN_CALLS = env.int("VENDOR_DOWN_CALLS", default=5)
VENDOR_PROBE_SECONDS = env.float("VENDOR_PROBE_SECONDS", default=60.0)
VENDOR_PROBE_MOST_SECONDS = env.float("VENDOR_PROBE_MOST_SECONDS", default=900.0)
# Nothing of a stage moved for so long though it is due: an alert, and /readyz says so.
WATCHDOG_STALL_SECONDS = env.float("WATCHDOG_STALL_SECONDS", default=300.0)
READ_BACK_SECONDS = env.float("READ_BACK_SECONDS", default=30.0)  # a search index may lag
POLL_AFTER_SECONDS = env.float("POLL_AFTER_SECONDS", default=1800.0)  # no webhook came
PROVIDER_BUDGET_POLICY = env("PROVIDER_BUDGET_POLICY", default="skip")  # or "wait"
# Company and tech data of a domain is taken over from the mirror so long; 0: always bought.
COMPANY_DATA_DAYS = env.int("COMPANY_DATA_DAYS", default=90)
TIER_SOURCE = env("TIER_SOURCE", default="scorecard")  # or "clay"
INSTANTLY_BLOCK_ERASED = env.bool(
    "INSTANTLY_BLOCK_ERASED", default=False
)  # erased people's plain addresses on Instantly's block list
# A contact in GoHighLevel that is not the lead's own: without_phone, ask (a person decides) or fill (its empty fields).
GHL_MATCH_POLICY = one_of("GHL_MATCH_POLICY", ("without_phone", "ask", "fill"))
RECONCILE_SECONDS = env.float("RECONCILE_SECONDS", default=3600.0)  # Clay's changed rows are compared
RECONCILE_FULL_SECONDS = env.float("RECONCILE_FULL_SECONDS", default=86_400.0)  # all of Clay's rows
RECONCILE_PAGE = env.int("RECONCILE_PAGE", default=5_000)  # rows an export; Clay: at most 5000
CLAY_TABLE_ROWS = env.int("CLAY_TABLE_ROWS", default=50_000)  # Clay keeps no more in one table
RETENTION_DAYS = env.int("RETENTION_DAYS", default=730)
COMPLIANCE_TIME_ZONE = env("COMPLIANCE_TIME_ZONE", default="UTC")
COMPLIANCE_REGIME = one_of("COMPLIANCE_REGIME", ("eu", "uk", "ch", "ca"))  # of a request that names none
COMPLIANCE_CALENDAR = env("COMPLIANCE_CALENDAR", default="DE")  # public holidays of a country, or of "GB-ENG"
CONTROLLER_NAME = env("CONTROLLER_NAME", default="The controller")
# Whom people write to: an address of the privacy office.
CONTROLLER_CONTACT = env("CONTROLLER_CONTACT", default="" if PRODUCTION else "privacy@swarm.demo")
COMPLAINT_AUTHORITY = env("COMPLAINT_AUTHORITY", default="the data protection authority of your country")
MANUAL_STEP_DAYS = env.int("MANUAL_STEP_DAYS", default=5)  # a step by hand is due, within the request's own time
PACKAGE_DAYS = env.int("PACKAGE_DAYS", default=30)  # then the files of an access request are erased
REQUEST_IDENTITY_DAYS = env.int("REQUEST_IDENTITY_DAYS", default=30)  # after its end; the hashes stay
ERASURE_IDENTITY_DAYS = env.int("ERASURE_IDENTITY_DAYS", default=0)  # the same of an erasure
NOTICE_BEFORE_DELIVERY = env.bool("NOTICE_BEFORE_DELIVERY", default=False)  # nobody is delivered untold (Art. 14)
# What a notice says of third countries and their safeguards (Art. 14(1)(f)); the contracts are yours.
NOTICE_TRANSFERS = env(
    "NOTICE_TRANSFERS",
    default="these processors are based in the United States. Ask us for a copy of the safeguards in place.",
)
NOTICE_AUTOMATIC = env.bool("NOTICE_AUTOMATIC", default=False)  # notices go out by themselves
# Best on a volume that the database's administrator cannot write: it shows a cut or rewritten ledger.
AUDIT_ANCHOR_FILE = env("AUDIT_ANCHOR_FILE", default=str(DATA_DIR / "anchors" / "audit-anchors.jsonl"))
WEBHOOK_MAX_BYTES = env.int("WEBHOOK_MAX_BYTES", default=1_000_000)
INTAKE_MAX_LEADS = 1_000  # one API call
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=1_000_000_000)  # one file

# ---------------------------------------------------------------- alerts

ALERT_EMAILS = env.list("ALERT_EMAILS", default=[])  # empty: alerts are not sent by e-mail
SLACK_WEBHOOK_URL = slack_url()  # empty: alerts are not posted
ALERT_REMIND_SECONDS = env.float("ALERT_REMIND_SECONDS", default=14_400.0)  # of one that stays open
ALERT_WEBHOOK_BACKLOG = env.int("ALERT_WEBHOOK_BACKLOG", default=1_000)  # deliveries that wait
ALERT_WEBHOOK_AGE_SECONDS = env.float("ALERT_WEBHOOK_AGE_SECONDS", default=600.0)  # the oldest of them
ALERT_FAILURES_PER_HOUR = env.int("ALERT_FAILURES_PER_HOUR", default=50)  # leads that need a person

# ---------------------------------------------------------------- Django

DEBUG = env.bool("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(BASE_URL).hostname or ""])
if not PRODUCTION:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "testserver"]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_filters",
    "crispy_forms",
    "crispy_bootstrap5",
    "ninja",
    "swarm_admin.access",
    "swarm_admin",
    "enrichment",
    "gdpr",
]
MIDDLEWARE = [
    "swarm_admin.probes.middleware",
    "swarm_admin.api.refusals_in_json",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "swarm_admin.access.middleware.htmx",
    "swarm_admin.access.middleware.readable_405",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
ROOT_URLCONF = "swarm_admin.urls"
WSGI_APPLICATION = "swarm_admin.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "swarm_admin.access.context.navigation",
            ]
        },
    }
]

# Bundled servers stand in where no address is given; whoever starts a process starts them (`manage.py`).
EMBEDDED = not (env("DATABASE_URL", default="") and env("REDIS_URL", default=""))
DATABASE_URL = env("DATABASE_URL", default="") or embedded.database_url(DATA_DIR)
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Bitmaps of common search words fit in 32 MB and stay exact; compiling a query takes longer than a page may.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c work_mem=32MB -c jit=off"
REDIS_URL = env("REDIS_URL", default="") or embedded.redis_url(DATA_DIR)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"serializer": "swarm_admin.core.cache.Serializer"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = MODE == "test"  # the tests' web process serves the sources as they are
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "swarm_admin" / "static", ("vendor", VAR_DIR / "vendor")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if MODE != "test" or env.bool("COLLECT_HASHED", default=False)  # set by `make` for collectstatic
        else "django.contrib.staticfiles.storage.StaticFilesStorage"  # no collectstatic before a test
    },
}
MEDIA_ROOT = DATA_DIR / "files"
# The scorecard preview keeps its copy of the scoring columns here, one file; a memory file system will do.
SCORING_SNAPSHOT_DIR = env("SCORING_SNAPSHOT_DIR", default=str(DATA_DIR / "scoring"))

# ---------------------------------------------------------------- people

AUTH_USER_MODEL = "access.User"
# This one alone: Django's own knows accounts by e-mail too, and a wrong password would be hashed twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "swarm_admin.access.adapter.ClosedSignupAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by an admin, who vouches for the address
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
vars().update(mail_server())  # EMAIL_BACKEND, EMAIL_HOST and so on
EMAIL_TIMEOUT = mail_timeout(LEASE_SECONDS)  # from the connection to the server's last word
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="swarm-admin@localhost")

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# Plain HTTP only where the address says so: the demo, tests, or production with ALLOW_HTTP.
HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SECURE_SSL_REDIRECT", default=HTTPS)
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION and HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION and HTTPS

# ---------------------------------------------------------------- background work

# The same server, as Celery spells a Unix socket.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
# A tick is off the queue once a worker has it: one that is lost is made good by the next, while acknowledging it
# afterwards would end the worker where the broker was restarted meanwhile.
CELERY_TASK_ACKS_LATE = False
# So it needs no acknowledgement either, which is four commands of Redis for each.
CELERY_TASK_QUEUES = [Queue("celery", no_ack=True)]
CELERY_DB_REUSE_MAX = 10**9  # connections are renewed as those of the web are: see swarm_admin/celery.py
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
