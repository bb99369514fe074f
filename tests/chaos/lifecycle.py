"""Another size, another server, another version: what is done to an instance while things go wrong."""

import uuid
from typing import Any

from tests.chaos.attempts import Attempt, Making, asking, assert_equal, do
from tests.chaos.bench import Bench
from tests.chaos.tenant import Tenant, unique


def stop(bench: Bench, tenant: Tenant) -> Attempt:
    """It is started again afterwards, as the tenant's other scenarios need it."""
    kept = tenant.instance()

    def check() -> None:
        assert_equal(bench.instance(kept.id)["status"], "SHUTDOWN")
        do(bench, f"/instances/{kept.id}/action", {"start": {}})
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(asking(bench, "POST", f"/instances/{kept.id}/action", {"stop": {}}), check)


def start(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    do(bench, f"/instances/{kept.id}/action", {"stop": {}})

    def check() -> None:
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(asking(bench, "POST", f"/instances/{kept.id}/action", {"start": {}}), check)


def resize_flavor(bench: Bench, tenant: Tenant) -> Attempt:
    """There and, afterwards, back, so that the quota is what it was."""
    kept, quota = tenant.instance(), bench.control().quota

    def check() -> None:
        bench.wait_healthy(kept.id)
        assert_equal(bench.instance(kept.id)["flavor"]["id"], "2")
        kept.owner.check()
        do(bench, f"/instances/{kept.id}/action", {"resize": {"flavorRef": "1"}})
        bench.wait_healthy(kept.id)
        assert_equal(bench.control().quota, quota)

    body = {"resize": {"flavorRef": "2"}}
    return Attempt(asking(bench, "POST", f"/instances/{kept.id}/action", body), check)


def resize_volume(bench: Bench, tenant: Tenant) -> Attempt:
    """Of an instance of its own: volumes do not shrink."""
    making = Making(bench, tenant)
    creation = bench.end_of(making.ask())
    assert creation["state"] == "succeeded", creation
    bench.wait_healthy(making.id)

    def check() -> None:
        bench.wait_healthy(making.id)
        assert_equal(bench.instance(making.id)["volume"]["size"], 2)
        making.check_serves_and_goes()

    body = {"resize": {"volume": {"size": 2}}}
    return Attempt(asking(bench, "POST", f"/instances/{making.id}/action", body), check)


def reboot(bench: Bench, tenant: Tenant) -> Attempt:
    return kept_well(bench, tenant, {"reboot": {}})


def rebuild(bench: Bench, tenant: Tenant) -> Attempt:
    return kept_well(bench, tenant, {"rebuild": {"image_id": str(uuid.uuid4())}})


def kept_well(bench: Bench, tenant: Tenant, body: Any) -> Attempt:
    kept = tenant.instance()

    def check() -> None:
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(asking(bench, "POST", f"/mgmt/instances/{kept.id}/action", body), check)


def upgrade(bench: Bench, tenant: Tenant) -> Attempt:
    """To another datastore version of the same number; the guest has nothing to change but must say so."""
    making = Making(bench, tenant)
    creation = bench.end_of(making.ask())
    assert creation["state"] == "succeeded", creation
    bench.wait_healthy(making.id)
    name, number = unique("version"), bench.instance(making.id)["datastore"]["version_number"]
    version = {
        "name": name, "version": number, "active": True,
        "image": str(uuid.uuid4()), "datastore_name": tenant.datastore, "datastore_manager": tenant.datastore,
    }  # fmt: skip
    bench.request("POST", "/mgmt/datastore-versions", {"version": version}, expect=202)

    def check() -> None:
        bench.wait_healthy(making.id)
        assert_equal(bench.instance(making.id)["datastore"]["version"], name)
        making.check_serves_and_goes()

    body = {"instance": {"datastore_version": name}}
    return Attempt(asking(bench, "PUT", f"/instances/{making.id}", body), check)
