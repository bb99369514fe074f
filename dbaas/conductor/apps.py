from django.apps import AppConfig


class ConductorConfig(AppConfig):
    name = "dbaas.conductor"
    label = "conductor"
    default_auto_field = "django.db.models.BigAutoField"
