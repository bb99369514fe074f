"""A small API on the real bases, so that they are tested without any app."""

from typing import Any, ClassVar

from django.urls import path
from rest_framework.authentication import BaseAuthentication

from dbaas import urls as real
from dbaas.accounts.caller import Caller
from dbaas.common.errors import Conflict, OverLimit, Unauthorized
from dbaas.common.models import IdempotentRequest
from dbaas.common.views import ProjectView, Request, Response

handler400, handler403, handler404, handler500 = (
    real.handler400,
    real.handler403,
    real.handler404,
    real.handler500,
)


class TokenIsProject(BaseAuthentication):
    """The token names the project; "bad" is refused."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        token = request.headers.get("X-Auth-Token")
        if not token:
            return None
        if token == "bad":
            raise Unauthorized("The token is not valid.")
        user = request.headers.get("X-User", "u1")
        return Caller(user_id=user, user_name="u", project_id=token, roles=frozenset({"member"})), None

    def authenticate_header(self, request: Request) -> str:
        return "Keystone"


class EchoView(ProjectView):
    authentication_classes = (TokenIsProject,)
    policies: ClassVar = {"GET": "instance:index", "POST": "instance:create"}
    calls: ClassVar[list[Any]] = []

    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"echo": dict(request.query_params)})

    def post(self, request: Request, **kwargs: str) -> Response:
        asked: Any = request.data
        self.calls.append(asked)
        if asked.get("fail") == "conflict":
            raise Conflict("It is taken.")
        if asked.get("fail") == "limit":
            raise OverLimit("Too much.", retry_after=7.2)
        if asked.get("fail") == "defect":
            raise RuntimeError("password=hunter2")
        response = Response({"count": len(self.calls), "password": "s3cret-answer"}, status=200)
        response["X-Operation-Id"] = f"op-{len(self.calls)}"
        return response


class SlowView(EchoView):
    waits_for_guest = True

    def post(self, request: Request, **kwargs: str) -> Response:
        asked: Any = request.data
        # What another process would see while this one waits for its guest.
        self.calls.append(list(IdempotentRequest.objects.values_list("key", "answer")))
        if asked.get("fail"):
            raise Conflict("It is taken.")
        return Response({"count": len(self.calls)})


class NothingAllowedView(ProjectView):
    authentication_classes = (TokenIsProject,)

    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({})


class EmptyView(EchoView):
    def post(self, request: Request, **kwargs: str) -> Response:
        return Response(status=202)


urlpatterns = [
    path("v1.0/<str:project_id>/echo", EchoView.as_view()),
    path("v1.0/<str:project_id>/slow", SlowView.as_view()),
    path("v1.0/<str:project_id>/empty", EmptyView.as_view()),
    path("v1.0/<str:project_id>/nothing", NothingAllowedView.as_view()),
    *(
        route
        for route in real.urlpatterns
        if str(getattr(route, "pattern", None)) in {"", "v1.0", "v1.0/", "healthz", "metrics", "readyz"}
    ),
]
