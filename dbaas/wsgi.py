"""WSGI entry point of the api process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.local")
application = get_wsgi_application()
