"""The agent program as it runs beside a server: real RabbitMQ, its restricted account, real processes."""

import os
import signal
from pathlib import Path

import msgspec
import pytest

from guestagent.protocol import crypto, envelope, queues
from guestagent.protocol.commands import (
    CreateDatabases,
    CreateUsers,
    GetUser,
    ListUsers,
    Ping,
    PrepareDatastore,
    RestartDatastore,
    StartDatastore,
    StopDatastore,
)
from guestagent.protocol.envelope import Direction, Header
from guestagent.protocol.reports import Outcome
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserRef, UserSpec
from tests.integration.guestagent.bench import Guest, eventually

pytestmark = pytest.mark.integration


def databases(*names: str) -> CreateDatabases:
    return CreateDatabases(databases=tuple(DatabaseSpec(name=name) for name in names))


def user(name: str, password: str) -> CreateUsers:
    return CreateUsers(users=(UserSpec(name=name, password=Secret(password)),))


class TestCommands:
    def test_a_new_guest_says_so_and_becomes_healthy_when_prepared(self, guest: Guest) -> None:
        guest.start()
        assert guest.await_status("new").engine_version is None
        assert guest.outcome(guest.send(PrepareDatastore())).outcome is Outcome.SUCCEEDED
        assert guest.await_status("healthy").engine_version == "1.0"

    def test_a_command_sent_before_the_guest_was_born_is_run(self, guest: Guest) -> None:
        command_id = guest.send(PrepareDatastore())
        guest.start()
        assert guest.outcome(command_id).outcome is Outcome.SUCCEEDED

    def test_results_are_plain_values(self, prepared: Guest) -> None:
        page = prepared.outcome(prepared.send(ListUsers())).result
        assert page == {"items": [{"name": "ann", "host": "%", "databases": []}], "next_marker": "ann@%"}
        found = prepared.outcome(prepared.send(GetUser(user=UserRef(name="bob")))).result
        assert found == {"name": "bob", "host": "%", "databases": ["shop"]}
        assert prepared.outcome(prepared.send(Ping())).result == {}

    def test_the_report_carries_the_trace_and_whether_somebody_waits(self, prepared: Guest) -> None:
        prepared.outcome(prepared.send(Ping(), reply=True))
        header = prepared.reports[-1].header
        assert header.reply
        assert header.trace == {"request_id": "req-1", "operation_id": "op-1"}

    def test_an_engines_error_keeps_its_code(self, prepared: Guest) -> None:
        report = prepared.outcome(prepared.send(databases("broken")))
        assert (report.outcome, report.error_code) == (Outcome.FAILED, "datastore_failed")
        assert report.error_message == "the server said no"

    def test_a_fault_of_ours_is_reported_by_an_incident_number_only(self, prepared: Guest) -> None:
        report = prepared.outcome(prepared.send(databases("fault")))
        assert (report.outcome, report.error_code) == (Outcome.FAILED, "internal_error")
        assert "a bug" not in (report.error_message or "")
        (line,) = [line for line in prepared.log_lines() if "incident" in line]
        assert line["incident"] in (report.error_message or "")
        assert "RuntimeError" in line["exception"]
        assert (line["request_id"], line["operation_id"]) == ("req-1", "op-1")

    def test_changes_run_one_at_a_time_in_their_order_and_reads_beside_them(self, prepared: Guest) -> None:
        first, second = prepared.send(databases("slow")), prepared.send(databases("next"))
        eventually(lambda: "begin slow" in prepared.calls())
        assert prepared.outcome(prepared.send(ListUsers())).outcome is Outcome.SUCCEEDED
        assert "begin next" not in prepared.calls()
        (prepared.state / "release").touch()
        assert prepared.outcome(first).outcome is prepared.outcome(second).outcome is Outcome.SUCCEEDED
        assert prepared.calls()[-4:] == ["begin slow", "end slow", "begin next", "end next"]


