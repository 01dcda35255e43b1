"""What an answer means: decided from status, headers and body, without I/O."""

from __future__ import annotations

import codecs
import dataclasses
import re
import typing as t
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec

from rest_tap import errors
from rest_tap.errors import ApiError, BrokenAnswer, CredentialRefused, Forbidden, NotFound, Unreadable
from rest_tap.floats import exact
from rest_tap.repair import OnRepair, repair
from rest_tap.retry import UNREADABLE, Failure, RetryPolicy

if t.TYPE_CHECKING:
    from rest_tap.redact import Redactor
    from rest_tap.request import Reply, Request

DETAIL_LENGTH = 300
#: Bytes of an error's body that are looked at for the API's own words.
DETAIL_BYTES = 1 << 18
#: Bytes below which an answer takes little memory, whatever is in it.
SMALL = 1 << 18
#: Bytes at either end of an answer in which something else than a space is to be expected.
SAMPLE = 64
#: What a value in a list or an object, an object and a list take, in bytes, about.
VALUE_SIZE, OBJECT_SIZE, LIST_SIZE = 90, 250, 80

#: Where an API says in its own words what is wrong.
_OWN_WORDS = ("detail", "error", "non_field_errors")

_OK, _BAD_REQUEST, _FORBIDDEN, _NOT_FOUND = 200, 400, 403, 404
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Characters that take four bytes in memory, and those that may take two; also where escapes stand for them.
_FOUR_BYTES, _TWO_BYTES = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]"), re.compile(rb"[\x80-\xff]|\\u")
_NOT_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)

_decoder = msgspec.json.Decoder(float_hook=exact)
#: Finds out whether a text is whole JSON, in a tenth of the time that decoding takes.
_prover = msgspec.json.Decoder(msgspec.Raw)


@dataclasses.dataclass(slots=True)
class Rules:
    """What one API's answers mean.

    Attributes:
        redactor: Takes secrets out of what the API says.
        max_bytes: Memory that an answer may take, as text and decoded.
        retry: Which answers may be better the next time.
        refused: Statuses that say the credential is not valid (any more).
    """

    redactor: Redactor
    max_bytes: int
    retry: RetryPolicy = dataclasses.field(default_factory=RetryPolicy)
    refused: frozenset[int] = frozenset({401})


def _ignore_repair(_field: str, _change: str) -> None:
    """Do nothing."""


def decode(
    reply: Reply, decode_body: t.Callable[[bytes], t.Any] | None = None, on_repair: OnRepair = _ignore_repair
) -> t.Any:
    """Decode an answer with status 200.

    Args:
        reply: The answer.
        decode_body: What decodes the body, if not everything in it becomes what JSON calls it. It refuses floats
            that are not the number that was sent.
        on_repair: Called with each field in which something had to be changed.

    Raises:
        Unreadable: It is no JSON.
    """
    decode_body = decode_body or _decoder.decode
    try:
        return decode_body(_without_bom(reply.content))
    except _NOT_JSON:
        repaired = repair(reply.content, on_repair)
    try:
        if repaired is not None:
            return decode_body(repaired)
    except _NOT_JSON:
        pass
    raise Unreadable(errors.NOT_JSON)


def failure(
    request: Request, reply: Reply, rules: Rules, settings: str = "", *, is_forbidden: bool = False
) -> Failure | None:
    """Return why an answer cannot be used, or None for a good one.

    Its body is whole JSON; where decoding will show that, it only looks like it.

    Args:
        request: What was asked.
        reply: The answer.
        rules: What answers mean.
        settings: Names of the settings to look at if the credential is refused.
        is_forbidden: Whether a 403 is about the list, also where it would else be about the credential.

    Raises:
        ApiError: It cannot be used, and no other is to be expected.
    """
    status = reply.status
    if status == _OK:
        is_proven = request.validated_on_decode and _looks_like_json(reply.content)
        if not is_proven and not _is_json(reply.content, rules.max_bytes):
            return _unreadable(request, reply)
        if memory_of(reply.content) > rules.max_bytes:
            raise too_large(request, rules.max_bytes)
        return None
    if status in _REDIRECTS:
        error = ApiError(errors.REDIRECTED_AGAIN, stream=request.stream, path=request.path, status=status)
        return Failure(error, status, redirect=redirect_path(request, reply, rules.redactor))
    is_refusal = status in rules.refused and not (is_forbidden and status == _FORBIDDEN)
    return Failure(
        _error(request, reply, rules, settings, is_refusal=is_refusal),
        status,
        reply.headers,
        is_refusal=request.authenticated and is_refusal,
        what=f"status {status}",
    )


