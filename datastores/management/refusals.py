"""What the services refuse, told to whoever typed the command."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from dbaas.common.errors import DbaasError


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """Turns a DbaasError into a CommandError: one line on stderr and exit code 1."""
    try:
        yield
    except DbaasError as error:
        raise CommandError(error.message) from error
