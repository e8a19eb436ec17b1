import re

import pytest

from handlers.environment import (
    ArchiverEnvironment,
    MisconfigurationError,
    ProcessorEnvironment,
    read_encoding,
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
    "MAX_EXPANSION": "500",
    "UNFINISHED_AFTER_SECONDS": "3600",
    "FALLBACK_ENCODING": "Windows-1252",
    "PROCESSING_QUEUE_URL": "https://queue",
}


def test_the_variables_are_read_as_their_types():
    read = ProcessorEnvironment.read(PROCESSOR | {"PATH": "/bin"})
    assert (read.max_attempts, read.max_rejected_percent, read.compress_output) == (3, 2.5, True)
    assert read.processing_queue_url == "https://queue"
    assert (read.max_expansion, read.fallback_encoding) == (500, "cp1252")
    assert set(PROCESSOR) == variable_names(ProcessorEnvironment)


def test_without_a_fallback():
    read = ProcessorEnvironment.read(PROCESSOR | {"FALLBACK_ENCODING": "utf-8"})
    assert read.fallback_encoding is None


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("cp1252", "cp1252"), ("windows-1252", "cp1252"), ("latin-1", "iso8859-1"),
        ("ISO-8859-15", "iso8859-15"), ("Shift_JIS", "shift_jis"), ("GBK", "gbk"),
        ("euc-kr", "euc_kr"), ("koi8-r", "koi8-r"), ("Big5", "big5"), ("mac-roman", "mac-roman"),
    ],
)  # fmt: skip
def test_an_encoding_has_many_names(name, encoding):
    assert read_encoding(name) == encoding


@pytest.mark.parametrize(
    "name",
    [
        " ", "ansi", "utf-8", "utf-8-sig", "utf-16", "UTF-16-LE", "utf-32", "utf-7", "ascii",
        "base64", "rot13", "unicode-escape", "raw_unicode_escape", "idna", "punycode", "hz",
        "cp037", "iso2022_jp", "é", "cp1252\0", "undefined",
    ],
)  # fmt: skip
def test_what_is_no_fallback_is_refused(name):
    """No text, Unicode that is told by a mark, or what does not hold ASCII as it is."""
    with pytest.raises(ValueError, match=re.escape(name)):
        read_encoding(name)


def test_the_archiver_reads_its_own():
    numbers = dict.fromkeys(variable_names(ArchiverEnvironment), "7")
    read = ArchiverEnvironment.read({**numbers, "ARCHIVE_BUNDLES": "true"})
    assert (read.retention_days, read.archive_days, read.environment) == (7, 7, "7")
    assert (read.archive_bundles, read.bundle_below_kb, read.archive_concurrency) == (True, 7, 7)


def test_every_problem_is_told_at_once():
    wrong = PROCESSOR | {
        "MAX_ATTEMPTS": "x",
        "COMPRESS_OUTPUT": "yes",
        "MAX_REJECTED_PERCENT": "",
        "FALLBACK_ENCODING": "ansi",
    }
    del wrong["RAW_BUCKET"]
    with pytest.raises(MisconfigurationError) as caught:
        ProcessorEnvironment.read(wrong)
    message = str(caught.value)
    assert "MAX_ATTEMPTS is 'x', allowed: a whole number" in message
    assert "COMPRESS_OUTPUT is 'yes', allowed: true or false" in message
    assert "FALLBACK_ENCODING is 'ansi', allowed: an encoding that Python knows" in message
    assert "MAX_REJECTED_PERCENT is ''" in message
    assert "RAW_BUCKET is not set" in message
