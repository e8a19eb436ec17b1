"""The local log groups: the newest lines, in the order of their writing, found by AWS's call."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws
from moto.logs.models import logs_backends

from local.account.server import Account
from local.cloudwatch import log_groups
from local.cloudwatch.log_groups import LogGroups
from tests.ops.conftest import client

NOW = 1_700_000_000.0


class Local(Account):
    """An account of moto in this process: nothing has to be asked over HTTP."""


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        account = Local(region="eu-central-1")
        logs_backends[account.account_id]["eu-central-1"].create_log_group("g", {})
        yield account


def found(**more: Any) -> list[tuple[int, str]]:
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName="g", **more)
    return [(one["timestamp"], one["message"]) for page in pages for one in page["events"]]


def test_lines_are_found_by_their_words_in_the_order_of_their_writing(account):
    times = iter([NOW, NOW + 1, NOW + 2, NOW + 2])
    groups = LogGroups(account, now=lambda: next(times))
    for text in ('{"version":"v1","n":1}', "v2", '{"version":"v1","n":2}', "v1 again"):
        groups.add_line("g", text)
    assert found(filterPattern='"v1"') == [
        (int(NOW * 1000), '{"version":"v1","n":1}'),
        (int(NOW * 1000) + 2000, '{"version":"v1","n":2}'),
        (int(NOW * 1000) + 2000, "v1 again"),
    ]
    assert found(startTime=int(NOW * 1000) + 1000, endTime=int(NOW * 1000) + 1000) == [
        (int(NOW * 1000) + 1000, "v2")
    ]


def test_the_newest_lines_are_kept(account, monkeypatch):
    monkeypatch.setattr(log_groups, "KEPT_LINES", 10)
    monkeypatch.setattr(log_groups, "_SPARE_LINES", 5)
    groups = LogGroups(account, now=lambda: NOW)
    for number in range(100):
        groups.add_line("g", str(number))
    kept = [text for _, text in found()]
    assert kept == [str(number) for number in range(100 - len(kept), 100)]
    assert 10 <= len(kept) <= 15


def test_threads_lose_no_line(account):
    groups = LogGroups(account)
    threads = [
        threading.Thread(target=lambda: [groups.add_line("g", "x") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found()) == 800


def test_a_group_that_is_not_there_takes_no_line(account):
    groups = LogGroups(account)
    groups.add_line("gone", "x")
    logs_backends[account.account_id]["eu-central-1"].create_log_group("gone", {})
    groups.add_line("gone", "y")
    logs = client("logs").filter_log_events(logGroupName="gone")["events"]
    assert [one["message"] for one in logs] == ["y"]


def test_a_line_that_is_too_long_is_cut_as_lambda_would_refuse_it(account):
    LogGroups(account, now=lambda: NOW).add_line("g", "é" * 600_000)
    [(_, text)] = found()
    assert len(text.encode()) <= 1_048_550
