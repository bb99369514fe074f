"""``python -m guestagent --config PATH``: serve one instance until SIGTERM.

With ``--stop-database SECONDS`` it stops the database server instead, cleanly, and ends: the host does that
before it goes down. What was asked of the server is not changed by it, so it comes back with the agent.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# Celery would load Django if it is installed and this is set.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)

from guestagent import config as guest_config
from guestagent import logs
from guestagent.agent import Agent, ManagerLoader, load_manager
from guestagent.errors import GuestError

log = logging.getLogger("guestagent")


def main(arguments: Sequence[str] | None = None, *, load: ManagerLoader = load_manager) -> int:
    """Returns the exit code: 78 for a configuration that does not do, 75 when another agent runs."""
    parser = argparse.ArgumentParser(prog="guestagent", description="Serves one database instance.")
    parser.add_argument("--config", type=Path, required=True, help="the guest's configuration, a 0600 file")
    parser.add_argument("--stop-database", type=float, metavar="SECONDS", help="stop the server and end")
    options = parser.parse_args(arguments)
    try:
        config = guest_config.load(options.config)
    except guest_config.ConfigError as error:
        sys.stderr.write(f"guestagent: {error}\n")
        return os.EX_CONFIG
    logs.configure(config)
    try:
        lock = guest_config.hold_lock(guest_config.prepare_state_directory(config))
    except guest_config.AlreadyRunning as error:
        log.warning("not started", extra={"reason": str(error)})
        return os.EX_TEMPFAIL
    try:
        manager = load(config)
        if options.stop_database is not None:
            manager.stop(options.stop_database)
        else:
            Agent(config, manager).run()
    except GuestError as error:
        log.warning("not done", extra={"code": error.code, "reason": str(error)})
        return os.EX_SOFTWARE
    except Exception:
        log.exception("the agent broke")
        return os.EX_SOFTWARE
    finally:
        os.close(lock)
    return os.EX_OK


if __name__ == "__main__":
    # Daemon threads may be inside a driver: nothing is left to wait for.
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
