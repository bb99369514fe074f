"""WSGI entry point of the api process; it refuses to start with unsafe settings."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.local")
application = get_wsgi_application()

from dbaas.common.checks import require_safe_settings  # noqa: E402 - needs Django set up

require_safe_settings()
