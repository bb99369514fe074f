from django.apps import AppConfig


class TaskmanagerConfig(AppConfig):
    name = "dbaas.taskmanager"
    label = "taskmanager"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dbaas.common import metrics
        from dbaas.taskmanager import gauges

        metrics.register_collector(gauges.collect)
