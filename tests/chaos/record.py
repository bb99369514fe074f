"""``python -m tests.chaos.record``: run every scenario once, unharmed, and write down its points."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.test")

from tests.chaos.bench import bench
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tenant import Tenant
from tests.chaos.trial import POINTS_FILE, record

_HEAD = """\
# Made by `python -m tests.chaos.record`: scenario, point, and "guest" where a guest agent runs.
"""


def main() -> None:
    lines = []
    with bench() as running:
        tenant = Tenant(running, "mariadb")
        for name in SCENARIOS:
            try:
                points = record(running, tenant, name)
            except BaseException:
                print(running.story())
                raise
            lines += [str(point) for point in points]
            print(f"{name}: {len(points)} points", flush=True)
        tenant.leave()
    POINTS_FILE.write_text(_HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
