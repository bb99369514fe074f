"""What the admin's pages do; how they look is tested in a browser."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from datastores.models import (
    ConfigurationParameter,
    Datastore,
    DatastoreVersion,
    Flavor,
    FlavorAssociation,
    VolumeType,
)
from dbaas.accounts.models import User
from guestagent.engines import registry
from tests.unit.datastores.graphs import make_default, make_flavor, make_parameter, make_version

pytestmark = pytest.mark.django_db
VERSIONS = "admin:datastores_datastoreversion_changelist"


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(name="operator"))
    return client


def act(client: Client, action: str, *versions: DatastoreVersion) -> str:
    form = {"action": action, "_selected_action": [str(version.pk) for version in versions]}
    answer = client.post(reverse(VERSIONS), form, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def change_form(client: Client, url: str, **changes: Any) -> Any:
    """Post the page's form as a browser would, with some fields changed."""
    page = client.get(url)
    data: dict[str, Any] = {}
    for form in (
        page.context["adminform"].form,
        *(s.formset.management_form for s in page.context["inline_admin_formsets"]),
    ):
        for bound in form:
            value = bound.value()
            data[bound.html_name] = "" if value is None else value
    answer = client.post(url, data | changes)
    if answer.status_code == 200:
        raise AssertionError(answer.context["adminform"].form.errors)
    return answer


@pytest.mark.parametrize("model", [Datastore, DatastoreVersion, ConfigurationParameter, Flavor, VolumeType])
def test_lists_ask_the_database_the_same_for_one_row_and_for_thirty(operator: Client, model: Any) -> None:
    url = reverse(f"admin:datastores_{model._meta.model_name}_changelist")

    def fill(number: int) -> None:
        version = make_version(datastore=f"d{number}")
        make_default(version)
        make_parameter(version, "p")
        make_flavor(f"f{number}", f"f{number}")
        VolumeType.objects.create(id=f"v{number}", name=f"v{number}")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert operator.get(url).status_code == 200
        return len(captured)

    fill(0)
    with_one = queries()
    for number in range(1, 31):
        fill(number)
    assert queries() == with_one


@pytest.mark.parametrize("query", ["q=maria", "active__exact=0", "engine=mariadb", "o=-7", "p=99"])
def test_version_list_filters_searches_and_sorts(operator: Client, query: str) -> None:
    make_version()
    assert operator.get(f"{reverse(VERSIONS)}?{query}", follow=True).status_code == 200


def test_actions_change_versions_and_are_audited(operator: Client) -> None:
    version = make_version()
    act(operator, "deactivate", version)
    version.refresh_from_db()
    assert not version.active
    assert "not active" in act(operator, "make_default", version)
    act(operator, "activate", version)
    act(operator, "make_default", version)
    assert Datastore.objects.get().default_version == version
    messages = LogEntry.objects.order_by("pk").values_list("change_message", "object_id", "user__name")
    assert [(message, name) for message, _, name in messages] == [
        ("Deactivated.", "operator"),
        ("Activated.", "operator"),
        ("Made the default version.", "operator"),
    ]
    page = operator.get(reverse("admin:admin_logentry_changelist")).content.decode()
    assert "Made the default version." in page


def test_two_versions_of_one_datastore_cannot_both_be_the_default(operator: Client) -> None:
    assert "Choose one version" in act(
        operator, "make_default", make_version(name="10.6"), make_version(name="10.11")
    )
    assert Datastore.objects.get().default_version is None


def test_default_version_is_chosen_among_the_datastores_own(operator: Client) -> None:
    own, other = make_version(), make_version(datastore="postgresql", name="15")
    url = reverse("admin:datastores_datastore_change", args=[own.datastore_id])
    with pytest.raises(AssertionError, match="not one of the available choices"):
        change_form(operator, url, default_version=str(other.pk))
    change_form(operator, url, default_version=str(own.pk))
    assert Datastore.objects.get(name="mariadb").default_version == own


def test_page_left_open_does_not_undo_what_others_changed(operator: Client) -> None:
    version = make_version(registry_ext="before")
    model_admin: Any = admin.site._registry[DatastoreVersion]
    request: Any = operator.get(reverse(VERSIONS)).wsgi_request
    stale = DatastoreVersion.objects.get(pk=version.pk)
    form = model_admin.get_form(request, stale)(instance=stale, data={})
    form.changed_data = ["registry_ext"]
    DatastoreVersion.objects.filter(pk=version.pk).update(active=False)
    stale.registry_ext = "after"
    model_admin.save_model(request, stale, form, change=True)
    version.refresh_from_db()
    assert (version.registry_ext, version.active) == ("after", False)


@pytest.mark.skipif(not registry.names(), reason="no engine is built in")
def test_lists_of_words_are_edited_one_per_line(operator: Client) -> None:
    version = make_version(image_tags=["a", "b"])
    url = reverse("admin:datastores_datastoreversion_change", args=[version.pk])
    page = operator.get(url)
    assert page.context["adminform"].form["image_tags"].value() == "a\nb"
    change_form(operator, url, image_tags="c\r\n\r\n d ")
    version.refresh_from_db()
    assert version.image_tags == ["c", "d"]
    assert version.packages == []
    with pytest.raises(AssertionError, match="twice"):
        change_form(operator, url, image_tags="c\nc")


@pytest.mark.skipif(not registry.names(), reason="no engine is built in")
def test_flavors_of_a_version_are_limited_on_its_page(operator: Client) -> None:
    version, flavor = make_version(), make_flavor()
    url = reverse("admin:datastores_datastoreversion_change", args=[version.pk])
    change_form(
        operator,
        url,
        **{
            "flavor_associations-TOTAL_FORMS": "1",
            "flavor_associations-0-flavor": flavor.pk,
            "flavor_associations-0-datastore_version": str(version.pk),
            "flavor_associations-0-id": "",
        },
    )
    assert FlavorAssociation.objects.get().flavor == flavor


def test_parameter_with_bounds_the_wrong_way_round_is_refused(operator: Client) -> None:
    parameter = make_parameter(make_version(), "p")
    url = reverse("admin:datastores_configurationparameter_change", args=[parameter.pk])
    for wrong in ({"min_size": "5", "max_size": "4"}, {"min_size": "many"}, {"max_size": "NaN"}):
        with pytest.raises(AssertionError):
            change_form(operator, url, **wrong)


def test_datastore_with_versions_is_not_deleted(operator: Client) -> None:
    version = make_version()
    url = reverse("admin:datastores_datastore_delete", args=[version.datastore_id])
    assert "protected" in operator.get(url).content.decode()
    operator.post(url, {"post": "yes"})
    assert Datastore.objects.filter(pk=version.datastore_id).exists()


def test_audit_log_is_read_only(operator: Client) -> None:
    assert operator.get(reverse("admin:admin_logentry_add")).status_code == 403


def test_visitors_are_sent_to_the_login_page() -> None:
    answer = Client().get(reverse(VERSIONS))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("admin:login"))
