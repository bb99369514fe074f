"""The one place where rights are decided: oslo.policy with the rules of `policies.py`.

settings.POLICY_FILE overrides rules by name and is read again when it changes. With a file that
can't be used (the system checks say why) nothing is allowed; one that breaks later leaves the good rules on.
"""

import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from oslo_config import cfg
from oslo_policy import policy as oslo
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dbaas.accounts import policies
from dbaas.accounts.caller import Caller
from dbaas.common.errors import Forbidden
from dbaas.common.logs import get_logger

log = get_logger(__name__)


def enforce(caller: Caller, rule: str, target: Mapping[str, Any] | None = None) -> None:
    """Raises Forbidden unless the policy lets `caller` do `rule` to `target`.

    `target["tenant"]` is the project that owns the thing; without a target it is the caller's own.
    """
    enforcer = _rules.current()
    if rule not in enforcer.registered_rules or not enforcer.enforce(
        rule, dict(target or {"tenant": caller.project_id}), _credentials(caller)
    ):
        raise Forbidden(f"The policy does not allow {rule} with the roles of this token.")


def is_admin(roles: Collection[str]) -> bool:
    """Whether these roles make an operator (rule context_is_admin)."""
    return bool(_rules.current().enforce("context_is_admin", {}, {"roles": list(roles)}))


def _credentials(caller: Caller) -> dict[str, Any]:
    return {
        "user_id": caller.user_id,
        "project_id": caller.project_id,
        "roles": sorted(caller.roles),
        "is_admin": caller.is_admin,
    }


class PolicyPermission(BasePermission):
    """DRF permission: the token must be for the URL's project, and the view's rule must allow the method.

    Reads `view.policies` (HTTP method to rule name). A method without a rule is refused, so a forgotten entry
    shows at once; `public = True` on a view skips all of it.
    """

    message = "The policy does not allow this request."

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if getattr(view, "public", False):
            return True
        caller = request.user
        if not isinstance(caller, Caller):
            return False
        project_id = view.kwargs.get("project_id", caller.project_id)
        if not project_id or project_id != caller.project_id:
            raise Forbidden("The token is not for the project of this address.")
        if not hasattr(view, method.lower()):
            return True  # so that the view can answer: no such method
        rule = getattr(view, "policies", {}).get(method)
        if rule is None:
            return False
        enforce(caller, rule, {"tenant": project_id})
        return True


class _Rules:
    """The enforcer, made anew when the policy file changes and swapped in whole: threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: tuple[str, tuple[int, int, int] | None] | None = None
        self._enforcer: oslo.Enforcer | None = None

    def current(self) -> oslo.Enforcer:
        path = settings.POLICY_FILE
        seen = (path, _fingerprint(path))
        if self._enforcer is not None and seen == self._seen:
            return self._enforcer
        with self._lock:
            if self._enforcer is None or seen != self._seen:
                self._enforcer = self._load(path)
                self._seen = seen
            return self._enforcer

    def _load(self, path: str) -> oslo.Enforcer:
        try:
            return load(path)
        except ImproperlyConfigured as error:
            if self._enforcer is None:
                raise
            log.error("policy.file_refused", path=path, reason=str(error))  # noqa: TRY400 - an operator's mistake
            return self._enforcer


def _fingerprint(path: str) -> tuple[int, int, int] | None:
    if not path:
        return None
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def load(path: str) -> oslo.Enforcer:
    """The defaults with the overrides of a policy file (none when `path` is empty).

    Raises ImproperlyConfigured when the file can't be read, isn't valid, or names a rule that isn't there.
    """
    conf = cfg.ConfigOpts()
    conf([], project="dbaas", default_config_files=[], default_config_dirs=[])
    enforcer = oslo.Enforcer(conf, use_conf=False)
    rules = policies.defaults()
    enforcer.register_defaults(rules)
    checks = oslo.Rules({rule.name: rule.check for rule in rules})
    try:
        if path:
            checks.update(oslo.Rules.load(Path(path).read_text()))
        enforcer.set_rules(checks, use_conf=False)
        enforcer.check_rules(raise_on_violation=True)
    except (OSError, ValueError, TypeError, AttributeError, oslo.InvalidDefinitionError) as error:
        raise ImproperlyConfigured(f"POLICY_FILE: cannot use {path}: {error}") from error
    return enforcer


_rules = _Rules()
