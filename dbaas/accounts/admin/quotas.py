"""Limits can be changed; use and reservations are for looking, since only services keep them true."""

from django.contrib import admin

from dbaas.accounts.admin.identity import ReadOnlyAdmin
from dbaas.accounts.models import QuotaHold, QuotaLimit, QuotaUsage


@admin.register(QuotaLimit)
class QuotaLimitAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("project_id", "resource", "limit")
    list_filter = ("resource",)
    search_fields = ("project_id",)


@admin.register(QuotaUsage)
class QuotaUsageAdmin(ReadOnlyAdmin):
    list_display = ("project_id", "resource", "in_use", "reserved")
    list_filter = ("resource",)
    search_fields = ("project_id",)


@admin.register(QuotaHold)
class QuotaHoldAdmin(ReadOnlyAdmin):
    list_display = ("holder", "project_id", "resource", "committed", "reserved", "changed_at")
    list_filter = ("resource",)
    search_fields = ("holder", "project_id")
