from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "dbaas.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dbaas.accounts import checks  # noqa: F401 - registers them
