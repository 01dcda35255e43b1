"""What users see when something is wrong: one line that says what to look at, and never a secret."""

from __future__ import annotations

import copy
import http.server
import json
import re
import ssl
import subprocess
import threading
import typing as t
from importlib.metadata import version
from pathlib import Path

import pytest

from sandbox import Fault, Sandbox
from tap_organizers.streams import STREAMS
from tap_organizers.tap import TapOrganizers
from tests.conftest import discovered, kept_signals, only, organizers_config, select
from tests.support.command import DO_NOT_WAIT

if t.TYPE_CHECKING:
    from tests.conftest import Json, Run
    from tests.support.command import Finished

TOKEN = "canary-5f2c9a7e1b"
LOUD = {"TAP_ORGANIZERS_LOGLEVEL": "DEBUG", DO_NOT_WAIT: "1"}
NO_CREDENTIAL = "give one of the settings api_token and api_tokens, or client_id, client_secret and refresh_token"
NOWHERE = {"api_url": "http://127.0.0.1:9/api/v1", "api_token": TOKEN}


def shown(finished: Finished) -> str:
    """Return all that a user may see."""
    return finished.stdout + finished.stderr


def the_error(finished: Finished) -> str:
    """Return the one line of error of a command that failed in order."""
    assert finished.code == 1
    assert "Traceback" not in finished.stderr
    assert TOKEN not in shown(finished)
    assert Sandbox.token not in shown(finished)
    assert len(finished.errors) == 1, finished.errors
    return finished.errors[0]


@pytest.fixture(scope="module")
def catalog() -> Json:
    """The catalog, with only the tax rules selected."""
    return only(discovered(NOWHERE), "tax_rules")


# --- the server and the credential ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        pytest.param(
            {"api_url": "http://127.0.0.1:9/api/v1"},
            "organizers: the connection was refused; look at the setting api_url, and at the network (/organizers)",
            id="refused port",
        ),
        pytest.param(
            {"api_url": "http://no-such-host.invalid/api/v1"},
            "organizers: the host name is not known; look at the setting api_url, and at the network (/organizers)",
            id="unknown host",
        ),
        pytest.param(
            {"api_url": "{url}/elsewhere"},
            "organizers: not found; look at the setting api_url (/organizers, status 404)",
            id="wrong path",
        ),
        pytest.param(
            {"api_token": TOKEN},
            "organizers: the credential was refused (Invalid token.); "
            "look at the setting api_token (and auth_header, auth_prefix) (/organizers, status 401)",
            id="wrong token",
        ),
        pytest.param(
            {"auth_header": "X-Key"},
            "organizers: the credential was refused (Authentication credentials were not provided.); "
            "look at the setting api_token (and auth_header, auth_prefix) (/organizers, status 401)",
            id="wrong header",
        ),
        pytest.param(
            {"organizers": ["nobody"]},
            "organizers: organizer nobody of the setting organizers is not among those that the credential sees "
            "(a team token sees one organizer only)",
            id="unknown organizer",
        ),
        pytest.param(
            {"api_token": f"{TOKEN}\nx"},
            "organizers: a header holds characters that cannot be sent; "
            "look at the settings user_agent and api_token (and auth_header, auth_prefix) (/organizers)",
            id="a token of two lines",
        ),
        pytest.param({"api_url": "https://[::1"}, "the setting api_url is not an address", id="no address"),
    ],
)
def test_a_setting_that_does_not_fit_the_server_is_one_line(
    settings: Json, error: str, quiet_sandbox: Sandbox, run_command: Run
) -> None:
    config = organizers_config(quiet_sandbox, **settings)
    config["api_url"] = config["api_url"].format(url=quiet_sandbox.url)
    finished = run_command(config=config, environment=LOUD)
    assert the_error(finished) == error


NETWORK = "look at the setting api_url, and at the network"


