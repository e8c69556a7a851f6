"""Settings of the browser's and the request's limits, and of what is logged; none depends on another's."""

import datetime
import logging

from csp.constants import NONE, SELF

from swarm_admin.environment import env

__all__ = [
    "BODY_BYTES_PER_SECOND",
    "BODY_TIMEOUT_SECONDS",
    "CONTENT_SECURITY_POLICY",
    "DATA_UPLOAD_MAX_MEMORY_SIZE",
    "FILE_UPLOAD_MAX_MEMORY_SIZE",
    "FILE_UPLOAD_PERMISSIONS",
    "HEADER_TIMEOUT_SECONDS",
    "LOGGING",
    "RESPONSE_TIMEOUT_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_REFERRER_POLICY",
    "SESSION_COOKIE_AGE",
    "SESSION_COOKIE_HTTPONLY",
    "WEB_CONNECTIONS",
    "WEB_THREADS",
    "X_FRAME_OPTIONS",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler's form controls are data: images in its stylesheet
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = int(datetime.timedelta(hours=12).total_seconds())
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
WEB_THREADS = env.int("WEB_THREADS", default=4)  # requests at once in one web process
WEB_CONNECTIONS = env.int("WEB_CONNECTIONS", default=4096)  # clients of one, the slow and the silent included
# Within it the head of a request, and the next request on a connection that is kept.
HEADER_TIMEOUT_SECONDS = env.float("HEADER_TIMEOUT_SECONDS", default=30.0)
BODY_TIMEOUT_SECONDS = env.float("BODY_TIMEOUT_SECONDS", default=20.0)
BODY_BYTES_PER_SECOND = env.float("BODY_BYTES_PER_SECOND", default=10_000.0)  # a long body has longer
RESPONSE_TIMEOUT_SECONDS = env.float("RESPONSE_TIMEOUT_SECONDS", default=60.0)  # nothing of an answer is taken
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024  # a thousand leads in one call
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600  # import files hold personal data


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter that lets every record through, as its message alone."""
    record.exc_info = record.exc_text = None
    return True


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"one_line": {"()": "django.utils.log.CallbackFilter", "callback": without_traceback}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        # They name whole URLs; a URL can carry an e-mail address (GoHighLevel's look-up).
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        # Making a PDF, it names the letters of the document.
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "WARNING"},
        # Anybody can send an unknown Host header; a traceback for each would bury the rest.
        "django.security.DisallowedHost": {"filters": ["one_line"]},
    },
}
