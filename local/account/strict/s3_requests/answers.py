"""Write keys in answers, and read the bodies of requests, as S3 does with any characters.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from typing import Any, Final
from urllib.parse import quote

from moto.core.responses import ActionResult
from moto.s3.responses import S3Response
from werkzeug.datastructures import ImmutableMultiDict

from local.account.strict.patches import around

# By operation, what moto forgets to encode for `encoding-type=url`: elements of the answer, and
# lists of entries with the element of each. Source: API_ListObjectsV2.html and the like.
_ENCODED: Final[dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "ListObjects": (
        ("Delimiter", "Marker", "NextMarker", "Prefix"),
        {"CommonPrefixes": "Prefix"},
    ),
    "ListObjectsV2": (("Delimiter", "StartAfter"), {}),
    "ListObjectVersions": (
        ("Delimiter", "KeyMarker", "NextKeyMarker", "Prefix"),
        {"CommonPrefixes": "Prefix", "DeleteMarkers": "Key", "Versions": "Key"},
    ),
}


@around(S3Response, "setup_class")
def _setup_class(original: Any, self: Any, request: Any, *arguments: Any, **options: Any) -> None:
    """Keep the body of a PUT whatever its type is: moto parses a form and drops the bytes."""
    if request.method == "PUT":
        request.get_data()
        for name in ("form", "files"):
            request.__dict__[name] = ImmutableMultiDict()
    original(self, request, *arguments, **options)


@around(S3Response, "serialized")
def _serialized(original: Any, self: Any, answer: ActionResult) -> Any:
    """Encode keys if the request asks for it, and carriage returns, which XML drops."""
    asked = self.querystring.get("encoding-type") == ["url"]
    if asked and not isinstance(answer.result, Exception):
        _encode(self.data.get("Action", ""), answer.result)
    status, headers, body = original(self, answer)
    return status, headers, body.replace("\r", "&#13;") if isinstance(body, str) else body


def _encode(operation: str, result: Any) -> None:
    names, lists = _ENCODED.get(operation, ((), {}))
    for name in names:
        if result.get(name):
            result[name] = quote(result[name])
    for entries, name in lists.items():
        for entry in result.get(entries, []):
            entry[name] = quote(entry[name])
    if names:
        result["EncodingType"] = "url"
