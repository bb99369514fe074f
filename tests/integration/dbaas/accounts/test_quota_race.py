"""Two hundred concurrent creates at the limit end exactly at the limit, on every control database."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.dbaas.accounts.databases import KINDS, ROOT, control_database, run

pytestmark = pytest.mark.integration

LIMITS = {"MAX_INSTANCES_PER_TENANT": "30", "MAX_VOLUMES_PER_TENANT": "1000", "MAX_RAM_PER_TENANT": "-1"}
SHOW = (
    "import django; django.setup(); from dbaas.accounts import quotas; import json;"
    "print(json.dumps({q.resource: [q.in_use, q.reserved] for q in quotas.usage('p' * 32)}))"
)

OFFER = (
    "import django; django.setup(); from datastores.models import *;"
    "Flavor.objects.create(id='racer', name='racer', ram_mb=512, vcpus=1, disk_gb=1);"
    "store = Datastore.objects.create(name='racer');"
    "store.default_version = store.versions.create(name='1', version='1', engine='mariadb'); store.save()"
)
COUNT = (
    "import django; django.setup(); import json; from instances.models import Guest, Instance;"
    "from dbaas.taskmanager.models import Operation;"
    "print(json.dumps([model.objects.count() for model in (Instance, Guest, Operation)]))"
)


def race(environment: dict[str, str], action: str, processes: int = 2, each: int = 100) -> Counter[str]:
    module = "tests.integration.dbaas.accounts.quota_racer"
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, action, str(n * each), str((n + 1) * each)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(processes)
    ]  # fmt: skip
    outcomes: Counter[str] = Counter()
    for process in started:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err[-3000:]
        outcomes.update(json.loads(out))
    return outcomes


def usage(environment: dict[str, str]) -> dict[str, list[int]]:
    result: dict[str, list[int]] = json.loads(run(["-c", SHOW], environment))
    return result


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_concurrent_creates_end_exactly_at_the_limit(kind: str, tmp_path: Path) -> None:
    with control_database(kind, tmp_path) as database:
        environment = database | LIMITS
        assert race(environment, "reserve") == {"done": 30, "exceeded": 170}
        assert usage(environment) == {
            "instances": [0, 30], "ram": [0, 30 * 512], "volumes": [0, 60], "backups": [0, 0],
        }  # fmt: skip

        race(environment, "settle")
        settled = usage(environment)
        made = settled["instances"][0]
        assert settled == {
            "instances": [made, 0], "ram": [made * 512, 0], "volumes": [made * 2, 0], "backups": [0, 0],
        }  # fmt: skip

        # What the failed ones gave back is there to be had again, and no more than that.
        again = race(environment, "reserve")
        assert usage(environment)["instances"] == [made, 30 - made]
        assert again["exceeded"] > 0

        race(environment, "release")
        assert usage(environment) == {name: [0, 0] for name in settled}

        # The same with all that a create writes: instance, guest, operation, message.
        run(["manage.py", "migrate", "-v0"], environment)
        run(["-c", OFFER], environment)
        assert race(environment, "create") == {"done": 30, "exceeded": 170}
        assert usage(environment)["instances"] == [0, 30]
        assert json.loads(run(["-c", COUNT], environment)) == [30, 30, 30]
