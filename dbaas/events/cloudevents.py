"""Events as others read them: CloudEvents 1.0 in JSON, signed as Standard Webhooks are."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

from dbaas.events.models import Event
from guestagent.protocol.secret import Secret

TYPE_PREFIX: Final = "dbaas."
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


def document(event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(event.pk),
        "source": f"/v1.0/{event.project_id}/{event.resource_type}s/{event.resource_id}",
        "type": TYPE_PREFIX + event.type,
        "subject": event.resource_id,
        "time": event.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "projectid": event.project_id,
        "requestid": event.request_id,
        "actor": event.actor,
        "data": {
            "resource_type": event.resource_type,
            "operation_id": event.operation_id or None,
            "before": event.before,
            "after": event.after,
        },
    }


def body(event: Event) -> bytes:
    """The bytes that are signed and sent."""
    shown = {name: value for name, value in document(event).items() if value != ""}  # attributes: not empty
    return json.dumps(shown, separators=(",", ":"), sort_keys=True).encode()


def headers(event: Event, content: bytes, secret: Secret, now: datetime) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "dbaas-webhooks/1",
        "webhook-id": str(event.pk),
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, str(event.pk), timestamp, content),
    }


def signature(secret: Secret, message_id: str, timestamp: str, content: bytes) -> str:
    """``v1,<base64 of HMAC-SHA256 over "id.timestamp.body">``; the key is what follows ``whsec_``."""
    key = base64.b64decode(secret.reveal().split("_", 1)[1])
    signed = f"{message_id}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
