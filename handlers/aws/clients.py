"""Clients of S3, SQS, Lambda and CloudWatch, each made once, with time-outs and retries."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial
from io import BytesIO
from typing import Any, Final

from botocore import __version__ as BOTOCORE_VERSION  # noqa: N812
from botocore.config import Config
from botocore.session import Session, get_session
from botocore.utils import parse_timestamp

from handlers import keys
from handlers.aws.operations import OLDEST_BOTOCORE, missing_parameters
from handlers.aws.service_models import Service, ServiceModels
from handlers.environment import MisconfigurationError

_WRITE_BYTES: Final = 1024 * 1024
_CONNECTIONS: Final = 64  # the archiver's copies, or a batch of files with their uploads


@cache
def client(service: Service) -> Any:
    """Return the client of a service, the same at each call.

    Raises MisconfigurationError where the runtime's botocore lacks a parameter that is used.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=60,  # a copy of 5 GB answers late, but sends white space meanwhile
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=_CONNECTIONS,
        # boto3 does this for a body with a trailing checksum: TLS and the checksum protect it, so
        # it is not hashed again.
        s3={"payload_signing_enabled": False},
    )
    made: Any = _session().create_client(service, config=config)
    missing = missing_parameters(service, made.meta.service_model)
    if missing:
        msg = f"botocore is {BOTOCORE_VERSION}, without {', '.join(missing)}; "
        msg += f"allowed: {OLDEST_BOTOCORE} or later"
        raise MisconfigurationError(msg)
    if service == "s3":
        made.meta.events.register("before-send.s3.PutObject", _enlarge_writes)
        made.meta.events.register_first("needs-retry.s3.CopyObject", _leave_to_the_caller)
        made.copy = partial(_copy, made)
    return made


@cache
def _session() -> Session:
    """Return the one session of the clients: botocore's, since boto3's takes longer to load."""
    session = get_session()
    session.register_component("data_loader", ServiceModels())
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return session


def _time(text: Any) -> datetime:
    """Return a time of an answer, as botocore does, in a twentieth of the time.

    botocore guesses the format by dateutil: four fifths of the time that a listing takes. S3 writes
    ISO 8601 in XML and RFC 822 in headers; whatever else there is, botocore reads.
    """
    try:
        if text.endswith("Z"):
            return datetime.fromisoformat(text)
        if text.endswith(" GMT"):
            return parsedate_to_datetime(text)
    except (AttributeError, ValueError):
        pass
    return parse_timestamp(text)


def _leave_to_the_caller(
    request_dict: Any, caught_exception: Exception | None, **_: object
) -> None:
    """Raise the failure of a copy to `incoming/` whose answer is lost, in place of a repetition.

    It may be made, and another one would be another upload. botocore asks before each repetition.
    """
    if caught_exception and f"/{keys.INCOMING}" in request_dict["url_path"]:
        raise caught_exception


def _copy(s3: Any, *arguments: Any, **options: Any) -> None:
    """Copy as the `copy` of boto3's client does, which few files need: above 5 GB."""
    from boto3.s3.inject import copy  # noqa: PLC0415 - no cold start pays for it

    copy(s3, *arguments, **options)


class _LargeReads(BytesIO):
    """A body that is sent 1 MiB at a time, where the HTTP client asks for 16 KiB.

    Before each write the thread waits up to 5 ms for the interpreter lock: at 16 KiB a write that
    is 3 MB/s at most. The whole body at once would have to leave within the connect time-out, 5 s.
    https://docs.python.org/3/library/sys.html#sys.setswitchinterval
    """

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 0 else max(size, _WRITE_BYTES))


def _enlarge_writes(request: Any, **_: object) -> None:
    if isinstance(request.body, BytesIO):  # as botocore makes of bytes
        request.body = _LargeReads(request.body.getvalue())
