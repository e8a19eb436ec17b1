"""Dropped fields: nothing of them reaches the output or the rejects, whatever the file is like."""

import gzip
import json

import pytest

from handlers.transform.datasets.dataset import Dataset
from handlers.transform.files import record_encoder, transform
from handlers.transform.formats.batch import BadFileError
from tests.handlers.transform.datasets.declared import (
    TAIL,
    bodies,
    dataset,
    read,
    result,
    source,
)

CANARY = "4111-CANARY-1111"
DROPPED = dataset(
    {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "name": {"type": "string", "maxLength": 40},
            "customer": {"type": "object", "properties": {"age": {"type": "integer"}}},
            "cards": {"type": "array", "items": {"type": "object"}},
        },
    },
    drop=["card_number", "customer.card_number", "cards.secret.pin"],
)


def all_written(data: bytes, suffix: str, declared: Dataset = DROPPED) -> str:
    """Return all that a file leaves behind: lines, rejects and the reason if it fails."""
    try:
        batches = read(data, suffix, declared)
    except BadFileError as error:
        return f"{error} {error.reason} {error.place}"
    lines = b"".join(line for batch in batches for line in batch.lines)
    return (lines + b"".join(r.line() for batch in batches for r in batch.rejects)).decode()


RECORDS = [
    {"id": 1, "card_number": CANARY},
    {"id": 2, "Card Number": CANARY, "cardNumber": CANARY, "card_number": CANARY},
    {"id": 0, "CARD_NUMBER": CANARY},  # below the minimum
    {"id": "x", "card number": {"deep": [CANARY, {CANARY: CANARY}]}},
    {"card_number": [[CANARY]]},  # empty without it
    {"id": 3, "customer": {"card_number": CANARY, "age": "old"}},
    {"id": 4, "Customer": {"Card Number": CANARY}, "customer": {"cardNumber": CANARY, "age": 5}},
    {"id": 5, "customer": [{"card_number": CANARY}, [{"card_number": CANARY}]]},
    {"id": 6, "cards": [{"secret": [{"pin": CANARY}, {"pin": CANARY, "x": 1}]}, {"secret": 1}]},
    {"name": "no id", "card_number": CANARY},
]
TEXTS = [json.dumps(record) for record in RECORDS]
BROKEN = [
    f'{{"id":7,"card_number":"{CANARY}","card_number":"{CANARY}"}}',
    f'{{"id":8,"card_number":"{CANARY}",}}',
    f'{{"id":9,"card_number":"{CANARY}"',
    f'{{"id":10,"card_number":"{CANARY}","n":NaN}}',
    f'{{"id":11,"card_number":"{CANARY}\\ud800"}}',
    f'["{CANARY}"]',
    f'"{CANARY}"',
    f'{{"id":12,"card_number":"{CANARY}","n":{"[" * 201}{"]" * 201}}}',
    f'{{"id":12345678901234567890123,"card_number":"{CANARY}"}}',
    f'{{"id":1,"x":{{"card_number":1}},"card_number":{"[" * 201}"{CANARY}"{"]" * 201}}}',
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["lines", "array", "objects", "broken lines", "broken array"])
def test_json(form, packed, encoding):
    texts = TEXTS + (BROKEN if form.startswith("broken") else [])
    text = "\n".join(texts) if "lines" in form else f"[{','.join(texts)}]"
    if form == "objects":
        text = "\n".join(json.dumps(record, indent=1) for record in RECORDS)
    data = text.encode(encoding)
    written = all_written(gzip.compress(data) if packed else data, ".json")
    assert "CANARY" not in written
    assert "4111" not in written
    if form in ("lines", "array", "objects"):
        assert written.count("_metadata") == 4  # the good ones


@pytest.mark.parametrize("text", [*TEXTS, *BROKEN])
@pytest.mark.parametrize("others", [0, 40])
def test_each_record_alone_and_among_others(text, others):
    lines = ['{"id":1,"name":"x"}'] * others + [text] + ['{"id":1,"name":"x"}'] * others
    for form in ("\n".join(lines), f"[{','.join(lines)}]", f"[{text}", f"[{text}{text}]", text):
        assert "CANARY" not in all_written(form.encode(), ".json")


def test_a_line_that_is_not_utf8_is_withheld():
    data = b'{"id":1}\n{"id":2,"card_number":"' + CANARY.encode() + b'\xff"}\n'
    assert "CANARY" not in all_written(data, ".json")