class TestDeliveries:
    def test_a_command_delivered_twice_runs_once_and_is_answered_twice(self, prepared: Guest) -> None:
        sealed = prepared.seal(databases("once"))
        command_id = envelope.peek(sealed).message_id
        prepared.deliver(sealed)
        first = prepared.outcome(command_id)
        prepared.deliver(sealed)
        assert prepared.outcome(command_id, times=2) == first
        assert prepared.calls().count("end once") == 1

    def test_a_command_delivered_again_while_it_runs_is_answered_once(self, prepared: Guest) -> None:
        sealed = prepared.seal(databases("slow"))
        prepared.deliver(sealed)
        eventually(lambda: "begin slow" in prepared.calls())
        prepared.deliver(sealed)
        prepared.outcome(prepared.send(Ping()))
        (prepared.state / "release").touch()
        prepared.outcome(envelope.peek(sealed).message_id)
        assert prepared.calls().count("begin slow") == 1

    def test_a_late_command_is_refused_with_a_report(self, prepared: Guest) -> None:
        late = prepared.send(databases("late"), expires_at_ms=envelope.now_ms() - 1)
        report = prepared.outcome(late)
        assert (report.outcome, report.error_code) == (Outcome.REFUSED, "command_expired")
        assert "begin late" not in prepared.calls()

    def test_a_command_that_waited_too_long_behind_another_is_refused(self, prepared: Guest) -> None:
        prepared.send(databases("slow"))
        eventually(lambda: "begin slow" in prepared.calls())
        expires_at_ms = envelope.now_ms() + 1500
        late = prepared.send(databases("late"), expires_at_ms=expires_at_ms)
        eventually(lambda: envelope.now_ms() > expires_at_ms)
        (prepared.state / "release").touch()
        assert prepared.outcome(late).error_code == "command_expired"
        assert "begin late" not in prepared.calls()

    def test_an_old_copy_of_a_finished_command_gets_its_outcome_again(self, prepared: Guest) -> None:
        expires_at_ms = envelope.now_ms() + 1500
        sealed = prepared.seal(databases("once"), expires_at_ms=expires_at_ms)
        prepared.deliver(sealed)
        command_id = envelope.peek(sealed).message_id
        first = prepared.outcome(command_id)
        eventually(lambda: envelope.now_ms() > expires_at_ms)
        prepared.deliver(sealed)
        assert prepared.outcome(command_id, times=2) == first

    def test_a_command_from_the_future_is_refused_with_a_report(self, prepared: Guest) -> None:
        early = prepared.send(databases("early"), sent_at_ms=envelope.now_ms() + 3600_000)
        assert prepared.outcome(early).error_code == "clock_skew"

    def test_an_unknown_kind_is_refused_with_a_report(self, prepared: Guest) -> None:
        sealed = self._sealed_payload(
            prepared, "make_coffee", b'{"kind":"make_coffee","sugar":"secret-lump"}'
        )
        prepared.deliver(sealed)
        report = prepared.outcome(envelope.peek(sealed).message_id)
        assert (report.outcome, report.error_code) == (Outcome.REFUSED, "unknown_command")
        assert "secret-lump" not in prepared.log_path.read_text()

    def test_a_payload_of_another_kind_than_its_header_is_refused(self, prepared: Guest) -> None:
        sealed = self._sealed_payload(prepared, "ping", b'{"kind":"disable_root"}')
        prepared.deliver(sealed)
        assert prepared.outcome(envelope.peek(sealed).message_id).error_code == "invalid_command"

    def test_what_is_not_authentic_is_counted_and_answered_by_silence(self, prepared: Guest) -> None:
        good = prepared.seal(databases("forged"))
        head, rest = good.split(".", 1)
        foreign = crypto.SigningKey(crypto.generate_key())
        bad = [
            "",
            "not an envelope",
            {"a": "mapping"},
            good[:-8] + "AAAAAAAA",  # signature
            good.rsplit(".", 1)[0] + ".",  # unsigned
            f"{head}.{rest[::-1]}",
            "v9." + rest,
            prepared.seal(databases("forged"), instance_id="somebody-else"),
            prepared.seal(databases("forged"), direction=Direction.REPORT),
            self._sealed_payload(prepared, "ping", b'{"kind":"ping"}', signing_key=foreign),
            self._sealed_payload(prepared, "ping", b'{"kind":"ping"}', instance_key=crypto.generate_key()),
        ]
        for sealed in bad:
            prepared.deliver(sealed)
        known = len(prepared.collect())
        assert prepared.outcome(prepared.send(Ping())).outcome is Outcome.SUCCEEDED
        assert len(prepared.collect()) == known + 1
        refusals = [line["reason"] for line in prepared.log_lines() if line["event"] == "envelope refused"]
        assert len(refusals) == len(bad)
        assert {"malformed", "signature", "unsigned", "version", "wrong_instance", "direction", "tag"} <= set(
            refusals
        )
        assert not [call for call in prepared.calls() if "forged" in call]

    def _sealed_payload(
        self,
        guest: Guest,
        kind: str,
        payload: bytes,
        *,
        instance_key: str | None = None,
        signing_key: crypto.SigningKey | None = None,
    ) -> str:
        header = Header(
            direction=Direction.COMMAND,
            kind=kind,
            instance_id=guest.instance_id,
            message_id=f"{kind}-1",
            sequence=0,
            sent_at_ms=envelope.now_ms(),
        )
        return envelope.seal(
            header,
            payload,
            instance_key=instance_key or guest.instance_key,
            signing_key=signing_key or guest.control,
        )


