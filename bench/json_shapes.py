"""Files of JSON lines in shapes that cost more than clean ones: colliding names, bad lines, nulls.

As everywhere in the bench, what must come of each record is written down beside it.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

Record = dict[str, Any]
_SEED: Final = 20240116
_BAD_EVERY: Final = 100  # lines
_REGIONS: Final = ("eu-central-1", "us-east-1", "ap-south-1")
_CITIES: Final = ("Zürich", "São Paulo", "Łódź", "Oslo", "東京")


def _trail(draw: random.Random, number: int) -> tuple[Record, Record]:
    """An audit event as CloudTrail writes it: `arn` of who did it, `ARN` of what it was done to."""
    account = f"{draw.randrange(10**12):012d}"
    user = f"arn:aws:iam::{account}:user/u{draw.randrange(100)}"
    what = f"arn:aws:s3:::bucket-{draw.randrange(100)}/key-{number}"
    key = draw.choice((None, f"AKIA{draw.getrandbits(60):015X}"))
    moment = f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00Z"
    name, region = draw.choice(("GetObject", "PutObject", "HeadObject")), draw.choice(_REGIONS)
    request, size = f"{draw.getrandbits(64):016X}", draw.randrange(10**6)
    raw: Record = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "arn": user, "accountId": account, "accessKeyId": key,
            "sessionContext": {"creationDate": moment, "webIdFederationData": None},
        },
        "eventTime": moment, "eventName": name, "awsRegion": region, "requestID": request,
        "responseElements": None,
        "additionalEventData": {"bytesTransferredIn": 0, "bytesTransferredOut": size},
        "resources": [{"type": "S3 object", "ARN": what}, {"accountId": account, "ARN": user}],
    }  # fmt: skip
    identity = {"type": "IAMUser", "arn": user, "account_id": account}
    session = {"session_context": {"creation_date": moment}}
    wanted: Record = {
        "event_version": "1.08",
        "user_identity": identity | ({"access_key_id": key} if key else {}) | session,
        "event_time": moment, "event_name": name, "aws_region": region, "request_id": request,
        "additional_event_data": {"bytes_transferred_in": 0, "bytes_transferred_out": size},
        "resources": [{"type": "S3 object", "arn": what}, {"account_id": account, "arn": user}],
    }  # fmt: skip
    return raw, wanted


def _visit(draw: random.Random, number: int) -> tuple[Record, Record]:
    """Visits are flat; of these, some lines are cut short."""
    values = (
        10**9 + number,
        draw.choice(_CITIES),
        f"https://example.com/{draw.randrange(10**4)}?q=a%20b",
        draw.choice((None, "", "https://example.org/")),
        draw.randrange(10_000),
        draw.random() < 0.1,
        f"2024-01-{draw.randrange(1, 29):02d}T10:{draw.randrange(60):02d}:00.000Z",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    )
    raw = dict(zip(_VISIT, values, strict=True))
    pairs = zip(_VISIT.values(), values, strict=True)
    return raw, {name: value for name, value in pairs if value not in (None, "")}


_VISIT: Final = {
    "visitId": "visit_id", "City Name": "city_name", "pageURL": "page_url", "referrer": "referrer",
    "durationMs": "duration_ms", "isBot": "is_bot", "occurredAt": "occurred_at",
    "userAgent": "user_agent",
}  # fmt: skip


def _survey(draw: random.Random, number: int) -> tuple[Record, Record]:
    """Forty answers, most of them not given."""
    answers = [
        None if draw.random() < 0.75 else draw.choice(("", "yes", "no") if n % 2 else range(10))
        for n in range(40)
    ]
    raw = {"surveyId": number} | {f"Answer {n}": answer for n, answer in enumerate(answers, 1)}
    given = {f"answer_{n}": a for n, a in enumerate(answers, 1) if a not in (None, "")}
    return raw, {"survey_id": number} | given


def _write(
    folder: Path,
    name: str,
    size: int,
    make: Callable[[random.Random, int], tuple[Record, Record]],
    bad_every: int = 0,
) -> None:
    draw, written, number = random.Random(_SEED), 0, 0
    with (
        (folder / f"{name}.ndjson").open("wb") as lines,
        (folder / f"{name}.expected").open("wb") as expected,
    ):
        while written < size:
            number += 1
            raw, wanted = make(draw, number)
            line = orjson.dumps(raw)
            if bad_every and number % bad_every == bad_every // 2:
                text = line.decode()  # cut between characters, so that the file stays UTF-8
                line = text[: draw.randrange(1, len(text))].encode()
            else:
                expected.write(orjson.dumps(wanted) + b"\n")
            written += lines.write(line + b"\n")


def write_trail(folder: Path, name: str, size: int) -> None:
    """Write events in some of whose objects a name is spelled `arn`, in others `ARN`."""
    _write(folder, name, size, _trail)


def write_broken(folder: Path, name: str, size: int) -> None:
    """Write flat records, with one line in a hundred that is cut short."""
    _write(folder, name, size, _visit, _BAD_EVERY)


def write_sparse(folder: Path, name: str, size: int) -> None:
    """Write records most of whose fields are null."""
    _write(folder, name, size, _survey)
