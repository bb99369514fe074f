"""The admin's name and look, and what all its pages have in common."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

M = TypeVar("M", bound=Model)

# Generic for the type checker, which Django's own classes are not when they run.
for _class in (admin.ModelAdmin, InlineModelAdmin, forms.ModelForm):
    if not hasattr(_class, "__class_getitem__"):
        setattr(_class, "__class_getitem__", classmethod(lambda cls, _parameters: cls))  # noqa: B010


class DatabasesAdminSite(admin.AdminSite):
    site_title = "Databases"
    site_header = "Databases"
    index_title = "Operator console"
    site_url = None  # there is no site beside it to view
    empty_value_display = "–"
    #: What operators come for first; other apps follow by name.
    app_order: Final = ("instances", "taskmanager", "events", "backups", "datastores", "accounts")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        order = {label: place for place, label in enumerate(self.app_order)}
        return sorted(apps, key=lambda app: order.get(app["app_label"], len(order)))


class OperatorModelAdmin(admin.ModelAdmin[M]):
    """Saves only what the form changed, so that a page left open does not undo what others did since."""

    list_per_page = 50
    show_full_result_count = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = str(self.model._meta.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: M, form: forms.ModelForm[M], change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        concrete = {field.name: field for field in obj._meta.concrete_fields}
        changed = [name for name in form.changed_data if name in concrete]
        if changed:
            moving = [name for name, field in concrete.items() if getattr(field, "auto_now", False)]
            obj.save(update_fields=[*changed, *moving])

    def audit(self, request: HttpRequest, rows: Iterable[Model], did: str) -> None:
        """Note in the audit log what an action did to each of `rows`."""
        LogEntry.objects.log_actions(
            user_id=cast("Any", request.user).pk,
            queryset=list(rows),
            action_flag=CHANGE,
            change_message=did,
        )


class ReadOnlyModelAdmin(OperatorModelAdmin[M]):
    """For rows that only the service itself writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False


class LinesField(forms.CharField):
    """A list of strings in a JSON column, edited one per line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40, "class": "vLargeTextField"})

    def __init__(self, *args: Any, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        kwargs["help_text"] = f"{kwargs.get('help_text') or ''} One per line.".strip()
        super().__init__(*args, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The model's validators look at the list; those of a text field do not apply."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


def changelist_link(model: type[Model], text: object, **filters: object) -> SafeString:
    """A link to the list of `model` rows that the filters leave."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return format_html('<a href="{}?{}">{}</a>', url, urlencode(filters), text)


def change_link(row: Model | None) -> SafeString | str:
    """A link to a row's own page."""
    if row is None:
        return "–"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, row)


class LogEntryAdmin(ReadOnlyModelAdmin[LogEntry]):
    """Who did what here."""

    list_display = ["action_time", "user", "what", "content_type", "thing", "get_change_message"]
    list_filter = ["action_flag", "content_type", "user"]
    search_fields = ["object_repr", "object_id", "change_message"]
    date_hierarchy = "action_time"
    list_select_related = ["user", "content_type"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        return super().get_queryset(request).order_by("-action_time")

    @admin.display(description="action", ordering="action_flag")
    def what(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())

    @admin.display(description="object", ordering="object_repr")
    def thing(self, entry: LogEntry) -> SafeString | str:
        url = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', url, entry.object_repr) if url else entry.object_repr
