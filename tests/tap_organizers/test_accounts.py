"""Several accounts in one run: whose token reads what, limits for each, and tokens that do not work."""

from __future__ import annotations

import collections
import json
import threading
import typing as t

import pytest

from rest_tap.errors import ApiError, CredentialRefused, ListsFailed, StopRun
from rest_tap.limiter import RateLimiter
from sandbox import Fault, Sandbox, Scale
from tests.conftest import discovered, only, run_tap
from tests.support.command import DO_NOT_WAIT
from tests.support.loading import catalog, read, settings

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox import Request
    from tests.conftest import Json, Run, Waits

SCALE = Scale(organizers=5, events=6, tax_rules=60, orders=200, ticketing_events=1, attendees=1)
STREAMS = ("organizers", "events", "tax_rules", "orders", "order_payments")
LOUD = {"TAP_ORGANIZERS_LOGLEVEL": "DEBUG", DO_NOT_WAIT: "1"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox of five organizers."""
    with Sandbox(scale=SCALE) as box:
        yield box


@pytest.fixture
def tokens(box: Sandbox) -> dict[str, str]:
    """A token for each organizer, which sees no other."""
    return {slug: box.organizers.add_token(organizers=[slug]) for slug in box.organizers.organizers}


def rows(records: list[Json]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in records)


def readers(box: Sandbox) -> dict[str, set[str]]:
    """Return which tokens have asked for lists of each organizer."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for request in box.requests("/organizers/[^/]+/."):
        found[request.path.split("/")[4]].add(request.headers["authorization"].removeprefix("Token "))
    return found


# --- who reads what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 8])
def test_many_tokens_read_what_one_that_sees_all_reads(box: Sandbox, tokens: dict[str, str], concurrency: int) -> None:
    one = read(box, *STREAMS)
    box.clear_log()
    many = read(box, *STREAMS, api_token=None, api_tokens=list(tokens.values()), max_concurrency=concurrency)
    assert {name: rows(found) for name, found in many.records.items()} == {
        name: rows(found) for name, found in one.records.items()
    }
    assert readers(box) == {slug: {token} for slug, token in tokens.items()}
    assert many.warnings() == []
    # What is kept of an organizer is the same, whoever has read it.
    assert many.states[-1]["bookmarks"]["orders"].keys() == one.states[-1]["bookmarks"]["orders"].keys()
    again = read(box, *STREAMS, state=many.states[-1])
    assert again.records["orders"] == read(box, *STREAMS, state=one.states[-1]).records["orders"]


def test_what_is_read_of_one_organizer_is_in_the_order_of_a_run_with_one_token(
    box: Sandbox, tokens: dict[str, str]
) -> None:
    one = read(box, *STREAMS)
    many = read(box, *STREAMS, api_token=None, api_tokens=list(tokens.values()))
    for name in ("events", "tax_rules", "orders"):
        for slug in tokens:
            assert [row for row in many.records[name] if row["organizer"] == slug] == [
                row for row in one.records[name] if row["organizer"] == slug
            ]


def test_an_organizer_that_two_tokens_see_is_read_by_the_first(box: Sandbox) -> None:
    add = box.organizers.add_token
    first, second = add(organizers=["riverside", "sommerfest"]), add(organizers=["sommerfest", "bigtop"])
    result = read(box, *STREAMS, api_token=None, api_tokens=[first, second])
    assert readers(box) == {"riverside": {first}, "sommerfest": {first}, "bigtop": {second}}
    assert sorted(row["slug"] for row in result.records["organizers"]) == ["bigtop", "riverside", "sommerfest"]


def test_both_settings_together_are_one_list_with_the_single_token_last(box: Sandbox, tokens: dict[str, str]) -> None:
    read(box, "events", api_tokens=[tokens["bigtop"]])
    assert readers(box) == {slug: {tokens["bigtop"] if slug == "bigtop" else box.token} for slug in tokens}


def test_an_organizer_is_read_by_the_token_that_it_is_named_for(box: Sandbox) -> None:
    first, second = (box.organizers.add_token() for _ in range(2))
    read(box, "events", api_token=None, api_tokens={"riverside": first, "bigtop": second})
    assert readers(box) == {**{slug: {first} for slug in box.organizers.organizers}, "bigtop": {second}}


def test_a_token_that_does_not_see_the_organizer_it_is_named_for_is_told(box: Sandbox, tokens: dict[str, str]) -> None:
    given = {"riverside": tokens["riverside"], "bigtop": tokens["sommerfest"]}
    result = read(box, "events", api_token=None, api_tokens=given, fails=ApiError)
    assert str(result.error) == (
        "organizers: organizer bigtop of the setting api_tokens is not among those that its token sees"
    )
    assert {row["organizer"] for row in result.records["events"]} == {"riverside", "sommerfest"}


@pytest.mark.parametrize("setting", ["api_tokens", "organizers"])
def test_no_version_is_activated_where_an_organizer_of_the_settings_is_not_seen(
    setting: str, box: Sandbox, tokens: dict[str, str]
) -> None:
    given: Json = {"api_token": None, "api_tokens": [tokens["riverside"]], "organizers": ["riverside", "bigtop"]}
    if setting == "api_tokens":
        blind = box.organizers.add_token(organizers=["sommerfest"])
        given = {"api_token": None, "api_tokens": {"riverside": tokens["riverside"], "bigtop": blind}}
    result = read(box, *STREAMS, emit_activate_version_messages=True, fails=ApiError, **given)
    assert "organizer bigtop of the setting" in str(result.error)
    assert {row["organizer"] for row in result.records["events"]} >= {"riverside"}
    assert not [message for message in result.messages if message["type"] == "ACTIVATE_VERSION"]
    # As soon as it is seen, all is well.
    tokens["bigtop"] = box.organizers.add_token(organizers=["bigtop"])
    given = {"api_token": None, "api_tokens": {slug: tokens[slug] for slug in ("riverside", "bigtop")}}
    again = read(box, *STREAMS, state=result.states[-1], emit_activate_version_messages=True, **given)
    activated = {message["stream"] for message in again.messages if message["type"] == "ACTIVATE_VERSION"}
    assert activated >= {"organizers", "events", "tax_rules", "order_payments"}


def test_a_short_token_in_the_place_of_the_slug_is_not_shown(box: Sandbox) -> None:
    result = read(box, "events", api_token=None, api_tokens={"canary-0123456789": "riverside"}, fails=ApiError)
    assert "look at the setting api_tokens, token 1" in str(result.error)
    assert "canary" not in "".join([str(result.error), *result.warnings()])


def test_a_token_that_is_given_twice_is_one_account(box: Sandbox, tokens: dict[str, str]) -> None:
    token = tokens["riverside"]
    read(box, "events", api_token=token, api_tokens=[token, tokens["bigtop"], token])
    assert len(box.requests("/organizers/$")) == 2


def test_the_setting_organizers_and_shards_choose_among_what_all_tokens_see(
    box: Sandbox, tokens: dict[str, str]
) -> None:
    given: Json = {"api_token": None, "api_tokens": list(tokens.values())}
    named = read(box, "events", organizers=["bigtop", "riverside"], **given)
    assert {row["organizer"] for row in named.records["events"]} == {"bigtop", "riverside"}
    shards = [read(box, *STREAMS, shard_index=index, shard_count=3, **given) for index in range(3)]
    whole = read(box, *STREAMS)
    for name in STREAMS:
        assert rows([row for shard in shards for row in shard.records[name]]) == rows(whole.records[name])


def test_organizers_on_several_pages_are_all_shared_out_before_anything_below_them_is_read() -> None:
    with Sandbox(scale=Scale(organizers=7, events=4, tax_rules=1, orders=7)) as box:
        box.organizers.max_page_size = 2
        slugs = list(box.organizers.organizers)
        first, second = box.organizers.add_token(organizers=slugs[1:]), box.organizers.add_token(organizers=slugs[:6])
        result = read(box, "organizers", "events", api_token=None, api_tokens=[first, second])
        assert readers(box) == {slug: {second if slug == slugs[0] else first} for slug in slugs}
        assert sorted(row["slug"] for row in result.records["organizers"]) == sorted(slugs)


def test_a_declared_list_below_nothing_is_read_by_each_account(box: Sandbox, tokens: dict[str, str]) -> None:
    seen = {"name": "seen", "path": "/organizers", "primary_keys": ["slug"], "fields": {"slug": "string"}}
    config = settings(box, api_token=None, api_tokens=list(tokens.values()), extra_streams=[seen])
    result = run_tap(config, only(discovered(config), "seen", "events"))
    assert sorted(row["slug"] for row in result.records["seen"]) == sorted(tokens)
    assert {row["organizer"] for row in result.records["events"]} == set(tokens)


# --- limits -----------------------------------------------------------------------------------------------------------


class Others:
    """What is read of other accounts while one of them sleeps: it does so until that is enough."""

    def __init__(self, waits: Waits, enough: int, counts: Callable[[Request], bool]) -> None:
        self._waits = waits
        self._enough = enough
        self._counts = counts
        self._are_read = threading.Event()
        self._paths: set[str] = set()
        #: Sleeps in which it was not.
        self.missed: list[float] = []

    def sleep(self, seconds: float) -> None:
        if not self._are_read.wait(30):
            self.missed.append(seconds)
        self._waits.sleep(seconds)

    def note(self, request: Request, _box: Sandbox) -> None:
        if self._counts(request):
            self._paths.add(request.path)
            if len(self._paths) == self._enough:
                self._are_read.set()


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_an_account_that_is_held_back_takes_no_thread_from_the_others(
    box: Sandbox, tokens: dict[str, str], concurrency: int, monkeypatch: pytest.MonkeyPatch, no_waiting: Waits
) -> None:
    def is_of_another(request: Request) -> bool:
        return request.path.endswith("/taxrules/") and tokens["riverside"] not in request.headers["authorization"]

    others = Others(no_waiting, 16, is_of_another)
    monkeypatch.setattr(RateLimiter, "sleep", others.sleep)
    box.on_request(others.note)
    told_to_wait = Fault(
        "/riverside/.*/taxrules/", status=429, headers={"Retry-After": "60"}, times=min(concurrency, 6)
    )
    box.faults.add(told_to_wait)
    result = read(
        box, "events", "tax_rules", api_token=None, api_tokens=list(tokens.values()), max_concurrency=concurrency
    )
    assert others.missed == []
    assert len(no_waiting.seconds) >= 1
    assert {row["organizer"] for row in result.records["tax_rules"]} == set(tokens)
    assert told_to_wait.fired == told_to_wait.times


def test_an_account_that_has_to_wait_at_once_holds_up_no_other(
    box: Sandbox, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch, no_waiting: Waits
) -> None:
    others = Others(no_waiting, 4, lambda request: request.path.endswith("/events/"))
    monkeypatch.setattr("rest_tap.reader.ADMIT_SECONDS", 0.3)
    monkeypatch.setattr(RateLimiter, "sleep", others.sleep)
    box.on_request(others.note)
    box.faults.add(Fault("/organizers/$", status=429, headers={"Retry-After": "60"}))
    result = read(box, "events", api_token=None, api_tokens=list(tokens.values()), max_concurrency=2)
    assert others.missed == []
    assert {row["organizer"] for row in result.records["events"]} == set(tokens)


@pytest.mark.slow
def test_twenty_accounts_use_twenty_limits() -> None:
    # 360 requests in a minute for each of twenty accounts, counted in quarters of minutes.
    shares: list[float] = []
    with Sandbox(scale=Scale(organizers=20, events=100, tax_rules=1, orders=20), cache=True) as box:
        for slug in list(box.organizers.organizers)[1:]:
            for number in range(96):
                box.organizers.add_event(slug, f"more-{number}")
        given = [box.organizers.add_token(organizers=[slug]) for slug in box.organizers.organizers]
        config: Json = {"api_token": None, "api_tokens": given, "max_concurrency": 32}
        read(box, "tax_rules", **config)  # so that the answers are made
        # What the tap makes of the limit is what it makes of it when the machine lets it: the best of three.
        while len(shares) < 3 and max(shares, default=0) < 0.95:
            box.clear_log()
            box.limit(90, window=15, each_account=True)
            result = read(box, "tax_rules", requests_per_minute=354, **config)
            times: dict[str, list[float]] = collections.defaultdict(list)
            for request in box.log:
                times[request.headers["authorization"]].append(request.time_started)
            every = sorted(moment for moments in times.values() for moment in moments)
            # The first request of each account goes out at once.
            shares.append((len(every) - len(times)) / (every[-1] - every[0]) / (20 * 360 / 60))
            assert len(times) == 20
            assert all(len(moments) >= 104 for moments in times.values())
            assert box.rate_limit is not None
            assert (box.banned, box.rate_limit.refused) == (False, 0)
            assert len(result.records["tax_rules"]) >= 2000
    assert max(shares) >= 0.95, shares


# --- tokens that do not work ------------------------------------------------------------------------------------------


def test_a_refused_token_keeps_no_other_account_from_being_read(box: Sandbox, tokens: dict[str, str]) -> None:
    box.organizers.revoke_token(tokens["bigtop"])
    given: Json = {"api_token": None, "api_tokens": list(tokens.values()), "emit_activate_version_messages": True}
    result = read(box, *STREAMS, fails=CredentialRefused, **given)
    assert str(result.error) == (
        "organizers: the credential was refused (Token inactive or deleted.); look at the setting "
        "api_tokens, token 3 (and auth_header, auth_prefix) (/organizers, status 401)"
    )
    told = [line for line in result.warnings() if "token 3" in line]
    assert len(told) == 2
    assert told[1].startswith("refused: 1 of 5 tokens (api_tokens, token 3)")
    whole = read(box, *STREAMS)
    for name in ("events", "tax_rules", "orders"):
        assert rows(result.records[name]) == rows([row for row in whole.records[name] if row["organizer"] != "bigtop"])
    assert not [message for message in result.messages if message["type"] == "ACTIVATE_VERSION"]
    skipped = read(box, *STREAMS, on_error="skip", **given)
    assert rows(skipped.records["orders"]) == rows(result.records["orders"])
    assert not [message for message in skipped.messages if message["type"] == "ACTIVATE_VERSION"]
    assert not any(token in line for token in tokens.values() for line in (*result.lines(), *skipped.lines()))


def test_of_twenty_accounts_a_refused_and_a_denied_one_leave_eighteen() -> None:
    with Sandbox(scale=Scale(organizers=20, events=4, tax_rules=3, orders=100)) as box:
        slugs = list(box.organizers.organizers)
        given = [box.organizers.add_token(organizers=[slug]) for slug in slugs]
        whole = read(box, "orders", "tax_rules")
        box.organizers.deny(f"/organizers/{slugs[7]}/")
        box.organizers.revoke_token(given[11])
        result = read(box, "orders", "tax_rules", api_token=None, api_tokens=given, fails=ListsFailed)
        lists = t.cast("ListsFailed", result.error).lists
        assert lists == {"events": 1, "orders": 1, "organizers": 1}
        complete = {slug for slug in slugs if slug not in {slugs[7], slugs[11]}}
        for name in ("orders", "tax_rules"):
            expected = [row for row in whole.records[name] if row["organizer"] in complete]
            assert rows(result.records[name]) == rows(expected)
        assert len(complete) == 18
        assert any("api_tokens, token 12" in line for line in result.warnings())
        assert result.states[-1]["bookmarks"]["orders"]["organizers"].keys() == complete
        forgiving: Json = {"on_denied": "skip", "on_error": "skip"}
        assert read(box, "orders", "tax_rules", api_token=None, api_tokens=given, **forgiving).error is None


def test_a_token_that_may_not_list_organizers_is_told_like_a_refused_one(box: Sandbox, tokens: dict[str, str]) -> None:
    box.faults.add(Fault("/organizers/$", status=403, body='{"detail": "No."}', after=1))
    given: Json = {"api_token": None, "api_tokens": tokens, "max_concurrency": 1}
    result = read(box, "events", fails=CredentialRefused, on_denied="skip", **given)
    assert "(No.); look at the setting api_tokens, organizer sommerfest (/organizers, status 403)" in str(result.error)
    assert {row["organizer"] for row in result.records["events"]} == tokens.keys() - {"sommerfest"}


def test_nothing_more_is_asked_with_a_token_that_is_revoked_while_it_reads(
    box: Sandbox, tokens: dict[str, str]
) -> None:
    revoked: list[int] = []

    def revoke(request: Request, box: Sandbox) -> None:
        if request.path.endswith("/riverside/orders/") and not revoked:
            box.organizers.revoke_token(tokens["riverside"])
            revoked.append(len(box.log))

    box.on_request(revoke)
    given: Json = {"api_token": None, "api_tokens": list(tokens.values()), "max_concurrency": 1}
    result = read(box, "orders", "tax_rules", fails=CredentialRefused, emit_activate_version_messages=True, **given)
    late = [request for request in box.log[revoked[0] :] if tokens["riverside"] in request.headers["authorization"]]
    assert len(late) <= 2
    assert {row["organizer"] for row in result.records["orders"]} >= tokens.keys() - {"riverside"}
    assert "riverside" not in result.states[-1]["bookmarks"]["orders"].get("organizers", {})
    assert not [message for message in result.messages if message["type"] == "ACTIVATE_VERSION"]
    box.organizers.tokens[tokens["riverside"]].active = True
    rest = read(box, "orders", state=result.states[-1], api_token=None, api_tokens=list(tokens.values()))
    both = rows([*result.records["orders"], *rest.records["orders"]])
    assert set(both) >= set(rows(read(box, "orders").records["orders"]))


def test_tokens_that_are_all_refused_end_the_run(box: Sandbox, tokens: dict[str, str]) -> None:
    for token in tokens.values():
        box.organizers.revoke_token(token)
    given: Json = {"api_token": None, "api_tokens": list(tokens.values()), "on_error": "skip"}
    result = read(box, "events", fails=CredentialRefused, **given)
    assert "the credential was refused (Token inactive or deleted.)" in str(result.error)
    assert result.records == {}


def test_a_run_of_several_accounts_ends_in_order_when_its_time_is_up(box: Sandbox, tokens: dict[str, str]) -> None:
    box.latency = 0.05
    before = threading.active_count()
    given: Json = {"api_token": None, "api_tokens": list(tokens.values())}
    result = read(box, *STREAMS, max_runtime_seconds=1, max_concurrency=2, fails=StopRun, **given)
    assert threading.active_count() - before <= 2, "no branch is left"
    box.latency = 0
    rest = read(box, *STREAMS, state=result.states[-1], **given)
    both = rows([*result.records["orders"], *rest.records["orders"]])
    assert set(both) >= set(rows(read(box, "orders").records["orders"]))


# --- the settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param([], "api_tokens, or client_id, client_secret and refresh_token", id="empty list"),
        pytest.param({}, "api_tokens, or client_id, client_secret and refresh_token", id="empty object"),
        pytest.param(["canary-1", " "], "setting api_tokens: token 2 is empty", id="blank token"),
        pytest.param({"riverside": ""}, "setting api_tokens: the token of riverside is empty", id="no token of a name"),
        pytest.param(
            ["canary-1", "canary\r\nX: y"],
            "setting api_tokens: token 2 holds characters that cannot be sent",
            id="lines",
        ),
        pytest.param(
            {"riverside": "canary-€"},
            "setting api_tokens: the token of riverside holds characters that cannot be sent",
            id="no header",
        ),
        pytest.param(["canary-1", 2], "setting api_tokens must hold strings only", id="number"),
        pytest.param([["canary-1"]], "setting api_tokens must hold strings only", id="list in a list"),
        pytest.param({"a": {"b": "canary-1"}}, "setting api_tokens must hold strings only", id="object in an object"),
        pytest.param('["canary-1"', "setting api_tokens must be a JSON list or a JSON object of strings", id="torn"),
        pytest.param(
            {"canary" * 9: "riverside"},
            "setting api_tokens has a name that is no slug: the slug of the organizer comes first, then the token",
            id="the other way round",
        ),
    ],
)
def test_tokens_that_are_none_are_told_without_being_shown(given: object, error: str, run_command: Run) -> None:
    finished = run_command(config={"api_url": "http://127.0.0.1:9", "api_tokens": given}, environment=LOUD)
    assert finished.code == 1
    assert finished.errors[-1].endswith(error)
    assert "canary" not in finished.stdout + finished.stderr
    text = given if isinstance(given, str) else json.dumps(given)
    variables = {"TAP_ORGANIZERS_API_TOKENS": text, "TAP_ORGANIZERS_API_URL": "http://127.0.0.1:9", **LOUD}
    by_variable = run_command("--config=ENV", environment=variables)
    assert by_variable.code == 1
    assert "canary" not in by_variable.stdout + by_variable.stderr
    assert "api_tokens" in by_variable.errors[-1].lower()


