"""Many of the same POST at once, from several processes: done once, on every control database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.dbaas.accounts.databases import KINDS, ROOT, control_database, run

pytestmark = pytest.mark.integration
Answer = tuple[int, str, bool]
COUNT = (
    "import django; django.setup(); from dbaas.common.models import IdempotentRequest as R;"
    "print(R.objects.count())"
)


def race(environment: dict[str, str], path: str) -> list[Answer]:
    module = "tests.integration.dbaas.idempotency_racer"
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, path],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    answers: list[Answer] = []
    for process in started:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err[-3000:]
        answers += [(status, body, replayed) for status, body, replayed in json.loads(out)]
    return answers


@pytest.mark.parametrize("kind", KINDS)
def test_same_key_at_once_is_done_once(kind: str, tmp_path: Path) -> None:
    with control_database(kind, tmp_path) as environment:
        run(["manage.py", "migrate", "common", "--skip-checks", "-v0"], environment)
        answers = race(environment, "/v1.0/p1/echo")
        assert {status for status, _, _ in answers} == {200}, answers
        assert len({body for _, body, _ in answers}) == 1
        assert [replayed for _, _, replayed in answers].count(False) == 1
        assert run(["-c", COUNT], environment).strip() == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_same_key_at_once_for_work_that_waits_is_done_once(kind: str, tmp_path: Path) -> None:
    with control_database(kind, tmp_path) as environment:
        run(["manage.py", "migrate", "common", "--skip-checks", "-v0"], environment)
        answers = race(environment, "/v1.0/p1/slow")
        assert {status for status, _, _ in answers} <= {200, 409}, answers
        firsts = [body for status, body, replayed in answers if status == 200 and not replayed]
        assert len(firsts) == 1
