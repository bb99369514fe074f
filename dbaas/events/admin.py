"""Events, webhooks and usage in the admin. No page loads a webhook's secret."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from dbaas.common import context
from dbaas.common.admin_site import ReadOnlyModelAdmin, changelist_link
from dbaas.events import selectors, services
from dbaas.events.models import DeliveryState, Event, UsageInterval, Webhook, WebhookDelivery


class ResourceFilter(admin.SimpleListFilter):
    """Of fixed kinds: to ask the table for those there are would read all of it."""

    title = "resource"
    parameter_name = "resource_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in ("instance", "configuration", "backup", "webhook")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(resource_type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnlyModelAdmin[Event]):
    list_display = ("created_at", "type", "resource", "actor", "project_id", "request_id")
    list_filter = (ResourceFilter,)
    search_fields = ("=id", "type", "resource_id", "project_id", "actor", "request_id", "operation_id")
    date_hierarchy = "created_at"

    @admin.display(description="resource", ordering="resource_id")
    def resource(self, event: Event) -> SafeString:
        return changelist_link(Event, event.resource_id, resource_id=event.resource_id)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "resource_id" or super().lookup_allowed(lookup, value, request)


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyModelAdmin[Webhook]):
    """Tenants make them; operators may turn one off, or have it try again what was given up."""

    list_display = (
        "url", "is_enabled", "pending", "dead", "failures", "last_error", "succeeded_at", "project_id",
    )  # fmt: skip
    list_filter = ("is_enabled",)
    search_fields = ("=id", "url", "project_id", "description")
    exclude = ("sealed_secret",)
    actions = ("redrive", "disable", "enable")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For the actions: those who may only look may not act, though nobody may edit the row."""
        return request.user.has_perm("events.change_webhook")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        return selectors.webhook_list().defer("sealed_secret").order_by("-created_at")

    @admin.display(description="waiting", ordering="pending_count")
    def pending(self, webhook: Webhook) -> SafeString:
        return self._deliveries(webhook, DeliveryState.PENDING, getattr(webhook, "pending_count", 0))

    @admin.display(description="given up", ordering="dead_count")
    def dead(self, webhook: Webhook) -> SafeString:
        return self._deliveries(webhook, DeliveryState.DEAD, getattr(webhook, "dead_count", 0))

    @staticmethod
    def _deliveries(webhook: Webhook, state: DeliveryState, count: int) -> SafeString:
        return changelist_link(
            WebhookDelivery, count, webhook__id__exact=webhook.pk, state__exact=state.value
        )

    @admin.action(description="Try again what was given up", permissions=["operate"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        count = sum(services.webhook_redrive(webhook=webhook) for webhook in queryset)
        self.audit(request, queryset, "Given-up events are tried again.")
        messages.info(request, f"{count} events are tried again.")

    @admin.action(description="Disable", permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        self._set_enabled(request, queryset, False)

    @admin.action(description="Enable", permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        self._set_enabled(request, queryset, True)

    def _set_enabled(self, request: HttpRequest, queryset: QuerySet[Webhook], is_enabled: bool) -> None:
        with context.bound(actor=str(request.user.pk)):
            for webhook in queryset:
                services.webhook_update(webhook=webhook, is_enabled=is_enabled)
        self.audit(request, queryset, "Enabled." if is_enabled else "Disabled.")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyModelAdmin[WebhookDelivery]):
    list_display = ("created_at", "event", "webhook", "state", "attempts", "next_attempt_at", "last_error")
    list_filter = ("state",)
    list_select_related = ("event", "webhook")
    search_fields = ("resource_id", "webhook__url", "webhook__project_id")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "webhook__id__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(UsageInterval)
class UsageIntervalAdmin(ReadOnlyModelAdmin[UsageInterval]):
    list_display = (
        "resource_id", "project_id", "flavor_id", "ram_mb", "vcpus", "volume_gb", "started_at", "ended_at",
    )  # fmt: skip
    list_filter = (("ended_at", admin.EmptyFieldListFilter), "flavor_id")
    search_fields = ("resource_id", "project_id")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)
