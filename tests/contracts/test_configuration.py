"""Pulumi.yaml, the stacks' files and the settings say the same."""

from dataclasses import fields
from typing import Any

import pytest
import yaml

from infra.settings import Settings, config_key, default_of, rule_of
from tests.infra.recording import PROJECT, ROOT, stack_config

STACKS = ["dev", "prod"]
TYPES = {"string": str, "integer": int, "boolean": bool}


def project() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def test_the_schema_lists_the_settings_in_their_order():
    assert list(project()["config"]) == [config_key(setting) for setting in fields(Settings)]


@pytest.mark.parametrize("setting", fields(Settings), ids=config_key)
def test_the_schema_has_each_settings_type_and_default(setting: Any):
    entry = project()["config"][config_key(setting)]

    assert set(entry) == {"type", "description", "default"}
    assert entry["type"] == rule_of(setting).schema_type
    assert entry["default"] == default_of(setting)
    # Pulumi checks the type of what a stack sets, and of the default.
    assert type(entry["default"]) is TYPES[entry["type"]]
    assert entry["description"].endswith(".")


def test_the_schemas_defaults_are_the_settings():
    # As the engine passes them on to the program, where a stack sets nothing.
    values = {
        key: str(entry["default"]).lower() if entry["type"] == "boolean" else str(entry["default"])
        for key, entry in project()["config"].items()
    }

    assert Settings.parse(values, stack="dev") == Settings(environment="dev")


@pytest.mark.parametrize("stack", STACKS)
def test_a_stacks_file_sets_known_keys_to_values_of_their_type(stack: str):
    schema = project()["config"]
    stored = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())

    assert set(stored) == {"config"}
    for key, value in stored["config"].items():
        namespace, name = key.split(":")
        assert namespace == PROJECT
        assert type(value) is TYPES[schema[name]["type"]]


@pytest.mark.parametrize("stack", STACKS)
def test_a_stacks_file_sets_only_what_differs(stack: str):
    defaults = {key: entry["default"] for key, entry in project()["config"].items()}
    stored = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]

    same = [key for key, value in stored.items() if defaults[key.split(":")[1]] == value]
    assert same == []


def test_prod_protects_its_data_and_dev_does_not():
    protect = {
        stack: Settings.parse(
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
