"""A self-signed certificate, so that TLS is there for whoever asks for it."""

import datetime
import ipaddress
from pathlib import Path

from guestagent.runtimes.base import Runtime

LIFETIME = datetime.timedelta(days=3650)
CERTIFICATE, KEY = "server.crt", "server.key"


def ensure_certificate(folder: Path, address: str, runtime: Runtime) -> None:
    """Make key and certificate for `address` unless both are there. The certificate is written last."""
    if (folder / CERTIFICATE).exists() and (folder / KEY).exists():
        return
    key, certificate = make_certificate(address)
    runtime.write_file(folder / KEY, key)
    runtime.write_file(folder / CERTIFICATE, certificate)


def make_certificate(address: str) -> tuple[str, str]:
    """Private key and certificate, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
