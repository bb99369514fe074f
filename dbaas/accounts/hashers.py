"""Password hashing for a service whose clients log in for every command."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB and one thread: some 30 ms, and a burst of logins can't take the memory away.

    Django's own parameters (100 MiB, eight threads) are made for people who log in once a day.
    """

    time_cost = 3
    memory_cost = 19 * 1024
    parallelism = 1
