"""Writes the configuration reference: ``python -m compose.local.write_docs``."""

import io
import os

import django
from django.core.management import call_command

from compose.local.layout import PROJECT_ROOT

HEAD = """\
# Settings

Made from `dbaas/settings/options.py` by `make docs`. A setting is an environment variable; `make up` keeps
those of its stack in `var/env`. One marked *secret* may instead be in a file that `<NAME>_FILE` names.

"""


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "dbaas.settings.test"
    django.setup()
    table = io.StringIO()
    call_command("config_sample", "--format", "markdown", stdout=table)
    target = PROJECT_ROOT / "dbaas" / "docs" / "configuration.md"
    target.write_text(HEAD + table.getvalue().rstrip() + "\n")


if __name__ == "__main__":
    main()
