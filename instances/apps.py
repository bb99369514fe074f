from django.apps import AppConfig


class InstancesConfig(AppConfig):
    name = "instances"
    label = "instances"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dbaas.common import metrics
        from instances import gauges, reports

        reports.register()
        metrics.register_collector(gauges.collect)
