"""The conductor, probed around each report about a command of an operation."""

import sys

import django
from celery.__main__ import main as celery

from guestagent.protocol.envelope import EnvelopeRefused, peek
from tests.chaos.probes.gate import Gate


def install(gate: Gate) -> None:
    django.setup()
    from dbaas.conductor import intake

    intake.take_in = gate.around(intake.take_in, _point, RuntimeError)


def _point(envelope: str) -> str | None:
    """None for answers that a request waits for: they belong to no operation."""
    try:
        header = peek(envelope)
    except EnvelopeRefused:
        return None
    return None if header.reply else f"conductor/{header.kind}/take_in"


if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    sys.argv = ["celery", *arguments]
    install(Gate(path))
    celery()
