"""Who may do what, and how much of it."""

from dbaas.accounts.models.credentials import ApplicationCredential, Token
from dbaas.accounts.models.identity import Project, Role, RoleAssignment, User
from dbaas.accounts.models.quotas import QuotaHold, QuotaLimit, QuotaUsage

__all__ = [
    "ApplicationCredential",
    "Project",
    "QuotaHold",
    "QuotaLimit",
    "QuotaUsage",
    "Role",
    "RoleAssignment",
    "Token",
    "User",
]
