"""The local account and pages of the web."""

import http.client
from collections.abc import Iterator
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from local.account.server import Account
from local.compute.runtime_api import RuntimeApi
from local.origins import refusal


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Account() as opened:
        opened.client("s3").create_bucket(Bucket="bucket")
        opened.client("sqs").create_queue(QueueName="queue")
        yield opened


def ask(
    address: str, method: str, path: str, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, path, body=b"x" if method == "PUT" else None, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://localhost.evil.example:4566"},
    {"Origin": "http://evil.example/#localhost"},
    {"Origin": "http://notlocalhost"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://[::1"},
    {"Host": "evil.example"},
    {"Host": "evil.example:4566"},
    {"Host": "127.0.0.1.nip.io"},
    {"Host": "192.168.0.1"},
    {"Host": "localhost@evil.example"},
    {"Host": "[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
]
OWN = [
    {},
    {"Host": "localhost:4566"},
    {"Host": "LOCALHOST"},
    {"Host": "[::1]:4566"},
    {"Host": "127.0.0.1"},
    {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1:8080"},
    {"Origin": "https://[::1]"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_a_page_of_the_web_is_refused_and_changes_nothing(
    account: Account, method: str, headers: dict[str, str]
) -> None:
    status, answered, body = ask(
        urlsplit(account.endpoint_url).netloc, method, "/bucket/incoming/a.json", headers
    )
    assert status == HTTPStatus.FORBIDDEN
    assert not [name for name in answered if name.lower().startswith("access-control-")]
    assert b"<Code>AccessDenied</Code>" in body
    assert "Contents" not in account.client("s3").list_objects_v2(Bucket="bucket")


def test_an_image_of_a_page_cannot_delete_a_queue(account: Account) -> None:
    path = "/?Action=DeleteQueue&QueueUrl=http%3A%2F%2Flocalhost%2F123456789012%2Fqueue"
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert ask(urlsplit(account.endpoint_url).netloc, "GET", path, headers)[0] == 403
    assert account.client("sqs").get_queue_url(QueueName="queue")["QueueUrl"]


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_programs_and_pages_of_this_machine_are_answered(
    account: Account, headers: dict[str, str]
) -> None:
    address = urlsplit(account.endpoint_url).netloc
    status, _, body = ask(address, "GET", "/bucket?list-type=2", headers)
    assert (status, b"ListBucketResult" in body) == (HTTPStatus.OK, True)


def test_a_bucket_in_the_name_of_this_machine_is_answered() -> None:
    assert refusal(host="bucket.localhost:4566", origin=None, site=None) is None
    assert refusal(host=None, origin=None, site=None) is None


def from_a_page(request: Any, **_: object) -> None:
    request.headers["Origin"] = "null"


def test_a_client_is_told_why(account: Account) -> None:
    client = boto3.client(
        "s3", endpoint_url=account.endpoint_url, region_name="us-east-1",
        aws_access_key_id="x", aws_secret_access_key="x",
    )  # fmt: skip
    client.meta.events.register("before-send.s3.*", from_a_page)
    with pytest.raises(client.exceptions.ClientError, match="Origin is 'null', allowed: a page"):
        client.list_buckets()


@pytest.mark.parametrize("headers", FOREIGN[:2], ids=str)
def test_a_page_takes_no_event_from_a_function(headers: dict[str, str]) -> None:
    api = RuntimeApi(SimpleQueue())
    try:
        prefix = "/2018-06-01/runtime"
        assert ask(api.address, "GET", f"{prefix}/invocation/next", headers)[0] == 404
        assert ask(api.address, "POST", f"{prefix}/invocation/1/response", headers)[0] == 404
        assert api.events.empty()
    finally:
        api.close()
