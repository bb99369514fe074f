"""What the control plane asks of a guest, one struct per command.

Names are imperative. Unknown fields are ignored, so a newer control plane can talk to an older guest; an
unknown kind is refused with a report. Commands with `NEEDS_ENGINE_LOCK` change the engine and run one at a
time in the order received; the others are quick reads that run beside them.
"""

from typing import Any, ClassVar

import msgspec

from guestagent.protocol.secret import Secret, dec_hook, enc_hook
from guestagent.protocol.types import DatabaseSpec, ModuleSpec, UserRef, UserSpec


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all commands. `is_read` commands change nothing and may run beside a long action."""

    is_read: ClassVar[bool] = False


class Ping(Command, tag="ping", frozen=True, kw_only=True):
    """Answer at once; the result is ``{}``."""

    is_read: ClassVar[bool] = True


class PrepareDatastore(Command, tag="prepare_datastore", frozen=True, kw_only=True):
    """Initialise, secure, configure and start the datastore, then create `databases` and `users`.

    Done when the server answers queries and everything asked for exists. Repeating it on a prepared guest
    completes what is missing and changes nothing else.
    """

    databases: tuple[DatabaseSpec, ...] = ()
    users: tuple[UserSpec, ...] = ()
    overrides: dict[str, Any] = {}
    secret_overrides: dict[str, Secret] | msgspec.UnsetType = (
        msgspec.UNSET
    )  # more, whose values are passwords
    root_password: Secret | None = None  # enable root from the start


class StartDatastore(Command, tag="start_datastore", frozen=True, kw_only=True):
    """Start the server and keep it running from now on."""


class StopDatastore(Command, tag="stop_datastore", frozen=True, kw_only=True):
    """Shut the server down cleanly and keep it down; escalates to SIGKILL at `timeout_seconds`."""

    timeout_seconds: float = 60.0


class RestartDatastore(Command, tag="restart_datastore", frozen=True, kw_only=True):
    timeout_seconds: float = 60.0


class ApplyConfiguration(Command, tag="apply_configuration", frozen=True, kw_only=True):
    """Make these the only overrides of the server's configuration. Result: ``ConfigurationApplied``, or the
    error code `configuration_refused`; then the server has the values it had before."""

    overrides: dict[str, Any] = {}
    secret_overrides: dict[str, Secret] | msgspec.UnsetType = (
        msgspec.UNSET
    )  # more, whose values are passwords


class ResizeMemory(Command, tag="resize_memory", frozen=True, kw_only=True):
    """Restart the server sized for so much memory; kept, also for later starts."""

    memory_mb: int
    vcpus: int


class GrowVolume(Command, tag="grow_volume", frozen=True, kw_only=True):
    """Have the volume's file system fill the volume, which has just become so large."""

    size_gb: int


class UpgradeDatastore(Command, tag="upgrade_datastore", frozen=True, kw_only=True):
    """Take server and data to this version. Done when the new server has proved good; the way back stays
    open until `SettleUpgrade`. When it fails, the old server runs with the data it had."""

    version: str


class SettleUpgrade(Command, tag="settle_upgrade", frozen=True, kw_only=True):
    """Remove what the way back needs; success when there is none."""


class RevertUpgrade(Command, tag="revert_upgrade", frozen=True, kw_only=True):
    """Go back to version and data before the upgrade; success when there is no way back (any more)."""


class CreateDatabases(Command, tag="create_databases", frozen=True, kw_only=True):
    """Create each database that does not exist yet."""

    databases: tuple[DatabaseSpec, ...]


class DeleteDatabase(Command, tag="delete_database", frozen=True, kw_only=True):
    """Drop a database; one that is already gone is success."""

    name: str


class ListDatabases(Command, tag="list_databases", frozen=True, kw_only=True):
    """Result: ``Page`` of ``{"name"}``; system databases are left out."""

    is_read: ClassVar[bool] = True
    limit: int | None = None
    marker: str | None = None
    include_marker: bool = False


