"""How a MariaDB or MySQL server is sized by the memory of its flavor."""

from typing import Any

MB = 1024 * 1024


def sized(memory_mb: int) -> dict[str, Any]:
    """Memory goes first to the buffer pool, then to what each connection may need."""
    share = 0.3 if memory_mb < 1024 else 0.5 if memory_mb < 4096 else 0.65
    pool = max(16, int(memory_mb * share))
    per_half_gb = max(1, memory_mb // 512)
    return {
        "innodb_buffer_pool_size": pool * MB,
        "innodb_log_file_size": min(1024, max(32, pool // 4)) * MB,
        "max_connections": min(5000, 100 * per_half_gb),
        "tmp_table_size": min(64, 16 * per_half_gb) * MB,
        "max_heap_table_size": min(64, 16 * per_half_gb) * MB,
        "key_buffer_size": min(64, 8 * per_half_gb) * MB,
        "character_set_server": "utf8mb4",
    }
