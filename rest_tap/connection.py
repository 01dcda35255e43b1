"""Why a connection brought no answer, in a few words.

The messages of the libraries' exceptions contain addresses, so this module has words of its own for each kind. Some
failures last, such as a certificate that is not accepted: another try would fail in the same way.
"""

from __future__ import annotations

import ssl
import typing as t

#: What OpenSSL says of an answer that is not TLS.
_PLAIN = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH")
#: What it and requests say of a file of certificates that holds none.
_NO_CERTIFICATES = ("NO_CERTIFICATE_OR_CRL_FOUND", "CA certificate bundle", "X509", "PEM")

_NETWORK = "look at the setting api_url, and at the network"
_PROXY = "look at the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)"

_SCHEME = "look at http or https in the setting api_url"
_CERTIFICATES = "look at the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names"

#: What Python says of them.
_TOO_MANY_HEADERS = "got more than 100 headers"
#: What urllib3 and zlib raise while a body comes.
_IN_A_BODY = ("ProtocolError", "IncompleteRead", "InvalidChunkLength", "error")
#: Kinds of exceptions, from the particular to the general.
_OTHER = (
    ("NameResolutionError", "the host name is not known"),
    ("ConnectionRefusedError", "the connection was refused"),
    ("NewConnectionError", "the host cannot be reached"),
    ("ConnectTimeoutError", "no connection in time"),
    ("ConnectTimeout", "no connection in time"),
    ("TimeoutError", "no answer in time (setting request_timeout)"),
    ("Timeout", "no answer in time (setting request_timeout)"),
    ("SSLError", "the TLS connection failed"),
    ("ChunkedEncodingError", "the answer broke off"),
    ("InvalidHeader", "the headers of the answer contradict each other"),
    ("ConnectionError", "the connection failed or broke off"),
    # No answer at all; requests makes a ConnectionError of it, and on a kept connection nobody does.
    ("BadStatusLine", "the connection failed or broke off"),
    ("UnknownProtocol", "the connection failed or broke off"),
    ("OSError", "the connection failed or broke off"),
)


class Break(t.NamedTuple):
    """Why a connection brought no answer.

    Attributes:
        what: Words for the middle of a sentence.
        look: Where to look.
        is_lasting: Whether another try would fail in the same way.
    """

    what: str
    look: str = _NETWORK
    is_lasting: bool = False

    @property
    def reason(self) -> str:
        """Return both, as an error says it."""
        return f"{self.what}; {self.look}"


#: Before TLS, the connection breaks; without it, the answer of the proxy comes in place of the server's.
PROXY_PASSWORD = Break("the proxy asks for a user and a password", _PROXY, is_lasting=True)


def explain(error: BaseException, *, is_tls: bool = False, has_begun: bool = True) -> Break:
    """Return why no answer came.

    Args:
        error: What was raised.
        is_tls: Whether the address begins with ``https``.
        has_begun: Whether the connection came about at all.
    """
    causes = list(_causes(error))
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    text = " ".join(map(str, causes))
    if "ProxyError" in names:
        if "407" in text:
            return PROXY_PASSWORD
        unknown = "NameResolutionError" in names
        return Break("the host name of the proxy is not known" if unknown else "the proxy did not connect", _PROXY)
    if (broken := _tls(causes, text)) is not None:
        return broken
    if is_tls and not has_begun and "TimeoutError" in names and "ConnectTimeoutError" not in names:
        return Break("no TLS connection in time", _SCHEME)
    if "LineTooLong" in names or _TOO_MANY_HEADERS in text:
        return Break("the answer has more than 100 headers, or one longer than 64 kB", is_lasting=True)
    is_in_body = type(error).__name__ in _IN_A_BODY
    known = (what for kind, what in _OTHER if kind in names and not is_in_body)
    return Break(next(known, "the answer broke off"))


def _tls(causes: list[BaseException], text: str) -> Break | None:
    """Return what is wrong with certificates or with the other side's TLS, if anything is."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f" ({cause.verify_message})" if getattr(cause, "verify_message", "") else ""
            return Break(f"the TLS certificate of the server was not accepted{why}", is_lasting=True)
    if any(word in text for word in _NO_CERTIFICATES):
        return Break("no certificates were found to check the server's with", _CERTIFICATES, is_lasting=True)
    if any(word in text for word in _PLAIN):
        return Break("the server does not speak TLS there", _SCHEME, is_lasting=True)
    return None


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    """Yield an error and its causes, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)
