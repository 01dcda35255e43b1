"""What is wrong with a connection is said in words that tell where to look."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
import typing as t

import pytest

from rest_tap import wire
from rest_tap.account import Account
from rest_tap.auth import HeaderToken
from rest_tap.errors import ApiError
from rest_tap.http import Client
from rest_tap.limiter import RateLimiter
from rest_tap.request import Request
from tests.conftest import kept_log
from tests.support.raw import raw_server

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Waits

NOBODY = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without proxies and certificates of its own."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.contextmanager
def listener(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Listen on a port, and do this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as sock, contextlib.suppress(OSError):
                        serve(sock)

        threading.Thread(target=run, daemon=True).start()
        yield listening.getsockname()[1]


def error(url: str) -> str:
    sender = Client(url, [Account(HeaderToken("api_key", "", "token-of-a-test"), RateLimiter())], timeout=0.4)
    with pytest.raises(ApiError) as raised:
        sender.fetch(Request("/x", stream="things"))
    sender.close()
    return str(raised.value)


def test_a_server_that_speaks_no_tls_is_told_at_once(no_waiting: Waits) -> None:
    with listener(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        text = error(f"https://127.0.0.1:{port}")
    assert text == "things: the server does not speak TLS there; look at http or https in the setting api_url (/x)"
    assert no_waiting.seconds == []


def test_a_server_that_waits_instead_of_speaking_tls_is_told_too(no_waiting: Waits) -> None:
    with raw_server(lambda connection: connection.reply(b"[]")) as server:
        text = error(server.url.replace("http", "https"))
    assert text == "things: no TLS connection in time; look at http or https in the setting api_url (/x)"
    assert len(no_waiting.seconds) == 2


def test_lengths_that_contradict_each_other_are_the_fault_of_the_answer(no_waiting: Waits) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]"
    with raw_server(lambda connection: connection.send(head)) as server:
        text = error(server.url)
    assert text.startswith("things: the headers of the answer contradict each other; look at")
    assert no_waiting.seconds


@pytest.mark.parametrize("headers", [b"X: x\r\n" * 101, b"X: " + b"x" * (1 << 16) + b"\r\n"], ids=["many", "long"])
def test_headers_that_python_does_not_read_are_told_at_once(headers: bytes, no_waiting: Waits) -> None:
    with raw_server(lambda connection: connection.send(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n[]")) as server:
        text = error(server.url)
    assert text.startswith(
        "things: the answer has more than 100 headers, or one longer than 64 kB; look at the setting"
    )
    assert no_waiting.seconds == []


def test_a_port_where_nobody_listens_and_a_host_that_is_not_there(no_waiting: Waits) -> None:
    assert error(f"http://{NOBODY}").startswith("things: the connection was refused; look at the setting api_url")
    assert error("https://nohost.invalid").startswith("things: the host name is not known; look at the setting")
    assert len(no_waiting.seconds) == 4


def test_the_log_says_what_happened(no_waiting: Waits) -> None:
    with kept_log() as log:
        error(f"http://{NOBODY}")
    lines = [record.getMessage() for record in log]
    assert lines == [f"things: asking again in {seconds} s after the connection was refused (/x)" for seconds in (2, 4)]
    assert no_waiting.seconds


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody has signed, with its key."""
    folder = tmp_path_factory.mktemp("certificate")
    file = folder / "both.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no certificate can be made: {made.stderr.decode()}")
    file.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return file


