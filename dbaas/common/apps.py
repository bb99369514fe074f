from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "dbaas.common"
    label = "common"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dbaas.common import checks, schema  # noqa: F401 - both register themselves
