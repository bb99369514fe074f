"""What this guest runs on and how its processes do; read from the kernel, never from a tool's output."""

import os
import platform
from typing import Final

from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.types import Diagnostics, Hardware, ProcessVitals
from guestagent.system.processes import PROC

_KIB: Final = 1024


def hardware(config: GuestConfig) -> Hardware:
    """The instance's share, and the machine that it is on (the same, where it has one of its own)."""
    load = os.getloadavg()
    return Hardware(
        memory_mb=config.memory_mb,
        vcpus=config.vcpus,
        machine_memory_mb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _KIB**2,
        machine_cpus=os.cpu_count() or 1,
        load_average=(load[0], load[1], load[2]),
        uptime_seconds=float((PROC / "uptime").read_text().split()[0]),
        architecture=platform.machine(),
        kernel=platform.release(),
    )


def diagnostics(agent_version: str, engine_version: str | None, server_pid: int | None) -> Diagnostics:
    return Diagnostics(
        agent_version=agent_version,
        engine_version=engine_version,
        agent=vitals_of(os.getpid()),
        server=vitals_of(server_pid) if server_pid else None,
    )


def vitals_of(pid: int) -> ProcessVitals | None:
    """None for a process that is gone, or that is none of ours to look at."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
        descriptors = PROC / str(pid) / "fd"
        open_files = len(list(descriptors.iterdir())) if os.access(descriptors, os.R_OK) else None
    except OSError:
        return None
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}

    def number(name: str) -> int:
        return int(status[name][0]) if status.get(name) else 0

    return ProcessVitals(
        pid=pid,
        threads=number("Threads"),
        fd_size=number("FDSize"),
        open_files=open_files,
        vm_size_kb=number("VmSize"),
        vm_peak_kb=number("VmPeak"),
        vm_rss_kb=number("VmRSS"),
        vm_hwm_kb=number("VmHWM"),
    )