def redirect_path(request: Request, reply: Reply, redactor: Redactor) -> str:
    """Return the path to ask for instead, without query.

    Raises:
        ApiError: It leads to another host, or nowhere.
    """
    place: t.Any = {"stream": request.stream, "path": request.path, "status": reply.status}
    try:
        there = urlsplit(urljoin(reply.url, reply.headers.get("Location", "")))
        is_here = _origin(there) == _origin(urlsplit(reply.url))
    except ValueError:
        raise ApiError(errors.REDIRECTED_NOWHERE, **place) from None
    if not is_here:
        where = redactor.clear(f"{there.scheme}://{there.netloc.rpartition('@')[2]}")[:DETAIL_LENGTH]
        raise ApiError(errors.redirected_elsewhere(where), **place)
    return there.path or "/"


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port, whatever else an address says before the path, and whether it names the port.

    Raises:
        ValueError: The port is none.
    """
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def too_large(request: Request, max_bytes: int) -> BrokenAnswer:
    """Return the error that an answer takes more memory than it may."""
    return BrokenAnswer(errors.page_too_large(max_bytes >> 20), stream=request.stream, path=request.path)


def memory_of(content: bytes) -> int:
    """Return an estimate, rather too high, of the bytes that an answer takes together with its decoded form.

    Sixty megabytes of ``{}`` become some gigabytes of empty objects, and in a text with a single
    emoji every character takes four bytes.
    """
    if len(content) < SMALL:
        return 0
    width = 4 if _FOUR_BYTES.search(content) else 2 if _TWO_BYTES.search(content) else 1
    return (
        len(content) * (1 + width)
        + content.count(b",") * VALUE_SIZE
        + content.count(b"{") * OBJECT_SIZE
        + content.count(b"[") * LIST_SIZE
    )


def not_json(error: Unreadable) -> Failure:
    """Return the failure that a body stands for which turned out to be no JSON."""
    return Failure(error, UNREADABLE, what=errors.UNREADABLE_ANSWER)


def _looks_like_json(content: bytes) -> bool:
    """Return whether a body begins and ends like an object or a list, unlike a web page or a body that broke off."""
    start, end = _without_bom(content[:SAMPLE]).lstrip()[:1], content[-SAMPLE:].rstrip()[-1:]
    return (start, end) in {(b"{", b"}"), (b"[", b"]")}


def _is_json(content: bytes, max_bytes: int) -> bool:
    """Return whether a body is JSON, or can be repaired within the memory that it may take."""
    if _is_plain_json(_without_bom(content)):
        return True
    return memory_of(content) <= max_bytes and repair(content, _ignore_repair) is not None


def _is_plain_json(content: bytes) -> bool:
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for start in range(0, len(content), SMALL):  # a page as one text could take four times its size
            decoder.decode(content[start : start + SMALL])
        decoder.decode(b"", final=True)
        _prover.decode(content)
    except _NOT_JSON:
        return False
    return True


def _without_bom(content: bytes) -> bytes:
    return content.removeprefix(b"\xef\xbb\xbf")


def _unreadable(request: Request, reply: Reply) -> Failure:
    if reply.content.lstrip()[:1] == b"<" or "html" in reply.headers.get("Content-Type", ""):
        raise BrokenAnswer(errors.WEB_PAGE, stream=request.stream, path=request.path)
    return not_json(Unreadable(errors.NOT_JSON, stream=request.stream, path=request.path))


def _error(request: Request, reply: Reply, rules: Rules, settings: str, *, is_refusal: bool) -> ApiError:
    """Return the error that a status other than 200 stands for."""
    status = reply.status
    place: t.Any = {"stream": request.stream, "path": request.path, "status": status}
    detail = "" if request.is_login else rules.redactor.clear(_detail(request, reply.content))[:DETAIL_LENGTH]
    if is_refusal:
        return CredentialRefused(errors.credential_refused(settings, detail), **place)
    if status == _FORBIDDEN:
        return Forbidden(detail or errors.DENIED, **place)
    if status == _NOT_FOUND:
        missing = NotFound(detail or errors.NOT_FOUND, **place)
        missing.is_unknown_path = not detail
        return missing
    if status < _BAD_REQUEST:
        # 201, 202, 203, 206 and others: whatever stands there, it is not what was asked for.
        return ApiError(errors.UNEXPECTED_STATUS, **place)
    return rules.retry.error(detail=detail, **place)


def _detail(request: Request, content: bytes) -> str:
    """Return the API's own words about an error, or an empty text: never rows, nor anything else that is not known."""
    try:
        body = _decoder.decode(repair(content[:DETAIL_BYTES], _ignore_repair) or b"")
    except _NOT_JSON:
        return ""
    return api_words(body, request.params or ())


def api_words(body: t.Any, params: t.Iterable[str] = ()) -> str:
    """Return what an API says about an error in the places where APIs do: ``detail``, ``error``, a parameter's name."""
    if not isinstance(body, dict):
        return ""
    for name in _OWN_WORDS:
        if words := _words(body.get(name)):
            return words
    about = {name: _words(body.get(name)) for name in params}
    return "; ".join(f"{name}: {words}" for name, words in about.items() if words)


def _words(value: t.Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])
    return ""
