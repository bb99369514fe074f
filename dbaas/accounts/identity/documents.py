"""Keystone v3's answers, made from our rows."""

import uuid
from typing import Any, Final

from django.conf import settings

from dbaas.accounts.identity.wire import DOMAIN, timestamp
from dbaas.accounts.models import ApplicationCredential, Project, Role, RoleAssignment, User
from dbaas.accounts.tokens import ValidToken

Json = dict[str, Any]
INTERFACES: Final = ("public", "internal", "admin")
VERSION: Final = "v3.14"


def _fixed_id(*words: str) -> str:
    """The same id in every process and installation, for things that aren't rows."""
    return uuid.uuid5(uuid.NAMESPACE_URL, ":".join(words)).hex


def versions(base: str) -> Json:
    return {"versions": {"values": [version(base)]}}


def version(base: str) -> Json:
    return {
        "id": VERSION,
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base}/identity/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def token(valid: ValidToken, base: str, *, with_catalog: bool) -> Json:
    row = valid.row
    document: Json = {
        "methods": row.methods,
        "user": {"id": row.user.id, "name": row.user.name, "domain": DOMAIN, "password_expires_at": None},
        "audit_ids": [row.audit_id, *([row.parent_audit_id] if row.parent_audit_id else [])],
        "issued_at": timestamp(row.issued_at),
        "expires_at": timestamp(row.expires_at),
    }
    if row.project:
        document |= {
            "project": {"id": row.project.id, "name": row.project.name, "domain": DOMAIN},
            "is_domain": False,
            "roles": [{"id": _fixed_id("role", name), "name": name} for name in sorted(valid.roles)],
        }
        if with_catalog:
            document["catalog"] = catalog(base, row.project.id)
    if credential := row.application_credential:
        document["application_credential"] = {
            "id": credential.id, "name": credential.name, "restricted": not credential.unrestricted,
        }  # fmt: skip
    return document


def catalog(base: str, project_id: str) -> list[Json]:
    return [
        _service("identity", "keystone", f"{base}/identity/v3"),
        _service("database", "trove", f"{base}/v1.0/{project_id}"),
    ]


def _service(kind: str, name: str, url: str) -> Json:
    region = settings.REGION_NAME
    endpoints = [
        {
            "id": _fixed_id("endpoint", kind, interface, region),
            "interface": interface,
            "region": region,
            "region_id": region,
            "url": url,
        }
        for interface in INTERFACES
    ]
    return {"id": _fixed_id("service", kind), "type": kind, "name": name, "endpoints": endpoints}


def domain(base: str) -> Json:
    return {
        **DOMAIN,
        "description": "The only domain.",
        "enabled": True,
        "tags": [],
        "options": {},
        "links": {"self": f"{base}/identity/v3/domains/default"},
    }


def project(row: Project, base: str) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "enabled": row.enabled,
        "domain_id": DOMAIN["id"],
        "parent_id": DOMAIN["id"],
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": f"{base}/identity/v3/projects/{row.id}"},
    }


def user(row: User, base: str) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "enabled": row.enabled,
        "domain_id": DOMAIN["id"],
        "default_project_id": row.default_project_id,
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"{base}/identity/v3/users/{row.id}"},
    }


def roles(base: str) -> list[Json]:
    return [
        {
            "id": _fixed_id("role", name),
            "name": name,
            "domain_id": None,
            "description": None,
            "options": {},
            "links": {"self": f"{base}/identity/v3/roles/{_fixed_id('role', name)}"},
        }
        for name in Role.values
    ]


def role_assignment(row: RoleAssignment, base: str, *, with_names: bool) -> Json:
    def reference(key: str, name: str) -> Json:
        return {"id": key, "name": name, "domain": DOMAIN} if with_names else {"id": key}

    role_id = _fixed_id("role", row.role)
    return {
        "role": {"id": role_id, "name": row.role} if with_names else {"id": role_id},
        "user": reference(row.user.id, row.user.name),
        "scope": {"project": reference(row.project.id, row.project.name)},
        "links": {
            "assignment": f"{base}/identity/v3/projects/{row.project.id}/users/{row.user.id}/roles/{role_id}"
        },
    }


def application_credential(row: ApplicationCredential, base: str) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "roles": [{"id": _fixed_id("role", name), "name": name, "domain_id": None} for name in row.roles],
        "unrestricted": row.unrestricted,
        "expires_at": timestamp(row.expires_at),
        "system": None,
        "links": {"self": f"{base}/identity/v3/users/{row.user_id}/application_credentials/{row.id}"},
    }


def page(name: str, items: list[Json], href: str) -> Json:
    """A whole list: these are short, so there is one page."""
    return {name: items, "links": {"self": href, "next": None, "previous": None}}


def role_name(reference_id: str | None, name: str | None) -> str | None:
    """The role that an id or a name means; None for neither."""
    for role in Role.values:
        if name == role or reference_id == _fixed_id("role", role):
            return role
    return None
