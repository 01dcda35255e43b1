"""The base class of both taps: settings, catalog and state are checked, a run is made, errors end in one line."""

from __future__ import annotations

import datetime as dt
import fnmatch
import functools
import gc
import io
import itertools
import json
import os
import typing as t

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError, MapExpressionError, StreamMapConfigError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.singerlib import Catalog
from singer_sdk.tap_base import CliTestOptionValue

from rest_tap import batches, checks
from rest_tap.access import failing_endings
from rest_tap.checks import config_error
from rest_tap.exits import exit_on_error, guard
from rest_tap.http import Client
from rest_tap.output import BytesWriter
from rest_tap.report import Report
from rest_tap.rereading import SWEEP, Rereading, RereadingOptions
from rest_tap.retry import RetryPolicy
from rest_tap.run import Run, RunOptions
from rest_tap.schema import PERSONAL, sensitive
from rest_tap.sdk import BatchConfig, SeamTap, quiet
from rest_tap.selection import without_deselected_streams
from rest_tap.settings import Services, with_service
from rest_tap.state import State
from rest_tap.wording import join_names

if t.TYPE_CHECKING:
    from types import FrameType

    import click

    from rest_tap.access import Access
    from rest_tap.account import Account
    from rest_tap.outcome import Ending
    from rest_tap.request import Request
    from rest_tap.stream import ListStream
    from rest_tap.tree import Node

#: New objects after which the garbage collector runs: those of some dozens of pages.
GC_THRESHOLD = 100_000


