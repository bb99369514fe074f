"""The admin in a real browser: every page loads whole, without an error, and fits the window.

The pictures are kept in the folder that SCREENSHOTS names (else thrown away): look at them.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from datastores import services
from datastores.definitions import ParameterDefinition
from datastores.models import DatastoreVersion, Flavor, VolumeType
from dbaas.accounts.models import Project, User
from dbaas.events.services import event_record, webhook_create
from dbaas.events.usage import Size, usage_follow
from tests.e2e.browser import Page, find_chromium, open_page

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(find_chromium() is None, reason="needs chromium (apt-get install chromium)"),
]
DESKTOP = (1360, 900)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with open_page(tmp_path / "profile") as opened:
        opened.size(*DESKTOP)
        yield opened


@pytest.fixture
def operator(live_server: Any, page: Page) -> User:
    """A superuser who is logged in on the page."""
    user = User.objects.create_superuser(name="operator")
    client = Client()
    client.force_login(user)
    page.cookie(live_server.url, "sessionid", client.cookies["sessionid"].value)
    return user


@pytest.fixture
def history() -> None:
    """An event, somebody who was to be told of it in vain, and what was used."""
    webhook, _ = webhook_create(
        project_id="1" * 32, created_by="ann", url="https://93.184.216.34/hooks/database"
    )
    event_record(
        project_id=webhook.project_id,
        type="instances.state_changed",
        resource_type="instance",
        resource_id="5a1a557c-2adc-43aa-ad94-f4b643d7dba8",
        before={"state": "building"},
        after={"state": "active", "addresses": [{"address": "127.77.0.2", "type": "private"}]},
        actor="ann",
    )
    webhook.deliveries.update(state="dead", attempts=12, last_error="No answer in time.", last_status=None)
    usage_follow(project_id=webhook.project_id, resource_id="5a1a557c", size=Size("1", 512, 1, 5))


@pytest.fixture
def catalogue(history: None) -> DatastoreVersion:
    Project.objects.create(name="shop")
    services.flavors_seed(flavors=[Flavor(id="1", name="db.tiny", ram_mb=512, vcpus=1)])
    services.volume_types_seed(volume_types=[VolumeType(id="local", name="local")])
    version, _ = services.datastore_version_ensure(datastore="mysql", name="8.4", engine="mysql")
    services.datastore_version_ensure(datastore="mariadb", name="10.11", engine="mariadb")
    services.datastore_version_ensure(datastore="mariadb", name="10.6", engine="mariadb", active=False)
    services.configuration_parameters_load(
        version=version,
        definitions=[
            ParameterDefinition("max_connections", "integer", True, "1", "262143", default_value="100"),
            ParameterDefinition(
                "sort_buffer_size", "integer", False, "32768", str(2**64 - 1), default_value="262144"
            ),
            ParameterDefinition("binlog_format", "string", False, enum_values=("ROW", "STATEMENT", "MIXED")),
        ],
    )
    return version


def look(page: Page, url: str, picture: Path) -> None:
    """Open `url`, take its picture, and insist that it is whole."""
    page.problems.clear()
    page.open(url)
    page.screenshot(picture)
    assert page.problems == [], url
    assert page.evaluate("document.title.includes('Databases')"), url
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0, f"{url} is {wider} pixels wider than the window"


def test_login_page_shows_our_name(live_server: Any, page: Page, pictures: Path) -> None:
    look(page, f"{live_server.url}{reverse('admin:login')}", pictures / "login.png")
    assert page.evaluate("document.querySelector('#site-name').innerText.trim()") == "Databases"
    page.theme("dark")
    look(page, f"{live_server.url}{reverse('admin:login')}", pictures / "login-dark.png")


def test_every_page_of_every_model_is_whole(
    live_server: Any, page: Page, operator: User, catalogue: DatastoreVersion, pictures: Path
) -> None:
    look(page, f"{live_server.url}{reverse('admin:index')}", pictures / "index.png")
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: item[0]._meta.label):
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        look(page, f"{live_server.url}{reverse(f'admin:{name}_changelist')}", pictures / f"{name}-list.png")
        row: Model | None = model._default_manager.first()
        if row is not None:
            change = reverse(f"admin:{name}_change", args=[row.pk])
            look(page, f"{live_server.url}{change}", pictures / f"{name}-change.png")
        if _may_add(model_admin, operator):
            look(page, f"{live_server.url}{reverse(f'admin:{name}_add')}", pictures / f"{name}-add.png")


def _may_add(model_admin: "admin.ModelAdmin[Any]", user: User) -> bool:
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = user
    return model_admin.has_add_permission(request)


def test_lists_fit_a_dark_theme_and_a_small_window(
    live_server: Any, page: Page, operator: User, catalogue: DatastoreVersion, pictures: Path
) -> None:
    url = f"{live_server.url}{reverse('admin:datastores_datastoreversion_changelist')}"
    page.theme("dark")
    look(page, url, pictures / "versions-dark.png")
    assert page.evaluate("document.querySelectorAll('#result_list tbody tr').length") == 3
    page.theme("light")
    page.size(480, 900)
    look(page, url, pictures / "versions-small.png")