def answer(body: str) -> Fault:
    """Return a fault that answers with this."""
    return Fault(kind="status", status=200, body=body)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(
            Fault(kind="html"), "answered with a web page instead of JSON; look at the setting api_url", id="html"
        ),
        pytest.param(Fault(kind="no_results"), "the answer has no 'results'", id="no results"),
        pytest.param(
            Fault(kind="error_200"), "the API answered with an error: Something went wrong", id="error with 200"
        ),
        pytest.param(Fault(kind="truncated_json"), "the answer is not whole or not JSON", id="cut off"),
        pytest.param(Fault(kind="null"), "the answer is null instead of an object", id="null"),
        pytest.param(answer('"text"'), "the answer is a text instead of an object", id="text"),
        pytest.param(answer('{"results": {}}'), "the rows are an object instead of a list", id="rows are no list"),
        pytest.param(answer('{"results": ["a"]}'), "a row is a text instead of an object", id="a row is a text"),
        pytest.param(answer('{"error": "{token}"}'), "the API answered with an error: ***", id="the token comes back"),
        pytest.param(Fault(status=400), "Fault 400, status 400", id="400"),
        pytest.param(Fault(status=500), "Fault 500, status 500", id="500"),
        pytest.param(
            Fault(status=429, headers={"Retry-After": "86400"}),
            "Fault 429; the server asks to wait 86400 s, which is too long, status 429",
            id="wait for a day",
        ),
        pytest.param(Fault(kind="reset_mid_body"), f"the answer broke off; {NETWORK}", id="reset"),
        pytest.param(
            Fault(kind="redirect", url="https://evil.example/"),
            "redirected to https://evil.example; the credential stays with the host it was given for: "
            "set api_url to where the API is, status 302",
            id="to another host",
        ),
        pytest.param(Fault(kind="redirect", url="."), "redirected more than once, status 302", id="in circles"),
    ],
)
def test_an_answer_that_is_none_is_one_line_with_stream_path_and_detail(
    fault: Fault, error: str, sandbox: Sandbox, run_command: Run, catalog: Json
) -> None:
    event = max(sandbox.organizers.organizers["sommerfest"].events)
    path = f"/organizers/sommerfest/events/{event}/taxrules"
    fault = copy.copy(fault)
    fault.path, fault.times = path, None
    if isinstance(fault.body, str):
        fault.body = fault.body.replace("{token}", sandbox.token)
    sandbox.faults.add(fault)
    finished = run_command(config=organizers_config(sandbox), catalog=catalog, environment=LOUD)
    reason, _, status = error.partition(", status ")
    assert the_error(finished) == f"tax_rules: {reason} ({path}{f', status {status}' if status else ''})"
    assert finished.records("tax_rules"), "what came before is written"


def test_a_bare_list_is_rows(sandbox: Sandbox, run_command: Run, catalog: Json) -> None:
    config = organizers_config(sandbox)
    whole = run_command(config=config, catalog=catalog)
    sandbox.faults.add(Fault(path="taxrules", kind="bare_list", times=None))
    finished = run_command(config=config, catalog=catalog, environment=LOUD)
    assert finished.code == 0
    assert not finished.errors
    first_pages = [row for row in whole.records("tax_rules") if row["event"] != "chamber-2"]
    assert [row for row in finished.records("tax_rules") if row["event"] != "chamber-2"][:9] == first_pages[:9]


def test_a_missing_permission_is_named(sandbox: Sandbox, run_command: Run) -> None:
    config = organizers_config(sandbox, api_token=sandbox.organizers.add_token(permissions=[]))
    finished = run_command(config=config, catalog=only(discovered(config), "orders"), environment=LOUD)
    assert "it takes the permission event.orders:read" in the_error(finished), (
        "though pretix answers with an empty list"
    )
    finished = run_command(config=config, catalog=only(discovered(config), "vouchers"), environment=LOUD)
    assert "it takes the permission event.vouchers:read" in the_error(finished)
    assert config["api_token"] not in shown(finished)


def test_denied_lists_can_be_skipped(sandbox: Sandbox, run_command: Run) -> None:
    config = organizers_config(sandbox, api_token=sandbox.organizers.add_token(permissions=[]), on_denied="skip")
    finished = run_command(config=config, catalog=only(discovered(config), "events", "vouchers"))
    assert finished.code == 0
    assert [line.partition(":")[0] for line in finished.warnings] == ["vouchers", "skipped as denied (number of lists)"]
    assert len(finished.records("events")) == 10


