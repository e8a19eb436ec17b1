"""The harness itself: what goes wrong in a program must come out of it."""

from pathlib import Path

import pytest

from tests.infra.recording import run_program


def write(folder: Path, text: str) -> Path:
    program = folder / "program.py"
    program.write_text(f"import pulumi\nimport pulumi_aws as aws\n{text}\n")
    return program


def test_a_failure_inside_apply_is_raised(tmp_path: Path):
    program = write(
        tmp_path, "aws.sqs.Queue('q').url.apply(lambda url: (_ for _ in ()).throw(ValueError(url)))"
    )

    with pytest.raises(ValueError, match="https://url-of/q"):
        run_program({}, stack="dev", program=program)


def test_text_made_of_an_output_is_an_error(tmp_path: Path):
    program = write(tmp_path, "pulumi.export('x', f'{aws.sqs.Queue(\"q\").arn}/*')")

    with pytest.raises(Exception, match="Calling __str__ on an Output"):
        run_program({}, stack="dev", program=program)


def test_dependencies_come_from_options_and_from_properties(tmp_path: Path):
    program = write(
        tmp_path,
        "first = aws.sqs.Queue('first')\n"
        "second = aws.sqs.Queue('second', tags={'a': first.name})\n"
        "aws.sqs.Queue('third', opts=pulumi.ResourceOptions(depends_on=[second]))",
    )

    graph = run_program({}, stack="dev", program=program)

    third = graph.get("aws:sqs/queue:Queue", "third")
    assert graph.before(third) == {
        ("aws:sqs/queue:Queue", "first"),
        ("aws:sqs/queue:Queue", "second"),
    }