@pytest.mark.parametrize("how", ["list in a file", "object in a file", "text in a file", "list", "object", "by commas"])
def test_tokens_come_from_a_file_and_from_the_environment(
    how: str, box: Sandbox, tokens: dict[str, str], run_command: Run
) -> None:
    values = list(tokens.values())
    given = {"list": json.dumps(values), "object": json.dumps(tokens), "by commas": ", ".join(values)}
    in_file = {"list in a file": values, "object in a file": tokens, "text in a file": json.dumps(tokens)}
    config = settings(box, api_token=None, api_tokens=in_file.get(how))
    environment = {**LOUD, "TAP_ORGANIZERS_API_TOKENS": given[how]} if how in given else LOUD
    finished = run_command("--config=ENV", config=config, catalog=catalog("events"), environment=environment)
    assert finished.code == 0
    assert readers(box) == {slug: {token} for slug, token in tokens.items()}
    assert not any(token in finished.stdout + finished.stderr for token in values)


def test_the_connection_test_says_which_tokens_work(box: Sandbox, tokens: dict[str, str], run_command: Run) -> None:
    box.organizers.revoke_token(tokens["bigtop"])
    config = settings(box, api_token=None, api_tokens=list(tokens.values()))
    finished = run_command("--test", config=config, environment=LOUD)
    assert finished.code == 1
    assert "4 of 5 tokens work" in finished.stderr
    assert "api_tokens, token 1: sees organizer riverside" in finished.stderr
    assert "api_tokens, token 3 (and auth_header, auth_prefix) (/organizers, status 401)" in finished.stderr
    assert not any(token in finished.stdout + finished.stderr for token in tokens.values())
    config["on_error"] = "skip"
    assert run_command("--test", config=config, environment=LOUD).code == 0


def test_what_one_account_is_given_is_not_sent_with_another(box: Sandbox, tokens: dict[str, str]) -> None:
    seen: dict[str, set[str]] = collections.defaultdict(set)

    def note(request: Request, _box: Sandbox) -> None:
        seen[request.headers["authorization"]].add(request.headers.get("cookie", ""))

    box.on_request(note)
    for slug in ("riverside", "bigtop"):
        cookie = {"Set-Cookie": f"session=of-{slug}; Path=/"}
        box.faults.add(Fault(f"/{slug}/events/$", status=503, headers={"Retry-After": "0", **cookie}))
    read(box, "events", "tax_rules", api_token=None, api_tokens=tokens)
    assert seen[f"Token {tokens['riverside']}"] == {"", "session=of-riverside"}
    assert seen[f"Token {tokens['bigtop']}"] == {"", "session=of-bigtop"}
    assert seen[f"Token {tokens['sommerfest']}"] == {""}