def test_a_secret_is_nowhere_after_a_run_with_debug_log(quiet_sandbox: Sandbox, run_command: Run) -> None:
    finished = run_command(config=organizers_config(quiet_sandbox), environment=LOUD)
    assert finished.code == 0
    assert "| DEBUG    |" in finished.stderr
    assert quiet_sandbox.token not in shown(finished)


def test_credentials_of_a_proxy_are_not_shown(run_command: Run) -> None:
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy"), f"http://user:{TOKEN}@127.0.0.1:9")
    config = {"api_url": "http://api.example/v1", "api_token": TOKEN}
    finished = run_command(config=config, environment={**LOUD, **proxies, "no_proxy": "", "NO_PROXY": ""})
    assert the_error(finished) == (
        "organizers: the proxy did not connect; look at the proxy that the environment names "
        "(HTTP_PROXY, HTTPS_PROXY, NO_PROXY) (/organizers)"
    )


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "error"),
    [
        pytest.param({}, "'api_url' is a required property", id="nothing"),
        pytest.param({"api_url": "http://x"}, NO_CREDENTIAL, id="no token"),
        pytest.param({**NOWHERE, "api_token": ""}, "setting api_token is empty", id="empty token"),
        pytest.param({**NOWHERE, "api_token": " \n"}, "setting api_token is empty", id="blank token"),
        pytest.param({**NOWHERE, "api_token": None}, NO_CREDENTIAL, id="null token"),
        pytest.param(
            {**NOWHERE, "api_token": 590218843377}, "setting api_token must be a string", id="number as token"
        ),
        pytest.param({**NOWHERE, "api_token": [TOKEN]}, "setting api_token must be a string", id="list as token"),
        pytest.param(
            {**NOWHERE, "api_token": {"t": TOKEN}}, "setting api_token must be a string", id="object as token"
        ),
        pytest.param(
            {**NOWHERE, "api_url": "api.example"},
            "setting api_url must begin with https:// (or http://)",
            id="no scheme",
        ),
        pytest.param(
            {**NOWHERE, "start_date": "soon"},
            "setting start_date is not a date and time such as 2026-01-31T00:00:00Z",
            id="no date",
        ),
        pytest.param(
            {**NOWHERE, "max_concurrency": 0, "on_denied": "maybe"},
            "'maybe' is not one of ['fail', 'skip'] in config['on_denied']; "
            "0 is less than the minimum of 1 in config['max_concurrency']",
            id="two at once",
        ),
        pytest.param(
            {**NOWHERE, "request_timeout": "long"},
            "'long' is not of type 'integer', 'null' in config['request_timeout']",
            id="type",
        ),
        pytest.param(
            {**NOWHERE, "flattening_enabled": True},
            "flattening_max_depth is required when flattening is enabled",
            id="flattening without depth",
        ),
        pytest.param(
            {**NOWHERE, "stream_maps": {"events": {"x": "1 +"}}},
            "the setting stream_maps does not work: Failed to parse expression 1 +.",
            id="a map that is no expression",
        ),
        pytest.param([1, 2], "the config file {path} is not a JSON object of settings", id="a list"),
        pytest.param("oops {", "the config file is not JSON (line 1)", id="no JSON"),
        pytest.param("", "the config file is not JSON (line 1)", id="empty"),
        pytest.param("[" * 100_000, "the config file is not JSON", id="too deep"),
        pytest.param(
            Path("/no/such/file"), "the file /no/such/file cannot be read: No such file or directory", id="gone"
        ),
        pytest.param(Path("/"), "the file / cannot be read: Is a directory", id="a folder"),
    ],
)
def test_a_wrong_setting_is_one_line_before_any_request(
    config: object, error: str, run_command: Run, tmp_path: Path
) -> None:
    finished = run_command(config=config, environment=LOUD)
    found, expected = the_error(finished), error.format(path=tmp_path / "config.json")
    assert sorted(found.split("; ")) == sorted(expected.split("; "))  # in the SDK's order
    assert "590218843377" not in shown(finished)
    assert finished.stdout == ""


