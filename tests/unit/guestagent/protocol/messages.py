"""One example of every command and report, for the golden files and round trips. Fixed values, no secrets."""

from typing import Final

from guestagent.protocol import commands as c
from guestagent.protocol import reports as r
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, ModuleSpec, UserRef, UserSpec

_USER: Final = UserRef(name="ada", host="10.0.0.%")
_SPEC: Final = UserSpec(name="ada", password=Secret("pw-ünïcode"), host="%", databases=("one", "two"))
_DATABASES: Final = (DatabaseSpec(name="one"), DatabaseSpec(name="two", character_set="utf8mb4", collate="x"))
_MODULE_ID: Final = "0d9c2d4e-8e0c-4b43-8a51-1f0d4a5f9a01"

COMMANDS: Final[tuple[c.AnyCommand, ...]] = (
    c.Ping(),
    c.PrepareDatastore(
        databases=_DATABASES, users=(_SPEC,), overrides={"max_connections": 7}, root_password=Secret("r00t")
    ),
    c.StartDatastore(),
    c.StopDatastore(timeout_seconds=12.5),
    c.RestartDatastore(),
    c.ApplyConfiguration(
        overrides={"max_connections": 7, "x": "y"}, secret_overrides={"report_password": Secret("pw")}
    ),
    c.ResizeMemory(memory_mb=1024, vcpus=2),
    c.GrowVolume(size_gb=2),
    c.UpgradeDatastore(version="11.4"),
    c.SettleUpgrade(),
    c.RevertUpgrade(),
    c.CreateDatabases(databases=_DATABASES),
    c.DeleteDatabase(name="one"),
    c.ListDatabases(limit=20, marker="m", include_marker=True),
    c.CreateUsers(users=(_SPEC,)),
    c.DeleteUser(user=_USER),
    c.GetUser(user=_USER),
    c.ListUsers(limit=5),
    c.UpdateUser(user=_USER, new_name="bob", new_password=Secret("new"), new_host="%"),
    c.ChangePasswords(changes=(c.UserPassword(user=_USER, password=Secret("new")),)),
    c.GrantAccess(user=_USER, databases=("one",)),
    c.RevokeAccess(user=_USER, database="one"),
    c.EnableRoot(password=Secret("r00t")),
    c.DisableRoot(),
    c.GetHardware(),
    c.GetDiagnostics(),
    c.ApplyModules(
        modules=(
            ModuleSpec(id="0d9c2d4e-8e0c-4b43-8a51-1f0d4a5f9a01", type="ping", contents=Secret("message=hi")),
        )
    ),
    c.RemoveModule(module_id="0d9c2d4e-8e0c-4b43-8a51-1f0d4a5f9a01"),
)

REPORTS: Final[tuple[r.AnyReport, ...]] = (
    r.Heartbeat(
        datastore_status=DatastoreStatus.HEALTHY,
        agent_version="1.2",
        engine_version="10.11.6",
        volume_used_bytes=5,
        volume_total_bytes=10,
    ),
    r.CommandFinished(command_id="c-1", outcome=r.Outcome.SUCCEEDED, result={"items": [{"name": "one"}]}),
    r.CommandFinished(
        command_id="c-2", outcome=r.Outcome.FAILED, error_code="user_not_found", error_message="No such user."
    ),
    r.CommandFinished(command_id="c-3", outcome=r.Outcome.REFUSED, error_code="unknown_command"),
    r.CommandProgressed(command_id="c-1", percent=12.5, message="copying"),
)
