from django.contrib.admin.apps import AdminConfig


class DatabasesAdminConfig(AdminConfig):
    """Django's admin with our site in the place of its own: every app registers as usual."""

    default_site = "dbaas.common.admin_site.DatabasesAdminSite"
