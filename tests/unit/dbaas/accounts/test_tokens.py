from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from dbaas.accounts import services, tokens
from dbaas.accounts.models import Project, RoleAssignment, Token, User
from dbaas.common.errors import Unauthorized
from guestagent.protocol.secret import Secret
from tests.unit.dbaas.accounts.conftest import People


def login(people: People) -> str:
    value, _ = tokens.issue(user=people.member, project=people.project, methods=["password"])
    return value.reveal()


def refused(value: str) -> bool:
    try:
        tokens.validate(value)
    except Unauthorized:
        return True
    return False


def test_token_is_stored_as_a_hash_and_carries_implied_roles(people: People) -> None:
    value = login(people)
    row = Token.objects.get()
    assert value not in str(vars(row))
    assert row.token_hash == tokens.hash_token(value)
    assert tokens.validate(value).roles == {"member", "reader"}


def test_expiry(people: People) -> None:
    value = login(people)
    Token.objects.update(expires_at=timezone.now())
    assert refused(value)


def test_revocation_counts_at_once(people: People) -> None:
    value = login(people)
    tokens.revoke(tokens.validate(value).row)
    assert refused(value)


def test_disabled_user_or_project(people: People) -> None:
    value = login(people)
    User.objects.filter(pk=people.member.pk).update(enabled=False)
    assert refused(value)
    User.objects.filter(pk=people.member.pk).update(enabled=True)
    assert not refused(value)
    Project.objects.filter(pk=people.project.pk).update(enabled=False)
    assert refused(value)


def test_roles_taken_away(people: People) -> None:
    value = login(people)
    services.role_ensure(user=people.member, project=people.project, role="reader")
    RoleAssignment.objects.filter(user=people.member, role="member").delete()
    assert tokens.validate(value).roles == {"reader"}
    RoleAssignment.objects.filter(user=people.member).delete()
    assert refused(value)


def test_new_password_ends_tokens(people: People) -> None:
    value = login(people)
    services.user_set_password(user=people.member, password=Secret("another long one"))
    assert refused(value)
    assert not refused(login(people))


def test_a_login_overtaken_by_a_new_password_ends_too(people: People) -> None:
    as_it_was = User.objects.get(pk=people.member.pk)  # the old password has just been checked
    services.user_set_password(user=people.member, password=Secret("another long one"))
    value, _ = tokens.issue(user=as_it_was, project=people.project, methods=["password"])
    assert refused(value.reveal())


def test_token_from_token_lives_no_longer(people: People, settings: Settings) -> None:
    parent = tokens.validate(login(people)).row
    settings.TOKEN_LIFETIME_SECONDS = 10 * settings.TOKEN_LIFETIME_SECONDS
    _, child = tokens.issue(user=people.member, project=None, methods=["token"], parent=parent)
    assert child.row.expires_at == parent.expires_at
    assert child.row.parent_audit_id == parent.audit_id
    assert child.row.methods == ["token", "password"]


def test_no_role_no_token(people: People) -> None:
    with pytest.raises(Unauthorized):
        tokens.issue(user=people.stranger, project=people.project, methods=["password"])


def test_expired_ones_are_removed_after_a_while(people: People) -> None:
    login(people)
    old, recent = login(people), login(people)
    Token.objects.filter(pk=tokens.hash_token(old)).update(expires_at=timezone.now() - timedelta(days=2))
    Token.objects.filter(pk=tokens.hash_token(recent)).update(expires_at=timezone.now())
    assert tokens.delete_expired() == 1
    assert Token.objects.count() == 2


@pytest.mark.parametrize("value", ["", "x", "é" * 100, "\udcff"])
def test_nonsense_is_refused(value: str, people: People) -> None:
    assert refused(value)
