"""Files for people and their clients: openrc, adminrc, clouds.yaml, credentials. All 0600."""

import json
import shlex
from typing import Final

from compose.local.environment import FLOWER_USER, Environment
from compose.local.layout import PROJECT_ROOT, Layout, write_private

#: Cloud → user, project and the password's name in the environment.
CLOUDS: Final = {
    "demo": ("demo", "demo", "DEMO_PASSWORD"),
    "admin": ("admin", "admin", "ADMIN_PASSWORD"),
}


def variables(environment: Environment, cloud: str) -> dict[str, str]:
    """The OS_* variables of python-openstackclient for one of our clouds."""
    user, project, password = CLOUDS[cloud]
    return {
        "OS_AUTH_TYPE": "password",
        "OS_AUTH_URL": f"{environment.url}/identity/v3",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": user,
        "OS_PASSWORD": environment.passwords[password],
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_NAME": project,
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_REGION_NAME": environment.parsed()["REGION_NAME"],
    }


def write(layout: Layout, environment: Environment) -> None:
    for cloud in CLOUDS:
        write_private(layout.openrc(cloud), _openrc(environment, cloud))
    write_private(layout.clouds, _clouds(environment))
    write_private(layout.credentials, _credentials(layout, environment))


def _openrc(environment: Environment, cloud: str) -> str:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables(environment, cloud).items()]
    programs = shlex.quote(str(PROJECT_ROOT / ".venv" / "bin"))
    old_variables = """$(env | sed -n 's/^\\(OS_[A-Z0-9_]*\\)=.*/\\1/p')"""
    lines = [
        f"# Use: . var/{'openrc' if cloud == 'demo' else 'adminrc'} && openstack database instance list",
        f'for _name in {old_variables}; do unset "$_name"; done; unset _name',
        *exports,
        f'case ":$PATH:" in *:{programs}:*) ;; *) export PATH={programs}:"$PATH" ;; esac',
    ]
    return "\n".join(lines) + "\n"


def _clouds(environment: Environment) -> str:
    entries = {}
    for cloud in CLOUDS:
        given = variables(environment, cloud)
        entries[f"dbaas-{cloud}"] = {
            "auth": {
                name.removeprefix("OS_").lower(): given[name]
                for name in (
                    *("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_ID"),
                    *("OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_ID"),
                )
            },
            "region_name": given["OS_REGION_NAME"],
            "identity_api_version": "3",
        }
    # JSON is YAML, and needs no library to be quoted right.
    return (
        "# Use: OS_CLIENT_CONFIG_FILE=var/clouds.yaml openstack --os-cloud dbaas-demo database limit list\n"
        + (json.dumps({"clouds": entries}, indent=2) + "\n")
    )


def addresses(environment: Environment) -> list[tuple[str, str]]:
    settings = environment.parsed()
    return [
        ("API", f"{environment.url}/v1.0"),
        ("API documentation", f"{environment.url}/schema/docs"),
        ("Identity", f"{environment.url}/identity/v3"),
        ("Admin", f"{environment.url}/admin/"),
        ("Flower", f"http://{settings['METRICS_HOST']}:{settings['FLOWER_PORT']}/"),
    ]


def _credentials(layout: Layout, environment: Environment) -> str:
    passwords = environment.passwords
    lines = ["Addresses", *(f"  {name:18} {url}" for name, url in addresses(environment)), "", "Logins"]
    lines += [
        f"  {'Admin':18} admin / {passwords['ADMIN_PASSWORD']}",
        f"  {'Flower':18} {FLOWER_USER} / {passwords['FLOWER_PASSWORD']}",
        f"  {'Project demo':18} demo / {passwords['DEMO_PASSWORD']}   (. {layout.openrc('demo')})",
        f"  {'Project admin':18} admin / {passwords['ADMIN_PASSWORD']}   (. {layout.openrc('admin')})",
    ]
    return "\n".join(lines) + "\n"
