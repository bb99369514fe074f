"""Everything of a data directory into one of a later release series, by pg_upgrade."""

import tempfile
from pathlib import Path
from typing import Final

from guestagent.engines.layout import Layout
from guestagent.engines.postgresql.sql import ADMIN
from guestagent.errors import EngineFailed
from guestagent.runtimes.base import Program, Runtime
from guestagent.system.copying import copy_tree
from guestagent.system.files import remove_tree

TIMEOUT_SECONDS: Final = 1500.0


def run(runtime: Runtime, layout: Layout, old: Program, new: Program) -> None:
    """Fill `layout.upgraded`, which is new and empty, from a copy of `layout.data`. Raises EngineFailed.

    The copy's files are linked into the new directory, so they are there once; the old ones stay untouched.
    """
    tool = runtime.find_tool(new, "pg_upgrade")
    if tool is None:
        raise EngineFailed("pg_upgrade is not installed.", code="engine_not_installed")
    source = layout.upgraded.with_suffix(".source")
    remove_tree(source)
    try:
        copy_tree(layout.data, source)
        # Short, for sockets lie in it. Whoever is in here is the administrator, so nobody else may be.
        with tempfile.TemporaryDirectory(prefix="dbaas-", dir="/tmp") as work:
            for folder in (source, layout.upgraded):
                (folder / "pg_hba.conf").write_text(f"local all {ADMIN} trust\n")
            command = [
                *(str(tool), "--link", "--username", ADMIN, "--socketdir", work),
                *("--old-bindir", str(old.path.parent), "--old-datadir", str(source)),
                *("--new-bindir", str(new.path.parent), "--new-datadir", str(layout.upgraded)),
            ]
            trees = (source, layout.upgraded, Path(work))
            result = runtime.run_on_trees(command, trees, timeout_seconds=TIMEOUT_SECONDS)
        (layout.upgraded / "pg_hba.conf").write_text("local all all reject\n")
    finally:
        remove_tree(source)
    if result.exit_code != 0:
        said = (result.stdout + result.stderr).decode(errors="replace").strip().splitlines()[-3:]
        raise EngineFailed(f"pg_upgrade ended with {result.exit_code}: {' '.join(said)[:300]}")
    remove_tree(layout.upgraded / "pg_upgrade_output.d")
