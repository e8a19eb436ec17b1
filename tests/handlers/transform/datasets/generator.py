"""Generates declarations and files of their records, each from a random generator alone."""

import json
import random
from typing import Any

NAMES = ("a", "b", "user_name", "card_number", "c_d", "total", "x1")
RAW = {
    "user_name": ("user_name", "userName", "User Name"),
    "card_number": ("card_number", "Card Number", "cardNumber", "CARD_NUMBER"),
    "total": ("total", "Total"),
}
EXTRA = ("zz", "Other Name", "other_name", "_rescued", "_metadata")
PATTERNS = (
    "^[A-Z]{2}-[0-9]+$", "^a", "b$", "[0-9]", "^(new|old)$", r"^\d{2,4}$", r"\w-\w", "^.{1,3}$",
    "^[^0-9]*$", "(?=a)", "x|y", "^[a-c]+[^a-c]$", r"\bab",
)  # fmt: skip
TEXTS = (
    "DE-17", "FR-8", "a", "ab", "new", "old", "1", "12", "1999", "x-y", "é", "größe", "AB-1\n",
    "b\n", "2024-02-29", "2024-01-15", "2023-02-29", "0000-01-01", "2024-1-15",
    "2024-01-15T10:30:00Z", "2024-02-29T10:30:00Z", "2024-02-30T10:30:00Z",
    "2024-01-15T24:00:00Z", "2024-01-15T23:59:60Z",
    "2024-01-15t10:30:00.123+02:00", "2024-01-15T10:30:00", "2024-01-15 10:30:00Z",
    "2024-01-15T10:60:00Z", "2024-01-15T10:30:00+25:00", "0999-01-15T10:30:00Z",
    "123e4567-e89b-12d3-a456-426614174000", "123E4567-e89b-12d3-a456-42661417400g", "\\", 'q"q',
    "a\tb", "a\\nb", "\x1f", "true", "5", "٣", "😀", " ", "1e3", "x" * 30,
)  # fmt: skip
NUMBERS = (
    "0", "1", "-1", "5", "7", "10", "100", "0.1", "0.10000000000000000001",
    "0.09999999999999999999", "1.0", "1e2", "-0", "0.0", "19.01", "0.07",
    "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "18446744073709551616", "1e400", "-1e400", "1e-400", "1E22",
    "1.7976931348623157e308", "123456789012345678901234567890", "9007199254740993.0", "3e0",
    "5e99999999999999999999",
)  # fmt: skip
CELLS = (
    "", "", "5", "-3", "007", "1.50", "1e3", "TRUE", "false", "yes", "+1", " 5", "-0",
    "1e999", "12", "10000000000000000000", "0.10000000000000000001", "NaN",
)  # fmt: skip
STEPS = (1, 2, 5, 0.01, 0.5, 3, 1e-7)