def test_settings_come_from_the_environment_as_well(quiet_sandbox: Sandbox, run_command: Run) -> None:
    environment = {f"TAP_ORGANIZERS_{name.upper()}": text for name, text in organizers_config(quiet_sandbox).items()}
    finished = run_command("--config=ENV", catalog=only(discovered(NOWHERE), "organizers"), environment=environment)
    assert finished.code == 0
    assert len(finished.records("organizers")) == 2
    environment["TAP_ORGANIZERS_API_TOKEN"] = TOKEN
    finished = run_command("--config=ENV", environment={**environment, **LOUD})
    assert "the credential was refused" in the_error(finished)


def test_a_map_that_fails_on_a_record_is_one_line(quiet_sandbox: Sandbox, run_command: Run, catalog: Json) -> None:
    config = organizers_config(quiet_sandbox, stream_maps={"tax_rules": {"__filter__": "nothing_such"}})
    finished = run_command(config=config, catalog=catalog, environment=LOUD)
    assert the_error(finished) == (
        "the setting stream_maps does not work: Failed to evaluate simpleeval expressions nothing_such."
    )


# --- catalog and state ------------------------------------------------------------------------------------------------


ENTRY: Json = {"tap_stream_id": "events", "schema": {"properties": {"slug": {"type": ["string"]}}}, "metadata": []}
NO_CATALOG = "the catalog is not a Singer catalog: "
NO_STATE = "the state is not a Singer state: "
DEEP = "has objects inside of objects more than 100 deep"


@pytest.mark.parametrize(
    ("given_catalog", "error"),
    [
        pytest.param("oops {", "the catalog file is not JSON (line 1)", id="no JSON"),
        pytest.param("null", f"{NO_CATALOG}Expected `object`, got `null`", id="null"),
        pytest.param([1], f"{NO_CATALOG}Expected `object`, got `array`", id="a list"),
        pytest.param({}, f"{NO_CATALOG}Object missing required field `streams`", id="no streams"),
        pytest.param(
            {"streams": {}}, f"{NO_CATALOG}Expected `array`, got `object` - at `$.streams`", id="streams are an object"
        ),
        pytest.param({"streams": [5]}, f"{NO_CATALOG}Expected `object`, got `int` - at `$.streams[0]`", id="a number"),
        pytest.param(
            {"streams": [{}]},
            f"{NO_CATALOG}Object missing required field `tap_stream_id` - at `$.streams[0]`",
            id="no name",
        ),
        pytest.param(
            {"streams": [{**ENTRY, "schema": {}}]},
            f"{NO_CATALOG}Object missing required field `properties` - at `$.streams[0].schema`",
            id="no properties",
        ),
        pytest.param(
            {"streams": [{**ENTRY, "metadata": [{"breadcrumb": None, "metadata": {}}]}]},
            f"{NO_CATALOG}Expected `array`, got `null` - at `$.streams[0].metadata[0].breadcrumb`",
            id="no breadcrumb",
        ),
        pytest.param(
            {"streams": [{**ENTRY, "metadata": [{"breadcrumb": [], "metadata": {"selected": "false"}}]}]},
            f"{NO_CATALOG}Expected `bool | null`, got `str` - at `$.streams[0].metadata[0].metadata.selected`",
            id="selected is a text",
        ),
        pytest.param(
            {"streams": [{**ENTRY, "key_properties": "slug"}]},
            f"{NO_CATALOG}Expected `array | null`, got `str` - at `$.streams[0].key_properties`",
            id="keys are a text",
        ),
        pytest.param({"streams": [ENTRY, ENTRY]}, "the catalog has more than one entry of events", id="a stream twice"),
        pytest.param("[" * 200 + "]" * 200, f"the catalog file {DEEP}", id="deep"),
    ],
)
def test_a_wrong_catalog_is_one_line(given_catalog: object, error: str, run_command: Run) -> None:
    assert the_error(run_command(config=NOWHERE, catalog=given_catalog, environment=LOUD)) == error


