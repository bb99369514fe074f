"""Look-ups and application credentials, and who may see what."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from dbaas.accounts import services, tokens
from dbaas.accounts.models import ApplicationCredential, Project, User
from tests.unit.dbaas.accounts.conftest import People

Json = dict[str, Any]


def client_of(user: User, project: Project | None) -> APIClient:
    value, _ = tokens.issue(user=user, project=project, methods=["password"])
    return APIClient(headers={"X-Auth-Token": value.reveal()})


@pytest.fixture
def mel(people: People) -> APIClient:
    return client_of(people.member, people.project)


@pytest.fixture
def ada(people: People) -> APIClient:
    return client_of(people.admin, people.project)


def names(client: APIClient, address: str) -> list[str]:
    body = client.get(f"/identity/v3/{address}").json()
    (items,) = (value for key, value in body.items() if key != "links")
    return [item["name"] for item in items]


def test_versions(client: APIClient) -> None:
    for address in ("/identity", "/identity/"):
        response = client.get(address)
        assert response.status_code == 300
        (found,) = response.json()["versions"]["values"]
        assert found["links"][0]["href"] == "http://testserver/identity/v3/"
    for address in ("/identity/v3", "/identity/v3/"):
        assert client.get(address).json()["version"]["id"].startswith("v3.")


@pytest.mark.parametrize(
    "address", ["auth/catalog", "projects", "users", "roles", "domains", "auth/projects"]
)
def test_no_token_is_401_in_keystones_shape(address: str, client: APIClient, db: None) -> None:
    response = client.get(f"/identity/v3/{address}")
    assert response.status_code == 401
    assert set(response.json()["error"]) == {"code", "title", "message"}
    assert response["WWW-Authenticate"] == 'Keystone uri="http://testserver/identity/v3"'


def test_members_see_themselves_and_operators_everybody(
    mel: APIClient, ada: APIClient, people: People
) -> None:
    assert names(mel, "users") == ["mel"]
    assert names(mel, "projects") == ["alpha"]
    assert names(ada, "users") == ["ada", "mel", "rea", "sam"]
    assert names(ada, "projects") == ["alpha", "beta"]
    assert names(ada, "users?name=sam") == ["sam"]
    assert names(ada, "projects?name=beta") == ["beta"]
    assert names(ada, "projects?domain_id=other") == []
    assert names(mel, "auth/projects") == ["alpha"]
    assert names(ada, f"users/{people.stranger.id}/projects") == ["beta"]
    for address in (f"users/{people.stranger.id}", f"projects/{people.other.id}"):
        assert mel.get(f"/identity/v3/{address}").status_code == 404
        assert ada.get(f"/identity/v3/{address}").status_code == 200
    assert mel.get(f"/identity/v3/users/{people.stranger.id}/projects").status_code == 404


def test_roles_domain_and_catalog(mel: APIClient, people: People) -> None:
    assert names(mel, "roles") == ["admin", "member", "reader"]
    (role,) = mel.get("/identity/v3/roles?name=member").json()["roles"]
    assert mel.get(f"/identity/v3/roles/{role['id']}").json()["role"]["name"] == "member"
    assert names(mel, "domains?name=default") == ["Default"]
    assert mel.get("/identity/v3/domains/default").json()["domain"]["name"] == "Default"
    assert mel.get("/identity/v3/domains/other").status_code == 404
    assert len(mel.get("/identity/v3/auth/catalog").json()["catalog"]) == 2
    assert client_of(people.member, None).get("/identity/v3/auth/catalog").status_code == 403


def test_role_assignments(mel: APIClient, ada: APIClient, people: People) -> None:
    (mine,) = mel.get("/identity/v3/role_assignments?include_names=true").json()["role_assignments"]
    assert (mine["user"]["name"], mine["role"]["name"]) == ("mel", "member")
    assert mine["scope"]["project"]["name"] == "alpha"
    found = ada.get(f"/identity/v3/role_assignments?scope.project.id={people.project.id}").json()
    assert len(found["role_assignments"]) == 3
    assert "name" not in found["role_assignments"][0]["user"]


def test_unknown_addresses_and_methods(mel: APIClient) -> None:
    response = mel.get("/identity/v3/endpoints")
    assert (response.status_code, response.json()["error"]["title"]) == (404, "Not Found")
    assert mel.post("/identity/v3/users", {}, format="json").status_code == 405


def test_project_lookup_of_the_database_endpoint(mel: APIClient, ada: APIClient, people: People) -> None:
    base = f"/v1.0/{people.project.id}/projects"
    assert mel.get(f"{base}/alpha").json()["project"]["id"] == people.project.id
    assert mel.get(f"{base}?name=alpha").json()["projects"][0]["id"] == people.project.id
    assert mel.get(f"{base}/beta").status_code == 404
    assert ada.get(f"{base}/beta").json()["project"]["id"] == people.other.id
    assert mel.get(f"/v1.0/{people.other.id}/projects/beta").status_code == 403
    assert client_of(people.member, None).get(f"{base}/alpha").status_code == 403


class TestApplicationCredentials:
    def address(self, user: User) -> str:
        return f"/identity/v3/users/{user.id}/application_credentials"

    def create(self, client: APIClient, user: User, **fields: Any) -> Any:
        body = {"application_credential": {"name": "ci", **fields}}
        return client.post(self.address(user), body, format="json")

    def test_create_list_show_delete(self, mel: APIClient, people: People) -> None:
        response = self.create(
            mel, people.member, roles=[{"name": "reader"}], expires_at="2099-01-01T00:00:00"
        )
        assert response.status_code == 201
        made = response.json()["application_credential"]
        assert made["secret"]
        assert made["expires_at"] == "2099-01-01T00:00:00.000000Z"
        assert made["secret"] not in str(vars(ApplicationCredential.objects.get()))
        (listed,) = mel.get(self.address(people.member)).json()["application_credentials"]
        assert "secret" not in listed
        one = f"{self.address(people.member)}/{made['id']}"
        assert mel.get(one).json()["application_credential"]["roles"][0]["name"] == "reader"
        assert mel.delete(one).status_code == 204
        assert mel.get(one).status_code == 404

    def test_refusals(self, mel: APIClient, ada: APIClient, people: People) -> None:
        create = self.create
        assert create(mel, people.member, roles=[{"name": "admin"}]).status_code == 403
        assert create(mel, people.member, roles=[{"name": "goat"}]).status_code == 400
        assert create(mel, people.member, expires_at="2001-01-01T00:00:00").status_code == 400
        assert create(mel, people.member, access_rules=[{"path": "/"}]).status_code == 400
        assert create(mel, people.member, name=" ").status_code == 400
        assert create(mel, people.member, project_id=people.other.id).status_code == 403
        assert create(mel, people.reader).status_code == 403
        assert create(ada, people.member).status_code == 403
        assert create(mel, people.member).status_code == 201
        assert create(mel, people.member).status_code == 409
        assert mel.get(self.address(people.admin)).status_code == 403
        assert ada.get(self.address(people.member)).status_code == 200

    def test_a_restricted_one_cannot_make_or_remove_others(self, people: People) -> None:
        for unrestricted, status in ((False, 403), (True, 201)):
            made = services.application_credential_create(
                user=people.member, project=people.project, name=f"u{unrestricted}", unrestricted=unrestricted
            )
            value, _ = tokens.issue(
                user=people.member, project=people.project, methods=["application_credential"],
                application_credential=made.row,
            )  # fmt: skip
            client = APIClient(headers={"X-Auth-Token": value.reveal()})
            assert self.create(client, people.member, name=f"child{unrestricted}").status_code == status
            if not unrestricted:
                assert client.delete(f"{self.address(people.member)}/{made.row.id}").status_code == 403

    def test_roles_of_the_token_bound_those_of_the_credential(self, people: People) -> None:
        parent = services.application_credential_create(
            user=people.member, project=people.project, name="p", roles=["reader"], unrestricted=True
        )
        value, _ = tokens.issue(
            user=people.member, project=people.project, methods=["application_credential"],
            application_credential=parent.row,
        )  # fmt: skip
        client = APIClient(headers={"X-Auth-Token": value.reveal()})
        assert self.create(client, people.member, name="a", roles=[{"name": "member"}]).status_code == 403
        made = self.create(client, people.member, name="b").json()["application_credential"]
        assert [role["name"] for role in made["roles"]] == ["reader"]
