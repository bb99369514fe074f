"""Instances in the admin: to read."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from dbaas.taskmanager.admin import ReadOnlyAdmin
from instances import state
from instances.models import Instance, RootHistory


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "shown_status",
        "shown_operating_status",
        "datastore_version",
        "flavor",
        "volume_size_gb",
        "project_id",
        "created_at",
        "operations",
    )
    list_filter = ("state", "datastore_version", "flavor")
    search_fields = ("id", "name", "project_id")
    list_select_related = ("guest", "datastore_version__datastore", "flavor")
    date_hierarchy = "created_at"

    @admin.display(description="status", ordering="state")
    def shown_status(self, instance: Instance) -> str:
        return state.visible_status(instance)[0]

    @admin.display(description="operating status")
    def shown_operating_status(self, instance: Instance) -> str:
        return state.visible_status(instance)[1]

    @admin.display(description="operations")
    def operations(self, instance: Instance) -> str:
        url = reverse("admin:taskmanager_operation_changelist")
        return format_html('<a href="{}?q={}">operations</a>', url, instance.pk)


@admin.register(RootHistory)
class RootHistoryAdmin(ReadOnlyAdmin):
    list_display = ("instance", "enabled_by", "enabled_at", "disabled_at")
