"""The control plane's end of the line to a guest: seal, sign, send, and ask."""

import uuid
from typing import Any

from django.db.models import F

from dbaas.common.context import current_request_id
from dbaas.common.errors import BadRequest, DbaasError, GuestSilent, NotFound, Unprocessable
from dbaas.conductor import inbox
from dbaas.conductor.publish import send_to_guest
from guestagent.protocol.commands import Command, encode_command, kind_of
from guestagent.protocol.envelope import Direction, Header, now_ms, seal
from guestagent.protocol.reports import CommandFinished, Outcome
from instances import keys
from instances.models import Guest, Instance

#: What a guest's error code is to a user; codes that are not here are the instance's trouble: 422.
_ERRORS: dict[str, type[DbaasError]] = {
    "database_not_found": NotFound,
    "user_not_found": NotFound,
    "user_exists": BadRequest,
    "invalid_name": BadRequest,
}


class GuestClient:
    """Talks to one guest."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def send(
        self,
        command: Command,
        *,
        command_id: uuid.UUID,
        expires_in: float,
        operation_id: uuid.UUID | None = None,
        reply: bool = False,
    ) -> None:
        """Publish a command. The guest does each `command_id` once, however often it is sent.

        Raises ServiceUnavailable when the broker is away. A guest that is dead gets it when it comes back,
        unless `expires_in` seconds have passed.
        """
        now = now_ms()
        header = Header(
            direction=Direction.COMMAND,
            kind=kind_of(command),
            instance_id=str(self.instance.pk),
            message_id=str(command_id),
            sequence=self._next_sequence(),
            sent_at_ms=now,
            expires_at_ms=now + int(expires_in * 1000),
            trace={
                "request_id": current_request_id() or "",
                "operation_id": str(operation_id or ""),
                "project_id": self.instance.project_id,
            },
            reply=reply,
        )
        wrapped = self.instance.guest.wrapped_key
        envelope = seal(
            header,
            encode_command(command),
            instance_key=keys.unwrap(self.instance.pk, wrapped).reveal(),
            signing_key=keys.command_signing_key(),
        )
        send_to_guest(str(self.instance.pk), envelope)

    def ask(self, command: Command, *, timeout_seconds: float) -> Any:
        """Send a command and wait for its result: for quick reads a request needs now.

        Raises GuestSilent at the time limit, and the guest's own error as the DbaasError it is to a user.
        """
        command_id = uuid.uuid4()
        self.send(command, command_id=command_id, expires_in=timeout_seconds, reply=True)
        answer = inbox.wait(str(command_id), timeout_seconds, instance_id=str(self.instance.pk))
        if answer is None:
            raise GuestSilent(f"The guest of instance {self.instance.pk} did not answer; try again later.")
        return result_of(answer)

    def _next_sequence(self) -> int:
        Guest.objects.filter(pk=self.instance.pk).update(command_sequence=F("command_sequence") + 1)
        return Guest.objects.values_list("command_sequence", flat=True).get(pk=self.instance.pk)


def result_of(answer: CommandFinished) -> Any:
    """The result, or the error as a user may see it."""
    if answer.outcome is Outcome.SUCCEEDED:
        return answer.result
    raise _ERRORS.get(answer.error_code or "", Unprocessable)(answer.error_message or "The guest refused.")
