"""Who is calling: the only thing the rest of the project knows about identity."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request's user, project and roles. DRF sees it as `request.user`.

    `project_id` is empty when the token has no scope; such a caller reaches no project's things.
    """

    user_id: str
    user_name: str
    project_id: str = ""
    project_name: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    is_admin: bool = False
    token_expires_at: datetime | None = None

    @property
    def is_authenticated(self) -> bool:
        return True
