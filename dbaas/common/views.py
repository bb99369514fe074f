"""Bases of the API's views: parse → policy → service → render."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dbaas.common import context, idempotency, ratelimit
from dbaas.common.errors import Forbidden
from dbaas.common.negotiation import TroveNegotiation

if TYPE_CHECKING:  # the layer above; only its shape is needed here
    from dbaas.accounts.caller import Caller

__all__ = ["ApiView", "ProjectView", "Request", "Response"]


class ApiView(APIView):
    """JSON in and out in the API's shape; no project."""

    content_negotiation_class = TroveNegotiation
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def check_permissions(self, request: Request) -> None:
        # A method that is not there is 405, whatever the caller may do.
        name = str(request.method).lower()
        if name not in self.http_method_names or not hasattr(self, name):
            raise MethodNotAllowed(str(request.method))
        super().check_permissions(request)


class ProjectView(ApiView):
    """A view under ``/v1.0/{project_id}/``.

    `policies` names the policy rule for each method; a method without one is refused. POST requests honour
    an Idempotency-Key; `waits_for_guest` says that POST asks a guest and must not hold a transaction open.
    """

    policies: ClassVar[Mapping[str, str]] = {}
    waits_for_guest: ClassVar[bool] = False

    @property
    def caller(self) -> "Caller":
        return cast("Caller", self.request.user)

    @property
    def project_id(self) -> str:
        return str(self.kwargs["project_id"])

    def check_permissions(self, request: Request) -> None:
        if request.user is not None:
            context.bind(project_id=self.caller.project_id, actor=self.caller.user_id)
            if self.caller.project_id != self.project_id:
                raise Forbidden("The token is not for the project that the URL names.")
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        ratelimit.check(self.project_id, str(request.method))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if instance_id := kwargs.get("instance_id"):
            context.bind(instance_id=str(instance_id))
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and key is not None:
            # dispatch() looks the handler up after this, and finds the guarded one.
            first_time = getattr(self, "post")  # noqa: B009 - only views with one come here
            self.post = lambda *a, **k: idempotency.answer(
                request, key, lambda: first_time(*a, **k), caller=self.caller, atomic=not self.waits_for_guest
            )
