from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command

from dbaas.settings.options import OPTIONS  # noqa: TID251 - the table itself


@pytest.mark.parametrize("style", ["env", "markdown"])
def test_every_setting_is_in_the_sample(style: str) -> None:
    out = StringIO()
    call_command("config_sample", format=style, stdout=out)
    text = out.getvalue()
    for option in OPTIONS:
        assert option.name in text
        assert option.trove is None or option.trove in text
    assert str(settings.BASE_DIR) not in text
