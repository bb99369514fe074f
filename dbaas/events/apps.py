from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "dbaas.events"
    label = "events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dbaas.common import metrics
        from dbaas.events.selectors import delivery_gauges

        metrics.register_collector(delivery_gauges)
