"""Routes of Trove behind which nothing is yet: empty lists, and refusals that say so."""

from typing import Any

import pytest

from instances.models import Instance
from tests.unit.instances.api.conftest import Api

pytestmark = pytest.mark.django_db
NOWHERE = "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"


@pytest.mark.parametrize("name", ["clusters", "backups", "backup_strategies"])
def test_lists_are_empty(api: Api, base: str, name: str) -> None:
    answer = api("reader").get(f"{base}/{name}")
    assert (answer.status_code, answer.json()) == (200, {name: []})


def test_an_instance_has_no_backups(api: Api, base: str, instance: Instance) -> None:
    assert api("reader").get(f"{base}/instances/{instance.pk}/backups").json() == {"backups": []}


@pytest.mark.parametrize(
    ("path", "key", "said"),
    [
        ("clusters", "cluster", "Clusters are not served"),
        ("backups", "backup", "Creating backups is not served yet."),
        ("backup_strategies", "backup_strategy", "Backup strategies are not served yet."),
    ],
)
def test_creation_is_501(api: Api, base: str, path: str, key: str, said: str) -> None:
    answer = api().post(f"{base}/{path}", {key: {"name": "x"}}, format="json")
    assert answer.status_code == 501
    assert said in answer.json()["notImplemented"]["message"]
    body: Any
    for body in ({}, [], {key: "x"}):
        assert api().post(f"{base}/{path}", body, format="json").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "backups/{}"),
        ("delete", "backups/{}"),
        ("get", "clusters/{}"),
        ("post", "clusters/{}"),
        ("delete", "clusters/{}"),
        ("get", "clusters/{}/instances/{}"),
        ("post", "clusters/{}/root"),
    ],
)
def test_there_is_none_of_any_id(api: Api, base: str, method: str, path: str) -> None:
    answer = getattr(api(), method)(f"{base}/{path.format(NOWHERE, NOWHERE)}", {}, format="json")
    assert answer.status_code == 404


def test_backups_of_others_are_for_operators(api: Api, base: str) -> None:
    for query in (
        "backups?all_projects=True",
        "backups?project_id=other",
        "backup_strategies?project_id=other",
    ):
        assert api("member").get(f"{base}/{query}").status_code == 403
        assert api("admin").get(f"{base}/{query}").status_code == 200


def test_forgetting_no_strategy_is_no_error(api: Api, base: str) -> None:
    assert api().delete(f"{base}/backup_strategies").status_code == 202
