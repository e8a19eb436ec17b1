"""docs/datasets.md takes a user from a CSV to a query: each of its commands, in its order."""

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from local.commands.parser import app as local
from ops.commands.app import app as ops
from tests.contracts import pages
from tests.local.served import Served, serving

PAGE = "docs/datasets.md"
_BLOCK = re.compile(r"^```(csv|yaml|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SERVE = "python -m local serve --port 4566 --outputs outputs.json"
_EXPORT = "export S3_DATA_PIPELINE_OUTPUTS=outputs.json"
_PROGRAMS = {"ops": ops, "local": local}


@dataclass(frozen=True)
class Step:
    """A command of the page, and the lines that the page says it prints."""

    command: str
    printed: list[str]


def steps(block: str) -> Iterator[Step]:
    for part in block.split("$ ")[1:]:
        command, *printed = part.splitlines()
        yield Step(command, [line for line in printed if line.strip()])


def run(command: str) -> Result:
    python, dash_m, program, *words = shlex.split(command)
    assert (python, dash_m) == ("python", "-m")
    return CliRunner().invoke(_PROGRAMS[program], words)


def shown(text: str) -> list[str]:
    """Return the lines of a text, without what a table's widths add."""
    return [" ".join(line.split()) for line in text.splitlines()]


def assert_printed(result: Result, step: Step) -> None:
    assert result.exit_code == 0, (step.command, result.output)
    lines = shown(result.output)
    for expected in shown("\n".join(step.printed)):
        start, left_out, _ = expected.partition("…")
        found = [
            line for line in lines if line == expected or (left_out and line.startswith(start))
        ]
        assert found, (step.command, expected, result.output)


def test_the_page_takes_a_csv_to_a_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second terminal's pipeline reads the datasets that the page made."""
    section = pages.read(PAGE).partition("\n## From a CSV")[2].partition("\n## ")[0]
    ran: list[str] = []
    (tmp_path / "datasets").mkdir()
    served: Served | None = None
    with monkeypatch.context() as patch, ExitStack() as opened:
        for language, block in _BLOCK.findall(section):
            if language == "csv":
                Path("sales.csv").write_text(block)
            elif language == "yaml":
                Path("datasets/sales.yaml").write_text(block)
            for step in steps(block) if language == "console" else ():
                if step.command == _SERVE:
                    words = (f"datasetsPath={tmp_path / 'datasets'}", "batchWindowSeconds=0")
                    options = [option for word in words for option in ("--config", word)]
                    served = opened.enter_context(serving(tmp_path, *options))
                elif step.command == _EXPORT:
                    assert served
                    patch.setenv("S3_DATA_PIPELINE_OUTPUTS", str(served.file))
                else:
                    assert_printed(run(step.command), step)
                ran.append(step.command)
    assert len(ran) == section.count("\n$ ")
    assert sum(" query" in command for command in ran) == 7


def test_the_draft_says_what_the_page_says_of_it() -> None:
    (text,) = re.findall(r"^```csv\n(.*?)^```$", pages.read(PAGE), re.DOTALL | re.MULTILINE)
    Path("sales.csv").write_text(text)
    draft = run("python -m ops datasets infer sales.csv").stdout
    assert "total: # 9 of 10 cells fit the type number" in draft
    assert "# drop: [card_number]" in draft
    assert "card_number looks like a secret" in " ".join(pages.read(PAGE).replace("`", "").split())


def test_what_a_dataset_drops_is_nowhere_but_in_the_original(
    served: Served, tmp_path: Path
) -> None:
    """The example dataset, on the pipeline that all tests here share."""
    name, card = "drops.csv", "4111111111111111"
    rows = [f"AB-{number},5,{card}" for number in range(20)]
    (tmp_path / name).write_text(
        "\n".join(["order,total,Card Number", *rows, f"AB-x,5,{card}", ""])
    )
    sent = served.ops("upload", name, "--prefix", "examples/orders", "--wait")
    assert sent.exit_code == 0, sent.output
    holding = [key for key, body in bodies(served) if card.encode() in body]
    assert holding == [f"completed/examples/orders/{name}"]
    rejected = served.ops("rejects", f"incoming/examples/orders/{name}", "--json").stdout
    assert '"field": "order", "rule": "pattern"' in rejected
    assert card not in rejected
    log = (served.file.parent / "stdout").read_text()
    assert name in log
    assert card not in log


def bodies(served: Served) -> Iterator[tuple[str, bytes]]:
    s3 = served.client("s3")
    for bucket in ("raw_bucket_name", "processed_bucket_name"):
        place = served.outputs[bucket]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place):
            for item in page.get("Contents", []):
                yield item["Key"], s3.get_object(Bucket=place, Key=item["Key"])["Body"].read()


def test_the_tables_of_the_example_answer_as_csv_and_json(served: Served, tmp_path: Path) -> None:
    (tmp_path / "asked.json").write_text('{"order":"QY-1","total":2.50,"status":"new"}')
    sent = served.ops("upload", "asked.json", "--prefix", "examples/orders", "--wait")
    assert sent.exit_code == 0, sent.output
    sql = """select "order", total, partition_day from orders where "order" = 'QY-1'"""
    told = served.ops("query", sql, "--csv")
    assert told.exit_code == 0, told.output
    header, row = told.stdout.splitlines()
    assert header == "order,total,partition_day"
    assert re.fullmatch(r"QY-1,2\.5,[0-9]{4}/[0-9]{2}/[0-9]{2}", row)
    wrong = served.ops("query", "select * from order_s")
    assert (wrong.exit_code, "The tables are orders" in wrong.stderr) == (1, True)
    for name in ("orders_latest_day", "orders_records_a_day", "orders_rejects_a_day"):
        assert served.ops("query", "--named", name, "--json").exit_code == 0
