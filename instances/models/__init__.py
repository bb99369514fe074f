from instances.models.guest import CommandState, Guest, GuestCommand
from instances.models.instance import Instance, InstanceState, RootHistory
from instances.models.module import InstanceModule, Module

__all__ = [
    "CommandState",
    "Guest",
    "GuestCommand",
    "Instance",
    "InstanceModule",
    "InstanceState",
    "Module",
    "RootHistory",
]
