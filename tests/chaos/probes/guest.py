"""The guest agent, probed around what it does with a command: note it, do it, note the outcome, report it."""

import logging
import os
import sys
from typing import Any

from guestagent.__main__ import main
from guestagent.broker import BrokerPublisher
from guestagent.dispatcher import Dispatcher
from guestagent.journal import Journal
from guestagent.protocol.commands import Command, kind_of
from guestagent.protocol.envelope import Header, peek
from guestagent.reporter import BrokerUnavailable
from tests.chaos.probes.gate import Gate


def install(gate: Gate) -> None:
    def accepting(_: Journal, header: Header, *__: Any) -> str:
        return f"guest/{header.kind}/note_command"

    def running(_: Dispatcher, command: Command) -> str | None:
        return None if command.is_read else f"guest/{kind_of(command)}/do_command"

    def finishing(_: Journal, header: Header, *__: Any) -> str:
        return f"guest/{header.kind}/note_outcome"

    def publishing(_: BrokerPublisher, sealed: str) -> str | None:
        header = peek(sealed)
        return None if header.reply else f"guest/{header.kind}/publish_report"

    Journal.accept = gate.around(Journal.accept, accepting, OSError)  # type: ignore[method-assign]
    Journal.finish = gate.around(Journal.finish, finishing, OSError)  # type: ignore[method-assign]
    Dispatcher.run = gate.around(Dispatcher.run, running, OSError)  # type: ignore[method-assign]
    BrokerPublisher.publish_report = gate.around(  # type: ignore[method-assign]
        BrokerPublisher.publish_report, publishing, BrokerUnavailable
    )


if __name__ == "__main__":
    install(Gate(sys.argv[1]))
    code = main(sys.argv[2:])
    logging.shutdown()
    os._exit(code)
