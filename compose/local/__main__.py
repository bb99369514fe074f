"""Command line behind the Makefile. DBAAS_VAR names another folder than ``var`` for a second stack."""

import argparse
import os
import subprocess
import sys

from django.core.exceptions import ImproperlyConfigured

from compose.local import clients
from compose.local.console import Failure, say
from compose.local.stack import Stack, default_layout
from compose.local.supervisor import SupervisorError


def up(stack: Stack, arguments: list[str]) -> int:
    stack.up()
    _say_where_things_are(stack)
    return 0


def down(stack: Stack, arguments: list[str]) -> int:
    stack.down()
    return 0


def restart(stack: Stack, arguments: list[str]) -> int:
    stack.restart()
    return status(stack, arguments)


def status(stack: Stack, arguments: list[str]) -> int:
    text, well = stack.status()
    say(text)
    return 0 if well else 1


def logs(stack: Stack, arguments: list[str]) -> int:
    files = [stack.layout.log(name) for name in arguments] or sorted(stack.layout.logs.glob("*.log"))
    try:
        return subprocess.run(["tail", "-n", "20", "-F", *map(str, files)], check=False).returncode
    except KeyboardInterrupt:
        return 0


def clean(stack: Stack, arguments: list[str]) -> int:
    stack.clean()
    return 0


def demo(stack: Stack, arguments: list[str]) -> int:
    from compose.local.demo import run

    stack.up()
    run(stack)
    return 0


def manage(stack: Stack, arguments: list[str]) -> int:
    return stack.manage(*arguments)


def test_services(stack: Stack, arguments: list[str]) -> int:
    from compose.local import services_for_tests

    services_for_tests.ensure()
    return 0


COMMANDS = {
    command.__name__.replace("_", "-"): command
    for command in (up, down, restart, status, logs, clean, demo, manage, test_services)
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compose.local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        return COMMANDS[given.command](Stack(default_layout()), given.arguments)
    except (Failure, SupervisorError, ImproperlyConfigured) as error:
        sys.stderr.write(f"\n{given.command}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. `make status` shows what runs, `make down` stops it.\n")
        return 130


def _say_where_things_are(stack: Stack) -> None:
    say()
    for name, url in clients.addresses(stack.environment):
        say(f"  {name:18} {url}")
    say(f"  {'Passwords':18} {os.path.relpath(stack.layout.credentials)}")
    say(f"\nTry:  . {os.path.relpath(stack.layout.openrc('demo'))} && openstack database instance list")


if __name__ == "__main__":
    sys.exit(main())
