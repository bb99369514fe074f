"""Routes of instances below ``/v1.0/{project_id}/``. A host may hold a slash, so users are paths."""

from django.urls import include, path

from instances.api import extension_views, views

_instance = [
    path("", views.InstanceView.as_view()),
    path("/action", views.InstanceActionView.as_view()),
    path("/backups", views.InstanceBackupsView.as_view()),
    path("/configuration", views.InstanceConfigurationView.as_view()),
    path("/log", views.InstanceLogView.as_view()),
    path("/ssl", views.InstanceSslView.as_view()),
    path("/modules", views.InstanceModulesView.as_view()),
    path("/databases", extension_views.DatabaseListView.as_view()),
    path("/databases/<str:database>", extension_views.DatabaseView.as_view()),
    path("/users", extension_views.UserListView.as_view()),
    path("/users/<path:user>/databases", extension_views.UserAccessView.as_view()),
    path("/users/<path:user>/databases/<str:database>", extension_views.UserAccessItemView.as_view()),
    path("/users/<path:user>", extension_views.UserView.as_view()),
    path("/root", extension_views.RootView.as_view()),
]

urlpatterns = [
    path("instances", views.InstanceListView.as_view()),
    path("instances/detail", views.InstanceDetailListView.as_view()),
    path("instances/<str:instance_id>", include(_instance)),
]
