"""Every setting of the control plane: name, default, meaning, and Trove's name for it where there is one.

`base.py` turns this table into Django settings, `manage.py config_sample` prints it, and the configuration
reference in the docs is made from it. A value comes from the environment variable of the same name; one
marked secret may also come from the file that `<NAME>_FILE` names. Parsing is strict: a value that does not
fit stops the program with a sentence that says which and why.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

PROJECT_ROOT = Path(__file__).resolve().parents[2]
#: Everything that `make up` makes is in here; DBAAS_VAR names another folder for a second stack.
VAR = Path(os.environ.get("DBAAS_VAR") or PROJECT_ROOT / "var")


def text(value: str) -> str:
    return value


def boolean(value: str) -> bool:
    if value.lower() in {"true", "1", "yes", "on"}:
        return True
    if value.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError("must be true or false")


def integer(value: str) -> int:
    return int(value)


def seconds(value: str) -> float:
    number = float(value)
    if number <= 0:
        raise ValueError("must be a number of seconds above zero")
    return number


def words(value: str) -> list[str]:
    """Comma-separated, blanks dropped."""
    return [word.strip() for word in value.split(",") if word.strip()]


def networks(value: str) -> list[str]:
    """Comma-separated addresses or CIDRs."""
    return [str(ip_network(word, strict=False)) for word in words(value)]


def one_of(*choices: str) -> Callable[[str], str]:
    def choice(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return choice


def optional_integer(value: str) -> int | None:
    return int(value) if value else None


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    default: str
    help: str
    parse: Callable[[str], Any] = text
    trove: str | None = None  # "group.option" of Trove, group omitted for DEFAULT
    secret: bool = False
    group: str = ""


def _group(title: str, *options: Option) -> tuple[Option, ...]:
    return tuple(Option(o.name, o.default, o.help, o.parse, o.trove, o.secret, group=title) for o in options)


OPTIONS: tuple[Option, ...] = (
    *_group(
        "Web application",
        Option("SECRET_KEY", "", "Signs sessions and CSRF tokens of the admin.", secret=True),
        Option("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", "Host names the API answers to.", words),
        Option("BIND_HOST", "127.0.0.1", "Address the API listens on.", trove="bind_host"),
        Option("BIND_PORT", "8779", "Port the API listens on.", integer, trove="bind_port"),
        Option(
            "PUBLIC_ENDPOINT",
            "",
            "Base URL shown in links and the catalog; empty: as the request came.",
            trove="public_endpoint",
        ),
        Option("API_WORKERS", "2", "Processes of the API.", integer, trove="trove_api_workers"),
        Option("MAX_BODY_BYTES", "1048576", "Larger request bodies are refused with 413.", integer),
        Option("CSRF_TRUSTED_ORIGINS", "", "Origins (scheme://host) the admin may be posted from.", words),
    ),
    *_group(
        "Databases, broker and cache",
        Option(
            "DATABASE_URL",
            f"sqlite:///{VAR}/control.sqlite3",
            "Control database: sqlite:///path, postgres://… or mysql://… (also MariaDB).",
            trove="database.connection",
            secret=True,
        ),
        Option(
            "TRANSPORT_URL",
            "amqp://guest:guest@127.0.0.1:5672/dbaas",
            "RabbitMQ as the control plane reaches it; its virtual host is ours alone.",
            trove="transport_url",
            secret=True,
        ),
        Option(
            "RABBITMQ_MANAGEMENT_URL",
            "http://guest:guest@127.0.0.1:15672",
            "RabbitMQ's management API, used to make each guest its own queue and account.",
            secret=True,
        ),
        Option("GUEST_BROKER_ADDRESS", "127.0.0.1:5672", "RabbitMQ as guests reach it (host:port)."),
        Option("GUEST_BROKER_TLS", "false", "Guests connect to RabbitMQ over TLS.", boolean),
        Option(
            "REDIS_URL",
            "redis://127.0.0.1:6379/0",
            "Redis: answers on their way, rate limits, cache.",
            secret=True,
        ),
    ),
    *_group(
        "Keys (make one with: manage.py generate_key)",
        Option(
            "ENABLE_SECURE_RPC_MESSAGING",
            "true",
            "Messages are sealed. There is no plaintext mode: false stops the program.",
            boolean,
            trove="enable_secure_rpc_messaging",
        ),
        Option(
            "TASKMANAGER_RPC_ENCR_KEY",
            "",
            "Seals secrets that the api hands to the taskmanager; a "
            "comma-separated list: the first seals, all open.",
            words,
            trove="taskmanager_rpc_encr_key",
            secret=True,
        ),
        Option(
            "INST_RPC_KEY_ENCR_KEY",
            "",
            "Wraps each instance's own key in the database; a list: the "
            "first wraps, all unwrap (manage.py rotate_keys).",
            words,
            trove="inst_rpc_key_encr_key",
            secret=True,
        ),
        Option(
            "DBAAS_ROLE", "", "Which process this is (api, taskmanager, conductor, …); set by its starter."
        ),
        Option(
            "COMMAND_SIGNING_KEY",
            "",
            "Ed25519 key that signs commands to guests. The api and the "
            "taskmanager hold it, the conductor must not.",
            secret=True,
        ),
    ),
    *_group(
        "Identity and policy",
        Option("IDENTITY_DRIVER", "local", "Who checks tokens: local (built in) or keystone."),
        Option("TOKEN_LIFETIME_SECONDS", "14400", "Life of a built-in token.", seconds),
        Option("LOGIN_ATTEMPTS_PER_MINUTE", "20", "Failed logins per user and address before 429.", integer),
        Option(
            "TRUSTED_PROXIES",
            "",
            "Networks (CIDR) of proxies whose X-Forwarded-For tells the client's address.",
            networks,
        ),
        Option(
            "POLICY_FILE",
            "",
            "oslo.policy file that overrides the defaults (manage.py policy_sample).",
            trove="oslo_policy.policy_file",
        ),
        Option("REGION_NAME", "RegionOne", "Region in the catalog.", trove="service_credentials.region_name"),
    ),
    *_group(
        "Datastores, sizes and quotas",
        Option(
            "DEFAULT_DATASTORE",
            "",
            "Datastore (id or name) when a request names none.",
            trove="default_datastore",
        ),
        Option(
            "MAX_ACCEPTED_VOLUME_SIZE",
            "10",
            "Largest volume in GB.",
            integer,
            trove="max_accepted_volume_size",
        ),
        Option(
            "MAX_INSTANCES_PER_TENANT",
            "10",
            "Default quota; -1 is unlimited.",
            integer,
            trove="max_instances_per_tenant",
        ),
        Option("MAX_RAM_PER_TENANT", "-1", "Default quota in MB.", integer, trove="max_ram_per_tenant"),
        Option(
            "MAX_VOLUMES_PER_TENANT", "40", "Default quota in GB.", integer, trove="max_volumes_per_tenant"
        ),
        Option("MAX_BACKUPS_PER_TENANT", "50", "Default quota.", integer, trove="max_backups_per_tenant"),
        Option(
            "INSTANCES_PAGE_SIZE", "20", "Instances per page, at most.", integer, trove="instances_page_size"
        ),
        Option(
            "DATABASES_PAGE_SIZE", "20", "Databases per page, at most.", integer, trove="databases_page_size"
        ),
        Option("USERS_PAGE_SIZE", "20", "Users per page, at most.", integer, trove="users_page_size"),
        Option(
            "CONFIGURATIONS_PAGE_SIZE",
            "20",
            "Configuration groups per page, at most.",
            integer,
            trove="configurations_page_size",
        ),
        Option(
            "HTTP_GET_RATE", "200", "GET requests a minute for each project.", integer, trove="http_get_rate"
        ),
        Option(
            "HTTP_POST_RATE",
            "200",
            "POST requests a minute for each project.",
            integer,
            trove="http_post_rate",
        ),
        Option(
            "HTTP_PUT_RATE",
            "200",
            "PUT and PATCH requests a minute for each project.",
            integer,
            trove="http_put_rate",
        ),
        Option(
            "HTTP_DELETE_RATE",
            "200",
            "DELETE requests a minute for each project.",
            integer,
            trove="http_delete_rate",
        ),
    ),
    *_group(
        "Operations",
        Option(
            "USAGE_TIMEOUT",
            "1800",
            "Seconds for an instance to become ACTIVE.",
            seconds,
            trove="usage_timeout",
        ),
        Option("REBOOT_TIME_OUT", "120", "Seconds for a server to reboot.", seconds, trove="reboot_time_out"),
        Option(
            "AGENT_CALL_LOW_TIMEOUT",
            "15",
            "Seconds for a quick answer of a guest.",
            seconds,
            trove="agent_call_low_timeout",
        ),
        Option(
            "AGENT_CALL_HIGH_TIMEOUT",
            "180",
            "Seconds for a slow action of a guest.",
            seconds,
            trove="agent_call_high_timeout",
        ),
        Option(
            "AGENT_HEARTBEAT_TIME",
            "5",
            "Seconds between heartbeats of a guest.",
            seconds,
            trove="agent_heartbeat_time",
        ),
        Option(
            "AGENT_HEARTBEAT_EXPIRY",
            "30",
            "Seconds of silence until a guest is shown as ERROR.",
            seconds,
            trove="agent_heartbeat_expiry",
        ),
        Option(
            "OPERATION_LEASE_SECONDS",
            "15",
            "A worker that is silent for so long loses its operation.",
            seconds,
        ),
        Option("OPERATION_RETENTION_DAYS", "30", "Finished operations older than this are removed.", integer),
        Option("TASKMANAGER_CONCURRENCY", "4", "Operations one taskmanager process runs at a time.", integer),
        Option("CONDUCTOR_CONCURRENCY", "2", "Reports one conductor process takes in at a time.", integer),
    ),
    *_group(
        "Events and webhooks",
        Option("EVENT_RETENTION_DAYS", "90", "Events older than this are removed.", integer),
        Option("WEBHOOK_TIMEOUT_SECONDS", "10", "A receiver has so long for one event, all in all.", seconds),
        Option(
            "WEBHOOK_GIVE_UP_SECONDS",
            "86400",
            "An event that is not taken for so long is put aside as dead.",
            seconds,
        ),
        Option(
            "WEBHOOKS_ALLOW_PRIVATE",
            "false",
            "Webhooks may go to private and local addresses, to any "
            "port and without TLS: for tests and closed networks.",
            boolean,
        ),
        Option(
            "WEBHOOKS_REFUSED_NETWORKS",
            "",
            "More networks (CIDR) that webhooks may not go to: the operator's own with public addresses.",
            networks,
        ),
    ),
    *_group(
        "Provider",
        Option("PROVIDER", "local", "Where servers come from: local, or openstack."),
        Option("LOCAL_PATH", f"{VAR}/local", "local: servers, volumes and addresses are kept here."),
        Option("AVAILABILITY_ZONES", "", "Zones that users may name; empty: whatever they say.", words),
        Option(
            "RESERVED_NETWORK_CIDRS",
            "",
            "Networks (CIDR) that users' must not overlap: those of management.",
            networks,
        ),
        Option("LOCAL_NETWORK", "127.77.0.0/16", "local: each instance gets an address of this network."),
        Option("LOCAL_RUNTIME", "process", "local: how engines run: process (host packages) or docker."),
        Option(
            "DATABASE_SERVICE_UID",
            "",
            "User id that database servers run as; empty: one of its own for "
            "each instance when root, else the taskmanager's.",
            optional_integer,
            trove="database_service_uid",
        ),
        Option(
            "DATABASE_SERVICE_GID",
            "",
            "Group id, likewise.",
            optional_integer,
            trove="mysql.database_service_gid",
        ),
        Option(
            "LOCAL_VOLUMES",
            "auto",
            "local: volumes are file systems of their own, really full when full "
            "(loop; needs root and loop devices), directories (directory), or loop where that works (auto).",
            one_of("auto", "loop", "directory"),
        ),
        Option(
            "LOCAL_UID_BASE", "64000", "local: first of the user ids given to instances when root.", integer
        ),
    ),
    *_group(
        "Looking at it",
        Option("LOG_FORMAT", "console", "console or json."),
        Option("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
        Option("METRICS_HOST", "127.0.0.1", "Address of the workers' /metrics and /healthz."),
        Option("TASKMANAGER_METRICS_PORT", "8781", "Port of the taskmanager's /metrics; 0: none.", integer),
        Option("CONDUCTOR_METRICS_PORT", "8782", "Port of the conductor's /metrics; 0: none.", integer),
        Option("FLOWER_PORT", "5555", "Port of the Flower dashboard.", integer),
    ),
)


def load(environment: Mapping[str, str]) -> dict[str, Any]:
    """All settings by name. Raises ImproperlyConfigured naming the first one that does not fit."""
    return {option.name: _read(option, environment) for option in OPTIONS}


def _read(option: Option, environment: Mapping[str, str]) -> Any:
    raw = environment.get(option.name)
    path = environment.get(f"{option.name}_FILE") if option.secret else None
    if raw is None and path:
        try:
            raw = Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{option.name}_FILE: cannot read {path}: {error.strerror}") from error
    try:
        return option.parse(option.default if raw is None else raw)
    except ValueError as error:
        # The value itself may be a secret: say what was expected, not what was there.
        reason = "has a value that does not fit" if option.secret else str(error)
        raise ImproperlyConfigured(f"{option.name}: {reason}") from error
