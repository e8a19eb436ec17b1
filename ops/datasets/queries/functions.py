"""Functions of Athena that DuckDB lacks, or that answer otherwise there, as macros of DuckDB.

What they do is what Trino says: https://trino.io/docs/current/functions.html. The instants of the
tables are texts, and a timestamp is one of UTC here.
"""

from collections.abc import Iterator, Mapping
from typing import Final

# MySQL's letters of a format, which Trino takes, as those of strftime; in this order, since %M is
# the month's name in the one and the minute in the other.
_LETTERS: Final = (
    ("%M", "%B"), ("%i", "%M"), ("%s", "%S"), ("%T", "%H:%M:%S"), ("%r", "%I:%M:%S %p"),
    ("%h", "%I"), ("%W", "%A"), ("%e", "%-d"), ("%c", "%-m"), ("%k", "%-H"), ("%l", "%-I"),
    ("%v", "%V"), ("%x", "%G"),
)  # fmt: skip
_UNITS: Final = {
    "millisecond": "to_milliseconds(count)", "second": "to_seconds(count)",
    "minute": "to_minutes(count)", "hour": "to_hours(count)", "day": "to_days(count::int)",
    "week": "to_days(7 * count::int)", "month": "to_months(count::int)",
    "quarter": "to_months(3 * count::int)", "year": "to_years(count::int)",
}  # fmt: skip
_MOST_VALUES: Final = 6  # of `format` and others, whose macros need one form for each number
_VALUES: Final = [
    ", ".join(f"value{number}" for number in range(count)) for count in range(1, _MOST_VALUES + 1)
]


def _strftime(text: str) -> str:
    """Return SQL that translates a format."""
    for mysql, theirs in _LETTERS:
        text = f"replace({text}, '{mysql}', '{theirs}')"
    return text


def _add() -> str:
    cases = " ".join(f"when '{unit}' then it + {amount}" for unit, amount in _UNITS.items())
    return f"(unit, count, it) as case lower(unit) {cases} else error('no unit: ' || unit) end"


def _format() -> Iterator[str]:
    for values in _VALUES:
        yield f"(text, {values}) as printf(text, {values})"


def _unless_null(function: str) -> Iterator[str]:
    """Yield the forms of a function of some values that is NULL if one of them is."""
    for values in _VALUES:
        known = " and ".join(f"{value} is not null" for value in values.split(", "))
        yield f"({values}) as case when {known} then system.main.{function}({values}) end"


def _decided(found: str, *lists: str, by: str = "true") -> str:
    """Return SQL that is `by` if something is found, NULL if a list or an element of it is NULL."""
    unknown = " or ".join(f"{it} is null or list_count({it}) < len({it})" for it in lists)
    return f"case when {found} then {by} when {unknown} then null else not {by} end"


# A replacement names a group as $1 in Trino, as \1 in DuckDB.
_GROUPS: Final = r"system.main.regexp_replace(new, '\$(\d+)', '\\\1', 'g')"
_SCALAR: Final = "not in ('OBJECT', 'ARRAY')"
_MATCHES: Final = "list_transform(them, holds)"
_HAS_IT: Final = "list_contains(them, it)"
_ONE_HOLDS: Final = f"list_contains({_MATCHES}, true)"
_ONE_FAILS: Final = f"list_contains({_MATCHES}, false)"

