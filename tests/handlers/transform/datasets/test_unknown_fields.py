import pytest

from tests.handlers.transform.datasets.declared import dataset, result

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
    "minProperties": 1,
}
PLAIN = {**SCHEMA, "required": ["id"]}
del PLAIN["minProperties"]
JSON = b'{"zz":{"a":1},"Id":1,"Other Name":[2],"name":"x"}\n{"id":2}\n'
CSV = b"zz,Id,Other Name,name\na,1,,x\n,2,,\nb,3,c,\n"


@pytest.mark.parametrize("schema", [SCHEMA, PLAIN])
@pytest.mark.parametrize("others", [0, 30])
def test_they_are_kept_as_they_are(schema, others):
    declared = dataset(schema)
    records, rejects, _ = result(JSON + b'{"id":4}\n' * others, ".ndjson", declared)
    assert records[0] == b'{"zz":{"a":1},"id":1,"other_name":[2],"name":"x"}'
    assert rejects == []
    records, rejects, _ = result(CSV + b",4,,\n" * others, ".csv", declared)
    assert records[:3] == [
        b'{"zz":"a","id":1,"name":"x"}',
        b'{"id":2}',
        b'{"zz":"b","id":3,"other_name":"c"}',
    ]
    assert rejects == []


@pytest.mark.parametrize("schema", [SCHEMA, PLAIN])
@pytest.mark.parametrize("others", [0, 30])
def test_a_record_with_one_is_rejected(schema, others):
    declared = dataset(schema, unknownFields="reject")
    records, rejects, _ = result(JSON + b'{"id":4}\n' * others, ".ndjson", declared)
    assert records == [b'{"id":2}', *[b'{"id":4}'] * others]
    assert rejects == [("line 1", "zz", "unknownFields")]
    records, rejects, _ = result(CSV + b",4,,\n" * others, ".csv", declared)
    assert records == [b'{"id":2}', *[b'{"id":4}'] * others]
    assert rejects == [("line 2", "zz", "unknownFields"), ("line 4", "zz", "unknownFields")]


@pytest.mark.parametrize("schema", [SCHEMA, PLAIN])
@pytest.mark.parametrize("others", [0, 30])
def test_they_are_rescued_into_the_last_field(schema, others):
    declared = dataset(schema, unknownFields="rescue")
    records, rejects, _ = result(JSON + b'{"id":4}\n' * others, ".ndjson", declared)
    assert records[:2] == [
        b'{"id":1,"name":"x","_rescued":{"zz":{"a":1},"other_name":[2]}}',
        b'{"id":2}',
    ]
    assert rejects == []
    records, rejects, _ = result(CSV + b",4,,\n" * others, ".csv", declared)
    assert records[:3] == [
        b'{"id":1,"name":"x","_rescued":{"zz":"a"}}',
        b'{"id":2}',
        b'{"id":3,"_rescued":{"zz":"b","other_name":"c"}}',
    ]
    assert rejects == []


def test_a_field_that_is_named_as_the_rescued_ones_are_is_rescued_as_well():
    declared = dataset(PLAIN, unknownFields="rescue")
    records, _, _ = result(b'{"_rescued":5,"_metadata":6,"id":1}', ".json", declared)
    assert records == [b'{"id":1,"_rescued":{"rescued":5,"metadata":6}}']


def test_the_schema_does_not_count_rescued_fields():
    declared = dataset(SCHEMA, unknownFields="rescue")
    _, rejects, empty = result(b'{"zz":1}\n{}\n', ".ndjson", declared)
    assert (rejects, empty) == ([("line 1", "", "minProperties")], 1)


def test_two_names_that_meet_are_one_declared_and_one_unknown_field():
    declared = dataset(PLAIN, unknownFields="rescue")
    assert result(b"Id,id\n5,6\n", ".csv", declared)[0] == [b'{"id":6,"_rescued":{"id_2":"5"}}']
