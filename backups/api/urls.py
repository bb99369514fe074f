"""Routes under ``/v1.0/{project_id}/``."""

from django.urls import path

from backups.api import views

urlpatterns = [
    path("backups", views.BackupListView.as_view()),
    path("backups/<str:backup_id>", views.BackupView.as_view()),
    path("backup_strategies", views.BackupStrategiesView.as_view()),
]
