from django.apps import AppConfig


class TaskmanagerConfig(AppConfig):
    name = "dbaas.taskmanager"
    label = "taskmanager"
    default_auto_field = "django.db.models.BigAutoField"
