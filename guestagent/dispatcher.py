"""From a command to the engine's verbs, and from what they return to the result of the report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from guestagent import vitals
from guestagent.config import AGENT_VERSION
from guestagent.errors import GuestError
from guestagent.modules.store import ModuleStore
from guestagent.protocol import commands
from guestagent.protocol.types import ConfigurationApplied, DatastoreStatus, Diagnostics
from guestagent.supervisor import Desired, Preparation, Supervisor
from guestagent.volume import grow_file_system

Handler = Callable[[Any], Any]


class Dispatcher:
    """Runs one command to its end. Raises GuestError, or anything else when the agent has a fault."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._manager = manager = supervisor.manager
        self._modules = ModuleStore(Path(manager.config.state_path) / "modules")
        self._handlers: dict[type[commands.Command], Handler] = {
            commands.Ping: lambda command: {},
            commands.PrepareDatastore: self._prepare,
            commands.StartDatastore: self._start,
            commands.StopDatastore: self._stop,
            commands.RestartDatastore: self._restart,
            commands.ApplyConfiguration: self._apply_configuration,
            commands.ResizeMemory: self._resize,
            commands.GrowVolume: lambda c: grow_file_system(Path(manager.config.data_path)),
            commands.UpgradeDatastore: self._upgrade,
            commands.SettleUpgrade: lambda c: manager.settle_upgrade(),
            commands.RevertUpgrade: self._revert_upgrade,
            commands.CreateDatabases: lambda c: manager.create_databases(c.databases),
            commands.DeleteDatabase: lambda c: manager.delete_database(c.name),
            commands.ListDatabases: lambda c: manager.list_databases(c.limit, c.marker, c.include_marker),
            commands.CreateUsers: lambda c: manager.create_users(c.users),
            commands.DeleteUser: lambda c: manager.delete_user(c.user),
            commands.GetUser: lambda c: manager.get_user(c.user),
            commands.ListUsers: lambda c: manager.list_users(c.limit, c.marker, c.include_marker),
            commands.UpdateUser: self._update_user,
            commands.ChangePasswords: self._change_passwords,
            commands.GrantAccess: lambda c: manager.grant_access(c.user, c.databases),
            commands.RevokeAccess: lambda c: manager.revoke_access(c.user, c.database),
            commands.EnableRoot: lambda c: manager.enable_root(c.password),
            commands.DisableRoot: lambda c: manager.disable_root(),
            commands.GetHardware: lambda c: vitals.hardware(manager.config),
            commands.GetDiagnostics: self._diagnostics,
            commands.ApplyModules: lambda c: self._modules.apply(c.modules),
            commands.RemoveModule: lambda c: self._modules.remove(c.module_id),
        }

    def run(self, command: commands.Command) -> Any:
        """The command's result as JSON values, shaped as its docstring says; None when it has none."""
        handler = self._handlers.get(type(command))
        if handler is None:
            raise GuestError("this guest cannot do that", code="unknown_command")
        if command.is_read:
            return msgspec.to_builtins(handler(command))
        with self._supervisor.engine_lock:
            return msgspec.to_builtins(handler(command))

    def _prepare(self, command: commands.PrepareDatastore) -> None:
        manager, supervisor = self._manager, self._supervisor
        with supervisor.phase(DatastoreStatus.BUILDING):
            supervisor.preparation = Preparation.BEGUN
            try:
                manager.prepare(_overrides(command))
                if command.databases:
                    manager.create_databases(command.databases)
                if command.users:
                    manager.create_users(command.users)
                if command.root_password is not None:
                    manager.enable_root(command.root_password)
            except Exception:
                supervisor.preparation = Preparation.FAILED
                raise
            supervisor.desired = Desired.RUNNING
            supervisor.preparation = Preparation.DONE

    def _start(self, command: commands.StartDatastore) -> None:
        self._supervisor.desired = Desired.RUNNING
        with self._supervisor.phase(DatastoreStatus.RESTARTING):
            self._manager.start()
            self._supervisor.preparation = Preparation.DONE

    def _stop(self, command: commands.StopDatastore) -> None:
        # First the wish, then the deed: whoever looks in between must not start it again.
        self._supervisor.desired = Desired.STOPPED
        self._manager.stop(command.timeout_seconds)
        self._supervisor.look_again()

    def _restart(self, command: commands.RestartDatastore) -> None:
        self._supervisor.desired = Desired.RUNNING
        with self._supervisor.phase(DatastoreStatus.RESTARTING):
            self._manager.stop(command.timeout_seconds)
            self._manager.start()
            self._supervisor.preparation = Preparation.DONE

    def _resize(self, command: commands.ResizeMemory) -> None:
        self._supervisor.desired = Desired.RUNNING
        with self._supervisor.phase(DatastoreStatus.RESTARTING):
            self._manager.resize(command.memory_mb, command.vcpus)

    def _upgrade(self, command: commands.UpgradeDatastore) -> None:
        self._supervisor.desired = Desired.RUNNING
        with self._supervisor.phase(DatastoreStatus.RESTARTING):
            self._manager.upgrade(command.version)

    def _revert_upgrade(self, command: commands.RevertUpgrade) -> None:
        with self._supervisor.phase(DatastoreStatus.RESTARTING):
            self._manager.revert_upgrade()

    def _apply_configuration(self, command: commands.ApplyConfiguration) -> ConfigurationApplied:
        try:
            return self._manager.apply_configuration(_overrides(command))
        finally:
            self._supervisor.look_again()

    def _diagnostics(self, command: commands.GetDiagnostics) -> Diagnostics:
        pid = self._manager.runtime.server_pid()
        return vitals.diagnostics(AGENT_VERSION, self._supervisor.seen.version, pid)

    def _update_user(self, command: commands.UpdateUser) -> None:
        self._manager.update_user(
            command.user,
            new_name=command.new_name,
            new_password=command.new_password,
            new_host=command.new_host,
        )

    def _change_passwords(self, command: commands.ChangePasswords) -> None:
        for change in command.changes:
            self._manager.update_user(change.user, new_name=None, new_password=change.password, new_host=None)


def _overrides(command: commands.PrepareDatastore | commands.ApplyConfiguration) -> dict[str, Any]:
    secret = command.secret_overrides
    revealed = {} if secret is msgspec.UNSET else {name: value.reveal() for name, value in secret.items()}
    return {**command.overrides, **revealed}
