"""``python -m tests.chaos.record [SCENARIO …]``: run scenarios once, unharmed, and write down their points.

Without names, all; points of scenarios that were not run stay as they are.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.test")

from tests.chaos.bench import bench
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tenant import Tenant
from tests.chaos.trial import POINTS_FILE, known_points, record

_HEAD = """\
# Made by `python -m tests.chaos.record`: scenario, point, and "guest" where a guest agent runs.
"""


def main(names: list[str]) -> None:
    points = {name: [str(point) for point in known_points() if point.scenario == name] for name in SCENARIOS}
    with bench() as running:
        tenant = Tenant(running, "mariadb")
        for name in names or SCENARIOS:
            try:
                found = record(running, tenant, name)
            except BaseException:
                print(running.story())
                raise
            points[name] = [str(point) for point in found]
            print(f"{name}: {len(found)} points", flush=True)
        tenant.leave()
    POINTS_FILE.write_text(_HEAD + "".join(f"{line}\n" for lines in points.values() for line in lines))


if __name__ == "__main__":
    main(sys.argv[1:])
