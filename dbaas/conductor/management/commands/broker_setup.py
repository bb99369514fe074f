"""``manage.py broker_setup``: create the virtual host and what it must hold. Harmless to repeat."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dbaas.common.errors import ServiceUnavailable
from dbaas.conductor import broker


class Command(BaseCommand):
    help = "Create RabbitMQ's virtual host, exchange, queues and limits."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            broker.ensure_vhost()
            broker.ensure_topology()
        except ServiceUnavailable as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Virtual host {broker.virtual_host()!r} is ready.")
