"""AWS's errors, as the failures of `handlers.aws.failures`."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from handlers.aws.failures import (
    AccessDeniedError,
    GoneError,
    PermanentError,
    TakenError,
    TransientError,
)

_MISSING: Final = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload", "404", "NotFound"}
_TAKEN: Final = {"PreconditionFailed", "412"}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "403", "KMS.AccessDeniedException"}
_HOPELESS: Final = {
    "InvalidArgument",  # a version id that is none, say
    "InvalidObjectState",
    "KeyTooLongError",
    "MalformedXML",
    "MetadataTooLarge",
}


@contextmanager
def translated(action: str) -> Generator[None]:
    """Turn the errors of an AWS call into `handlers.aws.failures`; `action` says what was tried."""
    try:
        yield
    except ClientError as error:
        raise failure_of(action, error.response.get("Error", {})) from error
    except (BotoCoreError, ResponseParserError, OSError) as error:
        msg = f"{action}: {error}"
        raise TransientError(msg) from error


def failure_of(action: str, details: Mapping[str, Any]) -> Exception:
    """Return the failure that an error code of AWS stands for."""
    code = details.get("Code", "")
    msg = f"{action}: {code}: {details.get('Message', '')}"
    if code in _MISSING:
        return GoneError(msg)
    if code in _TAKEN:
        return TakenError(msg)
    if code in _DENIED:
        return AccessDeniedError(msg)
    if code in _HOPELESS:
        return PermanentError(msg)
    return TransientError(msg)
