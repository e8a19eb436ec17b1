import socket
from pathlib import Path

import pytest

from local.account.server import Account


def test_an_account_is_empty_and_reachable_over_loopback_while_it_is_open() -> None:
    with Account() as account:
        assert account.endpoint_url.startswith("http://127.0.0.1:")
        account.client("s3").create_bucket(Bucket="first-bucket")
        names = [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]]
        port = int(account.endpoint_url.rpartition(":")[2])

    assert names == ["first-bucket"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    with Account() as account:
        assert account.client("s3").list_buckets()["Buckets"] == []


def test_reset_empties_the_account_and_keeps_its_address() -> None:
    with Account() as account:
        before = account.endpoint_url
        account.client("sqs").create_queue(QueueName="messages")
        account.reset()

        assert account.endpoint_url == before
        assert "QueueUrls" not in account.client("sqs").list_queues()


def test_it_listens_where_it_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with Account(port=port) as account:
        assert account.endpoint_url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1"):
            Account(port=port).start()

    with Account():  # the failure left the place free
        pass


def test_two_at_once_are_refused_since_they_would_share_what_they_hold() -> None:
    with Account(), pytest.raises(RuntimeError, match="one at a time"):
        Account().start()


def test_it_answers_nothing_when_it_is_stopped() -> None:
    account = Account().start()
    directory = account.directory
    account.stop()
    account.stop()

    assert not directory.exists()
    with pytest.raises(RuntimeError, match="not running"):
        _ = account.endpoint_url


def test_nothing_of_the_users_own_setup_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile mine]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with Account() as account:
        client = account.client("sqs")
        url = client.create_queue(QueueName="messages")["QueueUrl"]

        assert client.meta.region_name == "us-east-1"
        assert client.meta.config.proxies == {}
        assert url == f"{account.endpoint_url}/{account.account_id}/messages"
        assert account.client("sqs") is client


def test_clients_address_buckets_by_path_and_of_the_region_asked_for() -> None:
    with Account() as account:
        account.client("sqs", "eu-west-1").create_queue(QueueName="there")

        assert "QueueUrls" not in account.client("sqs").list_queues()
        url = account.client("s3").generate_presigned_url(
            "get_object", Params={"Bucket": "some-bucket", "Key": "key"}
        )
        assert url.startswith(f"{account.endpoint_url}/some-bucket/key?")
