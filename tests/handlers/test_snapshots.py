"""A snapshot is shared by all processes that start from it: nothing that must differ is in it."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

from handlers import construction
from handlers.aws import clients

VARIABLES = {
    "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "ENVIRONMENT": "test",
    "LOG_LEVEL": "INFO",
    "RAW_BUCKET": "raw",
    "PROCESSED_BUCKET": "processed",
    "ARCHIVE_BUCKET": "archive",
    "DEAD_LETTER_QUEUE_URL": "dead",
    "PROCESSING_QUEUE_URL": "queue",
    "MAX_ATTEMPTS": "3",
    "MAX_REJECTED_PERCENT": "10",
    "MAX_EXPANSION": "500",
    "UNFINISHED_AFTER_SECONDS": "3600",
    "FALLBACK_ENCODING": "utf-8",
    "COMPRESS_OUTPUT": "false",
    "RETENTION_DAYS": "30",
    "ARCHIVE_DAYS": "90",
    "ARCHIVE_BUNDLES": "false",
    "BUNDLE_BELOW_KB": "1024",
    "ARCHIVE_CONCURRENCY": "1",
}
# Watches every source of what differs from one process to the next, imports a module, and prints
# what was drawn, and by which file, then what was made and what keeps a generator of Python's own.
WATCH = """
import datetime, importlib, json, os, random, secrets, sys, time, traceback, uuid

drawn = []

def watch(owner, name):
    original = getattr(owner, name)
    def watched(*arguments, **named):
        files = [it.filename for it in traceback.extract_stack()]
        drawn.append([f"{owner.__name__}.{name}", [it for it in files if "frozen" not in it][-2]])
        return original(*arguments, **named)
    setattr(owner, name, watched)

class Watched(datetime.datetime):
    pass

datetime.datetime = Watched
for owner, names in (
    (os, "urandom getrandom"),
    (random, "random getrandbits randbytes randrange randint choice choices uniform shuffle"),
    (secrets, "randbits randbelow choice token_bytes token_hex token_urlsafe"),
    (uuid, "uuid1 uuid4 getnode"),
    (time, "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns"),
    (Watched, "now utcnow today"),
):
    for name in filter(lambda it: hasattr(owner, it), names.split()):
        watch(owner, name)
module = importlib.import_module(sys.argv[1])
exec(sys.argv[2])
generators = [
    name
    for name, found in sys.modules.items()
    if name.partition(".")[0] == "handlers"
    and any(it is random or isinstance(it, random.Random) for it in vars(found).values())
]
made = getattr(module, sys.argv[3]).cache_info().currsize
print(json.dumps({"drawn": drawn, "made": made, "generators": generators}))
"""
FUNCTIONS = [("handlers.data_processor", "_processor"), ("handlers.data_archiver", "_run")]


def watched(module, maker, statement="pass", **variables):
    outside = {name: it for name, it in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, module, statement, maker],
        capture_output=True, text=True, check=True, timeout=60,
        env={**outside, **VARIABLES, **variables},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize(("module", "maker"), FUNCTIONS)
def test_a_function_is_made_at_the_import_and_draws_nothing_that_lasts(module, maker):
    found = watched(module, maker)

    assert found["made"] == 1
    assert found["generators"] == []
    # The standard library's logging keeps its start for `relativeCreated`, which no line has.
    # From Python 3.13 on in nanoseconds.
    drawn = [(what.removesuffix("_ns"), *Path(by).parts[-2:]) for what, by in found["drawn"]]
    assert drawn == [("time.time", "logging", "__init__.py")]


def test_what_is_drawn_is_seen():
    statement = "uuid.uuid4(); secrets.randbits(8); time.time(); datetime.datetime.now()"
    drawn = {what for what, _ in watched(*FUNCTIONS[0], statement)["drawn"]}

    assert drawn >= {"uuid.uuid4", "os.urandom", "secrets.randbits", "time.time", "Watched.now"}


@pytest.mark.parametrize(
    ("module", "maker", "variable"),
    [(*FUNCTIONS[0], "MAX_ATTEMPTS"), (*FUNCTIONS[1], "RETENTION_DAYS")],
)
def test_a_wrong_environment_ends_the_import(module, maker, variable):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        watched(module, maker, **{variable: "many"})
    error = f"MisconfigurationError: {variable} is 'many', allowed: a whole number"
    assert error in caught.value.stderr


@pytest.mark.parametrize("kind", ["on-demand", "snap-start"])
def test_lambda_alone_has_it_made_at_the_import(kind):
    assert construction.is_initialising({"AWS_LAMBDA_INITIALIZATION_TYPE": kind})
    assert not construction.is_initialising({"AWS_LAMBDA_FUNCTION_NAME": "f"})


@pytest.fixture
def address():
    """Answer as Lambda's local address does: each time with the next key, the first soon over."""
    answered = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            answered.append(self.headers["Authorization"])
            minutes = 1 if len(answered) == 1 else 60
            body = json.dumps(
                {
                    "AccessKeyId": f"KEY{len(answered)}",
                    "SecretAccessKey": "secret",
                    "Token": "token",
                    "Expiration": (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(),
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/", answered=answered)
    server.shutdown()
    server.server_close()


def test_the_credentials_of_a_snapshot_are_renewed_before_they_end(address, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a-token")
    for cached in (clients.client, clients._session):
        cached.cache_clear()
    try:
        s3 = clients.client("s3")
        assert address.answered == ["a-token"]
        signed = []

        def answer(request, **_):
            signed.append(request.headers["Authorization"].decode())
            return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda: iter(())))

        s3.meta.events.register("before-send.s3.HeadObject", answer)
        for key in ("a", "b"):
            s3.head_object(Bucket="bucket", Key=key)
        assert ["Credential=KEY2/" in it for it in signed] == [True, True]
        assert address.answered == ["a-token", "a-token"]
    finally:
        for cached in (clients.client, clients._session):
            cached.cache_clear()