# The forms of each function, by its arguments.
MACROS: Final[Mapping[str, tuple[str, ...]]] = {
    "all_match": (f"(them, holds) as {_decided(_ONE_FAILS, _MATCHES, by='false')}",),
    "any_match": (f"(them, holds) as {_decided(_ONE_HOLDS, _MATCHES)}",),
    "approx_distinct": (
        "(it) as approx_count_distinct(it)",
        "(it, most_error) as approx_count_distinct(it)",
    ),
    "approx_percentile": ("(it, share) as approx_quantile(it, share)",),
    "arbitrary": ("(it) as any_value(it)",),
    # In the order of the array, with NULL as any other value. A name of a query's own would be
    # taken for that of the function: no field begins with two underscores.
    "array_distinct": (
        "(them) as list_filter(them, (__one, __place) -> list_position(them, __one) = __place)",
    ),
    "array_intersect": (
        (
            "(them, others) as"
            " array_distinct(list_filter(them, __one -> list_position(others, __one) is not null))"
        ),
    ),
    "array_join": (
        "(them, between) as array_to_string(them, between)",
        (
            "(them, between, missing) as"
            " array_to_string([coalesce(one::varchar, missing) for one in them], between)"
        ),
    ),
    "array_max": ("(them) as case when list_count(them) = len(them) then list_max(them) end",),
    "array_min": ("(them) as case when list_count(them) = len(them) then list_min(them) end",),
    "array_position": (
        (
            "(them, it) as case when them is not null and it is not null"
            " then coalesce(list_position(them, it), 0) end"
        ),
    ),
    "array_union": ("(them, others) as array_distinct(them || others)",),
    "arrays_overlap": (
        f"(them, others) as {_decided('list_has_any(them, others)', 'them', 'others')}",
    ),
    "at_timezone": ("(it, zone) as it at time zone 'UTC' at time zone zone",),
    "contains": (f"(them, it) as case when it is not null then {_decided(_HAS_IT, 'them')} end",),
    "date_add": (_add(),),
    "date_diff": ("(unit, since, until) as date_sub(unit, since, until)",),  # whole units alone
    "date_format": (f"(it, form) as strftime(it, {_strftime('form')})",),
    # Within a list, since a macro's own format is not constant enough for strptime.
    "date_parse": (f"(text, form) as [strptime(one, {_strftime('form')}) for one in [text]][1]",),
    "day_of_month": ("(it) as day(it)",),
    "day_of_week": ("(it) as isodow(it)",),
    "day_of_year": ("(it) as dayofyear(it)",),
    "dow": ("(it) as isodow(it)",),
    "doy": ("(it) as dayofyear(it)",),
    "element_at": ("(them, place) as them[place]",),
    "every": ("(it) as bool_and(it)",),
    "format": tuple(_format()),
    "from_iso8601_date": ("(text) as cast(text as date)",),
    "from_iso8601_timestamp": ("(text) as cast(text as timestamptz) at time zone 'UTC'",),
    "from_unixtime": ("(seconds) as to_timestamp(seconds) at time zone 'UTC'",),
    "greatest": tuple(_unless_null("greatest")),
    "is_finite": ("(it) as isfinite(it)",),
    "is_infinite": ("(it) as isinf(it)",),
    "is_nan": ("(it) as isnan(it)",),
    "json_array_length": (
        (
            "(text) as"
            " case when json_type(text) = 'ARRAY' then system.main.json_array_length(text) end"
        ),
    ),
    "json_extract_scalar": (
        (
            f"(text, path) as case when json_type(text, path) {_SCALAR}"
            " then json_extract_string(text, path) end"
        ),
    ),
    "json_format": ("(it) as cast(it as varchar)",),
    "json_parse": ("(text) as cast(text as json)",),
    "last_day_of_month": ("(it) as last_day(it)",),
    "least": tuple(_unless_null("least")),
    "levenshtein_distance": ("(one, other) as levenshtein(one, other)",),
    "none_match": (f"(them, holds) as {_decided(_ONE_HOLDS, _MATCHES, by='false')}",),
    "rand": ("() as random()",),
    "regexp_count": ("(text, pattern) as len(regexp_extract_all(text, pattern))",),
    "regexp_extract": (
        (
            "(text, pattern) as case when regexp_matches(text, pattern)"
            " then system.main.regexp_extract(text, pattern) end"
        ),
        (
            "(text, pattern, number) as case when regexp_matches(text, pattern)"
            " then system.main.regexp_extract(text, pattern, number) end"
        ),
    ),
    "regexp_like": ("(text, pattern) as regexp_matches(text, pattern)",),
    "regexp_replace": (
        "(text, pattern) as system.main.regexp_replace(text, pattern, '', 'g')",
        f"(text, pattern, new) as system.main.regexp_replace(text, pattern, {_GROUPS}, 'g')",
    ),
    "regexp_split": ("(text, pattern) as regexp_split_to_array(text, pattern)",),
    "replace": (
        "(text, old) as system.main.replace(text, old, '')",
        "(text, old, new) as system.main.replace(text, old, new)",
    ),
    "sequence": (
        "(first, last) as generate_series(first, last)",
        "(first, last, step) as generate_series(first, last, step)",
    ),
    "slice": ("(them, start, count) as list_slice(them, start, start + count - 1)",),
    "split_part": ("(text, delimiter, number) as string_split(text, delimiter)[number]",),
    "to_iso8601": (
        (
            "(it) as case typeof(it) when 'DATE' then strftime(it, '%Y-%m-%d')"
            " else strftime(it, '%Y-%m-%dT%H:%M:%S.%gZ') end"
        ),
    ),
    "to_unixtime": ("(it) as epoch(it)",),
    "transform": ("(them, made) as list_transform(them, made)",),
    "truncate": ("(it) as trunc(it)",),
    "week_of_year": ("(it) as weekofyear(it)",),
    "year_of_week": ("(it) as isoyear(it)",),
    "yow": ("(it) as isoyear(it)",),
}
# Whole numbers divide to a whole one, an instant has no zone but UTC, and `x -> …` is a function.
_SETTINGS: Final = {
    "integer_division": "true", "TimeZone": "'UTC'", "lambda_syntax": "'ENABLE_SINGLE_ARROW'",
}  # fmt: skip


def statements() -> Iterator[str]:
    """Yield the statements that make a database of DuckDB answer as Athena does."""
    for name, value in _SETTINGS.items():
        yield f"set {name} = {value}"
    for name, forms in MACROS.items():
        yield f"create macro {name}{', '.join(forms)}"
