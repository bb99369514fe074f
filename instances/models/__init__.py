from instances.models.guest import CommandState, Guest, GuestCommand
from instances.models.instance import Instance, InstanceState, RootHistory

__all__ = ["CommandState", "Guest", "GuestCommand", "Instance", "InstanceState", "RootHistory"]
