"""SHA-crypt with SHA-256, as MySQL stores passwords: its salt is longer than crypt(3) takes."""

import hashlib

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Which three bytes of the digest each four characters are made of.
_ORDER = (
    (0, 10, 20), (21, 1, 11), (12, 22, 2), (3, 13, 23), (24, 4, 14),
    (15, 25, 5), (6, 16, 26), (27, 7, 17), (18, 28, 8), (9, 19, 29),
)  # fmt: skip


def sha256_crypt(password: bytes, salt: bytes, rounds: int) -> str:
    """The 43 characters that stand after the salt."""
    digest = _first_digest(password, salt)
    p = _repeat(hashlib.sha256(password * len(password)).digest(), len(password))
    s = _repeat(hashlib.sha256(salt * (16 + digest[0])).digest(), len(salt))
    for number in range(rounds):
        block = p if number % 2 else digest
        if number % 3:
            block += s
        if number % 7:
            block += p
        block += digest if number % 2 else p
        digest = hashlib.sha256(block).digest()
    return _encode(digest)


def _first_digest(password: bytes, salt: bytes) -> bytes:
    other = hashlib.sha256(password + salt + password).digest()
    mixed = hashlib.sha256(password + salt + _repeat(other, len(password)))
    bits = len(password)
    while bits:
        mixed.update(other if bits & 1 else password)
        bits >>= 1
    return mixed.digest()


def _repeat(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _encode(digest: bytes) -> str:
    groups = [(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in _ORDER]
    groups.append((digest[31] << 8 | digest[30], 3))
    return "".join(_ALPHABET[value >> 6 * place & 63] for value, size in groups for place in range(size))
