"""Mail servers that want a password: it goes over a checked connection, or not at all."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.mail_server import MailServer, serve_mail
from tests.notify.outbox import ended, mail
from tests.notify.served_notify import notify_settings, serve_notify
from tests.served_directory import ServedDirectory


def certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that only those trust who have the file, and a server's TLS."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(public, private)
    return public, tls


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("is_trusted", "password", "state"),
    [(True, "p%40ss", "sent"), (True, "wrong", "dead"), (False, "p%40ss", "dead")],
)
async def test_a_password_goes_over_a_checked_connection_only(
    notify_database_url: str,
    directory: ServedDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    is_trusted: bool,
    password: str,
    state: str,
) -> None:
    """STARTTLS or TLS from the beginning; neither error has the password in it."""
    public, tls = certificates(tmp_path)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    server = MailServer("notify", "p@ss")
    async with serve_mail(server, tls, implicit=scheme == "smtps"):
        settings = notify_settings(
            notify_database_url,
            directory.redis_url,
            MAIL_URL=f"{scheme}://notify:{password}@127.0.0.1:{server.port}",
            MAIL_RETRY_SECONDS="0",
        )
        async with serve_notify(settings, directory) as notify:
            found = await ended(notify, await mail(notify))
    assert found["state"] == state, found["last_error"]
    assert server.encrypted == [True] * (state == "sent")
    if state == "dead":
        assert password not in found["last_error"]
        assert ("535" if is_trusted else "certificate") in found["last_error"]


async def test_a_password_is_not_sent_unencrypted(
    notify_database_url: str, directory: ServedDirectory
) -> None:
    """Where the server offers no STARTTLS nothing is sent at all, although it would take it."""
    async with serve_mail(MailServer("notify", "secret"), careless=True) as server:
        settings = notify_settings(
            notify_database_url,
            directory.redis_url,
            MAIL_URL=f"smtp://notify:secret@127.0.0.1:{server.port}",
            MAIL_RETRY_SECONDS="0",
        )
        async with serve_notify(settings, directory) as notify:
            found = await ended(notify, await mail(notify))
        assert (found["state"], server.received) == ("dead", [])
        assert "STARTTLS" in found["last_error"]
