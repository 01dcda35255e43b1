"""Batch files go to an object store: here a local one that speaks S3."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import socket
import subprocess
import time
import typing as t
import urllib.error
import urllib.request

import pytest

from tests.orchestrate.conftest import ENGINES, ROOT, Keys, keys, primary_keys

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Json

pytestmark = pytest.mark.orchestrate

TAP = "from tap_organizers.tap import TapOrganizers; TapOrganizers.cli()"


@pytest.fixture
def store() -> Iterator[str]:
    """Return the address of an object store with an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ENGINES / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 120
            while True:
                with contextlib.suppress(urllib.error.URLError):
                    urllib.request.urlopen(urllib.request.Request(f"{url}/warehouse", method="PUT"), timeout=60).close()
                    break
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield url
        finally:
            process.terminate()


def test_files_in_a_bucket_hold_each_row_once(
    store: str, config: Json, catalog: Json, unsharded: tuple[Keys, Json], tmp_path: Path
) -> None:
    encoding = {"format": "jsonl", "compression": "gzip"}
    batch = {"encoding": encoding, "storage": {"root": "s3://warehouse", "prefix": "night-"}}
    for name, content in (("config", {**config, "batch_config": batch}), ("catalog", catalog)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "AWS_"))},
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": store,
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "nobody's",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [str(ENGINES / "python"), "-c", TAP, "--config", "config.json", "--catalog", "catalog.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert not keys(messages)
    found: Keys = Keys()
    named = set()
    for message in messages:
        for url in message.get("manifest", ()):
            name = re.sub(r".*warehouse/", "", url)
            named.add(name)
            with urllib.request.urlopen(f"{store}/warehouse/{name}", timeout=60) as answer:
                rows = [json.loads(line) for line in gzip.decompress(answer.read()).splitlines()]
            stream = message["stream"]
            found.update((stream, *(str(row[key]) for key in primary_keys(catalog, stream))) for row in rows)
    assert found == unsharded[0]
    assert all(name.startswith("night-") for name in named)
