from django.apps import AppConfig


class DbaasConfig(AppConfig):
    name = "dbaas"
    label = "dbaas"

    def ready(self) -> None:
        from dbaas import celery  # noqa: F401 - binds shared_task to our app
