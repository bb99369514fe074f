import io
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from dbaas.accounts import checks, policies, policy
from dbaas.accounts.caller import Caller
from dbaas.common.errors import Forbidden


def caller(*roles: str, project: str = "mine") -> Any:
    return Caller("u1", "u", project, project, frozenset(roles), is_admin="admin" in roles)


def allowed(who: Caller, rule: str, tenant: str = "mine") -> bool:
    try:
        policy.enforce(who, rule, {"tenant": tenant})
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "reader", "member", "admin"),
    [
        ("instance:show", True, True, True),
        ("instance:create", False, True, True),
        ("instance:extension:root:create", False, True, True),
        ("operation:index", True, True, True),
        ("datastore:index", True, True, True),
        ("instance:reset_status", False, False, True),
        ("mgmt:instance:index", False, False, True),
        ("mgmt:quota:update", False, False, True),
    ],
)
def test_roles(rule: str, reader: bool, member: bool, admin: bool) -> None:
    assert allowed(caller("reader"), rule) is reader
    assert allowed(caller("member", "reader"), rule) is member
    assert allowed(caller("admin", "member", "reader"), rule) is admin


def test_another_projects_things_and_no_role_are_refused() -> None:
    assert not allowed(caller("member"), "instance:show", tenant="other")
    assert not allowed(caller("reader"), "mgmt:quota:show", tenant="other")
    assert not allowed(caller(), "instance:show")
    assert not allowed(caller("goat"), "instance:show")
    assert allowed(caller("admin"), "mgmt:quota:show", tenant="other")


def test_a_rule_that_does_not_exist_is_refused_even_for_admins() -> None:
    assert not allowed(caller("admin"), "instance:typo")


def test_file_overrides_and_is_read_again(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("instance:create: 'role:admin'\n")
    settings.POLICY_FILE = str(path)
    assert not allowed(caller("member"), "instance:create")
    assert allowed(caller("member"), "instance:delete")

    replace(path, "instance:create: 'role:goat'\n")
    assert allowed(caller("goat"), "instance:create")

    replace(path, "instance:create: 'rule:nobody_wrote_this'\n")
    assert allowed(caller("goat"), "instance:create"), "the last good rules stay"
    path.unlink()
    assert allowed(caller("goat"), "instance:create")
    assert not allowed(caller("member"), "instance:create")


def replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)  # noqa: PTH105


@pytest.mark.parametrize(
    "text", ["- a list\n", "a: [\n", "instance:create: 3\n", "a: 'rule:b'\nb: 'rule:a'\n", "x: 'rule:nope'\n"]
)
def test_a_bad_file_is_named_by_the_system_checks(text: str, tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    settings.POLICY_FILE = str(path)
    (found,) = checks.policy_file_is_usable(None)
    assert found.id == "accounts.E001"
    assert str(path) in found.msg
    with pytest.raises(ImproperlyConfigured):
        policy.load(str(path))


def test_sample_is_a_policy_file_that_changes_nothing(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("policy_sample", stdout=out)
    path = tmp_path / "policy.yaml"
    path.write_text("\n".join(line[1:] for line in out.getvalue().split("\n") if '": "' in line))
    assert yaml.safe_load(path.read_text()) == {rule.name: rule.check_str for rule in policies.defaults()}
    policy.load(str(path))


class View(APIView):
    authentication_classes = []
    policies = {"GET": "instance:show"}

    def get(self, request: object, **kwargs: object) -> Response:
        return Response()

    def post(self, request: object, **kwargs: object) -> Response:
        return Response()


class Public(View):
    public = True


@pytest.mark.parametrize(
    ("view", "method", "project", "status"),
    [
        (View, "get", "mine", 200),
        (View, "head", "mine", 200),
        (View, "get", "other", 403),
        (View, "post", "mine", 403),  # a method without a rule
        (View, "options", "mine", 403),
        (View, "put", "mine", 405),
        (Public, "post", "other", 200),
    ],
)
def test_permission(view: type[APIView], method: str, project: str, status: int) -> None:
    request = getattr(APIRequestFactory(), method)("/")
    force_authenticate(request, caller("admin", "member", "reader"))
    assert view.as_view()(request, project_id=project).status_code == status


def test_permission_refuses_a_token_without_a_project() -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, caller("admin", project=""))
    assert View.as_view()(request, project_id="").status_code == 403
