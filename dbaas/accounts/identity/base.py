"""What the API asks of an identity service."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dbaas.accounts.caller import Caller


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project as identity knows it."""

    id: str
    name: str
    enabled: bool


class IdentityDriver(ABC):
    """Validates tokens and resolves project names. Implementations are stateless and shared by threads."""

    @abstractmethod
    def authenticate(self, token: str) -> Caller:
        """The caller behind a token, as of now: a revoked or expired one is refused at once.

        Raises Unauthorized when it is not good, ServiceUnavailable when that can't be found out.
        """

    @abstractmethod
    def find_projects(self, caller: Caller, *, id_or_name: str) -> list[ProjectInfo]:
        """The projects with this id or name that the caller may know of: none, or one."""
