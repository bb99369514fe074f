"""Prepares the control plane's data: ``python -m compose.local.initialise``, in the api's environment.

Tables, datastores, broker topology, the two first projects and users. Every part may be repeated; all of it
runs in one process because setting up Django takes longer than most of the parts.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import django
from django.core.management import call_command


def main(passwords: Mapping[str, str], *, is_first: bool) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.local")
    django.setup()
    from dbaas.conductor import broker

    call_command("migrate", interactive=False, verbosity=0)
    call_command("register_local")
    broker.ensure_vhost()
    broker.ensure_topology()
    with tempfile.TemporaryDirectory() as folder:
        for name, role in (("admin", "admin"), ("demo", "member")):
            call_command("create_project", name)
            password = Path(folder) / name
            password.write_text(passwords[name])
            options = ["--project", name, "--role", role, "--password-file", str(password)]
            options += ["--staff"] if role == "admin" else []
            # A password that somebody has changed since stays; a database that is older than var/ gets ours.
            options += ["--reset-password"] if is_first else []
            call_command("create_user", name, *options)


if __name__ == "__main__":
    given = json.load(sys.stdin)  # by pipe: neither command line nor environment shows passwords
    main(given["passwords"], is_first=given["is_first"])
