"""Pulumi.yaml, the stacks' files and the settings say the same."""

from dataclasses import fields
from typing import Any

import pytest
import yaml

from infra.settings import Settings, config_key, default_of
from tests.infra.recording import PROJECT, ROOT, parse_settings, stack_config

STACKS = ["dev", "prod"]


def project() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def test_the_schema_lists_the_settings_in_their_order():
    assert list(project()["config"]) == [config_key(setting) for setting in fields(Settings)]


@pytest.mark.parametrize("setting", fields(Settings), ids=config_key)
def test_the_schema_has_each_settings_default(setting: Any):
    entry = project()["config"][config_key(setting)]

    assert set(entry) == {"type", "description", "default"}
    # Of any other type the command line itself refuses a wrong value, before the program can list
    # every problem.
    assert entry["type"] == "string"
    assert entry["default"] == default_of(setting)
    assert entry["description"].endswith(".")


def test_the_schemas_defaults_are_the_settings():
    # As the engine passes them on to the program, where a stack sets nothing.
    values = {key: entry["default"] for key, entry in project()["config"].items()}

    assert parse_settings(values) == Settings(environment="dev")


@pytest.mark.parametrize("stack", STACKS)
def test_a_stacks_file_is_as_the_command_line_writes_it(stack: str):
    # It sorts the keys, indents by two spaces and quotes what YAML would not read as text, so that
    # `pulumi stack init` and `pulumi config set` change no line but their own.
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    config = yaml.safe_load(text)["config"]

    def line(value: str) -> str:
        return value if isinstance(yaml.safe_load(value), str) else f'"{value}"'

    assert text == "config:\n" + "".join(
        f"  {key}: {line(value)}\n" for key, value in sorted(config.items())
    )
    assert {key.split(":")[0] for key in config} == {PROJECT}
    assert {key.split(":")[1] for key in config} <= project()["config"].keys()


@pytest.mark.parametrize("stack", STACKS)
def test_a_stacks_file_sets_only_what_differs(stack: str):
    defaults = {key: entry["default"] for key, entry in project()["config"].items()}
    stored = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]

    same = [key for key, value in stored.items() if defaults[key.split(":")[1]] == value]
    assert same == []


def test_prod_protects_its_data_and_dev_does_not():
    protect = {
        stack: parse_settings(
            {key.split(":")[1]: value for key, value in stack_config(stack).items()}, stack=stack
        ).protect_data
        for stack in STACKS
    }

    assert protect == {"dev": False, "prod": True}


def test_the_project_runs_in_the_environment_that_make_and_pulumi_install_make():
    assert project()["name"] == PROJECT
    assert project()["runtime"] == {
        "name": "python",
        "options": {"toolchain": "pip", "virtualenv": ".venv"},
    }
    assert (ROOT / "requirements.txt").is_file()
    assert "VENV := .venv\n" in (ROOT / "Makefile").read_text()
