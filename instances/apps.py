from django.apps import AppConfig


class InstancesConfig(AppConfig):
    name = "instances"
    label = "instances"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from instances import reports

        reports.register()