ROWS = [
    f"1,{CANARY},x,{CANARY}",
    f"0,{CANARY},x,{CANARY}",
    f"x,{CANARY},x,{CANARY}",
    f"2,{CANARY}",
    f"3,{CANARY},x,{CANARY},{CANARY}",
    f',"{CANARY}",,"{CANARY}"',
    f'4,"{CANARY}\n{CANARY}",x,"{CANARY}"',
    f'5,"{CANARY}"x,x,"{CANARY}"',
    f'"{CANARY}"{CANARY}',
    f"{'9' * 30},{CANARY},{'n' * 50},",
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("others", [0, 40])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_tables(suffix, others, encoding):
    """Both columns of the name are dropped, and rows that cannot be read are withheld."""
    rows = ["7,y,z,w"] * others + ROWS + ["7,y,z,w"] * others
    text = "\n".join(["id,Card Number,name,card_number", *rows, ""])
    if suffix == ".tsv":
        text = text.replace(",", "\t")
    written = all_written(text.encode(encoding), suffix)
    assert "CANARY" not in written
    assert "card" not in written.lower().replace("cards", "")


def test_a_row_that_is_not_utf8_is_withheld():
    data = b"id,card_number\n1," + CANARY.encode() + b"\xff\n"
    assert "CANARY" not in all_written(data, ".csv")


def test_an_open_quote_fails_without_its_text():
    assert "CANARY" not in all_written(f'id,card_number\n1,"{CANARY}\n'.encode(), ".csv")


@pytest.mark.parametrize("text", ['[{"id":1}4,{}]', '[{"id":1},:4]'])
def test_a_broken_array_fails_without_the_character_found(text):
    assert all_written(text.encode(), ".json").startswith("row 2: broken array: something where")


def test_what_is_left_of_a_rejected_record_is_shown_as_json():
    data = f'{{"id":0,"Name":"x","customer":{{"age":1,"card_number":"{CANARY}"}}}}'.encode()
    (batch,) = read(data, ".json", DROPPED)
    assert json.loads(batch.rejects[0].line()) == {
        "line": 1,
        "field": "id",
        "rule": "minimum",
        "reason": "id: a number below the minimum 1",
        "raw": '{"id":0,"name":"x","customer":{"age":1}}',
    }


def test_what_is_left_of_a_rejected_row_is_shown_as_json():
    (batch,) = read(f"id,Card Number,Name\n007,{CANARY},x\n".encode(), ".csv", DROPPED)
    assert json.loads(batch.rejects[0].line()) == {
        "line": 2,
        "field": "id",
        "rule": "type",
        "reason": "id: a text that is not an integer",
        "raw": '{"id":"007","name":"x"}',
    }


def test_a_reject_that_could_not_be_read_says_so_and_its_length():
    (batch,) = read(b'{"id":1}\nbroken\n', ".json", DROPPED)
    assert json.loads(batch.rejects[0].line()) == {
        "line": 2,
        "reason": "not JSON: Expecting value at character 1",
        "raw": "withheld: the dataset drops fields",
        "raw_bytes": len(b"broken"),
    }


def test_dropped_columns_take_no_name_from_others():
    data = b"id,Card Number,card_number,card_number_2\n1,a,b,c\n"
    records, rejects, _ = result(data, ".csv", DROPPED)
    assert (records, rejects) == ([b'{"id":1,"card_number_2":"c"}'], [])
    data = b'{"id":1,"Card Number":"a","card_number":"b","card_number_2":"c"}'
    assert result(data, ".json", DROPPED)[0] == [b'{"id":1,"card_number_2":"c"}']


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".csv", b"id,Card Number,card_number\n1,a,b\n"),
        (".json", b'{"id":1,"Card Number":"a","card_number":"b"}\n'),
    ],
)
def test_dropped_fields_that_collide_are_not_counted_as_renamed(suffix, data):
    encoder = record_encoder(TAIL, DROPPED)
    assert bodies(list(transform(source(data), suffix, encoder))) == [b'{"id":1}']
    assert encoder.renamed == 0


def test_a_table_of_dropped_columns_alone_has_empty_records():
    assert result(b"Card Number\n1\n2\n", ".csv", DROPPED) == ([], [], 2)


def test_without_dropped_fields_a_reject_shows_the_whole_text():
    (batch,) = read(b'{"order": 1}\nbroken\n', ".json", dataset())
    assert [reject.raw for reject in batch.rejects] == [b'{"order": 1}', b"broken"]
