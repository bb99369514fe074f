"""Operators' pages for what can be had."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, ForeignKey, JSONField, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from datastores import services
from datastores.models import (
    ConfigurationParameter,
    Datastore,
    DatastoreVersion,
    Flavor,
    FlavorAssociation,
    VolumeType,
    VolumeTypeAssociation,
)
from dbaas.common.admin_site import LinesField, OperatorModelAdmin, change_link, changelist_link
from dbaas.common.errors import DbaasError
from guestagent.engines import registry


@admin.register(Datastore)
class DatastoreAdmin(OperatorModelAdmin[Datastore]):
    list_display = ["name", "version_count", "default", "created_at"]
    search_fields = ["name"]
    readonly_fields = ["id", "created_at", "updated_at"]
    fields = ["name", "default_version", "id", "created_at", "updated_at"]
    list_select_related = ["default_version__datastore"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Datastore]:
        return super().get_queryset(request).annotate(version_count=Count("versions"))

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "forms.ModelChoiceField[Any] | None":
        if db_field.name == "default_version" and request.resolver_match:
            owner = request.resolver_match.kwargs.get("object_id")
            own = DatastoreVersion.objects.filter(datastore=owner)
            kwargs["queryset"] = own if owner else own.none()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="versions", ordering="version_count")
    def version_count(self, datastore: Any) -> SafeString:
        return changelist_link(DatastoreVersion, datastore.version_count, datastore__id__exact=datastore.pk)

    @admin.display(description="default version")
    def default(self, datastore: Datastore) -> SafeString | str:
        return change_link(datastore.default_version)


class FlavorAssociationInline(admin.TabularInline[FlavorAssociation, DatastoreVersion]):
    model = FlavorAssociation
    extra = 0
    autocomplete_fields = ["flavor"]
    verbose_name_plural = "flavors it is limited to (none: all are allowed)"


class VolumeTypeAssociationInline(admin.TabularInline[VolumeTypeAssociation, DatastoreVersion]):
    model = VolumeTypeAssociation
    extra = 0
    autocomplete_fields = ["volume_type"]
    verbose_name_plural = "volume types it is limited to (none: all are allowed)"


@admin.register(DatastoreVersion)
class DatastoreVersionAdmin(OperatorModelAdmin[DatastoreVersion]):
    list_display = ["datastore", "name", "version", "engine", "active", "is_default", "parameter_count"]
    list_display_links = ["name"]
    list_filter = ["active", "datastore", "engine"]
    search_fields = ["name", "version", "datastore__name", "engine"]
    readonly_fields = ["id", "parameter_count", "created_at", "updated_at"]
    actions = ["activate", "deactivate", "make_default"]
    inlines = [FlavorAssociationInline, VolumeTypeAssociationInline]
    formfield_overrides = {JSONField: {"form_class": LinesField}}
    fieldsets = [
        (None, {"fields": ["datastore", "name", "version", "engine", "active", "parameter_count"]}),
        ("Where it comes from", {"fields": ["image_id", "image_tags", "packages"]}),
        ("Advanced", {"classes": ["collapse"], "fields": ["registry_ext", "repl_strategy"]}),
        ("Record", {"classes": ["collapse"], "fields": ["id", "created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatastoreVersion]:
        return super().get_queryset(request).annotate(parameter_count=Count("parameters"))

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "engine" and field:
            field.widget = forms.Select(choices=[(name, name) for name in registry.names()])
        return field

    @admin.display(description="default")
    def is_default(self, version: DatastoreVersion) -> str:
        return "✓ default" if version.datastore.default_version_id == version.pk else ""

    @admin.display(description="parameters", ordering="parameter_count")
    def parameter_count(self, version: Any) -> SafeString | str:
        if not hasattr(version, "parameter_count"):
            return "–"  # not saved yet
        return changelist_link(
            ConfigurationParameter, version.parameter_count, datastore_version__id__exact=version.pk
        )

    @admin.action(description="Offer to users (activate)", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[DatastoreVersion]) -> None:
        self._set_active(request, queryset, active=True)

    @admin.action(description="Offer no longer (deactivate)", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[DatastoreVersion]) -> None:
        self._set_active(request, queryset, active=False)

    def _set_active(
        self, request: HttpRequest, queryset: QuerySet[DatastoreVersion], *, active: bool
    ) -> None:
        did = "Activated." if active else "Deactivated."
        rows = list(queryset.filter(active=not active))
        changed = services.datastore_versions_set_active(ids=[row.pk for row in rows], active=active)
        self.audit(request, rows, did)
        self.message_user(request, f"{did[:-1]}: {changed} versions.", messages.SUCCESS)

    @admin.action(description="Make the default of its datastore", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[DatastoreVersion]) -> None:
        versions = list(queryset)
        if len({version.datastore_id for version in versions}) < len(versions):
            self.message_user(request, "Choose one version of each datastore.", messages.ERROR)
            return
        for version in versions:
            try:
                services.datastore_default_version_set(version=version)
            except DbaasError as error:
                self.message_user(request, error.message, messages.ERROR)
                continue
            self.audit(request, [version], "Made the default version.")
            self.message_user(
                request, f"{version} is the default of {version.datastore.name} now.", messages.SUCCESS
            )


@admin.register(ConfigurationParameter)
class ConfigurationParameterAdmin(OperatorModelAdmin[ConfigurationParameter]):
    list_display = ["name", "datastore_version", "data_type", "allowed", "default_value", "effective"]
    list_filter = ["restart_required", "data_type", "datastore_version"]
    search_fields = ["name", "description"]
    list_select_related = ["datastore_version__datastore"]
    autocomplete_fields = ["datastore_version"]
    formfield_overrides = {JSONField: {"form_class": LinesField}}
    fieldsets = [
        (None, {"fields": ["datastore_version", "name", "description", "restart_required"]}),
        ("Values", {"fields": ["data_type", ("min_size", "max_size"), "enum_values", "default_value"]}),
    ]

    @admin.display(description="takes effect", ordering="restart_required")
    def effective(self, parameter: ConfigurationParameter) -> str:
        return "after a restart" if parameter.restart_required else "at once"

    @admin.display(description="allowed values")
    def allowed(self, parameter: ConfigurationParameter) -> str:
        if parameter.enum_values:
            said = ", ".join(parameter.enum_values)
            return said if len(said) <= 60 else f"{said[:59]}…"
        low, high = parameter.min_size, parameter.max_size
        if low and high:
            return f"{low} to {high}"
        return f"from {low}" if low else f"up to {high}" if high else "any"


@admin.register(Flavor)
class FlavorAdmin(OperatorModelAdmin[Flavor]):
    list_display = ["name", "id", "ram_mb", "vcpus", "disk_gb", "ephemeral_gb"]
    search_fields = ["name", "id"]

    def get_readonly_fields(self, request: HttpRequest, obj: Flavor | None = None) -> list[str]:
        return ["id"] if obj else []  # a changed key would be another row


@admin.register(VolumeType)
class VolumeTypeAdmin(OperatorModelAdmin[VolumeType]):
    list_display = ["name", "id", "is_public", "description"]
    list_filter = ["is_public"]
    search_fields = ["name", "id"]

    def get_readonly_fields(self, request: HttpRequest, obj: VolumeType | None = None) -> list[str]:
        return ["id"] if obj else []