@pytest.mark.parametrize(
    ("state", "error"),
    [
        pytest.param("oops {", "the state file is not JSON (line 1)", id="no JSON"),
        pytest.param([1], f"{NO_STATE}Expected `object`, got `array`", id="a list"),
        pytest.param('"text"', f"{NO_STATE}Expected `object`, got `str`", id="a text"),
        pytest.param({"foo": 1}, f"{NO_STATE}it has no 'bookmarks', but foo", id="no bookmarks"),
        pytest.param(
            {"bookmarks": []}, f"{NO_STATE}Expected `object`, got `array` - at `$.bookmarks`", id="bookmarks are a list"
        ),
        pytest.param(
            {"bookmarks": {"orders": "x"}}, f"{NO_STATE}the bookmark of orders is no object", id="text inside"
        ),
        pytest.param('{"bookmarks": {"orders": {"x": NaN}}}', "the state file is not JSON", id="NaN"),
        pytest.param('{"a":' * 600 + "1" + "}" * 600, f"the state file {DEEP}", id="deep"),
        pytest.param(
            {"bookmarks": {"orders": {"partitions": [5]}}},
            "the state is not a Singer state: the 'partitions' of orders are no list of objects",
            id="a partition is a number",
        ),
    ],
)
def test_a_wrong_state_is_one_line(state: object, error: str, run_command: Run) -> None:
    assert the_error(run_command(config=NOWHERE, state=state, environment=LOUD)) == error


@pytest.mark.parametrize("name", ["catalog", "state"])
def test_a_catalog_or_state_that_is_not_there_is_told(name: str, run_command: Run) -> None:
    finished = run_command(config=NOWHERE, environment=LOUD, **{name: Path("/no/such/file")})
    assert finished.code == 2
    assert f"'--{name}': '/no/such/file': No such file or directory" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_streams_that_the_tap_does_not_have_are_left_alone(
    quiet_sandbox: Sandbox, run_command: Run, catalog: Json
) -> None:
    strange = copy.deepcopy(catalog)
    strange["streams"].append({**ENTRY, "tap_stream_id": "unheard_of", "stream": "unheard_of"})
    select(strange["streams"][-1], True)  # noqa: FBT003
    finished = run_command(config=organizers_config(quiet_sandbox), catalog=strange)
    assert finished.code == 0
    assert {message.get("stream") for message in finished.messages} == {"tax_rules", None}


def test_a_state_of_streams_that_the_tap_does_not_have_is_kept(
    quiet_sandbox: Sandbox, run_command: Run, catalog: Json
) -> None:
    state = {"bookmarks": {"unheard_of": {"replication_key_value": 5}}}
    finished = run_command(config=organizers_config(quiet_sandbox), catalog=catalog, state=state)
    assert finished.code == 0
    states = [message["value"] for message in finished.messages if message["type"] == "STATE"]
    assert all(value["bookmarks"]["unheard_of"] == {"replication_key_value": 5} for value in states)


# --- what is asked for without a run ----------------------------------------------------------------------------------


def test_discovery_needs_neither_settings_nor_network(run_command: Run) -> None:
    finished = run_command("--discover")
    assert finished.code == 0
    streams = json.loads(finished.stdout)["streams"]
    assert {entry["tap_stream_id"] for entry in streams} == {stream.name for stream in discover()}
    assert finished.warnings == []


def discover() -> list[t.Any]:
    with kept_signals():
        return list(TapOrganizers(config={}, validate_config=False, setup_mapper=False).streams.values())


def test_discovery_does_not_care_about_wrong_settings(run_command: Run) -> None:
    finished = run_command("--discover", config={"api_url": 5, "max_concurrency": "many"})
    assert finished.code == 0
    assert len(json.loads(finished.stdout)["streams"]) == len(STREAMS)


def test_about_lists_settings_and_shows_none_of_their_values(run_command: Run) -> None:
    finished = run_command("--about", "--format=json", config=NOWHERE)
    about = json.loads(finished.stdout)
    assert finished.code == 0
    assert about["name"] == "tap-organizers"
    assert about["version"] == version("ticketing-taps")
    assert {"api_url", "api_token", "organizers", "on_denied"} <= about["settings"]["properties"].keys()
    assert TOKEN not in shown(finished)


def test_the_version_is_that_of_the_distribution(run_command: Run) -> None:
    finished = run_command("--version")
    assert finished.code == 0
    assert finished.stdout.startswith(f"tap-organizers v{version('ticketing-taps')}, ")
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version("ticketing-taps"))


