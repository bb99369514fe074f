"""The admin pages open, change what they should, and show no secret."""

import pytest
from django.test import Client

from dbaas.accounts import quotas, services, tokens
from dbaas.accounts.models import ApplicationCredential, Token
from dbaas.common.errors import Unauthorized
from guestagent.protocol.secret import Secret
from tests.unit.dbaas.accounts.conftest import PASSWORD, People

PAGES = ["project", "user", "roleassignment", "applicationcredential", "token"]
QUOTA_PAGES = ["quotalimit", "quotausage", "quotahold"]


@pytest.fixture
def browser(people: People) -> Client:
    services.user_ensure(name="root", password=Secret(PASSWORD), staff=True)
    browser = Client()
    assert browser.login(username="root", password=PASSWORD)
    return browser


@pytest.fixture
def token(people: People) -> str:
    made = services.application_credential_create(user=people.member, project=people.project, name="ci")
    quotas.reserve(project_id=people.project.id, holder="h", deltas={"instances": 1})
    quotas.set_limits(people.project.id, {"instances": 5})
    value, _ = tokens.issue(
        user=people.member, project=people.project, methods=["password"], application_credential=made.row
    )
    return value.reveal()


@pytest.mark.parametrize("page", PAGES + QUOTA_PAGES)
def test_lists_and_details_open_without_secrets(page: str, browser: Client, token: str) -> None:
    base = f"/admin/accounts/{page}/"
    listing = browser.get(f"{base}?q=a")
    assert listing.status_code == 200
    model = {m.__name__.lower(): m for m in (ApplicationCredential, Token)}.get(page)
    if model:
        row = model.objects.get()
        detail = browser.get(f"{base}{row.pk}/change/")
        assert detail.status_code == 200
        if isinstance(row, ApplicationCredential):
            assert row.secret_hash not in detail.content.decode()
        assert token not in detail.content.decode()


def test_a_user_is_added_changed_and_given_a_password(browser: Client, people: People) -> None:
    base = "/admin/accounts/user/"
    inline = {
        "role_assignments-TOTAL_FORMS": "0", "role_assignments-INITIAL_FORMS": "0",
        "usable_password": "true",
    }  # fmt: skip
    added = browser.post(
        f"{base}add/", inline | {"name": "new", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert added.status_code == 302, added.content.decode()
    page = browser.get(f"{base}{people.member.pk}/change/")
    assert page.status_code == 200
    assert people.member.password not in page.content.decode()

    value, _ = tokens.issue(user=people.member, project=people.project, methods=["password"])
    changed = browser.post(
        f"{base}{people.member.pk}/password/",
        {"password1": "a fresh password", "password2": "a fresh password", "usable_password": "true"},
    )
    assert changed.status_code == 302
    with pytest.raises(Unauthorized):
        tokens.validate(value.reveal())


def test_use_and_reservations_are_read_only(browser: Client, token: str) -> None:
    for page in ("quotausage", "quotahold", "token"):
        assert browser.get(f"/admin/accounts/{page}/add/").status_code == 403
