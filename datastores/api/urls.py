"""Routes under ``/v1.0/{project_id}/``."""

from django.urls import path

from datastores.api import mgmt_parameter_views, mgmt_views, views

urlpatterns = [
    path("datastores", views.DatastoreListView.as_view()),
    path("datastores/<str:datastore>", views.DatastoreView.as_view()),
    path("datastores/versions/<str:version>", views.VersionByIdView.as_view()),
    path("datastores/versions/<str:version>/parameters", views.ParameterListByVersionIdView.as_view()),
    path(
        "datastores/versions/<str:version>/parameters/<str:parameter>",
        views.ParameterByVersionIdView.as_view(),
    ),
    path("datastores/<str:datastore>/versions", views.VersionListView.as_view()),
    path("datastores/<str:datastore>/versions/<str:version>", views.VersionView.as_view()),
    path("datastores/<str:datastore>/versions/<str:version>/flavors", views.VersionFlavorsView.as_view()),
    path(
        "datastores/<str:datastore>/versions/<str:version>/volume-types",
        views.VersionVolumeTypesView.as_view(),
    ),
    path("datastores/<str:datastore>/versions/<str:version>/parameters", views.ParameterListView.as_view()),
    path(
        "datastores/<str:datastore>/versions/<str:version>/parameters/<str:parameter>",
        views.ParameterView.as_view(),
    ),
    path("flavors", views.FlavorListView.as_view()),
    path("flavors/<str:flavor>", views.FlavorView.as_view()),
    path("volume-types", views.VolumeTypeListView.as_view()),
    path("volume-types/<str:volume_type>", views.VolumeTypeView.as_view()),
    path("mgmt/datastore-versions", mgmt_views.ManagedVersionListView.as_view()),
    path("mgmt/datastore-versions/<str:version>", mgmt_views.ManagedVersionView.as_view()),
    path("mgmt/datastore-versions/<str:version>/flavors", mgmt_views.ManagedVersionFlavorsView.as_view()),
    path(
        "mgmt/datastore-versions/<str:version>/volume-types",
        mgmt_views.ManagedVersionVolumeTypesView.as_view(),
    ),
    path(
        "mgmt/datastores/versions/<str:version>/parameters",
        mgmt_parameter_views.ManagedParameterListView.as_view(),
    ),
    path(
        "mgmt/datastores/versions/<str:version>/parameters/<str:parameter>",
        mgmt_parameter_views.ManagedParameterView.as_view(),
    ),
    path("limits", views.LimitsView.as_view()),
]
