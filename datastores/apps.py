from django.apps import AppConfig


class DatastoresConfig(AppConfig):
    name = "datastores"
    label = "datastores"
    verbose_name = "Datastores and sizes"
    default_auto_field = "django.db.models.BigAutoField"
