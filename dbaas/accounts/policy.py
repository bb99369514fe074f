"""Stub: replaced within the hour by the oslo.policy implementation; signatures are final."""

from collections.abc import Mapping
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dbaas.accounts.caller import Caller
from dbaas.common.errors import Forbidden


def enforce(caller: Caller, rule: str, target: Mapping[str, Any] | None = None) -> None:
    """Raises Forbidden unless the policy allows `rule` on `target`."""
    if not caller.roles:
        raise Forbidden(f"Policy does not allow {rule} to be performed.")


class PolicyPermission(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if getattr(view, "public", False):
            return True
        if not isinstance(request.user, Caller):
            return False
        if view.kwargs.get("project_id") != request.user.project_id:
            return False
        rule = getattr(view, "policies", {}).get(request.method)
        if rule is None:
            return False
        enforce(request.user, rule, {"tenant": request.user.project_id})
        return True


def is_admin(roles: frozenset[str]) -> bool:
    return "admin" in roles
