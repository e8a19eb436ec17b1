"""The README's tables and the runbook are complete, and the README stays short."""

import re
from dataclasses import fields

from infra.settings import Settings, config_key
from tests.contracts import pages
from tests.contracts.tables import OUTPUTS, PURPOSES
from tests.infra.recording import run_variant
from tests.mutants.seeded import MUTANTS
from tests.ops.dead_letters.malformed import MESSAGES


def test_every_setting_has_one_purpose_in_the_config_tables():
    shown = [key for keys in PURPOSES.values() for key in keys]
    assert sorted(shown) == sorted(config_key(setting) for setting in fields(Settings))


def test_the_outputs_table_has_every_output(graph):
    given = {name for name, value in graph.outputs.items() if value is not None}
    assert given | {"batch_operations_role_arn"} == set(OUTPUTS)


def test_the_outputs_of_every_option_are_in_the_table():
    assert set(run_variant("full").outputs) == set(OUTPUTS)


def test_the_readme_is_short_enough_to_be_read():
    text = re.sub(r"<!--.*?-->", "", pages.read("README.md"))
    words = [word for word in text.split() if re.search(r"\w", word)]
    assert 900 <= len(words) <= 1300


def test_the_two_commands_come_first():
    head = pages.read("README.md").splitlines()[:25]
    assert any(line.startswith("$ make demo") for line in head)
    assert any(line.startswith("$ make test") for line in head)


def test_every_alarm_has_its_section_in_the_runbook(graph):
    alarms = {alarm.name for alarm in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    titles = re.findall(r"^## ([a-z, -]+?)(?: \(.*)?$", pages.read("docs/runbook.md"), re.MULTILINE)
    sections = {name for title in titles for name in title.split(", ")}
    assert alarms
    assert alarms <= sections


def test_the_seeded_bugs_are_as_many_as_the_tests_have():
    lines = pages.read("README.md").splitlines()
    [row] = [line for line in lines if line.startswith("| seeded bugs")]
    assert re.findall(r"\d+", row.split("|")[2]) == [str(len(MUTANTS))]


def test_the_malformed_dead_letters_are_as_many_as_the_tests_have():
    lines = pages.read("docs/design.md").splitlines()
    [row] = [line for line in lines if line.startswith("| malformed dead letters")]
    assert re.findall(r"\d+", row.split("|")[2]) == [str(len(MESSAGES))]
