"""How a PostgreSQL server is sized by the memory of its flavor."""

from typing import Any


def sized(memory_mb: int) -> dict[str, Any]:
    """A quarter of the memory is the server's own cache, most of the rest the system's."""
    return {
        "shared_buffers": f"{max(16, memory_mb // 4)}MB",
        "effective_cache_size": f"{max(32, memory_mb * 3 // 5)}MB",
        "maintenance_work_mem": f"{max(16, min(1024, memory_mb // 16))}MB",
        "work_mem": f"{max(1, min(64, memory_mb // 256))}MB",
        "max_connections": min(2000, 100 * max(1, memory_mb // 1024)),
        "max_wal_size": "1GB",
        "wal_compression": True,
    }
