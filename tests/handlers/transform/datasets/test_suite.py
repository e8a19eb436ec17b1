"""The official JSON Schema Test Suite, for the keywords and formats that datasets know."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.transform.datasets.formats import FORMATS
from handlers.transform.datasets.schemas import ANNOTATIONS, KEYWORDS, SchemaError, Validator

SUITE = Path(__file__).parent / "suite"
# Groups of cases with what a declaration may not have: how many, by file and keyword.
UNSUPPORTED = {
    "additionalProperties.json: a schema in additionalProperties": 3,
    "additionalProperties.json: allOf": 1,
    "additionalProperties.json: dependentSchemas": 1,
    "additionalProperties.json: patternProperties": 2,
    "additionalProperties.json: propertyNames": 1,
    "ecmascript-regex.json: patternProperties": 5,
    "items.json: $defs": 1,
    "items.json: a boolean as a schema": 2,
    "items.json: allOf": 1,
    "items.json: prefixItems": 3,
    "non-bmp-regex.json: patternProperties": 1,
    "properties.json: a boolean as a schema": 1,
    "properties.json: patternProperties": 1,
    "uniqueItems.json: prefixItems": 4,
}
# Patterns are Python's, so a declaration with one of these is refused.
NOT_PYTHON = {r"^\cC$", r"^\cc$", r"\p{Letter}cole", r"^\p{digit}+$"}
# An integer has the 64 bits of its column, and `\s` is ASCII as `\d` and `\w` are.
DEVIATIONS = {
    ("bignum.json", "a bignum is an integer"),
    ("bignum.json", "a negative bignum is an integer"),
    ("float-overflow.json", "valid if optional overflow handling is implemented"),
    *(
        ("ecmascript-regex.json", f"{space} {verb}")
        for space in (
            "latin-1 non-breaking-space",
            "zero-width whitespace",
            "EM SPACE",
            "paragraph separator",
        )
        for verb in {
            "EM SPACE": ("matches (Space_Separator)", "does not match (Space_Separator)"),
            "paragraph separator": (
                "matches (line terminator)",
                "does not match (line terminator)",
            ),
        }.get(space, ("matches", "does not match"))
    ),
}


def groups() -> Iterator[tuple[str, dict]]:
    for path in sorted(SUITE.rglob("*.json")):
        for group in json.loads(path.read_text()):
            yield path.name, group


def unsupported(schema: object) -> str:
    """Return the first thing in a schema that no declaration may have; "" if there is none."""
    if not isinstance(schema, dict):
        return "a boolean as a schema"
    unknown = next((key for key in schema if key not in KEYWORDS | ANNOTATIONS), "")
    if isinstance(schema.get("additionalProperties", True), dict):
        return unknown or "a schema in additionalProperties"
    below = [*schema.get("properties", {}).values()]
    below += [schema["items"]] if "items" in schema else []
    return unknown or next(filter(None, map(unsupported, below)), "")


def test_the_suite_has_cases_for_every_keyword_and_format():
    schemas = [group["schema"] for _, group in groups() if isinstance(group["schema"], dict)]
    used = {key for schema in schemas for key in schema}
    formats = {schema.get("format") for schema in schemas}
    assert used >= KEYWORDS
    assert formats >= FORMATS.keys()


def test_every_case_of_the_suite_is_decided_as_it_says():
    skipped, deviations, cases = dict[str, int](), set[tuple[str, str]](), 0
    refused = set[str]()
    for file, group in groups():
        if problem := unsupported(group["schema"]):
            skipped[f"{file}: {problem}"] = skipped.get(f"{file}: {problem}", 0) + 1
            continue
        try:
            validator = Validator(group["schema"])
        except SchemaError:
            refused.add(group["schema"]["pattern"])
            continue
        for case in group["tests"]:
            cases += 1
            if (validator.violation(case["data"]) is None) != case["valid"]:
                deviations.add((file, case["description"]))
    assert skipped == UNSUPPORTED
    assert refused == NOT_PYTHON
    assert deviations == DEVIATIONS
    assert cases > 600


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"type": "string", "pattern": "["},
        {"type": "string", "enum": "a"},
    ],
)
def test_a_schema_that_cannot_be_compiled_is_refused(schema):
    with pytest.raises(SchemaError):
        Validator(schema)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a$", "a", True),
        ("a$", "a\n", False),
        ("a[$]", "a$", True),
        (r"a\$", "a$", True),
        (r"a\\$", "a\\", True),
        (r"a\\$", "a\\\n", False),
        (r"[\]$]$", "$\n", False),
        ("[]$]$", "]", True),
        (r"^\d$", "٣", False),
        (r"^\w$", "é", False),
    ],
)
def test_a_dollar_is_the_end_and_classes_are_ascii(pattern, text, matches):
    validator = Validator({"type": "string", "pattern": pattern})
    assert (validator.violation(text) is None) == matches


def test_a_schema_that_nests_too_deep_is_refused():
    schema: dict = {"type": "string"}
    for _ in range(120):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(SchemaError):
        Validator(schema)
