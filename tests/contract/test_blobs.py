"""Blobs, on a local folder and on an S3 server that runs in this process (or at WETREAD_TEST_S3_URL)."""

from __future__ import annotations

import logging
import os
import urllib.request
import uuid
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from storage.base.errors import ConfigError, TransientError
from storage.blobs import BlobExists, BlobInfo, BlobMissing, Blobs, open_blobs

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A bucket's URL; on the way the credentials that a test server takes."""
    if url := os.environ.get("WETREAD_TEST_S3_URL"):
        yield url
        return
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/wetread", method="PUT")).close()  # noqa: S310
        yield f"s3://wetread/PREFIX?endpoint={endpoint}&region=us-east-1"
    server.stop()


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "local":
        return open_blobs(tmp_path / "a" / "blobs")
    return open_blobs(request.getfixturevalue("s3_url").replace("PREFIX", uuid.uuid4().hex))


def test_what_is_put_is_got(blobs: Blobs) -> None:
    data = os.urandom(300_000)
    assert blobs.put("jobs/x/1/labels.npz", data) == BlobInfo(sha256(data).hexdigest(), len(data))
    assert blobs.get("jobs/x/1/labels.npz") == data
    with blobs.open("jobs/x/1/labels.npz") as stream:
        assert stream.read(10) == data[:10]
    assert blobs.exists("jobs/x/1/labels.npz")
    assert not blobs.exists("jobs/x/1")
    path = blobs.local_path("jobs/x/1/labels.npz")
    assert path is None or path.read_bytes() == data


def test_an_empty_blob_is_a_blob(blobs: Blobs) -> None:
    blobs.put("empty", b"")
    assert blobs.get("empty") == b""


def test_putting_again_replaces_unless_it_must_be_new(blobs: Blobs) -> None:
    blobs.put("a", b"one", only_new=True)
    blobs.put("a", b"two")
    assert blobs.get("a") == b"two"
    with pytest.raises(BlobExists):
        blobs.put("a", b"three", only_new=True)
    assert blobs.get("a") == b"two"
    assert list(blobs.list()) == ["a"]


def test_a_missing_blob_is_said_to_be_missing(blobs: Blobs) -> None:
    for act in (blobs.get, blobs.open):
        with pytest.raises(BlobMissing, match="there/is/none") as caught:
            act("there/is/none")
        assert caught.value.reason_code == "blob-missing"


def test_deleting_twice_is_deleting(blobs: Blobs) -> None:
    blobs.put("a/b", b"x")
    blobs.delete("a/b")
    blobs.delete("a/b")
    assert not blobs.exists("a/b")


def test_keys_are_listed_by_any_beginning(blobs: Blobs) -> None:
    for key in ("b", "a/2", "a/1", "ab/3"):
        blobs.put(key, b"x")
    assert list(blobs.list()) == ["a/1", "a/2", "ab/3", "b"]
    assert list(blobs.list("a/")) == ["a/1", "a/2"]
    assert list(blobs.list("a")) == ["a/1", "a/2", "ab/3"]
    assert list(blobs.list("a/1")) == ["a/1"]
    assert list(blobs.list("c/")) == []


def test_a_file_is_adopted_and_may_go_then(blobs: Blobs, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode())
    blobs.adopt_many([("in/one", tmp_path / "one"), ("in/two", tmp_path / "two")])
    blobs.adopt("in/one", tmp_path / "one")
    for name in ("one", "two"):
        (tmp_path / name).unlink()
        assert blobs.get(f"in/{name}") == name.encode()
    assert list(blobs.list()) == ["in/one", "in/two"]


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", ".tmp/x", "a/.b", "A", "a b", "a\x00", "é", "a" * 513])
def test_a_key_that_is_none_is_a_bug(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="blob key"):
        blobs.put(key, b"x")
    with pytest.raises(ValueError, match="blob key"):
        blobs.exists(key)


def test_a_server_that_is_not_there_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    from obstore import store

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(store, "S3Store", partial(store.S3Store, retry_config={"max_retries": 1}))  # else it tries for seconds
    blobs = open_blobs("s3://wetread/x?endpoint=http://127.0.0.1:1&region=us-east-1")
    with pytest.raises(TransientError) as caught:
        blobs.exists("a")
    assert caught.value.reason_code == "blobs"


@pytest.mark.parametrize("address", ["s3://", "s3://bucket/x?secret=hush", "gs://bucket", "http://host/x"])
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_blobs(address)
    assert "hush" not in str(caught.value)
