"""All routes. Each app lists its own; what is under ``/v1.0/`` is Trove's API and what we add to it."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

from dbaas.common import service_views

handler400 = "dbaas.common.exceptions.bad_request"
handler403 = "dbaas.common.exceptions.permission_denied"
handler404 = "dbaas.common.exceptions.page_not_found"
handler500 = "dbaas.common.exceptions.server_error"

project_routes = [
    path("", include("datastores.api.urls")),
    path("", include("instances.api.urls")),
    path("", include("backups.api.urls")),
    path("", include("dbaas.taskmanager.api.urls")),
    path("", include("dbaas.accounts.api_urls")),
    path("", include("dbaas.events.api.urls")),
]

urlpatterns = [
    path("", service_views.VersionsView.as_view()),
    path("v1.0", service_views.VersionView.as_view()),
    path("v1.0/", service_views.VersionView.as_view()),
    path("v1.0/<str:project_id>/", include(project_routes)),
    path("", include("dbaas.accounts.identity.urls")),
    path("admin/", admin.site.urls),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("schema/docs", SpectacularSwaggerView.as_view(url_name="schema")),
    path("schema/redoc", SpectacularRedocView.as_view(url_name="schema")),
    path("healthz", service_views.healthz),
    path("readyz", service_views.readyz),
    path("metrics", service_views.metrics_page),
]
