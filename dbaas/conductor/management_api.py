"""RabbitMQ's management API: bounded, retried once, and with errors that hold no credentials."""

from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from dbaas.common.errors import ServiceUnavailable
from dbaas.common.logs import get_logger

log = get_logger(__name__)

CONNECT_TIMEOUT_SECONDS: Final = 2.0
ANSWER_TIMEOUT_SECONDS: Final = 5.0
_ATTEMPTS: Final = 2


class ManagementApi:
    """A client for one broker. Thread-safe: `requests` pools connections, and no state is kept."""

    def __init__(self, url: str) -> None:
        """`url` is ``http(s)://user:password@host:port``."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/api", "", ""))
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc: these are our own credentials
        self._session.auth = (parts.username or "", parts.password or "")
        self._session.mount(self._base, HTTPAdapter(pool_maxsize=10))

    def get(self, *path: str) -> Any:
        """The decoded answer, or None when there is no such thing."""
        answer = self._call("GET", path)
        return None if answer.status_code == 404 else answer.json()

    def put(self, *path: str, body: dict[str, Any] | None = None) -> bool:
        """Create or overwrite; True when it was not there before."""
        return self._call("PUT", path, body or {}).status_code == 201

    def post(self, *path: str, body: dict[str, Any]) -> None:
        self._call("POST", path, body)

    def delete(self, *path: str) -> None:
        """Delete; nothing to delete is success."""
        self._call("DELETE", path)

    def _call(
        self, method: str, path: tuple[str, ...], body: dict[str, Any] | None = None
    ) -> requests.Response:
        url = "/".join((self._base, *(quote(part, safe="") for part in path)))
        for _attempt in range(_ATTEMPTS):
            try:
                answer = self._session.request(
                    method, url, json=body, timeout=(CONNECT_TIMEOUT_SECONDS, ANSWER_TIMEOUT_SECONDS)
                )
            except requests.RequestException as error:
                reason = type(error).__name__
            else:
                if answer.ok or (answer.status_code == 404 and method in {"GET", "DELETE"}):
                    return answer
                reason = f"HTTP {answer.status_code}"
                if answer.status_code < 500:
                    break  # asking again would not change the answer
        log.warning(
            "broker_management_failed",
            method=method,
            path="/".join(path[:2]),
            reason=reason,
        )
        raise ServiceUnavailable(f"RabbitMQ's management API did not do what was asked ({reason}).")
