"""Settings shared by all environments. Own options come from the table in `options.py`."""

import os
from pathlib import Path
from typing import Any

import environ
import pymysql

from dbaas.settings import options

# Django's MySQL backend asks for mysqlclient, which needs a compiler; PyMySQL offers the same interface.
pymysql.install_as_MySQLdb()

BASE_DIR = options.PROJECT_ROOT
globals().update(options.load(os.environ))
_set: dict[str, Any] = globals()

DEBUG = False
IS_PRODUCTION = False  # production.py says otherwise; checks.py looks at it
ROOT_URLCONF = "dbaas.urls"
WSGI_APPLICATION = "dbaas.wsgi.application"
ASGI_APPLICATION = "dbaas.asgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = options.VAR / "static"

INSTALLED_APPS = [
    "dbaas",
    "dbaas.common",
    "dbaas.accounts",
    "dbaas.events",
    "dbaas.taskmanager",
    "dbaas.conductor",
    "datastores",
    "instances",
    "backups",
    "dbaas.common.admin_app.DatabasesAdminConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "dbaas.common.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
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
        "DIRS": [],
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
PASSWORD_HASHERS = ["dbaas.accounts.hashers.Argon2Hasher"]
AUTHENTICATION_BACKENDS = ["dbaas.accounts.backends.CountingBackend"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]


def database_settings(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a URL, with what each engine needs for our kind of transactions."""
    database: dict[str, Any] = dict(environ.Env.db_url_config(url))
    given = database.setdefault("OPTIONS", {})
    engine = database["ENGINE"].rsplit(".", 1)[-1]
    if engine == "sqlite3":
        # Immediate: a transaction takes the write lock at its start, so a read inside it stays true.
        given.setdefault("transaction_mode", "IMMEDIATE")
        given.setdefault("timeout", 30)
        given.setdefault(
            "init_command",
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        )
    elif engine == "mysql":
        given.setdefault("charset", "utf8mb4")
        given.setdefault("isolation_level", "read committed")
        given.setdefault("connect_timeout", 5)
        given.setdefault("read_timeout", 60)
        given.setdefault("init_command", "SET sql_mode='STRICT_TRANS_TABLES', innodb_lock_wait_timeout=30")
    elif engine == "postgresql":
        given.setdefault("connect_timeout", 5)
        given.setdefault("options", "-c statement_timeout=60000 -c lock_timeout=30000")
    database["CONN_MAX_AGE"] = 300
    database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": database_settings(_set["DATABASE_URL"])}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["dbaas.accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["dbaas.accounts.policy.PolicyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["dbaas.common.renderers.TroveJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["dbaas.common.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "dbaas.common.negotiation.TroveNegotiation",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "dbaas.common.exceptions.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Database service",
    "DESCRIPTION": "Trove's V1 API, and what we add to it.",
    "VERSION": "v1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/v1\.0/{project_id}",
    "PREPROCESSING_HOOKS": ["dbaas.common.schema.only_api_routes"],
    "POSTPROCESSING_HOOKS": ["dbaas.common.schema.add_common_answers"],
}

LOGGING_CONFIG = "dbaas.common.logs.configure"
LOGGING = {"format": _set["LOG_FORMAT"], "level": _set["LOG_LEVEL"]}

# Celery is transport only: an Operation row holds the outcome, so there is no result backend.
CELERY_BROKER_URL = _set["TRANSPORT_URL"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "taskmanager"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_HEARTBEAT = 10
# A publisher tries once and says so: the outbox tries again. Workers reconnect for ever on their own.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "confirm_publish": True,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False

# Expiring: a tick that waited longer than the next one is worth nothing.
CELERY_BEAT_SCHEDULE = {
    "taskmanager.sweep": {
        "task": "taskmanager.sweep",
        "schedule": 2.0,
        "options": {"queue": "taskmanager", "expires": 4},
    },
    "taskmanager.purge": {
        "task": "taskmanager.purge",
        "schedule": 3600.0,
        "options": {"queue": "taskmanager", "expires": 600},
    },
    "events.deliver": {
        "task": "events.deliver",
        "schedule": 2.0,
        "options": {"queue": "taskmanager", "expires": 4},
    },
    "events.purge": {
        "task": "events.purge",
        "schedule": 3600.0,
        "options": {"queue": "taskmanager", "expires": 600},
    },
    "conductor.purge": {
        "task": "conductor.purge",
        "schedule": 3600.0,
        "options": {"queue": "taskmanager", "expires": 600},
    },
    "instances.reap": {
        "task": "instances.reap",
        "schedule": 60.0,
        "options": {"queue": "taskmanager", "expires": 50},
    },
}
