"""``Idempotency-Key``: a POST that is sent again gets the first answer and does nothing twice.

Usually the claim of the key, the work and the kept answer are *one transaction*: killed anywhere, either all
of it happened or nothing did, and a second request waits at the unique key until the first is through. Work
that waits for a guest can't hold a transaction open: there the claim is a row with a short life, a second
request meanwhile is refused with 409, and after a crash the same request may be sent again when it ran out.
Refusals (4xx, 5xx) change nothing and are not kept.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common import metrics, transactions
from dbaas.common.errors import BadRequest, Conflict, Unprocessable
from dbaas.common.models import IdempotentRequest
from dbaas.common.renderers import TroveEncoder
from guestagent.protocol.crypto import CryptoError, KeyRing

KEPT_FOR: Final = timedelta(hours=24)
#: Longer than any request that waits for a guest may take.
WORKING_FOR: Final = timedelta(minutes=5)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_OWN_HEADERS: Final = ("X-Operation-Id", "Location")


@dataclass(frozen=True, slots=True)
class _Claim:
    project_id: str
    key: str
    fingerprint: str

    @property
    def context(self) -> str:
        return f"idempotency/{self.project_id}/{self.key}"


def answer(
    request: Request, key: str, work: Callable[[], Response], *, caller: Any, atomic: bool
) -> Response:
    """The answer of `work`, or the one it gave when this request came first.

    Raises BadRequest (a malformed key), Unprocessable (the key belongs to another request) and Conflict
    (the first request is still being worked on).
    """
    if not _KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key is 1 to 255 visible ASCII characters.")
    claim = _Claim(caller.project_id, key, _fingerprint(request, caller.user_id))
    if atomic:
        return transactions.run(lambda: _replay(claim) or _keep(claim, work()))
    replayed = transactions.run(lambda: _replay(claim))
    if replayed is not None:
        return replayed
    try:
        return _keep(claim, work())
    except BaseException:
        _rows(claim).filter(answer="").delete()
        raise


def purge() -> int:
    """Remove the answers that have been kept long enough; how many there were. For the periodic sweep."""
    return IdempotentRequest.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def _replay(claim: _Claim) -> Response | None:
    """Claim the key (None), or give the answer that its first request got."""
    now = timezone.now()
    row = _rows(claim).first()  # looked at before it is written: a lock less to fight for
    if row is not None and row.expires_at <= now:
        _rows(claim).filter(expires_at__lte=now).delete()
        row = None
    if row is None:
        try:
            with transaction.atomic():
                IdempotentRequest.objects.create(
                    project_id=claim.project_id,
                    key=claim.key,
                    fingerprint=claim.fingerprint,
                    expires_at=now + WORKING_FOR,
                )
        except IntegrityError:
            row = _rows(claim).first()
        else:
            return None
    return _kept(claim, row)


def _kept(claim: _Claim, row: IdempotentRequest | None) -> Response:
    if row is not None and row.fingerprint != claim.fingerprint:
        raise Unprocessable("This Idempotency-Key was used for another request.")
    if row is None or not row.answer:
        raise Conflict("The first request with this Idempotency-Key is still being worked on.", retry_after=1)
    try:
        kept = json.loads(_ring().open(row.answer, context=claim.context))
    except CryptoError as error:
        raise Conflict("The first answer to this Idempotency-Key can no longer be read.") from error
    metrics.IDEMPOTENT_REPLAYS.inc()
    headers = {**kept["headers"], "Idempotent-Replayed": "true"}
    return Response(kept["data"], status=kept["status"], headers=headers)


def _keep(claim: _Claim, response: Response) -> Response:
    if response.status_code >= 400:
        _rows(claim).delete()
        return response
    headers = {name: response[name] for name in _OWN_HEADERS if name in response}
    kept = {"status": response.status_code, "data": response.data, "headers": headers}
    sealed = _ring().seal(json.dumps(kept, cls=TroveEncoder).encode(), context=claim.context)
    _rows(claim).update(answer=sealed, expires_at=timezone.now() + KEPT_FOR)
    return response


def _rows(claim: _Claim) -> QuerySet[IdempotentRequest]:
    return IdempotentRequest.objects.filter(project_id=claim.project_id, key=claim.key)


def _fingerprint(request: Request, user_id: str) -> str:
    # Keyed, because a plain digest of a body with a weak password could be guessed.
    body = json.dumps(request.data, sort_keys=True, ensure_ascii=True)
    told = "\n".join((user_id, str(request.method), request.path, body))
    return salted_hmac("dbaas.idempotency", told, algorithm="sha256").hexdigest()


def _ring() -> KeyRing:
    return KeyRing(settings.TASKMANAGER_RPC_ENCR_KEY)
