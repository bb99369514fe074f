"""``manage.py generate_key``: a new key for any of the key settings."""

from typing import Any

from django.core.management.base import BaseCommand

from guestagent.protocol.crypto import generate_key


class Command(BaseCommand):
    help = "Print a new 256-bit key, for any setting that asks for one."
    requires_system_checks = []  # it is needed before there is a key to check

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(generate_key())
