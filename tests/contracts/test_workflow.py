"""The workflow gives away nothing and runs nothing that is not pinned."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.contracts.locks import ROOT, lock_files

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
# What each job may do with the repository; nothing else is given.
PERMISSIONS = {
    "check": {"contents": "read"},
    "supply-chain": {"contents": "read"},
    "preview": {"contents": "read", "id-token": "write", "pull-requests": "write"},
}


def steps(action: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for job, body in JOBS.items():
        for step in body["steps"]:
            if step.get("uses", "").startswith(action):
                yield job, step


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_this_is_the_only_workflow():
    assert list(WORKFLOW.parent.iterdir()) == [WORKFLOW]


def test_every_action_is_pinned_by_commit_with_its_version_beside_it():
    used = [line for line in WORKFLOW.read_text().splitlines() if "uses:" in line]

    assert len(used) == len([step for _, step in steps() if "uses" in step]) > 0
    for line in used:
        assert re.fullmatch(r"\s+- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_the_same_everywhere():
    commits = {tuple(step["uses"].split("@")) for _, step in steps() if "uses" in step}

    assert len(commits) == len({action for action, _ in commits})


def test_no_checkout_leaves_its_token_behind():
    checkouts = list(steps("actions/checkout@"))

    assert {job for job, _ in checkouts} == set(JOBS)
    assert [job for job, it in checkouts if it["with"]["persist-credentials"] is not False] == []


def test_a_job_may_do_what_it_must_and_no_more():
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    assert {job: body["permissions"] for job, body in JOBS.items()} == PERMISSIONS


def test_secrets_are_given_to_a_step_of_a_job_with_an_environment_alone():
    text = WORKFLOW.read_text()
    users = [
        (job, step)
        for job, step in steps()
        if "secrets." in json.dumps(step.get("env", {})) + json.dumps(step.get("with", {}))
    ]

    assert len(users) == text.count("secrets.") == 1
    assert [(job, JOBS[job]["environment"]) for job, _ in users] == [("preview", "preview")]
    assert users[0][1]["uses"].startswith("pulumi/actions@")


def test_code_of_a_fork_meets_no_secret_and_no_role():
    events = yaml.safe_load(WORKFLOW.read_text())[True]  # YAML 1.1 reads `on` so

    assert set(events) == {"push", "pull_request", "schedule"}  # no pull_request_target
    assert "!github.event.pull_request.head.repo.fork" in JOBS["preview"]["if"]


def test_what_a_step_runs_is_a_make_target():
    runs = [step["run"] for _, step in steps() if "run" in step]

    targets = [re.fullmatch(r"make ([a-z-]+)", it) for it in runs]
    assert None not in targets
    assert {it[1] for it in targets if it} <= make_targets()
    assert {"make check", "make demo", "make check-pips", "make check-locks", "make sbom"} <= set(
        runs
    )


def test_no_text_of_an_event_is_put_into_a_command():
    assert [step["run"] for _, step in steps() if "${{" in step.get("run", "")] == []


def test_the_cli_is_of_the_sdks_version():
    (sdk,) = [
        asked
        for line in (ROOT / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#") and (asked := Requirement(line)).name == "pulumi"
    ]

    versions = [step["with"]["pulumi-version"] for _, step in steps("pulumi/actions@")]
    assert {f"=={version}" for version in versions} == {str(sdk.specifier)}


def test_the_sbom_that_is_kept_is_the_one_that_is_made():
    ((_, upload),) = steps("actions/upload-artifact@")

    assert "SBOM := .build/sbom\n" in (ROOT / "Makefile").read_text()
    assert upload["with"]["path"] == ".build/sbom/*.cdx.json"
    # The folder's name begins with a dot, which the action leaves out unless told.
    assert upload["with"]["include-hidden-files"] is True


@pytest.fixture
def renovate() -> dict[str, Any]:
    return json.loads((ROOT / ".github" / "renovate.json").read_text())


def test_renovate_finds_every_lock_and_only_locks(renovate: dict[str, Any]):
    (pattern,) = renovate["pip-compile"]["managerFilePatterns"]
    matches = re.compile(pattern.strip("/").replace(r"\/", "/"))

    assert [lock for lock in lock_files() if not matches.search(lock)] == []
    assert not matches.search("requirements-dev.in")
    assert {"pip-compile", "github-actions"} <= set(renovate["enabledManagers"])


def test_renovate_moves_the_cli_with_the_sdk(renovate: dict[str, Any]):
    (manager,) = renovate["customManagers"]
    (file,), (pattern,) = manager["managerFilePatterns"], manager["matchStrings"]

    assert re.search(file.strip("/"), ".github/workflows/ci.yml")
    found = re.findall(pattern.replace("(?<", "(?P<"), WORKFLOW.read_text())
    versions = [step["with"]["pulumi-version"] for _, step in steps("pulumi/actions@")]
    assert found == versions
    assert manager["depNameTemplate"] == "pulumi"
