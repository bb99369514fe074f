"""Routes of this app below /v1.0/{project_id}/."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
