"""What is wrong with this installation, and how to mend it: `manage.py doctor`.

Each check is a generator of findings, bounded in time, that changes nothing. A check that itself breaks
becomes a finding, so that one patient organ doesn't end the examination.
"""

from dbaas.common.doctor import host, services, stack
from dbaas.common.doctor.findings import Check, Finding, Level, examine

CHECKS: tuple[Check, ...] = (
    host.python,
    host.packages,
    host.engines,
    host.loopback,
    host.disk_space,
    host.memory,
    host.shared_memory,
    host.open_files,
    stack.configuration,
    stack.private_files,
    stack.folders,
    services.database,
    services.redis_server,
    services.rabbitmq,
    services.rabbitmq_management,
    services.topology,
    services.clock,
    stack.processes,
    stack.beat,
)

__all__ = ["CHECKS", "Finding", "Level", "examine"]
