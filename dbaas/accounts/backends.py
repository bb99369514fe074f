"""How people log in to the Django admin: as everywhere, with guesses counted and refused."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from dbaas.accounts import attempts, login
from dbaas.accounts.models import User
from dbaas.common.errors import Unauthorized
from guestagent.protocol.secret import Secret


class CountingBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """The user, or none. Raises PermissionDenied (Django then asks no other backend) after too many."""
        if username is None or password is None:
            return None
        try:
            return login.check_user(
                user=User.objects.filter(name=username).first(),
                claimed=username,
                password=Secret(password),
                address=attempts.client_address(request) if request else "unknown",
            )
        except attempts.TooManyAttempts as error:
            raise PermissionDenied from error
        except Unauthorized:
            return None