class CreateUsers(Command, tag="create_users", frozen=True, kw_only=True):
    users: tuple[UserSpec, ...]


class DeleteUser(Command, tag="delete_user", frozen=True, kw_only=True):
    """Drop a user; one that is already gone is success."""

    user: UserRef


class GetUser(Command, tag="get_user", frozen=True, kw_only=True):
    """Result: ``UserInfo`` or the error code `user_not_found`."""

    is_read: ClassVar[bool] = True
    user: UserRef


class ListUsers(Command, tag="list_users", frozen=True, kw_only=True):
    """Result: ``Page`` of ``UserInfo``, markers are ``name@host``; system users are left out."""

    is_read: ClassVar[bool] = True
    limit: int | None = None
    marker: str | None = None
    include_marker: bool = False


class UpdateUser(Command, tag="update_user", frozen=True, kw_only=True):
    """Change any of name, password and host; grants stay."""

    user: UserRef
    new_name: str | None = None
    new_password: Secret | None = None
    new_host: str | None = None


class UserPassword(msgspec.Struct, frozen=True, kw_only=True):
    user: UserRef
    password: Secret


class ChangePasswords(Command, tag="change_passwords", frozen=True, kw_only=True):
    changes: tuple[UserPassword, ...]


class GrantAccess(Command, tag="grant_access", frozen=True, kw_only=True):
    """Give the user ALL privileges on each database."""

    user: UserRef
    databases: tuple[str, ...]


class RevokeAccess(Command, tag="revoke_access", frozen=True, kw_only=True):
    user: UserRef
    database: str


class EnableRoot(Command, tag="enable_root", frozen=True, kw_only=True):
    """Make the superuser of the field (`root`) usable from outside with this password."""

    password: Secret


class DisableRoot(Command, tag="disable_root", frozen=True, kw_only=True):
    """Make it unusable again; a root that is not enabled is success."""


class GetHardware(Command, tag="get_hardware", frozen=True, kw_only=True):
    """Result: ``Hardware``."""

    is_read: ClassVar[bool] = True


class GetDiagnostics(Command, tag="get_diagnostics", frozen=True, kw_only=True):
    """Result: ``Diagnostics``."""

    is_read: ClassVar[bool] = True


class ApplyModules(Command, tag="apply_modules", frozen=True, kw_only=True):
    """Keep these modules and have their drivers apply them. Result: a ``ModuleResult`` for each."""

    modules: tuple[ModuleSpec, ...]


class RemoveModule(Command, tag="remove_module", frozen=True, kw_only=True):
    """Undo and forget a module; one that is not there is success."""

    module_id: str


AnyCommand = (
    Ping
    | PrepareDatastore
    | StartDatastore
    | StopDatastore
    | RestartDatastore
    | ApplyConfiguration
    | ResizeMemory
    | GrowVolume
    | UpgradeDatastore
    | SettleUpgrade
    | RevertUpgrade
    | CreateDatabases
    | DeleteDatabase
    | ListDatabases
    | CreateUsers
    | DeleteUser
    | GetUser
    | ListUsers
    | UpdateUser
    | ChangePasswords
    | GrantAccess
    | RevokeAccess
    | EnableRoot
    | DisableRoot
    | GetHardware
    | GetDiagnostics
    | ApplyModules
    | RemoveModule
)

_encoder = msgspec.json.Encoder(enc_hook=enc_hook)
_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand, dec_hook=dec_hook)


def kind_of(command: Command) -> str:
    """The command's wire name, e.g. ``create_users``."""
    return str(type(command).__struct_config__.tag)


def encode_command(command: Command) -> bytes:
    return _encoder.encode(command)


def decode_command(payload: bytes) -> AnyCommand:
    """Raises msgspec.ValidationError for an unknown kind or a field of the wrong type."""
    return _decoder.decode(payload)
