"""Django admin pages of this app; no page shows or stores a secret in clear."""

from dbaas.accounts.admin import identity, quotas

__all__ = ["identity", "quotas"]
