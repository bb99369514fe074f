"""ASGI entry point of the api process, for servers that prefer it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.local")
application = get_asgi_application()

from dbaas.common.checks import require_safe_settings  # noqa: E402 - needs Django set up

require_safe_settings()
