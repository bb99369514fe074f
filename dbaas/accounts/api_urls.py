"""Routes of this app below /v1.0/{project_id}/."""

from django.urls import path

from dbaas.accounts import api_views, quota_views

urlpatterns = [
    path("projects", api_views.ProjectsView.as_view()),
    path("projects/<str:key>", api_views.ProjectDetailView.as_view()),
    path("mgmt/quotas/<str:target_project>", quota_views.ProjectQuotasView.as_view()),
]