class TestKilledAndCutOff:
    def test_a_command_that_ran_when_the_agent_was_killed_is_run_again_and_reported(
        self, prepared: Guest
    ) -> None:
        running, queued = prepared.send(databases("slow")), prepared.send(databases("queued"))
        eventually(lambda: "begin slow" in prepared.calls())
        prepared.outcome(prepared.send(Ping()))  # both were taken in
        prepared.end(signal.SIGKILL)
        (prepared.state / "release").touch()
        prepared.start()
        assert prepared.outcome(running).outcome is prepared.outcome(queued).outcome is Outcome.SUCCEEDED
        assert prepared.calls().count("begin slow") == 2
        assert prepared.calls()[-1] == "end queued"

    def test_the_server_outlives_the_agent(self, prepared: Guest) -> None:
        server = prepared.server_pid()
        assert server is not None
        assert prepared.end(signal.SIGTERM) == os.EX_OK
        prepared.start()
        prepared.await_status("healthy")
        prepared.end(signal.SIGKILL)
        prepared.start()
        prepared.await_status("healthy")
        assert prepared.server_pid() == server

    def test_sigterm_in_the_middle_of_a_command_ends_it_soon_and_the_next_agent_does_it(
        self, prepared: Guest
    ) -> None:
        command_id = prepared.send(databases("slow"))
        eventually(lambda: "begin slow" in prepared.calls())
        assert prepared.end(signal.SIGTERM) == os.EX_OK
        (prepared.state / "release").touch()
        prepared.start()
        assert prepared.outcome(command_id).outcome is Outcome.SUCCEEDED

    def test_a_cut_connection_is_made_again_and_nothing_is_lost(self, prepared: Guest) -> None:
        command_id = prepared.send(databases("slow"))
        eventually(lambda: "begin slow" in prepared.calls())
        eventually(lambda: prepared.management.connections(prepared.instance_id) == 2)
        prepared.management.cut_connections(prepared.instance_id)
        (prepared.state / "release").touch()
        assert prepared.outcome(command_id).outcome is Outcome.SUCCEEDED
        assert prepared.outcome(prepared.send(Ping())).outcome is Outcome.SUCCEEDED

    def test_without_a_broker_it_looks_after_the_server_and_reports_later(self, prepared: Guest) -> None:
        command_id = prepared.send(databases("slow"))
        eventually(lambda: "begin slow" in prepared.calls())
        user_path = f"users/{queues.guest_queue(prepared.instance_id)}"
        prepared.management.call("DELETE", user_path)  # its account is gone: it can't come back
        prepared.management.cut_connections(prepared.instance_id)
        (prepared.state / "release").touch()
        eventually(lambda: "end slow" in prepared.calls())
        server = prepared.server_pid()
        assert server is not None
        os.kill(server, signal.SIGKILL)
        eventually(lambda: prepared.server_pid() not in {None, server})
        prepared.management.declare_user(prepared.instance_id, prepared.password)
        assert prepared.outcome(command_id).outcome is Outcome.SUCCEEDED

    def test_it_starts_without_a_broker_and_stops_when_told(self, guest: Guest) -> None:
        guest.config = msgspec.structs.replace(guest.config, broker_url=Secret("amqp://x:y@127.0.0.1:1/none"))
        guest.write_config()
        guest.start()
        eventually(lambda: "cannot be reached" in guest.log_path.read_text())
        assert guest.end(signal.SIGTERM) == os.EX_OK

    def test_reports_are_numbered_upwards_across_restarts(self, prepared: Guest) -> None:
        prepared.outcome(prepared.send(Ping()))
        prepared.end(signal.SIGKILL)
        prepared.start()
        prepared.outcome(prepared.send(Ping()))
        (prepared.state / "journal.sqlite3").unlink()
        prepared.end(signal.SIGKILL)
        prepared.start()
        prepared.outcome(prepared.send(Ping()))
        numbers = [opened.header.sequence for opened in prepared.reports]
        assert numbers == sorted(set(numbers))

    def test_a_damaged_journal_is_set_aside(self, prepared: Guest) -> None:
        prepared.end(signal.SIGKILL)
        for suffix in ("", "-wal", "-shm"):
            (prepared.state / f"journal.sqlite3{suffix}").write_bytes(b"noise" * 2000)
        prepared.start()
        assert prepared.outcome(prepared.send(Ping())).outcome is Outcome.SUCCEEDED
        assert list(prepared.state.glob("journal.sqlite3.damaged-*"))

    def test_a_second_agent_is_turned_away(self, prepared: Guest) -> None:
        first = prepared.agent
        prepared.start()
        assert prepared.agent is not None
        assert prepared.agent.wait(20) == os.EX_TEMPFAIL
        prepared.agent = first
        assert prepared.outcome(prepared.send(Ping())).outcome is Outcome.SUCCEEDED


