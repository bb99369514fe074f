"""What can be had: datastores, their versions and parameters, flavors and volume types.

    Datastore ──< DatastoreVersion ──< ConfigurationParameter
                        │ ──< ConfigurationGroup
                        │ ──< FlavorAssociation >── Flavor
                        └ ──< VolumeTypeAssociation >── VolumeType

A version without associations may be used with every flavor and every volume type.
"""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

#: Same rule as the API's: something to read, and nothing that would need escaping in a path.
name_validator = RegexValidator(
    r"^(?=.*[A-Za-z0-9])[\w .+\-]+\Z", "Letters, digits, blanks and . + - _ only, with a letter or a digit."
)


def validate_text_list(value: object) -> None:
    """A JSON list of distinct, non-empty strings without control characters."""
    if not isinstance(value, list) or not all(
        isinstance(item, str) and item and item.isprintable() for item in value
    ):
        raise ValidationError("Must be a list of non-empty strings without control characters.")
    if len(set(value)) != len(value):
        raise ValidationError("Must not name anything twice.")


def validate_decimal_text(value: str) -> None:
    """Empty, or a finite number."""
    try:
        is_number = not value or Decimal(value).is_finite()
    except InvalidOperation:
        is_number = False
    if not is_number:
        raise ValidationError("Must be a number, or empty.")


class Datastore(models.Model):
    """A product family, e.g. PostgreSQL."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True, validators=[name_validator])
    default_version = models.ForeignKey(
        "DatastoreVersion",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="What a request gets that names the datastore but no version.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.default_version is not None and self.default_version.datastore_id != self.pk:
            raise ValidationError({"default_version": "This version belongs to another datastore."})


class DatastoreVersionManager(models.Manager["DatastoreVersion"]):
    """Fetches the datastore along: a version's own name means little without it."""

    def get_queryset(self) -> models.QuerySet["DatastoreVersion"]:
        return super().get_queryset().select_related("datastore")


class DatastoreVersion(models.Model):
    """A release that instances can be made of.

    `name` is what users choose ("10.11"), `version` the number of the release ("10.11.6"); several versions
    of one name may differ in the number. `engine` is a name in `guestagent.engines` (Trove says "manager").
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    datastore = models.ForeignKey(Datastore, on_delete=models.PROTECT, related_name="versions")
    name = models.CharField(max_length=255, validators=[name_validator])
    version = models.CharField("version number", max_length=255, validators=[name_validator])
    engine = models.CharField(max_length=64, help_text="The code that operates it: a name of an engine.")
    image_id = models.CharField(max_length=255, blank=True, default="", help_text="Image of the server.")
    image_tags = models.JSONField(
        default=list, blank=True, validators=[validate_text_list], help_text="Tags that find the image."
    )
    packages = models.JSONField(default=list, blank=True, validators=[validate_text_list])
    active = models.BooleanField(default=True, help_text="Offered to users for new instances.")
    registry_ext = models.CharField(max_length=4096, blank=True, default="")
    repl_strategy = models.CharField(max_length=4096, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = DatastoreVersionManager()

    class Meta:
        ordering = ["datastore__name", "name", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["datastore", "name", "version"],
                name="datastore_version_unique",
                violation_error_message="The datastore has a version of this name and number.",
            ),
        ]

    def __str__(self) -> str:
        number = "" if self.version == self.name else f" ({self.version})"
        return f"{self.datastore.name} {self.name}{number}"


class ConfigurationParameter(models.Model):
    """A setting of the engine that users may change, and the values it takes.

    The bounds are kept as text: they reach 2^64-1 and fractions, which no column type of the three databases
    holds exactly. An empty bound is no bound; empty `enum_values` allow every value.
    """

    class DataType(models.TextChoices):
        BOOLEAN = "boolean"
        INTEGER = "integer"
        FLOAT = "float"
        STRING = "string"

    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.CASCADE, related_name="parameters"
    )
    name = models.CharField(max_length=128)
    data_type = models.CharField("type", max_length=16, choices=DataType.choices)
    restart_required = models.BooleanField(default=False, help_text="Takes effect after a restart only.")
    min_size = models.CharField(
        "minimum", max_length=40, blank=True, default="", validators=[validate_decimal_text]
    )
    max_size = models.CharField(
        "maximum", max_length=40, blank=True, default="", validators=[validate_decimal_text]
    )
    enum_values = models.JSONField(
        "allowed values", default=list, blank=True, validators=[validate_text_list]
    )
    default_value = models.CharField("default", max_length=1024, blank=True, default="")
    description = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["datastore_version", "name"],
                name="configuration_parameter_unique",
                violation_error_message="The version has a parameter of this name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def minimum(self) -> Decimal | None:
        return Decimal(self.min_size) if self.min_size else None

    @property
    def maximum(self) -> Decimal | None:
        return Decimal(self.max_size) if self.max_size else None

    def clean(self) -> None:
        for bound in (self.min_size, self.max_size):
            validate_decimal_text(bound)  # Django comes here even when a field did not fit
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValidationError({"max_size": "The maximum is below the minimum."})


class ConfigurationGroup(models.Model):
    """Values for parameters of one version, which a project gives to any of its instances of that version.

    `datastores.groups` reads and writes it: passwords among the values are sealed, `secret_names` names them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=255, blank=True, default="")
    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.PROTECT, related_name="configuration_groups"
    )
    values: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    secret_names: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    sealed_values = models.TextField(blank=True, default="")
    lock_count = models.PositiveBigIntegerField(default=0)  # counted up by who needs it to hold still
    created_by = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["project_id", "-created_at"], name="group_by_project")]

    def __str__(self) -> str:
        return self.name


