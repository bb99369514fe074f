"""Pages about the service itself: versions, health and metrics. No token is asked for."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema

from dbaas.common import health, metrics
from dbaas.common.links import base_url
from dbaas.common.schema import VersionBody, VersionsBody
from dbaas.common.views import ApiView, Request, Response


def _version(request: Request) -> dict[str, object]:
    return {
        "id": "v1.0",
        "status": "CURRENT",
        "updated": "2012-08-01T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base_url(request)}/v1.0/"}],
    }


class VersionsView(ApiView):
    """Which versions of the API are served."""

    public = True
    authentication_classes = ()

    @extend_schema(operation_id="versions_list", responses={200: VersionsBody}, tags=["versions"], auth=[])
    def get(self, request: Request) -> Response:
        return Response({"versions": [_version(request)]})


class VersionView(ApiView):
    """The version under ``/v1.0/``."""

    public = True
    authentication_classes = ()

    @extend_schema(operation_id="version_show", responses={200: VersionBody}, tags=["versions"], auth=[])
    def get(self, request: Request) -> Response:
        return Response({"version": _version(request)})


@csrf_exempt
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers."""
    return JsonResponse({"status": "ok"}) if _is_read(request) else HttpResponse(status=405)


@csrf_exempt
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when database, broker and Redis can be used, else 503; both say which."""
    if not _is_read(request):
        return HttpResponse(status=405)
    checks = health.readiness()
    is_ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "unready", "checks": checks}, status=200 if is_ready else 503
    )


@csrf_exempt
def metrics_page(request: HttpRequest) -> HttpResponse:
    if not _is_read(request):
        return HttpResponse(status=405)
    body, content_type = metrics.exposition()
    return HttpResponse(body, content_type=content_type)


def _is_read(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"}