class RestTap(SeamTap):
    """A tap whose streams are lists behind one HTTP API."""

    #: The distribution that both commands come from; without it ``--version`` is unknown.
    package_name = "ticketing-taps"
    #: Alternative groups of required settings: one of them has to be complete.
    credential_groups: t.ClassVar[t.Sequence[t.Sequence[str]]] = ()
    #: What the setting ``service`` gives to other settings.
    services: t.ClassVar[Services] = {}
    message_writer_class = BytesWriter
    #: Statuses that say the credential is not valid (any more).
    refused_statuses: t.ClassVar[frozenset[int]] = frozenset({401})
    #: Which answers of this API may be better the next time.
    retry_policy: t.ClassVar[RetryPolicy] = RetryPolicy()
    #: What bookmarks have dictionaries under, and how many keys lead to each bookmark there.
    bookmark_levels: t.ClassVar[t.Mapping[str, int]] = {}
    #: All of the SDK's but `start-date`, which comes with a setting that this tap declares itself.
    capabilities: t.ClassVar = [one for one in SeamTap.capabilities if str(one) != "start-date"]

    @classmethod
    @functools.cache
    def get_plugin_version(cls) -> str:
        """Return the version, which takes time to find out."""
        return super().get_plugin_version()

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, t.Any]) -> None:
        """Add the SDK's settings; a batch has one of the formats that this tap writes."""
        super().append_builtin_config(config_jsonschema)
        encoding = config_jsonschema["properties"]["batch_config"]["properties"]["encoding"]
        encoding["properties"]["format"]["enum"] = list(batches.BATCH_FORMATS)
        # One of its alternatives is a text in place of a schema, on which the check of a setting would fail.
        _only_schemas(config_jsonschema["properties"]["stream_maps"])

    def __init__(self, **kwargs: t.Any) -> None:
        """Check what the SDK's own check would print in full, then let it check the rest.

        Raises:
            ConfigValidationError: A setting is wrong; the message never shows a secret.
        """
        self._run: Run | None = None
        #: The bookmarks, which know whether they have changed.
        self.bookmarks = State()
        config = kwargs.get("config")
        if config is None or isinstance(config, dict):
            # An empty setting is one that is not set: Meltano passes those as null.
            config = {name: value for name, value in (config or {}).items() if value is not None}
            properties = self.config_jsonschema["properties"]
            config |= {
                name: checks.parse_secret(name, config[name], schema)
                for name, schema in properties.items()
                if schema.get("secret") and name in config
            }
            variables = self._env_var_config if kwargs.get("parse_env_config") else {}
            service = variables.get("service") or config.get("service")
            kwargs["config"] = with_service(self.services, config, service)
        self._given_catalog = kwargs.get("catalog")
        if isinstance(self._given_catalog, dict):
            checks.check_catalog(self._given_catalog)
        quiet(self.logger)
        super().__init__(**kwargs)
        self.bookmarks.value = t.cast("dict[str, t.Any]", self.state)
        if kwargs.get("validate_config", True):
            self._check_batches()
            if errors := list(self.wrong_settings()):
                raise ConfigValidationError(errors[0], errors=errors, schema={})
            self._warn_of_unknown_settings(config, parses_env=bool(kwargs.get("parse_env_config")))

    def _check_batches(self) -> None:
        given = self.config.get("batch_config")
        if not given:
            return
        checks.check_batches(given)
        if reason := batches.unusable(BatchConfig.from_dict(given)):
            raise config_error(f"setting batch_config: {reason}")

    def _warn_of_unknown_settings(self, config: t.Iterable[str] | None, *, parses_env: bool) -> None:
        """Warn of unknown settings and environment variables, which have no effect."""
        known = self.config_jsonschema["properties"]
        for line in (
            checks.unknown_settings(config or (), known),
            checks.unknown_variables(os.environ, self._env_var_prefix, known) if parses_env else None,
        ):
            if line:
                self.logger.warning("%s", line)

    @classproperty
    def _env_var_config(cls) -> dict[str, t.Any]:  # noqa: N805 - of the class
        """Return the settings that the environment gives; an empty variable gives none.

        Raises:
            ConfigValidationError: One is not of its type.
        """
        cls.append_builtin_config(cls.config_jsonschema)
        parse_environment_config({}, cls._env_var_prefix)  # what an .env file says is in the environment then
        return checks.read_environment(os.environ, cls._env_var_prefix, cls.config_jsonschema["properties"])

    def wrong_settings(self) -> t.Iterator[str]:
        """Yield an error for each setting that is wrong in a way that the JSON Schema cannot express."""
        yield from checks.wrong_address(self.config)
        yield from checks.wrong_shard(self.config)

    def make_accounts(self) -> list[Account]:
        """Return the accounts that the tap reads with, each with a rate limit of its own."""
        raise NotImplementedError

    @property
    def requests_per_minute(self) -> int | None:
        """Return this run's part of an account's limit."""
        limit = self.config.get("requests_per_minute")
        return None if limit is None else max(1, int(limit) // self.shards_of_account)

    @property
    def shards_of_account(self) -> int:
        """Return how many shards read with one account: all of them."""
        return int(self.config["shard_count"])

    @functools.cached_property
    def http(self) -> Client:
        """Return what sends requests; one for the whole tap."""
        return Client(
            self.config["api_url"],
            self.make_accounts(),
            policy=self.retry_policy,
            user_agent=self.user_agent,
            timeout=self.config["request_timeout"],
            connections=self.config["max_concurrency"],
            max_bytes=self.config["max_page_megabytes"] << 20,
            refused=self.refused_statuses,
        )

    @property
    def sweep_scope(self) -> str | None:
        """Return what names the settings that leave lists out, empty if none does; None for a shard."""
        return None if self.config["shard_count"] > 1 else ""

    def make_access(self, report: Report, failing: t.Iterable[Ending]) -> Access:
        """Return what judges the errors of lists in a run.

        Args:
            report: Where outcomes are counted.
            failing: Endings of a list that make the run end with an error.
        """
        raise NotImplementedError

    def streams_in_order(self, types: t.Sequence[type[ListStream]]) -> list[ListStream]:
        """Return the streams in the order in which their classes are listed."""
        streams = t.cast("t.Iterable[ListStream]", self.streams.values())
        return sorted(streams, key=lambda stream: types.index(type(stream)))

    def build_tree(self) -> list[Node]:
        """Return the tree of streams to read, for what is selected."""
        raise NotImplementedError

    @property
    def run(self) -> Run:
        """Return the current run; a new one after each that has ended."""
        if self._run is None:
            self._run = self._make_run(is_test=False)
        return self._run

    def _make_run(self, *, is_test: bool) -> Run:
        access = self.make_access(Report(), failing_endings(self.config, is_test=is_test))
        has_versions = bool(self.config.get("emit_activate_version_messages")) and not self.config.get("batch_config")
        rereading = Rereading(
            self.bookmarks,
            RereadingOptions(
                self.config.get("sweep_days"), self.sweep_scope, has_versions=has_versions, is_test=is_test
            ),
            dt.datetime.now(dt.timezone.utc),
        )
        options = RunOptions(
            workers=1 if is_test else self.config["max_concurrency"],
            max_seconds=self.config.get("max_runtime_seconds"),
            progress=self.config["progress"],
            software=f"{self.name} {self.plugin_version}",
            is_test=is_test,
        )
        streams = t.cast("dict[str, ListStream]", self.streams)
        return Run(
            self.http, t.cast("BytesWriter", self.message_writer), self.bookmarks, access, streams, rereading, options
        )

    def ask(self, request: Request, read: t.Callable[[t.Any], t.Any] | None = None) -> t.Any:
        """Return what the answer to a request beside the lists says; a signal ends it at once.

        Raises:
            ApiError: There is none; see :meth:`rest_tap.http.Client.fetch`.
        """
        return self.run.ask(request, read)

    def read_streams(self, *, is_test: bool = False) -> None:
        """Read all selected streams and write their messages.

        Raises:
            ApiError: What concerns every list, or lists that could not be read.
            StopRun: A signal came or the time budget is spent.
        """
        if any(one.selected and one.name not in self.mapper.stream_maps for one in self.streams.values()):
            self._add_maps()
        roots = self.build_tree()
        nodes = list(itertools.chain.from_iterable(root.walk() for root in roots))
        for node in nodes:
            node.stream.nested_streams = node.nested
            node.stream.companions = [stream for companion in node.companions for stream in companion.writes]
        run = self._run = self._make_run(is_test=is_test)
        run.rereading.begin(nodes)
        try:
            run.read_all(roots)
        finally:
            self._run = None

    @property
    def user_agent(self) -> str:
        """Return how the tap names itself to the API."""
        agent = self.config.get("user_agent")
        return str(agent) if agent else f"{self.name}/{self.plugin_version}"

    def load_state(self, state: dict[str, t.Any]) -> None:
        """Take the bookmarks of an earlier run that belong to this shard.

        What others own is dropped: merged after their run, it would set theirs back.

        Raises:
            ConfigValidationError: The state is not one.
        """
        state = checks.unwrap_state(state)
        checks.check_state(state)
        for line in checks.unusable_bookmarks(state, [*self.streams, SWEEP], self.bookmark_levels):
            self.logger.warning("%s", line)
        super().load_state(state)
        if self.config["shard_count"] > 1:
            State(t.cast("dict[str, t.Any]", self.state)).keep_only(self.bookmark_levels, self.owns)

    def owns(self, *keys: str) -> bool:  # noqa: ARG002
        """Return whether this run reads a list whose bookmark has these keys; shards share them."""
        return True

    def setup_mapper(self) -> None:
        """Check what the catalog selects, leave out personal data if the settings say so, and set up the maps.

        Raises:
            ConfigValidationError: The catalog selects nothing, or asks for what no record can be.
            StreamMapConfigError: A map cannot be used.
        """
        self._check_selection()
        self._warn_of_unknown_methods()
        if self.config.get("personal_data") is False:
            self._deselect_personal_data()
        # A map of a stream that is not selected has nothing to map, and the SDK fails on it.
        whole, selected = self.catalog, {stream.name for stream in self.streams.values() if stream.selected}
        self._catalog = Catalog({name: entry for name, entry in whole.items() if name in selected})
        try:
            super().setup_mapper()
        except (ConfigValidationError, MapExpressionError, StreamMapConfigError):
            raise
        except Exception as error:  # noqa: BLE001 - an expression can do anything; there is no row yet that it could show
            raise StreamMapConfigError(f"a map cannot be used ({type(error).__name__}: {error})") from None
        self._catalog = whole
        self._check_maps()

    def _warn_of_unknown_methods(self) -> None:
        """Warn of replication methods in the catalog that its streams do not have."""
        unknown = {
            name: method
            for name, stream in self.streams.items()
            if (method := getattr(stream, "unknown_method", None)) and stream.selected
        }
        if unknown:
            self.logger.warning(
                "the catalog asks for replication methods that these streams do not have; they are read as usual: %s",
                join_names(f"{name} ({method})" for name, method in unknown.items()),
            )

    def _deselect_personal_data(self) -> None:
        """Deselect the fields that are about people, and those that no schema names: they may be, too."""
        for name, stream in self.streams.items():
            entry = self.catalog.get_stream(name)
            for crumb in sensitive(stream.schema, PERSONAL):
                if entry is not None:
                    entry.metadata[crumb].selected = False
            # The SDK caches the selection when ``selected`` is first read, which can be before this;
            # setting ``selected`` computes it again.
            stream.selected = stream.selected

    def _add_maps(self) -> None:
        """Let streams pass that were selected after the maps were set up, as a connection test does."""
        maps, self.mapper.stream_maps_dict = self.mapper.stream_maps_dict, {}
        rest = Catalog({name: entry for name, entry in self.catalog.items() if name not in self.mapper.stream_maps})
        self.mapper.register_raw_streams_from_catalog(rest)
        self.mapper.stream_maps_dict = maps

    def _check_selection(self) -> None:
        """Check what the catalog selects, and warn of what has no effect.

        Raises:
            ConfigValidationError: It selects nothing, or asks for what no record can be.
        """
        if self._given_catalog is None:
            return
        given = self._given_catalog
        if isinstance(given, dict) and (unknown := checks.unknown_streams(given, self.streams)):
            self.logger.warning("the catalog selects unknown streams: %s", join_names(unknown, self.streams))
        selected = [stream for stream in self.streams.values() if stream.selected]
        if not selected:
            raise config_error("the catalog selects no stream")
        lost = []
        for stream in selected:
            entry = self.catalog.get_stream(stream.name)
            if entry is not None:
                own_keys = t.cast("t.Sequence[str]", type(stream).primary_keys)
                fixed = {*stream.primary_keys, *own_keys, stream.replication_key or ""}
                checks.check_schema(stream.name, stream.schema, stream.effective_schema, fixed)
                lost += [f"{stream.name}.{name}" for name in checks.lost_inside(entry.metadata)]
        if lost:
            self.logger.warning(
                "the catalog leaves out objects but selects fields inside of them, which are left out, too; "
                "select the object as well to have them: %s",
                join_names(lost),
            )

    def _check_maps(self) -> None:
        """Check what maps call their streams, and warn of maps that have nothing to map.

        Raises:
            StreamMapConfigError: It is no name.
        """
        for stream_map in itertools.chain.from_iterable(self.mapper.stream_maps.values()):
            alias: object = stream_map.stream_alias
            if not isinstance(alias, str) or not alias:
                raise StreamMapConfigError(f"the alias of a stream is not a text: {join_names([alias])}")
        for name, stream_map in (self.config.get("stream_maps") or {}).items():
            source = (stream_map.get("__source__") if isinstance(stream_map, dict) else None) or name
            matching = [one for one in self.streams if fnmatch.fnmatch(one, str(source))]
            if name.startswith("__") or any(self.streams[one].selected for one in matching):
                continue
            reason = "is not selected" if matching else "does not exist"
            self.logger.warning(
                "setting stream_maps: %s maps a stream that %s",
                join_names([name], () if matching else self.streams),
                reason,
            )

    def check_connection(self) -> None:
        """Say what the credential sees; for ``--test``.

        Raises:
            ApiError: The address, the credential or the settings are wrong.
        """

    # Ending

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End the run after the current page, with its STATE; at once on a second signal, or if nothing is read yet."""
        if self._run is None or self._run.signal is not None:
            os._exit(128 + signum)
        self._run.stop(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the command, which ends in a line where standard output is full, gone or closed."""
        return guard(super().get_singer_command(), cls.logger)

    @classmethod
    def invoke(cls, **kwargs: t.Any) -> None:
        """Run the tap for the command line."""
        # Rows have no reference cycles, so they are freed without the collector. To let it look through everything
        # that was imported, again and again, would take a tenth of a run.
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        with exit_on_error(cls.logger):
            for name, check in (("catalog", checks.check_catalog), ("state", checks.check_state)):
                if kwargs.get(name) is not None:
                    found = checks.read_json(getattr(kwargs[name], "buffer", kwargs[name]).read(), name)
                    found = checks.unwrap_state(found) if name == "state" else found
                    check(found)
                    found = without_deselected_streams(found) if name == "catalog" else found
                    kwargs[name] = io.StringIO(json.dumps(found))
            super().invoke(**kwargs)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> t.Any:
        """Read the settings for the command line; no error shows a value."""
        with exit_on_error(cls.logger):
            # The SDK would read UTF-8 only.
            given = super().cb_config(ctx, param, ("ENV",) if "ENV" in value else ())
            for path in value:
                found = {} if path == "ENV" else checks.read_json(checks.read_file(path), "config")
                if not isinstance(found, dict):
                    raise config_error(f"the config file {path} is not a JSON object of settings")
                given.config.update(found)
            return given

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Write the catalog for the command line."""
        with exit_on_error(cls.logger):
            super().cb_discover(ctx, param, value)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Try the connection for the command line: what it is, then a record of each stream."""
        with exit_on_error(cls.logger):
            if value == CliTestOptionValue.All.value:
                given: t.Any = ctx.params.get("config")
                tap = cls(
                    config=dict(given.config) if given else {},
                    parse_env_config=bool(given and given.parse_env),
                )
                try:
                    tap.check_connection()
                finally:
                    tap.run.close()
            super().cb_test(ctx, param, value)


def _only_schemas(schema: t.Any) -> None:
    """Leave out of a schema the alternatives that are none."""
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "anyOf":
                schema[name] = [one for one in inner if isinstance(one, dict)]
            _only_schemas(schema[name])
    elif isinstance(schema, list):
        for inner in schema:
            _only_schemas(inner)
