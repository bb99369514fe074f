"""Operations in the admin: to read, cancel and retry."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from dbaas.taskmanager import services
from dbaas.taskmanager.models import Operation, OutboxMessage


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Looking only: rows of these kinds are written by the machine."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "kind",
        "state",
        "direction",
        "step",
        "waiting_for",
        "progress",
        "resource_id",
        "error_code",
    )
    list_filter = ("state", "kind", "direction")
    search_fields = ("id", "resource_id", "project_id", "request_id")
    date_hierarchy = "created_at"
    exclude = ("sealed_params", "lease_token")
    actions = ("cancel", "wake")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For the actions: those who may only look may not act, though nobody may edit the row."""
        return request.user.has_perm("taskmanager.change_operation")

    @admin.action(description="Cancel (undo) the selected operations", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        count = sum(services.cancel(operation.pk) for operation in queryset)
        for operation in queryset:
            self.log_change(request, operation, "Cancelled.")
        messages.info(request, f"Asked {count} operations to stop and undo what they did.")

    @admin.action(description="Try the selected waiting operations now", permissions=["operate"])
    def wake(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        for operation in queryset:
            services.wake(operation.pk)
            self.log_change(request, operation, "Woken.")
        messages.info(request, f"Woke {queryset.count()} operations.")


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "task", "queue", "attempts", "next_attempt_at")
