from pathlib import Path

import pytest

from local.program.configuration import ConfigurationError, read_project, read_stack, resolve

PROJECT = """\
name: shop
config:
  days: {type: integer, default: 30}
  fast: {type: boolean, default: true}
  label: {type: string, default: ""}
  zones: {type: array, items: {type: string}, default: [a, b]}
  owner: {type: string}
  short: plain
  aws:region: {value: eu-central-1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    (tmp_path / "Pulumi.prod.yaml").write_text(
        "config:\n  shop:days: 90\n  shop:fast: false\n  shop:owner: ops\n  aws:profile: prod\n"
    )
    return tmp_path


def settings(folder: Path, stack: str, **overrides: str) -> dict[str, str]:
    return resolve(read_project(folder), stack, read_stack(folder, stack), overrides)


def test_overrides_go_before_the_stacks_file_before_the_defaults(folder: Path) -> None:
    assert settings(folder, "prod", days="7") == {
        "shop:days": "7",
        "shop:fast": "false",
        "shop:label": "",
        "shop:zones": '["a", "b"]',
        "shop:owner": "ops",
        "shop:short": "plain",
        "aws:region": "eu-central-1",
        "aws:profile": "prod",
    }


def test_a_stack_without_a_file_has_the_defaults(folder: Path) -> None:
    assert settings(folder, "dev", owner="me")["shop:days"] == "30"


def test_a_key_with_its_namespace_is_the_same_key(folder: Path) -> None:
    project = read_project(folder)
    values = resolve(project, "prod", read_stack(folder, "prod"), {"shop:days": "5"})
    assert values["shop:days"] == "5"


def test_every_problem_is_in_one_message(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(folder, "dev", dayz="1", days="many", fast="yes", zones="a")

    message = str(caught.value)
    assert "shop:dayz is not a setting, allowed: days, fast, label, owner, short, zones" in message
    assert "shop:owner has neither a value nor a default" in message
    assert "shop:days is 'many', allowed: integer" in message
    assert "shop:fast is 'yes', allowed: boolean" in message
    assert "shop:zones is 'a', allowed: array" in message


@pytest.mark.parametrize("value", ["1.5", "", "true", '"1"', "1e3"])
def test_a_whole_number_is_one(folder: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="shop:days"):
        settings(folder, "prod", days=value)


def test_keys_of_other_namespaces_pass(folder: Path) -> None:
    project = read_project(folder)
    values = resolve(project, "prod", read_stack(folder, "prod"), {"other:thing": "x"})
    assert values["other:thing"] == "x"


def test_encrypted_values_are_named(folder: Path) -> None:
    (folder / "Pulumi.prod.yaml").write_text("config:\n  shop:owner:\n    secure: AAAB\n")
    with pytest.raises(ConfigurationError, match=r"encrypted, give .* for: shop:owner"):
        read_stack(folder, "prod")


def test_a_project_needs_its_file_and_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"Pulumi\.yaml is missing"):
        read_project(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(ConfigurationError, match="name is None, allowed: text"):
        read_project(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: [\n")
    with pytest.raises(ConfigurationError, match="is not YAML"):
        read_project(tmp_path)


def test_an_unknown_type_of_a_declaration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: a\nconfig:\n  days: {type: int}\n")
    with pytest.raises(ConfigurationError, match="type is 'int', allowed: string, integer"):
        read_project(tmp_path)
