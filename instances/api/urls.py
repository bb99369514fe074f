"""Routes of instances below ``/v1.0/{project_id}/``. A host may hold a slash, so users are paths."""

from django.urls import include, path

from instances.api import (
    cluster_views,
    configuration_views,
    extension_views,
    mgmt_views,
    module_views,
    views,
)

_instance = [
    path("", views.InstanceView.as_view()),
    path("/action", views.InstanceActionView.as_view()),
    path("/backups", views.InstanceBackupsView.as_view()),
    path("/configuration", configuration_views.InstanceConfigurationView.as_view()),
    path("/log", views.InstanceLogView.as_view()),
    path("/ssl", views.InstanceSslView.as_view()),
    path("/modules", module_views.InstanceModulesView.as_view()),
    path("/modules/<str:module_id>", module_views.InstanceModuleView.as_view()),
    path("/databases", extension_views.DatabaseListView.as_view()),
    path("/databases/<str:database>", extension_views.DatabaseView.as_view()),
    path("/users", extension_views.UserListView.as_view()),
    path("/users/<path:user>/databases", extension_views.UserAccessView.as_view()),
    path("/users/<path:user>/databases/<str:database>", extension_views.UserAccessItemView.as_view()),
    path("/users/<path:user>", extension_views.UserView.as_view()),
    path("/root", extension_views.RootView.as_view()),
]

_managed_instance = [
    path("", mgmt_views.ManagedInstanceView.as_view()),
    path("/action", mgmt_views.ManagedInstanceActionView.as_view()),
    path("/root", mgmt_views.RootHistoryView.as_view()),
    path("/hwinfo", mgmt_views.HwInfoView.as_view()),
    path("/diagnostics", mgmt_views.DiagnosticsView.as_view()),
    path("/rpc_ping", mgmt_views.RpcPingView.as_view()),
    path("/upgrade", mgmt_views.GuestUpgradeView.as_view()),
]

urlpatterns = [
    path("instances", views.InstanceListView.as_view()),
    path("instances/detail", views.InstanceDetailListView.as_view()),
    path("instances/<str:instance_id>", include(_instance)),
    path("configurations", configuration_views.GroupListView.as_view()),
    path("configurations/<str:configuration_id>", configuration_views.GroupView.as_view()),
    path("configurations/<str:configuration_id>/instances", configuration_views.GroupInstancesView.as_view()),
    path("modules", module_views.ModuleListView.as_view()),
    path("modules/<str:module_id>", module_views.ModuleView.as_view()),
    path("modules/<str:module_id>/instances", module_views.ModuleInstancesView.as_view()),
    path("clusters", cluster_views.ClusterListView.as_view()),
    path("clusters/<str:cluster_id>", cluster_views.ClusterView.as_view()),
    path("clusters/<str:cluster_id>/instances/<str:member_id>", cluster_views.ClusterMemberView.as_view()),
    path("clusters/<str:cluster_id>/root", cluster_views.ClusterRootView.as_view()),
    path("mgmt/clusters", cluster_views.ManagedClusterListView.as_view()),
    path("mgmt/clusters/<str:cluster_id>", cluster_views.ManagedClusterView.as_view()),
    path("mgmt/clusters/<str:cluster_id>/action", cluster_views.ManagedClusterActionView.as_view()),
    path("mgmt/instances", mgmt_views.ManagedInstanceListView.as_view()),
    path("mgmt/instances/<str:instance_id>", include(_managed_instance)),
]
