from typing import Any

from django.core.management.base import BaseCommand, CommandError

from datastores import standalone
from datastores.management.refusals import told_to_the_user
from guestagent.engines import registry


class Command(BaseCommand):
    help = "Register the database servers that are installed on this host, their parameters, and sizes."

    def handle(self, *args: Any, **options: Any) -> None:
        versions = registry.host_versions()
        if not versions:
            raise CommandError("No database server is installed here (Debian: mariadb-server, postgresql).")
        with told_to_the_user():
            host = standalone.host_register(versions=versions)
        for entry in host.versions:
            self._tell(entry)
        if host.flavors:
            self.stdout.write(f"Flavors: {host.flavors} created.")
        for version in host.gone:
            self.stderr.write(f"{version} is offered, but its programs are not on this host: deactivate it.")

    def _tell(self, entry: standalone.RegisteredVersion) -> None:
        loaded = entry.parameters
        parameters = "no file of parameters"
        if loaded is not None:
            parameters = f"{loaded.created + loaded.updated + loaded.unchanged} parameters"
        state = "registered" if entry.created else "was registered"
        self.stdout.write(f"{entry.version}: {state}, {parameters}.")
