"""Create and delete databases on an instance."""

import msgspec
from django.conf import settings

from dbaas.taskmanager.workflow import Outcome, register
from guestagent.protocol.commands import CreateDatabases, DeleteDatabase
from guestagent.protocol.types import DatabaseSpec
from instances.workflows.base import InstanceContext, InstanceWorkflow, run_command


def create_databases(ctx: InstanceContext) -> Outcome:
    command = CreateDatabases(databases=msgspec.convert(ctx.params["databases"], tuple[DatabaseSpec, ...]))
    return run_command(ctx, command, give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


def delete_database(ctx: InstanceContext) -> Outcome:
    command = DeleteDatabase(name=ctx.params["name"])
    return run_command(ctx, command, give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


@register
class CreateDatabasesWorkflow(InstanceWorkflow):
    kind = "instances.create_databases"
    steps = (create_databases,)


@register
class DeleteDatabaseWorkflow(InstanceWorkflow):
    kind = "instances.delete_database"
    steps = (delete_database,)
