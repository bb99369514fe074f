"""The recipe of each long operation on an instance; importing the package registers them all."""

from instances.workflows import (  # noqa: F401
    apply_configuration,
    change_databases,
    change_users,
    create_instance,
    delete_instance,
    rebuild_instance,
    resize_instance,
    restart_instance,
    stop_instance,
    upgrade_instance,
)