class Flavor(models.Model):
    """Size of a server. Where a cloud has flavors of its own, these rows mirror them."""

    id = models.CharField(primary_key=True, max_length=64, validators=[name_validator])
    name = models.CharField(max_length=255, unique=True, validators=[name_validator])
    ram_mb = models.PositiveIntegerField("memory (MB)", validators=[MinValueValidator(1)])
    vcpus = models.PositiveIntegerField("virtual CPUs", validators=[MinValueValidator(1)])
    disk_gb = models.PositiveIntegerField("disk (GB)", default=0)
    ephemeral_gb = models.PositiveIntegerField("ephemeral disk (GB)", default=0)

    class Meta:
        ordering = ["ram_mb", "vcpus", "id"]

    def __str__(self) -> str:
        return self.name


class VolumeType(models.Model):
    """Kind of volume, by name. Where a cloud has volume types of its own, these rows mirror them."""

    id = models.CharField(primary_key=True, max_length=64, validators=[name_validator])
    name = models.CharField(max_length=255, unique=True, validators=[name_validator])
    is_public = models.BooleanField(default=True)
    description = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FlavorAssociation(models.Model):
    """With the first of these, a version may be used only with the flavors associated."""

    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.CASCADE, related_name="flavor_associations"
    )
    flavor = models.ForeignKey(Flavor, on_delete=models.CASCADE, related_name="associations")

    class Meta:
        ordering = ["datastore_version", "flavor"]
        constraints = [
            models.UniqueConstraint(fields=["datastore_version", "flavor"], name="flavor_association_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.datastore_version} – {self.flavor}"


class VolumeTypeAssociation(models.Model):
    """With the first of these, a version may be used only with the volume types associated."""

    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.CASCADE, related_name="volume_type_associations"
    )
    volume_type = models.ForeignKey(VolumeType, on_delete=models.CASCADE, related_name="associations")

    class Meta:
        ordering = ["datastore_version", "volume_type"]
        constraints = [
            models.UniqueConstraint(
                fields=["datastore_version", "volume_type"], name="volume_type_association_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.datastore_version} – {self.volume_type}"