def test_a_certificate_that_is_not_accepted_is_told_at_once_with_the_reason(
    certificate: Path, no_waiting: Waits
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(sock: socket.socket) -> None:
        context.wrap_socket(sock, server_side=True).close()

    with listener(serve) as port:
        text = error(f"https://127.0.0.1:{port}")
    assert text.startswith("things: the TLS certificate of the server was not accepted (self")
    assert no_waiting.seconds == []


@pytest.mark.parametrize("proxied", [False, True])
def test_tls_may_take_longer_than_between_two_looks_at_the_clock(
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxied: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(wire, "STOP_CHECK_SECONDS", 0.05)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(sock: socket.socket) -> None:
        if proxied:
            sock.recv(1 << 16)
            time.sleep(0.2)
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        time.sleep(0.4)
        with context.wrap_socket(sock, server_side=True) as secured:
            while secured.recv(1 << 16):
                time.sleep(0.2)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1")
                time.sleep(0.2)
                secured.sendall(b",2,345]")

    with listener(serve) as port:
        if proxied:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        sender = Client(
            f"https://localhost:{port}", [Account(HeaderToken("api_key", "", "token-of-a-test"), RateLimiter())]
        )
        answers = [sender.fetch(Request("/x")).content for _ in range(2)]
        sender.close()
    assert answers == [b"[1,2,345]"] * 2


@pytest.mark.parametrize(
    ("proxy", "what"),
    [
        (f"http://{NOBODY}", "the proxy did not connect"),
        ("http://nohost.invalid:8080", "the host name of the proxy is not known"),
        ("socks5://127.0.0.1:1080", "the environment names a SOCKS proxy, for which the package PySocks"),
        ("http://", "the proxy that the environment names"),
        ("http://[::1", "the proxy that the environment names"),
        ("gopher://127.0.0.1:9", "the proxy that the environment names"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_wrong_with_a_proxy_is_not_said_of_the_address(
    monkeypatch: pytest.MonkeyPatch, no_waiting: Waits, scheme: str, proxy: str, what: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    text = error(f"{scheme}://api.example")
    assert text.startswith(f"things: {what}")
    assert "api_url" not in text
    assert proxy not in text
    assert len(no_waiting.seconds) in {0, 2}


def test_a_proxy_that_wants_a_password_is_told_at_once(monkeypatch: pytest.MonkeyPatch, no_waiting: Waits) -> None:
    with raw_server(lambda connection: connection.reply(b"", "407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        assert error("https://api.example").startswith("things: the proxy asks for a user and a password; look at the")
    assert no_waiting.seconds == []


def test_a_proxy_that_wants_a_password_is_told_without_tls_as_well(
    monkeypatch: pytest.MonkeyPatch, no_waiting: Waits
) -> None:
    with raw_server(lambda connection: connection.reply(b"", "407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        text = error("http://api.example")
    assert text.startswith("things: the proxy asks for a user and a password; look at the proxy that the environment")
    assert no_waiting.seconds == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["missing", "garbage", "empty"])
def test_a_file_without_certificates_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_waiting: Waits, kind: str, variable: str
) -> None:
    file = tmp_path / "bundle.pem"
    if kind != "missing":
        file.write_text("garbage" if kind == "garbage" else "", encoding="utf-8")
    monkeypatch.setenv(variable, str(file))
    with listener(lambda sock: sock.recv(1)) as port:
        text = error(f"https://127.0.0.1:{port}")
    assert text.startswith("things: no certificates were found to check the server's with; look at the file")
    assert no_waiting.seconds == []


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://api.example/v1", True),
        ("http://192.168.1.7", True),
        ("http://[2001:db8::1]:8000", True),
        ("https://api.example/v1", False),
        ("http://127.0.0.1:8000", False),
        ("http://127.3.2.1", False),
        ("http://[::1]:8000", False),
        ("http://localhost:8000", False),
        ("http://pretix.localhost", False),
    ],
)
def test_an_address_without_tls_is_warned_of_unless_it_is_this_machine(url: str, warns: bool) -> None:  # noqa: FBT001
    with kept_log() as log:
        Client(url, [Account(HeaderToken("api_key", "", "token-of-a-test"), RateLimiter())])
    text = [record.getMessage() for record in log if record.levelname == "WARNING"]
    expected = "the setting api_url begins with http://: the credential and all data are sent unencrypted"
    assert text == [expected] * warns
