"""The formats of texts, strictly: real dates, RFC 3339, RFC 4122. Pure.

https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import date
from typing import Final

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[zZ]|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9]))"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE_LENGTH: Final = len("2024-01-15")
_MINUTES_A_DAY: Final = 24 * 60
_LEAP_SECOND: Final = "60"
# RFC 5321: a dot-string or a quoted string, then a domain or an address in brackets.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")"
    rf"@(?:(?P<domain>{_LABEL}(?:\.{_LABEL})*)|\[(?:IPv6:(?P<ipv6>[^\]]+)|(?P<ipv4>[^\]]+))\])"
)
_MOST_LOCAL: Final = 64  # characters before the @, as RFC 5321 allows
_MOST_DOMAIN: Final = 255
_MOST_IPV6: Final = 45  # characters


def is_date(text: str) -> bool:
    """Return whether a text is a day of the calendar, such as `2024-02-29`; no year is 0000."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Return whether a text is a time with its offset, such as `10:30:00Z`, as RFC 3339 has it.

    A leap second, 60, is one only at the end of a day in UTC.
    """
    time = _TIME.fullmatch(text)
    if not time or time["second"] != _LEAP_SECOND:
        return time is not None
    minutes = 60 * int(time["hour"]) + int(time["minute"])
    offset = 60 * int(time["hours"] or 0) + int(time["minutes"] or 0)
    utc = minutes + (offset if time["sign"] == "-" else -offset)
    return utc % _MINUTES_A_DAY == _MINUTES_A_DAY - 1


def is_date_time(text: str) -> bool:
    """Return whether a text is a day, a `T` and a time, such as `2024-01-15T10:30:00Z`."""
    day, rest = text[:_DATE_LENGTH], text[_DATE_LENGTH:]
    return rest[:1] in ("T", "t") and is_date(day) and is_time(rest[1:])


def is_email(text: str) -> bool:
    """Return whether a text is an ASCII mail address, as RFC 5321 has it."""
    mail = _EMAIL.fullmatch(text)
    if not mail or len(mail["local"]) > _MOST_LOCAL or len(mail["domain"] or "") > _MOST_DOMAIN:
        return False
    if mail["ipv6"] is not None:
        return is_ipv6(mail["ipv6"])
    return mail["ipv4"] is None or is_ipv4(mail["ipv4"])


def is_uuid(text: str) -> bool:
    """Return whether a text is a UUID with its hyphens, in either case."""
    return _UUID.fullmatch(text) is not None


def is_ipv4(text: str) -> bool:
    """Return whether a text is an address of four numbers, none with a leading zero."""
    return _is_address(ipaddress.IPv4Address, text)


def is_ipv6(text: str) -> bool:
    """Return whether a text is an IPv6 address, without a zone."""
    return len(text) <= _MOST_IPV6 and "%" not in text and _is_address(ipaddress.IPv6Address, text)


def _is_address(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return text.isascii()


FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date-time": is_date_time,
    "date": is_date,
    "time": is_time,
    "email": is_email,
    "uuid": is_uuid,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
}
