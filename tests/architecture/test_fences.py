"""Rules about the code itself: imports, migrations, documents that must not fall behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compose.local.layout import PROJECT_ROOT

PROGRAMS = Path(sys.executable).parent


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env={**inherited, **environment}, capture_output=True, text=True,
        timeout=110, check=False,
    )  # fmt: skip


def _manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(sys.executable, "manage.py", *arguments, DJANGO_SETTINGS_MODULE="dbaas.settings.test")


def test_import_contracts_hold() -> None:
    result = _run(str(PROGRAMS / "lint-imports"), "--no-cache")
    assert result.returncode == 0, result.stdout


def test_no_migration_is_missing() -> None:
    result = _manage("makemigrations", "--check", "--dry-run")
    assert result.returncode == 0, result.stdout


def test_no_migration_has_a_generated_name() -> None:
    names = [path.stem for path in PROJECT_ROOT.glob("*/**/migrations/0*.py") if ".venv" not in path.parts]
    assert not [name for name in names if re.search(r"_auto_|_and_more$", name)]


def test_style_is_kept() -> None:
    result = _run(str(PROGRAMS / "ruff"), "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout


def test_guest_needs_neither_django_nor_the_control_plane() -> None:
    """As on a machine that has neither: kombu alone would take Django's lazy strings if it found them."""
    program = """
import importlib, pkgutil, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {"django", "rest_framework", "dbaas", "instances", "datastores", "backups", "openstack"}:
            raise ModuleNotFoundError(f"the guest asks for {name}", name=name)

sys.meta_path.insert(0, Hidden())
import guestagent
for module in pkgutil.walk_packages(guestagent.__path__, "guestagent."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    result = _run(sys.executable, "-c", program)
    assert result.returncode == 0, result.stderr


def test_guest_requirements_hold_no_django() -> None:
    lines = (PROJECT_ROOT / "requirements" / "guest.txt").read_text().lower().splitlines()
    assert not [
        line for line in lines if not line.startswith("#") and ("django" in line or "openstack" in line)
    ]


def test_every_requirement_is_pinned() -> None:
    for path in (PROJECT_ROOT / "requirements").glob("*.txt"):
        lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
        assert not [line for line in lines if line and not line.startswith("-r ") and "==" not in line], (
            path.name
        )


def test_configuration_reference_is_what_the_settings_say() -> None:
    written = (PROJECT_ROOT / "dbaas" / "docs" / "configuration.md").read_text()
    generated = _manage("config_sample", "--format", "markdown").stdout
    assert written.endswith(generated.rstrip() + "\n"), "run: make docs"


def test_package_above_everything_stays_empty() -> None:
    assert not (PROJECT_ROOT / "dbaas" / "__init__.py").read_text().strip()


@pytest.mark.parametrize("document", ["README.md", *map(str, Path("dbaas/docs").glob("**/*.md"))])
def test_links_and_paths_in_documents_lead_somewhere(document: str) -> None:
    path = PROJECT_ROOT / document
    text = path.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]
    if document == "README.md":
        named = re.findall(r"`((?:dbaas|instances|datastores|guestagent|compose|tests)/[^`<…{]*)`", text)
        assert not [name for name in named if not (PROJECT_ROOT / name).exists()]


def test_files_name_no_place_of_one_machine() -> None:
    listed = _run("git", "ls-files").stdout.splitlines()
    if not listed:
        pytest.skip("not a git checkout: there is no list of the project's own files")
    machine = re.compile(rf"/(?:{'|'.join(('home', 'wor' + 'k'))})/[a-z]")
    named = []
    for name in listed:
        path = PROJECT_ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".sh", ".txt", ".cfg", ""}:
            named += [name for line in path.read_text(errors="replace").splitlines() if machine.search(line)]
    assert not named
