import io
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from dbaas.accounts.models import Project, RoleAssignment, User


def run(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.django_db
def test_project_and_user_are_made_once(tmp_path: Path) -> None:
    (project_id,) = run("create_project", "demo")
    assert run("create_project", "demo") == [project_id]
    file = tmp_path / "password"
    file.write_text("from a file, with blanks\n")
    first = run("create_user", "ann", "--project", "demo", "--role", "admin", "--password-file", str(file))
    again = run("create_user", "ann", "--project", project_id, "--role", "admin", "--role", "reader")
    assert first == again == [User.objects.get().id]
    assert set(RoleAssignment.objects.values_list("role", flat=True)) == {"admin", "reader"}
    assert User.objects.get().default_project == Project.objects.get()
    assert authenticate(username="ann", password="from a file, with blanks")


@pytest.mark.django_db
def test_generated_password_is_printed_once_and_works() -> None:
    _, line = run("create_user", "ann", "--staff")
    password = line.removeprefix("password: ")
    user = authenticate(username="ann", password=password)
    assert isinstance(user, User)
    assert user.is_staff
    assert user.is_superuser
    assert len(run("create_user", "ann")) == 1

    _, line = run("create_user", "ann", "--reset-password")
    assert authenticate(username="ann", password=password) is None
    assert authenticate(username="ann", password=line.removeprefix("password: "))


@pytest.mark.django_db
def test_mistakes_are_named(tmp_path: Path) -> None:
    weak = tmp_path / "weak"
    weak.write_text("123\n")
    for arguments in (
        ("create_user", "ann", "--project", "nowhere"),
        ("create_user", "ann", "--password-file", str(tmp_path / "missing")),
        ("create_user", "ann", "--password-file", str(weak)),
        ("create_user", " "),
        ("create_project", "x" * 65),
    ):
        with pytest.raises(CommandError):
            run(*arguments)
    assert not User.objects.exists()
    assert not Project.objects.exists()
