"""``/readyz`` against the real database, broker and Redis, and without them."""

import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
ROOT_VHOST = "amqp://guest:guest@127.0.0.1:5672//"


def test_ready_when_everything_is_there(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = ROOT_VHOST
    answer = Client().get("/readyz")
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "broker": "ok", "redis": "ok"}}
    assert answer.status_code == 200


def test_unready_names_the_part_and_no_password(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "amqp://user:s3cret@127.0.0.1:1//"
    settings.REDIS_URL = "redis://:s3cret@127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": "ok",
        "broker": "cannot be reached",
        "redis": "cannot be reached",
    }
    assert b"s3cret" not in answer.content
