"""The README's tables are what the code says; run as a script, this file writes them."""

import re
import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import yaml  # noqa: E402

README = ROOT / "README.md"
OUTPUTS = {
    "raw_bucket_name": "where files are dropped, under `incoming/`",
    "raw_bucket_arn": "its ARN, for producers' policies",
    "processed_bucket_name": "where outputs and rejects are",
    "processed_bucket_arn": "its ARN, for consumers' policies",
    "archive_bucket_name": "where old outputs are",
    "data_processor_lambda_arn": "the data processor",
    "data_archiver_lambda_arn": "the data archiver",
    "processing_queue_url": "files that wait (not with `processingQueue: false`)",
    "dlq_url": "files that failed",
    "archiver_dlq_url": "archiver runs that failed",
    "alarm_topic_arn": "where alarms are published",
    "dashboard_url": "the dashboard",
}


def config_table() -> str:
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    rows = [
        f"| `{key}` | {_default(entry['default'])} | {entry['description']} |"
        for key, entry in schema.items()
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def _default(value: object) -> str:
    if value == "":
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def outputs_table() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in OUTPUTS.items()]
    return "\n".join(["| output | what it is |", "|---|---|", *rows])


def filled(text: str) -> str:
    for name, table in (("config", config_table()), ("outputs", outputs_table())):
        pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
        text = re.sub(pattern, lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text, flags=re.DOTALL)
    return text


def test_the_tables_are_what_the_code_says():
    assert README.read_text() == filled(README.read_text())


def test_the_config_table_has_every_setting():
    from infra.settings import Settings, config_key  # noqa: PLC0415

    shown = set(re.findall(r"^\| `(\w+)` \| (?:`|–)", README.read_text(), re.MULTILINE))
    assert shown == {config_key(setting) for setting in fields(Settings)}


def test_the_outputs_table_has_every_output(graph):
    given = {name for name, value in graph.outputs.items() if value is not None}
    assert given == set(OUTPUTS) - ({"processing_queue_url"} - given)


def test_the_readme_is_short_enough_to_be_read():
    text = re.sub(r"<!--.*?-->", "", README.read_text())
    words = [word for word in text.split() if re.search(r"\w", word)]
    assert 900 <= len(words) <= 1300


def test_the_two_commands_come_first():
    head = README.read_text().splitlines()[:25]
    assert any(line.startswith("$ make demo") for line in head)
    assert any(line.startswith("$ make test") for line in head)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
