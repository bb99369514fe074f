"""Production: TLS in front, JSON logs, and no default for anything secret (see dbaas/common/checks.py)."""

import os

os.environ.setdefault("LOG_FORMAT", "json")

from dbaas.settings.base import *  # noqa: F403

IS_PRODUCTION = True
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
