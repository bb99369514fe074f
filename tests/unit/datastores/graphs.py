"""Small catalogues to test with."""

from typing import Any

from datastores.models import ConfigurationParameter, Datastore, DatastoreVersion, Flavor


def make_version(datastore: str = "mariadb", name: str = "10.11", **fields: Any) -> DatastoreVersion:
    owner, _ = Datastore.objects.get_or_create(name=datastore)
    values = {"version": name, "engine": "mariadb"} | fields
    return DatastoreVersion.objects.create(datastore=owner, name=name, **values)


def make_default(version: DatastoreVersion) -> None:
    Datastore.objects.filter(pk=version.datastore_id).update(default_version=version)


def make_flavor(identity: str = "1", name: str = "db.tiny", **fields: Any) -> Flavor:
    return Flavor.objects.create(id=identity, name=name, **({"ram_mb": 512, "vcpus": 1} | fields))


def make_parameter(version: DatastoreVersion, name: str, **fields: Any) -> ConfigurationParameter:
    values = {"data_type": ConfigurationParameter.DataType.INTEGER} | fields
    return ConfigurationParameter.objects.create(datastore_version=version, name=name, **values)
