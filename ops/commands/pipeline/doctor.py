"""Check a deployed stack, one line for each thing."""

from dataclasses import asdict

import typer

from ops.commands.group import connect
from ops.commands.options import AsJson, OutputsFile, StackName
from ops.pipeline.doctor.examination import examine
from ops.pipeline.doctor.findings import Deployment, Finding, Verdict
from ops.terminal import instants, screen


def doctor(
    *,
    stack: StackName = None,
    outputs: OutputsFile = None,
    as_json: AsJson = False,
) -> None:
    """Check the stack as a person would: is all there, right, and allowed?

    One line for each thing: ok, problem with what mends it, or unknown with the reason, a
    permission of yours that is missing say (`policy doctor` prints them). Changes nothing. Exits
    with 1 if there is a problem.
    """
    deployment = Deployment(account=connect(stack, outputs), now=instants.now)
    found: list[Finding] = []
    with screen.working("checking"):
        for finding in examine(deployment):
            found.append(finding)
            if not as_json:
                screen.say(_line(finding))
    if as_json:
        screen.document({"findings": [asdict(finding) for finding in found]})
    if any(finding.verdict is Verdict.PROBLEM for finding in found):
        raise typer.Exit(1)


def _line(finding: Finding) -> str:
    mend = f" -> {finding.mend}" if finding.mend else ""
    return f"{finding.verdict:<8} {finding.about}: {finding.says}{mend}"