def test_help_names_the_options(run_command: Run) -> None:
    finished = run_command("--help")
    assert finished.code == 0
    assert "--discover" in finished.stdout


def test_the_connection_test_says_what_the_credential_sees(sandbox: Sandbox, run_command: Run) -> None:
    config = organizers_config(sandbox, api_token=sandbox.organizers.add_token(organizers=["sommerfest"]))
    finished = run_command("--test", config=config, environment=LOUD)
    assert finished.code == 0
    assert "the credential sees organizer sommerfest" in finished.stderr
    assert config["api_token"] not in shown(finished)
    assert all(len(finished.records(stream.name)) <= 1 for stream in discover())


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        pytest.param(
            {"api_token": TOKEN},
            "the credential was refused (Invalid token.); look at the setting api_token",
            id="wrong token",
        ),
        pytest.param(
            {"auth_prefix": "Basic"},
            "the credential was refused (Authentication credentials were not provided.); look at the setting api_token "
            "(and auth_header, auth_prefix)",
            id="wrong word before the token",
        ),
        pytest.param(
            {"api_url": "http://127.0.0.1:9/api/v1"},
            "the connection was refused; look at the setting api_url",
            id="nobody there",
        ),
        pytest.param(
            {"api_url": "http://no-such-host.invalid/api/v1"},
            "the host name is not known; look at the setting api_url",
            id="unknown host",
        ),
        pytest.param({"api_url": "{url}/elsewhere"}, "not found; look at the setting api_url", id="wrong path"),
        pytest.param(
            {"organizers": ["nobody"]},
            "organizer nobody of the setting organizers is not among those that the credential sees",
            id="wrong organizer",
        ),
        pytest.param({"api_token": None}, NO_CREDENTIAL, id="no token"),
    ],
)
def test_the_connection_test_tells_what_is_wrong_apart(
    settings: Json, what: str, quiet_sandbox: Sandbox, run_command: Run
) -> None:
    config = organizers_config(quiet_sandbox, **settings)
    config["api_url"] = config["api_url"].format(url=quiet_sandbox.url)
    finished = run_command("--test", config=config, environment=LOUD)
    assert what in the_error(finished)
    assert finished.stdout == ""


def test_the_connection_test_tells_an_expired_token_from_a_wrong_one(sandbox: Sandbox, run_command: Run) -> None:
    token = sandbox.organizers.add_token()
    sandbox.organizers.revoke_token(token)
    finished = run_command("--test", config=organizers_config(sandbox, api_token=token), environment=LOUD)
    assert "the credential was refused (Token inactive or deleted.)" in the_error(finished)
    assert token not in shown(finished)


def test_the_connection_test_names_all_missing_permissions_at_once(sandbox: Sandbox, run_command: Run) -> None:
    token = sandbox.organizers.add_token(permissions=[])
    finished = run_command("--test", config=organizers_config(sandbox, api_token=token), environment=LOUD)
    assert finished.code == 0
    missing = {
        line.partition(":")[0] for line in finished.warnings if "skipped, denied; it takes the permission" in line
    }
    assert {"vouchers", "checkins", "customers"} <= missing
    assert not missing & {"organizers", "events", "items"}
    assert token not in shown(finished)


def test_the_connection_test_tells_a_web_page_from_an_api(sandbox: Sandbox, run_command: Run) -> None:
    sandbox.faults.add(Fault(kind="html", times=None))
    finished = run_command("--test", config=organizers_config(sandbox), environment=LOUD)
    assert "answered with a web page instead of JSON; look at the setting api_url" in the_error(finished)


def test_the_connection_test_names_a_certificate_that_nobody_vouches_for(tmp_path: Path, run_command: Run) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    made = [*openssl, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as web:
        web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        config = {"api_url": f"https://127.0.0.1:{web.server_port}/api/v1", "api_token": TOKEN}
        finished = run_command("--test", config=config, environment=LOUD)
        web.shutdown()
    error = the_error(finished)
    assert "the TLS certificate of the server was not accepted (self" in error
    assert "api_url" in error
