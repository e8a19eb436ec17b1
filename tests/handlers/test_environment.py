import pytest

from handlers.environment import (
    ArchiverEnvironment,
    MisconfigurationError,
    ProcessorEnvironment,
    variable_names,
)

PROCESSOR = {
    "ENVIRONMENT": "prod",
    "LOG_LEVEL": "INFO",
    "PROCESSED_BUCKET": "processed",
    "ARCHIVE_BUCKET": "archive",
    "RAW_BUCKET": "raw",
    "DEAD_LETTER_QUEUE_URL": "https://letters",
    "MAX_ATTEMPTS": "3",
    "MAX_REJECTED_PERCENT": "2.5",
    "COMPRESS_OUTPUT": "true",
    "PROCESSING_QUEUE_URL": "https://queue",
}


def test_the_variables_are_read_as_their_types():
    read = ProcessorEnvironment.read(PROCESSOR | {"PATH": "/bin"})
    assert (read.max_attempts, read.max_rejected_percent, read.compress_output) == (3, 2.5, True)
    assert read.processing_queue_url == "https://queue"
    assert set(PROCESSOR) == variable_names(ProcessorEnvironment)


def test_the_archiver_reads_its_own():
    names = variable_names(ArchiverEnvironment)
    read = ArchiverEnvironment.read(dict.fromkeys(names, "7"))
    assert (read.retention_days, read.archive_days, read.environment) == (7, 7, "7")


def test_every_problem_is_told_at_once():
    wrong = PROCESSOR | {
        "MAX_ATTEMPTS": "x",
        "COMPRESS_OUTPUT": "yes",
        "MAX_REJECTED_PERCENT": "",
    }
    del wrong["RAW_BUCKET"]
    with pytest.raises(MisconfigurationError) as caught:
        ProcessorEnvironment.read(wrong)
    message = str(caught.value)
    assert "MAX_ATTEMPTS is 'x', allowed: a whole number" in message
    assert "COMPRESS_OUTPUT is 'yes', allowed: true or false" in message
    assert "MAX_REJECTED_PERCENT is ''" in message
    assert "RAW_BUCKET is not set" in message