class TestTheServer:
    def test_a_dead_server_is_noticed_and_started_again(self, prepared: Guest) -> None:
        prepared.await_status("healthy")
        server = prepared.server_pid()
        assert server is not None
        os.kill(server, signal.SIGKILL)
        eventually(lambda: prepared.server_pid() not in {None, server}, what="another server")
        assert "crashed" in [line.get("status") for line in prepared.log_lines()]
        prepared.await_status("healthy")

    def test_a_server_that_died_while_the_agent_was_away_is_started(self, prepared: Guest) -> None:
        prepared.end(signal.SIGKILL)
        server = prepared.server_pid()
        assert server is not None
        os.kill(server, signal.SIGKILL)
        prepared.start()
        eventually(prepared.server_pid)

    def test_a_stopped_server_stays_down_over_a_restart_of_the_agent(self, prepared: Guest) -> None:
        assert prepared.outcome(prepared.send(StopDatastore())).outcome is Outcome.SUCCEEDED
        prepared.await_status("shutdown")
        prepared.end(signal.SIGTERM)
        prepared.start()
        prepared.outcome(prepared.send(Ping()))
        for _ in range(3):
            prepared.await_status("shutdown")
        assert prepared.server_pid() is None
        assert prepared.outcome(prepared.send(StartDatastore())).outcome is Outcome.SUCCEEDED
        prepared.await_status("healthy")

    def test_a_restart_gives_a_new_server(self, prepared: Guest) -> None:
        server = prepared.server_pid()
        assert prepared.outcome(prepared.send(RestartDatastore())).outcome is Outcome.SUCCEEDED
        prepared.await_status("healthy")
        assert prepared.server_pid() not in {None, server}

    def test_a_failed_preparation_shows_until_one_works(self, guest: Guest) -> None:
        guest.start()
        broken = PrepareDatastore(databases=(DatabaseSpec(name="broken"),))
        assert guest.outcome(guest.send(broken)).outcome is Outcome.FAILED
        server = guest.server_pid()
        assert server is not None
        os.kill(server, signal.SIGKILL)
        guest.await_status("failed")
        assert guest.outcome(guest.send(PrepareDatastore())).outcome is Outcome.SUCCEEDED
        guest.await_status("healthy")


class TestSecrets:
    def test_a_password_in_an_error_reaches_neither_report_nor_log_nor_journal(self, prepared: Guest) -> None:
        secret = "pass-word-5f2a9"
        told = prepared.outcome(prepared.send(user("tell", secret)))
        assert told.error_message == "syntax error near '***'"
        leaked = prepared.outcome(prepared.send(user("leak", secret)))
        assert secret not in (leaked.error_message or "")
        slow = prepared.send(databases("slow"))
        eventually(lambda: "begin slow" in prepared.calls())
        prepared.outcome(prepared.send(Ping()))
        prepared.send(user("plain", secret))
        eventually(lambda: sum(line["event"] == "command accepted" for line in prepared.log_lines()) >= 5)
        kept = b"".join(path.read_bytes() for path in prepared.state.glob("journal.sqlite3*"))
        assert slow.encode() in kept
        assert secret.encode() not in kept
        log = prepared.log_path.read_text()
        assert secret not in log
        for standing in (prepared.password, prepared.instance_key):
            assert standing not in log
            assert standing.encode() not in kept


class TestVolume:
    def test_use_of_a_folder_is_counted(self, guest: Guest) -> None:
        data = Path(guest.config.data_path)
        data.mkdir()
        (data / "table").write_bytes(os.urandom(300_000))
        guest.start()
        beat = guest.await_status("new")
        assert beat.volume_used_bytes is not None
        assert 300_000 <= beat.volume_used_bytes < 600_000
        assert beat.volume_total_bytes is None


def test_a_configuration_that_others_may_read_is_refused(guest: Guest) -> None:
    guest.config_path.chmod(0o640)
    guest.start()
    assert guest.agent is not None
    assert guest.agent.wait(20) == os.EX_CONFIG
    log = guest.log_path.read_text()
    assert "chmod 600" in log
    assert guest.instance_key not in log
