"""Modules: make them, and put them on instances."""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from datastores.models import Datastore, DatastoreVersion
from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest, DbaasError, Forbidden, NotFound, NotImplementedHere
from guestagent.protocol.commands import ApplyModules, RemoveModule
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import MODULE_TYPES, ModuleSpec
from instances import keys
from instances.guest import GuestClient
from instances.models import Instance, InstanceModule, Module
from instances.services.checks import require_actionable

#: Flags that only operators may set.
_OPERATORS_ONLY: Final = {"is_for_all": True, "priority_apply": True, "is_visible": False}


def module_create(
    *, caller: Caller, name: str, module_type: str, contents: Secret, **attributes: Any
) -> Module:
    """Raises BadRequest, and Forbidden for what only operators may ask for."""
    _check_type(module_type)
    _check_rights(caller, attributes)
    key = uuid.uuid4()
    return Module.objects.create(
        id=key,
        project_id=caller.project_id,
        name=name,
        type=module_type,
        is_admin=caller.is_admin,
        **_sealed(key, contents),
        **attributes,
    )


def module_update(*, caller: Caller, module: Module, **changes: Any) -> Module:
    """Change what is given. Raises Forbidden when an instance has it and it is not for live updates."""
    _require_owner(caller, module)
    _check_rights(caller, changes)
    if "type" in changes:
        _check_type(changes["type"])
    contents = changes.pop("contents", None)
    if contents is not None:
        changes |= _sealed(module.pk, contents)
    with transaction.atomic():
        Module.objects.select_for_update().get(pk=module.pk)  # nobody applies it meanwhile
        if not module.live_update and module.applied.filter(instance__deleted_at=None).exists():
            raise Forbidden(f"Module {module.pk} is applied to instances.")
        Module.objects.filter(pk=module.pk).update(**changes, updated_at=timezone.now())
    module.refresh_from_db()
    return module


def module_delete(*, caller: Caller, module: Module) -> None:
    """Raises Forbidden while an instance has it."""
    _require_owner(caller, module)
    try:
        with transaction.atomic():
            module.applied.exclude(instance__deleted_at=None).delete()
            Module.objects.filter(pk=module.pk).delete()
    except models.ProtectedError as error:
        raise Forbidden(f"Module {module.pk} is applied to instances.") from error


def modules_apply(*, instance: Instance, modules: Sequence[Module]) -> list[InstanceModule]:
    """Have the guest apply them, the urgent ones first; how each went is in its row.

    Raises BadRequest for one of another datastore, Unprocessable, and GuestSilent: asking again does no harm.
    """
    require_actionable(instance)
    for module in modules:
        _require_fit(instance, module)
    ordered = sorted(modules, key=lambda module: (not module.priority_apply, module.apply_order, module.name))
    for module in ordered:
        InstanceModule.objects.update_or_create(
            instance=instance,
            module=module,
            defaults={"md5": module.md5, "status": InstanceModule.Status.APPLYING, "message": ""},
        )
    specs = tuple(ModuleSpec(id=str(m.pk), type=m.type, contents=contents_of(m)) for m in ordered)
    try:
        results = GuestClient(instance).ask(
            ApplyModules(modules=specs), timeout_seconds=settings.AGENT_CALL_HIGH_TIMEOUT
        )
    except DbaasError as error:
        rows = InstanceModule.objects.filter(instance=instance, module__in=modules)
        rows.update(status=InstanceModule.Status.FAILED, message=error.message, updated_at=timezone.now())
        raise
    for result in results:
        _record(instance, result)
    return list(InstanceModule.objects.filter(instance=instance, module__in=modules).select_related("module"))


def module_remove(*, instance: Instance, module_id: uuid.UUID) -> None:
    """Raises NotFound when the instance does not have it."""
    require_actionable(instance)
    applied = InstanceModule.objects.filter(instance=instance, module_id=module_id)
    if not applied.exists():
        raise NotFound(f"Module {module_id} is not applied to instance {instance.pk}.")
    GuestClient(instance).ask(
        RemoveModule(module_id=str(module_id)), timeout_seconds=settings.AGENT_CALL_HIGH_TIMEOUT
    )
    applied.delete()


def contents_of(module: Module) -> Secret:
    """Raises CryptoError when no configured key opens them."""
    return Secret(keys.keyring().open(module.sealed_contents, context=_context(module.pk)).decode())


def modules_reseal() -> Iterator[bool]:
    """Seal contents again, under the first configured key, that are under another; one at a time."""
    for module in Module.objects.iterator():
        if keys.keyring().is_current(module.sealed_contents):
            continue
        text = contents_of(module).reveal().encode()
        unchanged = Module.objects.filter(pk=module.pk, sealed_contents=module.sealed_contents)
        sealed = keys.keyring().seal(text, context=_context(module.pk))
        yield bool(unchanged.update(sealed_contents=sealed))


def _record(instance: Instance, result: dict[str, Any]) -> None:
    error = result.get("error")
    InstanceModule.objects.filter(instance=instance, module_id=result["id"]).update(
        status=InstanceModule.Status.FAILED if error else InstanceModule.Status.APPLIED,
        message=error or result.get("message", ""),
        updated_at=timezone.now(),
    )


def _sealed(key: uuid.UUID, contents: Secret) -> dict[str, str]:
    """The columns of these contents, which are base64, as Trove's clients send them. Raises BadRequest."""
    encoded = contents.reveal()
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadRequest("Validation error: module.contents must be text, encoded as base64.") from None
    return {
        "sealed_contents": keys.keyring().seal(text.encode(), context=_context(key)),
        "md5": hashlib.md5(encoded.encode(), usedforsecurity=False).hexdigest(),
    }


def _context(key: uuid.UUID) -> str:
    return f"module:{key}"


def _check_type(module_type: str) -> None:
    if module_type not in MODULE_TYPES:
        raise NotFound(f"There is no module type {module_type!r}; there are: {', '.join(MODULE_TYPES)}.")


def _check_rights(caller: Caller, attributes: dict[str, Any]) -> None:
    if attributes.get("auto_apply"):
        raise NotImplementedHere("Applying modules to new instances by themselves is not served yet.")
    for name, value in _OPERATORS_ONLY.items():
        if attributes.get(name) is value and not caller.is_admin:
            raise Forbidden(f"Only operators may make a module {name.removeprefix('is_')}={int(value)}.")


def _require_owner(caller: Caller, module: Module) -> None:
    if module.project_id != caller.project_id and not caller.is_admin:
        raise Forbidden(f"Module {module.pk} belongs to another project.")
    if module.is_admin and not caller.is_admin:
        raise Forbidden(f"Module {module.pk} was made by an operator.")


def _require_fit(instance: Instance, module: Module) -> None:
    version = instance.datastore_version
    owner: Datastore | None = module.datastore
    wanted: DatastoreVersion | None = module.datastore_version
    if (wanted and wanted.pk != version.pk) or (owner and owner.pk != version.datastore_id):
        raise BadRequest(f"Module {module.name!r} is for {wanted or owner}, not for {version}.")
