"""Projects, users, roles, application credentials and tokens."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest

from dbaas.accounts.models import ApplicationCredential, Project, RoleAssignment, Token, User


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To look at; what may be removed says so itself."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RoleInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RoleAssignment
    extra = 0
    autocomplete_fields = ("project", "user")


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "id", "enabled", "description", "created_at")
    list_filter = ("enabled",)
    search_fields = ("name", "id")
    readonly_fields = ("id", "created_at")
    inlines = (RoleInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """Disable it instead: its instances would be left without an owner."""
        return False


class UserForm(UserChangeForm):  # type: ignore[type-arg]
    class Meta(UserChangeForm.Meta):
        model = User
        fields = "__all__"


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("name",)
        field_classes: dict[str, type[forms.Field]] = {}


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """Django's own, for its password page; passwords show as hash parameters only."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("name", "id", "enabled", "is_staff", "default_project", "last_login")
    list_filter = ("enabled", "is_staff")
    list_select_related = ("default_project",)
    search_fields = ("name", "id")
    ordering = ("name",)
    readonly_fields = ("id", "last_login", "created_at")
    autocomplete_fields = ("default_project",)
    filter_horizontal = ("groups", "user_permissions")
    fieldsets = (
        (None, {"fields": ("name", "id", "password", "enabled", "default_project")}),
        ("This admin", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        ("When", {"fields": ("created_at", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("name", "usable_password", "password1", "password2")}),)
    inlines = (RoleInline,)


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("project", "user", "role")
    list_filter = ("role",)
    list_select_related = ("project", "user")
    search_fields = ("project__name", "user__name")
    autocomplete_fields = ("project", "user")


@admin.register(ApplicationCredential)
class ApplicationCredentialAdmin(ReadOnlyAdmin):
    """Operators may remove one; only its user can make one."""

    list_display = ("name", "user", "project", "roles", "unrestricted", "expires_at", "created_at")
    list_filter = ("unrestricted",)
    list_select_related = ("user", "project")
    search_fields = ("name", "id", "user__name", "project__name")
    exclude = ("secret_hash",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """Removing a token revokes it."""

    list_display = ("audit_id", "user", "project", "methods", "issued_at", "expires_at", "revoked_at")
    list_filter = ("issued_at",)
    list_select_related = ("user", "project")
    search_fields = ("audit_id", "user__name", "project__name")
    exclude = ("token_hash", "login_epoch")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
