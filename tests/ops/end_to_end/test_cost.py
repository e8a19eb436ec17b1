"""`cost`, as a user runs it: measured on the served pipeline, and estimated by its settings."""

import json
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.settings import Settings
from tests.local.served import Served


def told(served: Served, *words: object) -> Any:
    result = served.ops("cost", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_the_pipeline_did_and_stores_is_priced(served: Served, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"n": number} for number in range(100)]))
    uploaded = served.ops("upload", "a.json", "--prefix", "end-to-end/cost", "--wait")
    assert uploaded.exit_code == 0, uploaded.output
    end = time.monotonic() + 20  # the functions' metrics are published within seconds
    while not (found := told(served))["load"]["files"] and time.monotonic() < end:
        time.sleep(0.2)
    units = {(line["item"], line["unit"]): line["units"] for line in found["lines"]}
    assert found["load"]["files"] >= 30  # one a day
    assert found["load"]["size"] > 0
    assert units["PUT of uploads and outputs, COPY to completed/", "requests"] >= 90
    assert units["Lambda requests", "invocations"] >= 30
    [stored] = [key for key in units if key[1] == "GB-month STANDARD"]
    assert units[stored] > 0
    assert "noncurrent" in stored[0]
    assert Decimal(found["total"]) == sum(Decimal(line["dollars"]) for line in found["lines"])
    assert any("no metrics here" in note for note in found["notes"])


def test_an_estimate_takes_the_stacks_settings_and_changes_them(served: Served) -> None:
    load = ("--files", 10_000, "--size", "1MB")
    found = told(served, *load)
    program = asdict(Settings(environment="dev", log_retention_days=7, batch_window_seconds=0))
    settings = {key: value for key, value in found["plan"].items() if key in program}
    assert settings == {key: program[key] for key in settings}
    assert len(settings) >= 10
    assert found["prices"]["from"] == served.outputs["region"]
    longer = told(served, *load, "--retention-days", 365)
    assert longer["plan"] == {**found["plan"], "retention_days": 365}
    assert Decimal(longer["total"]) > Decimal(found["total"])


def test_the_tables_say_what_is_lost_and_status_that_nothing_is(served: Served) -> None:
    shown = served.ops("cost", "--files", 10_000_000, "--size", "1KB")
    assert shown.exit_code == 0, shown.output
    assert "retentionDays; better" in shown.stdout
    assert "a plain design" in shown.stdout
    assert "list prices entered on" in shown.stdout
    status = json.loads(served.ops("status", "--json").stdout)
    assert status["notes"] == []  # a local pipeline costs nothing
