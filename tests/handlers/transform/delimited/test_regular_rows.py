"""Which parts of a window are read block by block, with the same result as row by row."""

import pytest

from handlers.transform.delimited.block_encoder import RowBlock, RowBlockEncoder
from tests.handlers.transform.delimited.row_readers import Table, check, grow, read

COUNT = 150
KIB = 1024


class Parts:
    """Records the lengths of the parts that are tried, regular and odd."""

    def __init__(self, monkeypatch):
        self.regular, self.odd = list[int](), list[int]()
        encode = RowBlockEncoder.encode

        def noted(encoder: RowBlockEncoder, part: bytes) -> RowBlock | None:
            block = encode(encoder, part)
            (self.regular if block else self.odd).append(len(part))
            return block

        monkeypatch.setattr(RowBlockEncoder, "encode", noted)


def table(data: bytes) -> Table:
    return Table(
        data=data, suffix=".csv", sizes=[], encoding="", block=64 * KIB, record=8 * KIB * KIB
    )


def test_block_by_block_gives_the_same_as_row_by_row(monkeypatch):
    parts = Parts(monkeypatch)
    ends = {check(seed) for seed in range(COUNT)}
    assert ends == {"file fails", "no records", "records", "some rejected"}
    assert len(parts.regular) > 10 * COUNT
    assert len(parts.odd) > COUNT


def test_a_difference_is_found(monkeypatch):
    encode = RowBlockEncoder.encode

    def wrong(encoder: RowBlockEncoder, part: bytes) -> RowBlock | None:
        block = encode(encoder, part)
        return block and block._replace(lines=block.lines + 1)

    monkeypatch.setattr(RowBlockEncoder, "encode", wrong)
    with pytest.raises(AssertionError):
        [check(seed) for seed in range(20)]


def test_a_seed_generates_the_same_table_every_time():
    assert [grow(seed) for seed in range(100)] == [grow(seed) for seed in range(100)]


def test_a_regular_file_is_read_in_blocks_as_it_arrives(monkeypatch):
    parts = Parts(monkeypatch)
    read(table(b"a,b\n" + b"123,4567\n" * 50_000), by_row=False)
    assert parts.odd == []
    assert min(parts.regular[:-1]) > 31 * KIB
    assert max(parts.regular) <= 64 * KIB


def test_one_odd_row_excludes_few_others_from_reading_in_blocks(monkeypatch):
    parts = Parts(monkeypatch)
    rows = b"123,4567\n" * 20_000
    data = b"a,b\n" + rows + b"1\n" + rows
    read(table(data), by_row=False)
    assert min(parts.odd) <= 2 * KIB
    assert sum(parts.regular) > len(data) - 8 * KIB


def test_an_odd_part_is_not_tried_again_as_it_was(monkeypatch):
    parts = Parts(monkeypatch)
    read(table(b"a,b\n" + b"1,2\n" * 700 + b"1\n" + b"1,2\n" * 200), by_row=False)
    assert parts.odd[0] == 4 * 901 - 2
    assert parts.odd == sorted(set(parts.odd), reverse=True)
    assert parts.regular


def test_an_odd_row_of_more_than_half_a_block_is_tried_once(monkeypatch):
    parts = Parts(monkeypatch)
    row = b"1" * 40_000 + b"\n"
    read(table(b"a,b\n" + row), by_row=False)
    assert parts.odd == [len(row)]


def test_nothing_is_tried_if_no_row_can_be_short_enough(monkeypatch):
    parts = Parts(monkeypatch)
    header = b",".join([b"a"] * 300_000)
    reading, _ = read(table(header + b"\n1,2\n"), by_row=False)
    assert [reject.number for reject in reading.rejects] == [2]
    assert (parts.regular, parts.odd) == ([], [])


def test_few_parts_are_tried_if_every_row_is_odd(monkeypatch):
    parts = Parts(monkeypatch)
    data = b"a,b\n" + (b"1" * 99 + b"\n") * 10_000
    read(table(data), by_row=False)
    assert parts.regular == []
    assert sum(parts.odd) < 0.2 * len(data)


def test_a_row_longer_than_a_block_is_read_at_once_but_not_beyond_four_blocks(monkeypatch):
    parts = Parts(monkeypatch)
    wide = b",".join([b"12345"] * 10_000) + b"\n"
    for times, regular in ((1, [len(wide)] * 3), (6, [])):
        row = wide[:-1].replace(b"12345", b"12345" * times) + b"\n"
        parts.regular.clear()
        header = b",".join(b"c%d" % n for n in range(10_000)) + b"\n"
        reading, _ = read(table(header + row * 3), by_row=False)
        assert reading.written == 3
        assert parts.regular == regular


def test_the_last_row_needs_no_break(monkeypatch):
    parts = Parts(monkeypatch)
    for end in (b"", b"\r", b"\n", b"\r\n"):
        reading, batches = read(table(b"a,b\n1,2\n3,4" + end), by_row=False)
        assert reading.written == 2
        assert batches[-1].after == (len(b"a,b\n1,2\n3,4" + end), 4, 0)
    assert (len(parts.regular), parts.odd) == (4, [])
