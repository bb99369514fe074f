"""The doctor finds what is wrong, says how to mend it, and never breaks itself."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from dbaas.common.doctor import CHECKS, Finding, Level, examine, host, stack
from dbaas.common.doctor.findings import error, ok


def _levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_a_check_that_breaks_is_a_finding_and_hides_its_message() -> None:
    def broken() -> Iterator[Finding]:
        yield from ()
        raise RuntimeError("amqp://user:secret@broker")

    findings = examine([broken, lambda: iter([ok("after", "fine")])])
    assert _levels(findings) == [Level.ERROR, Level.OK]
    assert "secret" not in findings[0].says


def test_a_setting_that_does_not_fit_is_named() -> None:
    def misconfigured() -> Iterator[Finding]:
        yield from ()
        raise ImproperlyConfigured("BIND_PORT: not a number")

    assert "BIND_PORT" in examine([misconfigured])[0].says


def test_whatever_is_wrong_has_a_way_to_mend_it(db: None) -> None:
    assert not [finding for finding in examine(CHECKS) if finding.level is not Level.OK and not finding.mend]


def test_loopback_network_of_another_machine_is_found(settings: Any) -> None:
    settings.LOCAL_NETWORK = "192.0.2.0/24"
    findings = list(host.loopback())
    assert _levels(findings) == [Level.ERROR]
    assert "192.0.2.1" in findings[0].says


def test_wrong_package_versions_are_named(settings: Any, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "guest.txt").write_text("celery==0.1\n")
    (tmp_path / "requirements" / "base.txt").write_text("no-such-package[extra]==1.0\n")
    (finding,) = host.packages()
    assert "celery" in finding.says
    assert "no-such-package missing, not 1.0" in finding.says


def test_files_that_others_may_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dbaas.settings.options.VAR", tmp_path)
    (tmp_path / "env").touch(mode=0o600)
    assert _levels(list(stack.private_files())) == [Level.OK]
    (tmp_path / "env").chmod(0o640)
    (finding,) = stack.private_files()
    assert finding.level is Level.ERROR
    assert str(tmp_path / "env") in finding.mend


def test_process_that_does_not_answer_is_an_error(settings: Any) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        unused_tcp_port = listener.getsockname()[1]
    settings.BIND_PORT = unused_tcp_port
    settings.TASKMANAGER_METRICS_PORT = settings.CONDUCTOR_METRICS_PORT = settings.FLOWER_PORT = 0
    assert _levels(list(stack.processes())) == [Level.ERROR]


@pytest.mark.parametrize(
    ("findings", "code"), [([ok("a", "b")], 0), ([ok("a", "b"), error("c", "d", "mend it")], 1)]
)
def test_command_says_it_all_in_json_and_by_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], findings: list[Finding], code: int
) -> None:
    monkeypatch.setattr("dbaas.common.management.commands.doctor.CHECKS", [lambda: iter(findings)])
    if code:
        with pytest.raises(SystemExit, match=str(code)):
            call_command("doctor", "--json")
    else:
        call_command("doctor", "--json")
    assert [line["about"] for line in json.loads(capsys.readouterr().out)] == [f.about for f in findings]
