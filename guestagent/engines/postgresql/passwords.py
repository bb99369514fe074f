"""Whether a password is the one that a SCRAM verifier was made of (RFC 5802, RFC 7677)."""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata

from guestagent.protocol.secret import Secret

_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def is_password(verifier: str | None, password: Secret) -> bool:
    match = _VERIFIER.fullmatch(verifier or "")
    if match is None:
        return False
    try:
        salt, stored = base64.b64decode(match[2]), base64.b64decode(match[3])
    except binascii.Error:
        return False
    # Like SASLprep for all but a few rare characters; a false "no" only refuses to repeat a creation.
    normal = unicodedata.normalize("NFKC", password.reveal()).encode()
    salted = hashlib.pbkdf2_hmac("sha256", normal, salt, int(match[1]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored)
