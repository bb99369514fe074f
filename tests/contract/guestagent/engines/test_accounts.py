"""Databases, users, access and root: asked of the manager, seen by who logs in."""

import pytest

from guestagent.engines import registry
from guestagent.engines.passwords import InvalidPassword
from guestagent.engines.server import ServerManager
from guestagent.errors import DatabaseNotFound, EngineFailed, InvalidName, UserExists, UserNotFound
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserInfo, UserRef, UserSpec
from tests.contract.guestagent.engines.guest import DENIED, REFUSED, Guest, fresh

PASSWORD = "p%w'\"\\ ü€ 1"


def database(manager: ServerManager, name: str | None = None) -> str:
    name = name or fresh("db")
    manager.create_databases([DatabaseSpec(name=name)])
    return name


def user(manager: ServerManager, *databases: str, password: str = PASSWORD, host: str = "%") -> str:
    name = fresh("u")
    manager.create_users([UserSpec(name=name, password=Secret(password), host=host, databases=databases)])
    return name


def names(manager: ServerManager) -> list[str]:
    return [item["name"] for item in manager.list_databases(None, None, False).items]


class TestDatabases:
    def test_created_listed_and_dropped_each_as_often_as_asked(self, manager: ServerManager) -> None:
        name = database(manager)
        database(manager, name)
        assert names(manager).count(name) == 1
        manager.delete_database(name)
        manager.delete_database(name)
        assert name not in names(manager)

    def test_character_set_and_collation(self, guest: Guest, manager: ServerManager) -> None:
        charset, collation = ("latin1", "latin1_bin") if guest.has_hosts else ("LATIN1", "C")
        name = fresh("db")
        manager.create_databases([DatabaseSpec(name=name, character_set=charset, collate=collation)])
        ann = user(manager, name)
        with guest.login(ann, PASSWORD, name) as tenant:
            if guest.has_hosts:
                assert tenant.rows("SELECT @@character_set_database, @@collation_database") == [
                    (charset, collation)
                ]
            else:
                assert tenant.value("SHOW server_encoding") == charset
                assert tenant.value("SHOW lc_collate") == collation

    @pytest.mark.parametrize("charset", ["klingon", "utf8' DEFAULT", "x; DROP DATABASE mysql"])
    def test_an_unknown_character_set_is_refused_by_the_server(
        self, manager: ServerManager, charset: str
    ) -> None:
        name = fresh("db")
        with pytest.raises(EngineFailed):
            manager.create_databases([DatabaseSpec(name=name, character_set=charset)])
        assert name not in names(manager)

    def test_system_databases_are_hidden_and_refused(self, guest: Guest, manager: ServerManager) -> None:
        reserved = registry.load_spec(guest.engine).reserved_databases
        assert not reserved & set(names(manager))
        for name in (*reserved, *(name.upper() for name in reserved)):
            with pytest.raises(InvalidName):
                manager.create_databases([DatabaseSpec(name=name)])
            with pytest.raises(InvalidName):
                manager.delete_database(name)

    @pytest.mark.parametrize("name", ["", "a/b", "a`b", 'a"b', "a;b", "a\nb", " a", "a ", "x" * 65, "a\\b"])
    def test_names_outside_the_rules_are_refused(self, manager: ServerManager, name: str) -> None:
        with pytest.raises(InvalidName):
            manager.create_databases([DatabaseSpec(name=name)])

    @pytest.mark.parametrize("name", ["a", "a-b", "a b#c@d?e", "SELECT", "9lives", "-x-", "MiXed"])
    def test_odd_but_legal_names_work(self, guest: Guest, manager: ServerManager, name: str) -> None:
        database(manager, name)
        ann = user(manager, name)
        with guest.login(ann, PASSWORD, name) as tenant:
            tenant.run("CREATE TABLE t (a INT)")
        assert manager.get_user(UserRef(name=ann)).databases == (name,)
        manager.delete_database(name)
        assert name not in names(manager)

    def test_a_database_in_use_is_dropped(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        with guest.login(user(manager, name), PASSWORD, name):
            manager.delete_database(name)
        assert name not in names(manager)

    def test_a_new_database_of_an_old_name_is_nobodys(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        ann = user(manager, name)
        manager.delete_database(name)
        database(manager, name)
        assert manager.get_user(UserRef(name=ann)).databases == ()
        with pytest.raises(DENIED), guest.login(ann, PASSWORD, name):
            pass

    def test_pages_in_name_order(self, manager: ServerManager) -> None:
        prefix = fresh("page")
        made = [database(manager, f"{prefix}_{letter}") for letter in "dbca"]
        marker, seen = prefix, []
        while marker:
            page = manager.list_databases(2, marker, False)
            seen += [item["name"] for item in page.items]
            marker = page.next_marker or ""
        assert [name for name in seen if name.startswith(prefix)] == sorted(made)
        first = manager.list_databases(1, sorted(made)[1], True)
        assert [item["name"] for item in first.items] == [sorted(made)[1]]
        manager.delete_database(sorted(made)[1])  # a marker that is gone still tells where to go on
        after = manager.list_databases(1, sorted(made)[1], True)
        assert [item["name"] for item in after.items] == [sorted(made)[2]]


class TestUsers:
    def test_logs_in_with_the_password_and_no_other(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        ann = user(manager, name)
        with guest.login(ann, PASSWORD, name) as tenant:
            assert tenant.value("SELECT 1") == 1
        for wrong in ("", PASSWORD + "x", "os_admin"):
            with pytest.raises(REFUSED), guest.login(ann, wrong, name):
                pass

    def test_asked_for_twice_is_one_user_but_anothers_name_is_refused(
        self, guest: Guest, manager: ServerManager
    ) -> None:
        name = database(manager)
        ann = user(manager)
        again = UserSpec(name=ann, password=Secret(PASSWORD), databases=(name,))
        manager.create_users([again])
        assert manager.get_user(UserRef(name=ann)).databases == (name,)
        with pytest.raises(UserExists):
            manager.create_users([UserSpec(name=ann, password=Secret("another"))])
        with guest.login(ann, PASSWORD, name):
            pass

    def test_granting_a_database_that_is_not_there_creates_nobody(self, manager: ServerManager) -> None:
        name = fresh("u")
        with pytest.raises(DatabaseNotFound):
            manager.create_users([UserSpec(name=name, password=Secret("x"), databases=("nowhere",))])
        with pytest.raises(UserNotFound):
            manager.get_user(UserRef(name=name))

    def test_reserved_names_and_empty_passwords_are_refused(
        self, guest: Guest, manager: ServerManager
    ) -> None:
        for name in registry.load_spec(guest.engine).reserved_users:
            with pytest.raises(InvalidName):
                manager.create_users([UserSpec(name=name, password=Secret("x"))])
            with pytest.raises(InvalidName):
                manager.delete_user(UserRef(name=name))
            with pytest.raises(UserNotFound):
                manager.get_user(UserRef(name=name))
        with pytest.raises(InvalidPassword):
            manager.create_users([UserSpec(name=fresh("u"), password=Secret(""))])

    @pytest.mark.parametrize(
        "name", ["", "a'b", 'a"b', "a`b", "a;b", "a,b", "a/b", "a\\b", " a", "a ", "a\0b", "x" * 64]
    )
    def test_names_outside_the_rules_are_refused(self, manager: ServerManager, name: str) -> None:
        with pytest.raises(InvalidName):
            manager.create_users([UserSpec(name=name, password=Secret("x"))])

    @pytest.mark.parametrize("name", ["a@b", "a b", "a%b", "ünï", "{x}", "%s", "SELECT", "MiXed"])
    def test_odd_but_legal_names_work(self, guest: Guest, manager: ServerManager, name: str) -> None:
        shop = database(manager)
        manager.create_users([UserSpec(name=name, password=Secret(PASSWORD), databases=(shop,))])
        with guest.login(name, PASSWORD, shop) as tenant:
            tenant.run("CREATE TABLE t (a INT)")
        assert manager.get_user(UserRef(name=name)) == UserInfo(name=name, databases=(shop,))
        manager.delete_user(UserRef(name=name))

    def test_deleted_users_are_out_at_once_and_leave_their_work(
        self, guest: Guest, manager: ServerManager
    ) -> None:
        name = database(manager)
        ann, bob = user(manager, name), user(manager, name)
        with guest.login(ann, PASSWORD, name) as tenant:
            tenant.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
            manager.delete_user(UserRef(name=ann))
            manager.delete_user(UserRef(name=ann))
            with pytest.raises(DENIED):
                tenant.value("SELECT a FROM t")
        with pytest.raises(REFUSED), guest.login(ann, PASSWORD, name):
            pass
        with guest.login(bob, PASSWORD, name) as tenant:
            assert tenant.value("SELECT a FROM t") == 1
            tenant.run("DROP TABLE t")

    def test_rename_and_new_password_keep_grants(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        ann, new = user(manager, name), fresh("n")
        for _ in range(2):  # the second is the same command delivered again
            manager.update_user(UserRef(name=ann), new_name=new, new_password=Secret("new"), new_host=None)
        with guest.login(new, "new", name) as tenant:
            tenant.run("CREATE TABLE t (a INT)")
        for user_name, password in ((ann, PASSWORD), (ann, "new"), (new, PASSWORD)):
            with pytest.raises(REFUSED), guest.login(user_name, password, name):
                pass
        assert manager.get_user(UserRef(name=new)).databases == (name,)

    def test_updates_never_hit_another_user(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        ann, bob = user(manager, name), user(manager, name)
        with pytest.raises(UserExists):
            manager.update_user(UserRef(name=ann), new_name=bob, new_password=None, new_host=None)
        ghost = UserRef(name=fresh("ghost"))
        for new_name in (None, bob, "root"):
            with pytest.raises((UserNotFound, InvalidName)):
                manager.update_user(ghost, new_name=new_name, new_password=Secret("taken"), new_host=None)
        with guest.login(bob, PASSWORD, name), guest.login(ann, PASSWORD, name):
            pass

    def test_hosts_decide_who_may_come(self, guest: Guest, manager: ServerManager) -> None:
        if not guest.has_hosts:
            pytest.skip("users of this engine have no hosts")
        name = database(manager)
        ann = user(manager, name, host="10.9.%")
        with pytest.raises(REFUSED), guest.login(ann, PASSWORD, name):
            pass
        manager.update_user(
            UserRef(name=ann, host="10.9.%"), new_name=None, new_password=None, new_host="127.0.0.0/255.0.0.0"
        )
        with guest.login(ann, PASSWORD, name):
            pass
        moved = manager.get_user(UserRef(name=ann, host="127.0.0.0/255.0.0.0"))
        assert moved.databases == (name,)

    def test_pages_in_name_order(self, manager: ServerManager) -> None:
        users = sorted(user(manager) for _ in range(5))
        marker: str | None = users[0]
        seen = [users[0]]
        while marker:
            page = manager.list_users(2, marker, False)
            seen += [info.name for info in page.items]
            marker = page.next_marker
        assert [name for name in seen if name in users] == users
        first = manager.list_users(1, f"{users[1]}@%", True)
        assert [info.name for info in first.items] == [users[1]]


class TestAccess:
    def test_granted_and_revoked(self, guest: Guest, manager: ServerManager) -> None:
        one, two, other = database(manager), database(manager), database(manager)
        ann = UserRef(name=user(manager))
        for _ in range(2):
            manager.grant_access(ann, [one, two])
        assert set(manager.get_user(ann).databases) == {one, two}
        with guest.login(ann.name, PASSWORD, one) as tenant:
            tenant.run("CREATE TABLE t (a INT)")
        with pytest.raises(DENIED), guest.login(ann.name, PASSWORD, other):
            pass
        for _ in range(2):
            manager.revoke_access(ann, one)
        assert manager.get_user(ann).databases == (two,)
        with pytest.raises(DENIED), guest.login(ann.name, PASSWORD, one):
            pass
        with guest.login(ann.name, PASSWORD, two):
            pass

    def test_users_of_a_database_share_all_that_is_in_it(self, guest: Guest, manager: ServerManager) -> None:
        name = database(manager)
        ann, bob = user(manager, name), user(manager, name)
        with guest.login(ann, PASSWORD, name) as tenant:
            tenant.run("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t")
        with guest.login(bob, PASSWORD, name) as tenant:
            tenant.run("INSERT INTO t VALUES (7)", "ALTER TABLE t ADD COLUMN b INT", "DROP VIEW v")
            assert tenant.value("SELECT a FROM t") == 7

    def test_a_name_is_no_pattern(self, guest: Guest, manager: ServerManager) -> None:
        """In a GRANT of MariaDB and MySQL, `_` stands for any character unless escaped."""
        stem = fresh("w")
        granted, similar = database(manager, f"{stem}_x"), database(manager, f"{stem}ax")
        ann = user(manager, granted)
        with pytest.raises(DENIED), guest.login(ann, PASSWORD, similar) as tenant:
            tenant.run("CREATE TABLE t (a INT)")

    def test_who_has_no_grant_gets_nowhere(self, guest: Guest, manager: ServerManager) -> None:
        nobody = user(manager)
        for name in (database(manager), *registry.load_spec(guest.engine).reserved_databases):
            if name == "information_schema":  # open to all by the standard; shows what one may see anyway
                continue
            with pytest.raises(DENIED), guest.login(nobody, PASSWORD, name) as tenant:
                tenant.run("CREATE TABLE t (a INT)")

    def test_of_or_to_what_is_not_there_is_refused(self, guest: Guest, manager: ServerManager) -> None:
        ghost = UserRef(name=fresh("ghost"))
        with pytest.raises(UserNotFound):
            manager.grant_access(ghost, [database(manager)])
        with pytest.raises(UserNotFound):
            manager.revoke_access(ghost, "any")
        with pytest.raises(DatabaseNotFound):
            manager.grant_access(UserRef(name=user(manager)), ["nowhere"])
        with pytest.raises(InvalidName):
            manager.grant_access(
                UserRef(name=user(manager)), sorted(registry.load_spec(guest.engine).reserved_databases)
            )


class TestRoot:
    def test_only_while_enabled(self, own_guest: Guest) -> None:
        manager = own_guest.manager()
        manager.prepare({})
        manager.disable_root()  # never enabled is success
        name = database(manager)
        for password in ("", "root", PASSWORD):
            with pytest.raises(REFUSED), own_guest.login("root", password):
                pass
        for password in ("first", PASSWORD):
            manager.enable_root(Secret(password))
        with pytest.raises(REFUSED), own_guest.login("root", "first"):
            pass
        with own_guest.login("root", PASSWORD, name) as root:
            root.run("CREATE TABLE of_root (a INT)", "CREATE DATABASE by_root")
            manager.disable_root()
            manager.disable_root()
            with pytest.raises(DENIED):
                root.value("SELECT count(*) FROM of_root")
        with pytest.raises(REFUSED), own_guest.login("root", PASSWORD, name):
            pass
        assert "root" not in [info.name for info in manager.list_users(None, None, False).items]
        ann = user(manager, "by_root")
        with own_guest.login(ann, PASSWORD, "by_root") as tenant:
            tenant.run("CREATE TABLE t (a INT)")
        manager.enable_root(Secret("again"))
        with own_guest.login("root", "again", name) as root:
            assert root.value("SELECT count(*) FROM of_root") == 0
        manager.delete_database(name)

    def test_the_administrator_is_brought_back_at_the_next_start(self, own_guest: Guest) -> None:
        if not own_guest.has_hosts:
            pytest.skip("the first superuser of PostgreSQL cannot be dropped")
        manager = own_guest.manager()
        manager.prepare({})
        manager.enable_root(Secret(PASSWORD))
        with own_guest.login("root", PASSWORD) as root:
            root.run("DROP USER os_admin@localhost")
        manager.stop(60)
        manager.start()
        assert manager.probe().version is not None


def test_a_user_of_postgresql_that_left_its_role_can_be_deleted(guest: Guest, manager: ServerManager) -> None:
    """Whatever it owns, wherever, goes to the owner of the database."""
    if guest.has_hosts:
        pytest.skip("PostgreSQL only")
    one, two = database(manager), database(manager)
    ann, bob = user(manager, one, two), user(manager, one, two)
    with guest.login(ann, PASSWORD, one) as tenant:
        tenant.run("RESET ROLE", "SET ROLE none", "CREATE SCHEMA hers", "CREATE TABLE hers.t (a INT)")
        tenant.run("CREATE FUNCTION hers.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    with guest.login(ann, PASSWORD, two) as tenant:
        tenant.run("CREATE TYPE mood AS ENUM ('ok')", "CREATE SEQUENCE s")
    manager.delete_user(UserRef(name=ann))
    with guest.login(bob, PASSWORD, one) as tenant:
        tenant.run("INSERT INTO hers.t VALUES (1)", "DROP TABLE hers.t", "DROP SCHEMA hers CASCADE")
    manager.delete_database(one)
    manager.delete_database(two)
    manager.delete_user(UserRef(name=bob))