class Maker:
    """Makes declarations and records."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.pick = draw.choice

    def chance(self, probability: float) -> bool:
        return self.draw.random() < probability

    def declaration(self) -> dict[str, Any]:
        schema = self.object_schema(2)
        schema.pop("additionalProperties", None)
        made: dict[str, Any] = {"prefix": "x/", "schema": schema}
        made["unknownFields"] = self.pick(("keep", "keep", "reject", "rescue"))
        if self.chance(0.4):
            free = [name for name in NAMES if name not in schema["properties"]]
            made["drop"] = [*self.draw.sample(free, min(len(free), 2)), "a.card_number", "b.b.a"]
        return made

    def object_schema(self, levels: int) -> dict[str, Any]:
        names = self.draw.sample(NAMES, self.draw.randint(1, 4))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self.schema(levels - 1) for name in names},
        }
        if self.chance(0.4):
            schema["required"] = [name for name in names if self.chance(0.5)]
        if self.chance(0.2):
            schema["additionalProperties"] = self.chance(0.3)
        if self.chance(0.1):
            schema |= {"minProperties": 1, "maxProperties": 3}
        return schema

    def schema(self, levels: int) -> dict[str, Any]:
        kinds = ("string", "string", "integer", "number", "boolean", "array", "object")
        kind = self.pick(kinds if levels else kinds[:5])
        schema = getattr(self, f"_{kind}")(levels)
        if self.chance(0.1) and "enum" not in schema and "const" not in schema:
            schema["type"] = [kind, "null"]
        return schema

    def _string(self, _: int) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.chance(0.2):
            schema["enum"] = self.draw.sample(TEXTS, self.draw.randint(1, 8))
        if self.chance(0.3):
            schema["pattern"] = self.pick(PATTERNS)
        if self.chance(0.3):
            schema["format"] = self.pick(("date", "date-time", "uuid"))
        if self.chance(0.2):
            schema["minLength"] = self.draw.randint(0, 3)
        if self.chance(0.2):
            schema["maxLength"] = self.draw.randint(1, 20)
        return schema

    def _integer(self, _: int) -> dict[str, Any]:
        return self._bounds({"type": "integer"}, (0, 1, -5, 10, 100, 2**62))

    def _number(self, _: int) -> dict[str, Any]:
        return self._bounds({"type": "number"}, (0, 0.1, 1.5, -3, 100, 1e22))

    def _bounds(self, schema: dict[str, Any], values: tuple[float, ...]) -> dict[str, Any]:
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if self.chance(0.2):
                schema[key] = self.pick(values)
        if self.chance(0.15):
            steps = STEPS[:3] if schema["type"] == "integer" else STEPS
            schema["multipleOf"] = self.pick(steps)
        if self.chance(0.1):
            schema["enum"] = [0, 1, 5, 100]
        return schema

    def _boolean(self, _: int) -> dict[str, Any]:
        return {"type": "boolean", **({"const": True} if self.chance(0.2) else {})}

    def _array(self, levels: int) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.schema(levels - 1)}
        if self.chance(0.3):
            schema |= {"minItems": 1, "maxItems": 2}
        if self.chance(0.2):
            schema["uniqueItems"] = True
        return schema

    def _object(self, levels: int) -> dict[str, Any]:
        return self.object_schema(levels)

    def record(self, schema: dict[str, Any], odd: float) -> str:
        """Return a record as JSON, which meets its schema mostly."""
        fields = [
            f"{self.name(name)}:{self.value(field, odd)}"
            for name, field in schema.get("properties", {}).items()
            if not self.chance(0.1)
        ]
        fields += [
            f"{self.name(self.pick((*NAMES, *EXTRA)))}:{self.any_value(1)}"
            for _ in range(self.draw.randint(0, 2) if self.chance(0.2) else 0)
        ]
        return "{" + ",".join(fields) + "}"

    def name(self, name: str) -> str:
        return json.dumps(self.pick(RAW.get(name, (name,))))

    def value(self, schema: dict[str, Any], odd: float) -> str:  # noqa: PLR0911 - one return for each kind
        if self.chance(odd):
            return self.any_value(2)
        kinds = schema["type"]
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if "enum" in schema:
            return json.dumps(self.pick(schema["enum"]))
        if kind == "string":
            return json.dumps(self.pick(TEXTS), ensure_ascii=self.chance(0.2))
        if kind in ("integer", "number"):
            return str(self.draw.randint(-9, 120)) if self.chance(0.8) else self.pick(NUMBERS)
        if kind == "boolean":
            return self.pick(("true", "false"))
        if kind == "array":
            items = [self.value(schema["items"], odd) for _ in range(self.draw.randint(0, 3))]
            return f"[{','.join(items)}]"
        return self.record(schema, odd)

    def any_value(self, levels: int) -> str:
        kind = self.pick(("text", "number", "true", "null", "list", "object", '""', "[]", "{}"))
        if kind == "text":
            return json.dumps(self.pick(TEXTS))
        if kind == "number":
            return self.pick(NUMBERS)
        if kind == "list":
            return f"[{self.any_value(levels - 1)},1]" if levels > 0 else "[0]"
        if kind == "object":
            return (
                "{" + f"{self.name(self.pick(NAMES))}:{self.any_value(levels - 1)}" + "}"
                if levels > 0
                else "{}"
            )
        return kind

    def cell(self, schema: dict[str, Any], odd: float) -> str:
        """Return a cell, which meets its schema mostly."""
        if self.chance(odd):
            return self.pick((*CELLS, *TEXTS[:24], "[1]"))
        if self.chance(0.1):
            return ""
        return str(json.loads(self.value(schema, 0))) if schema else self.pick(TEXTS)

    def table(self, declaration: dict[str, Any], rows: int) -> str:
        """Return delimited text of some records."""
        properties, odd = declaration["schema"]["properties"], self.pick((0, 0.01, 0.2))
        columns = [name for name in properties if not self.chance(0.1)] or ["a"]
        columns += [self.pick((*NAMES, *EXTRA)) for _ in range(self.draw.randint(0, 2))]
        header = [self.pick(RAW.get(name, (name,))) for name in columns]
        quoted = self.pick((0, 0, 1, 0.3))

        def written(cell: str) -> str:
            special = any(char in cell for char in '",\n\r') or self.chance(quoted)
            return '"' + cell.replace('"', '""') + '"' if special else cell

        lines = [header]
        lines += [
            [self.cell(properties.get(name, {}), odd) for name in columns] for _ in range(rows)
        ]
        if self.chance(0.1):
            lines.append(["1"] * (len(columns) + 1))
        return "".join(",".join(map(written, line)) + "\n" for line in lines)
