"""The stock admin as a WSGI application."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.reference.stock_settings"

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
