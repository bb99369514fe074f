"""Create, change and delete users on an instance, and what they may reach."""

import msgspec
from django.conf import settings

from dbaas.taskmanager.workflow import Outcome, register
from guestagent.protocol.commands import (
    ChangePasswords,
    Command,
    CreateUsers,
    DeleteUser,
    GrantAccess,
    RevokeAccess,
    UpdateUser,
    UserPassword,
)
from guestagent.protocol.secret import Secret, dec_hook
from guestagent.protocol.types import UserRef, UserSpec
from instances.workflows.base import InstanceContext, InstanceWorkflow, run_command


def _run(ctx: InstanceContext, command: Command) -> Outcome:
    return run_command(ctx, command, give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


def _user(ctx: InstanceContext) -> UserRef:
    return msgspec.convert(ctx.params["user"], UserRef)


def create_users(ctx: InstanceContext) -> Outcome:
    users = msgspec.convert(ctx.secrets["users"], tuple[UserSpec, ...], dec_hook=dec_hook)
    return _run(ctx, CreateUsers(users=users))


def delete_user(ctx: InstanceContext) -> Outcome:
    return _run(ctx, DeleteUser(user=_user(ctx)))


def update_user(ctx: InstanceContext) -> Outcome:
    password = ctx.secrets.get("new_password")
    return _run(
        ctx,
        UpdateUser(
            user=_user(ctx),
            new_name=ctx.params.get("new_name"),
            new_host=ctx.params.get("new_host"),
            new_password=None if password is None else Secret(password),
        ),
    )


def change_passwords(ctx: InstanceContext) -> Outcome:
    changes = msgspec.convert(ctx.secrets["changes"], tuple[UserPassword, ...], dec_hook=dec_hook)
    return _run(ctx, ChangePasswords(changes=changes))


def grant_access(ctx: InstanceContext) -> Outcome:
    return _run(ctx, GrantAccess(user=_user(ctx), databases=tuple(ctx.params["databases"])))


def revoke_access(ctx: InstanceContext) -> Outcome:
    return _run(ctx, RevokeAccess(user=_user(ctx), database=ctx.params["database"]))


@register
class CreateUsersWorkflow(InstanceWorkflow):
    kind = "instances.create_users"
    steps = (create_users,)


@register
class DeleteUserWorkflow(InstanceWorkflow):
    kind = "instances.delete_user"
    steps = (delete_user,)


@register
class UpdateUserWorkflow(InstanceWorkflow):
    kind = "instances.update_user"
    steps = (update_user,)


@register
class ChangePasswordsWorkflow(InstanceWorkflow):
    kind = "instances.change_passwords"
    steps = (change_passwords,)


@register
class GrantAccessWorkflow(InstanceWorkflow):
    kind = "instances.grant_access"
    steps = (grant_access,)


@register
class RevokeAccessWorkflow(InstanceWorkflow):
    kind = "instances.revoke_access"
    steps = (revoke_access,)
