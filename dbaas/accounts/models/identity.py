"""Projects, users and roles of the built-in identity."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


def new_id() -> str:
    """Keystone's form of an id: 32 hex digits. Clients skip a name look-up when they see one."""
    return uuid.uuid4().hex


class Project(models.Model):
    """A tenant: what owns instances, and what quotas are counted for."""

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=255, blank=True, default="")
    enabled = models.BooleanField(default=True, help_text="A disabled project's tokens stop working at once.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """What Django's createsuperuser and login ask for."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(name=username)

    def create_superuser(self, name: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(name=name, is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a program. `is_staff` opens the Django admin; API rights come from RoleAssignment alone."""

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    name = models.CharField(max_length=255, unique=True)
    enabled = models.BooleanField(default=True, help_text="A disabled user's tokens stop working at once.")
    is_staff = models.BooleanField("may use this admin", default=False)
    default_project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    login_epoch = models.CharField(
        max_length=32,
        default=new_id,
        editable=False,
        help_text="A token is good in the epoch it was made in.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Django's word for `enabled`."""
        return self.enabled

    def set_password(self, raw_password: str | None) -> None:
        """Whoever learned the old password may hold tokens made with it, so a new epoch begins.

        Not a time: hosts' clocks differ, and a login that began with the old password may end after this.
        """
        super().set_password(raw_password)
        self.login_epoch = new_id()


class Role(models.TextChoices):
    """As in Keystone: admin implies member implies reader. An admin is an operator, on whatever project."""

    ADMIN = "admin"
    MEMBER = "member"
    READER = "reader"

    @property
    def implied(self) -> frozenset["Role"]:
        """This role and those it contains."""
        order = [Role.ADMIN, Role.MEMBER, Role.READER]
        return frozenset(order[order.index(self) :])


class RoleAssignment(models.Model):
    """One role of one user on one project."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_assignments")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=16, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "project", "role"], name="accounts_role_once")]
        ordering = ["project__name", "user__name", "role"]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"
