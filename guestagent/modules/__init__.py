"""Modules: small files that an operator or a user puts on an instance, and drivers that act on them."""
