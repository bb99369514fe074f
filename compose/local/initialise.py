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


def main(passwords: Mapping[str, str]) -> None:
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
            call_command("create_user", name, *options, *(["--staff"] if role == "admin" else []))


if __name__ == "__main__":
    main(json.load(sys.stdin))  # passwords come by pipe: neither command line nor environment shows them
