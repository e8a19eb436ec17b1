"""`python -m local transform`: a file of this disk becomes what the processor would write."""

import codecs
import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from local.commands.parser import app

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "local", "transform"]
CSV = b"Id,User Name\n1,Ann\n2\n3,Cy\n"
MEBIBYTE = 1 << 20
MEMORY_LIMIT = 100 * MEBIBYTE
# Runs a command whose heap is limited, so that an allocation beyond it fails, and prints its peak.
# A small process, since what is forked counts the memory of the one that it came from.
MEASURED = """
import resource, subprocess, sys
limit, *command = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
status = subprocess.run(command).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def run(*words: object) -> Result:
    before = signal.getsignal(signal.SIGTERM)
    try:
        return CliRunner().invoke(app, ["transform", *map(str, words)])
    finally:
        signal.signal(signal.SIGTERM, before)


def records(body: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in body.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.fixture
def source(folder: Path) -> Path:
    """A CSV file of three records, of which the second is bad."""
    path = folder / "in" / "a b+%20ü{x}[red].csv"
    path.write_bytes(CSV)
    return path


def test_the_records_go_to_the_standard_output_and_the_counts_beside_it(folder: Path) -> None:
    source = folder / "user.json"
    source.write_text('{"User Name": "Ann", "Age": null}')
    result = run(source)
    assert result.exit_code == 0
    (record,) = records(result.stdout_bytes)
    assert list(record) == ["user_name", "_metadata"]
    assert record["_metadata"]["environment"] == "local"
    assert result.stdout_bytes.count(b"\n") == 1
    assert "1 records, 1 written, 0 rejected" in result.stderr


def test_records_and_rejects_go_to_their_files(folder: Path, source: Path) -> None:
    output, rejects = folder / "out" / "good.json", folder / "out" / "bad.ndjson"
    options = ("--max-rejected-percent", 34, "--environment", "prod")
    result = run(source, "-o", output, "--rejects", rejects, *options)
    assert (result.exit_code, result.stdout) == (0, "")
    written = records(output.read_bytes())
    assert [(one["id"], one["user_name"]) for one in written] == [("1", "Ann"), ("3", "Cy")]
    assert {one["_metadata"]["environment"] for one in written} == {"prod"}
    assert records(rejects.read_bytes()) == [
        {"line": 3, "reason": "1 cells, the header has 2", "raw": "2"}
    ]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["bad.ndjson", "good.json"]


DATASET = """\
prefix: shop/
csv: {delimiter: ";", encoding: cp1252, header: [id, user_name, card]}
schema:
  type: object
  properties: {id: {type: integer}, user_name: {type: string}}
drop: [card]
maxRejectedPercent: 40
"""


def test_records_are_held_to_a_dataset(folder: Path) -> None:
    source, declared = folder / "a.csv", folder / "orders.yaml"
    source.write_bytes("1;Zoë;4111\nx;Bob;4111\n3;Cy;4111\n".encode("cp1252"))
    declared.write_text(DATASET)
    rejects = folder / "bad.ndjson"
    words = ("--rejects", rejects, "--dataset", declared, "--fallback-encoding", "cp1250")
    result = run(source, *words)
    assert result.exit_code == 0, result.stderr  # the dataset allows more bad records
    written = [{**one, "_metadata": None} for one in records(result.stdout_bytes)]
    assert written == [
        {"id": 1, "user_name": "Zoë", "_metadata": None},
        {"id": 3, "user_name": "Cy", "_metadata": None},
    ]
    (bad,) = records(rejects.read_bytes())
    assert (bad["line"], bad["field"], bad["rule"]) == (2, "id", "type")
    assert b"4111" not in result.stdout_bytes + rejects.read_bytes()
    declared.write_text(DATASET.replace("40", "30"))
    failed = run(source, "--dataset", declared)
    assert (failed.exit_code, "allowed: 30 %" in failed.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "told"), [(None, "orders.yaml"), ("prefix: shop/", "schema"), ("a: [", "orders.yaml")]
)
def test_a_dataset_that_is_wrong_is_wrong_usage(
    folder: Path, source: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (folder / "orders.yaml").write_text(text)
    result = run(source, "--dataset", folder / "orders.yaml")
    assert (result.exit_code, result.stdout, told in result.stderr) == (2, "", True)
    assert run(source, "--dataset", folder).exit_code == 2


def test_a_dataset_can_be_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    Path("datasets").mkdir()
    Path("datasets/orders.yaml").write_text(DATASET)
    Path("a.csv").write_text("1;Zoë;4111\n")
    (written,) = records(run("a.csv", "--dataset", "orders").stdout_bytes)
    assert (written["id"], "card" in written) == (1, False)
    missing = run("a.csv", "--dataset", "order")
    told = "there is no dataset 'order'; the datasets in datasets/ are: orders"
    assert (missing.exit_code, missing.stdout, told in missing.stderr) == (2, "", True)


def test_compressed_records_are_the_same_records(folder: Path, source: Path) -> None:
    output = folder / "out" / "good.json.gz"
    result = run(source, "-o", output, "--compress", "--max-rejected-percent", 34)
    assert result.exit_code == 0
    assert [one["id"] for one in records(gzip.decompress(output.read_bytes()))] == ["1", "3"]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.csv", CSV, "1 of 3 records are bad"),
        ("a.json", b'[{"a":1},{"a"', "row 2: broken array"),
        ("a.json", b'[{"a":1}' + b',{"a":1}' * 2_000_000, "it ends early"),
        ("a.pdf", b"%PDF", "unknown suffix: 'a.pdf', allowed: .json"),
        ("a.json.gz", b"no gzip", "gzip"),
        ("a.csv", b'a,b\n1,"2\n', "quote"),
    ],
    ids=["rejects", "array", "large-array", "suffix", "gzip", "quote"],
)
def test_a_dead_letter_is_told_and_leaves_nothing(
    folder: Path, name: str, body: bytes, said: str
) -> None:
    source, out = folder / "in" / name, folder / "out"
    source.write_bytes(body)
    result = run(source, "-o", out / "good.json", "--rejects", out / "bad.ndjson")
    assert result.exit_code == 1
    assert f"{source}: would be dead-lettered: " in result.stderr
    assert said in result.stderr
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("name", ["cp1252", "windows-1252", "latin-1"])
def test_a_file_that_is_not_utf8_is_read_by_the_fallback(folder: Path, name: str) -> None:
    source = folder / "in" / "städte.csv"
    source.write_bytes("Stadt\nKöln\nGenf\n".encode("cp1252"))
    assert "maybe Windows-1252" in run(source).stderr
    result = run(source, "--fallback-encoding", name)
    assert (result.exit_code, [one["stadt"] for one in records(result.stdout_bytes)]) == (
        0,
        ["Köln", "Genf"],
    )
    assert "2 written" in result.stderr
    assert f"read as {codecs.lookup(name).name}" in result.stderr
    source.write_bytes("Stadt\nKöln\n".encode())
    result = run(source, "--fallback-encoding", name)
    assert [one["stadt"] for one in records(result.stdout_bytes)] == ["Köln"]
    assert "read as" not in result.stderr


def test_what_is_no_fallback_is_wrong_usage(source: Path) -> None:
    result = run(source, "--fallback-encoding", "ansi")
    assert result.exit_code == 2
    assert "'ansi', allowed: an encoding" in result.stderr


def test_an_output_that_grows_too_large_is_a_dead_letter(folder: Path) -> None:
    source = folder / "in" / "bomb.csv.gz"
    source.write_bytes(gzip.compress(b"a\n" + b"1\n" * 700_000))
    result = run(source, "-o", folder / "out" / "good.json")
    assert result.exit_code == 1
    assert "(maxExpansion)" in result.stderr
    assert list((folder / "out").iterdir()) == []
    assert run(source, "-o", folder / "out" / "good.json", "--max-expansion", 90_000).exit_code == 0


def test_a_failure_leaves_an_earlier_output_as_it_was(folder: Path, source: Path) -> None:
    output = folder / "out" / "good.json"
    output.write_text("earlier")
    assert run(source, "-o", output).exit_code == 1
    assert output.read_text() == "earlier"
    assert run(source, "-o", output, "--max-rejected-percent", 34).exit_code == 0
    assert len(records(output.read_bytes())) == 2


@pytest.mark.parametrize("words", [("-o", "{source}"), ("-o", "x", "--rejects", "./x")])
def test_a_file_is_never_named_twice(
    folder: Path, source: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "out")
    result = run(
        source, "--max-rejected-percent", 34, *(word.format(source=source) for word in words)
    )
    assert result.exit_code == 2
    assert "is named twice, for " in result.stderr
    assert "allowed: a file of its own for each" in result.stderr
    assert source.read_bytes() == CSV
    assert list(Path().iterdir()) == []


def test_a_link_stays_and_a_device_is_written_to(folder: Path, source: Path) -> None:
    target, link = folder / "out" / "target.json", folder / "out" / "link.json"
    link.symlink_to(target)
    options = ("--max-rejected-percent", 34, "--rejects", os.devnull)
    assert run(source, "-o", link, *options).exit_code == 0
    assert link.is_symlink()
    assert len(records(target.read_bytes())) == 2
    assert run(source, "-o", os.devnull, *options).exit_code == 0
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("option", ["-o", "--rejects"])
def test_a_place_that_takes_no_file_is_wrong_usage(folder: Path, source: Path, option: str) -> None:
    place = folder / "out" / "missing" / "good.json"
    result = run(source, option, place)
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {place.resolve()}: its folder does not exist, allowed: one that does\n"
    )
    assert list((folder / "out").iterdir()) == []


def test_a_folder_that_may_not_be_written_to_is_told_by_its_path(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: object, _target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    result = run(source, "-o", folder / "out" / "good.json", "--max-rejected-percent", 34)
    assert result.exit_code == 1
    assert result.stderr == f"error: {source}: No space left on device\n"
    assert list((folder / "out").iterdir()) == []


SEVERAL = {
    "a.csv": b"Id\n1\n",
    "deep/er/b.ndjson": b'{"Id":2}\n{"Id":\n{"Id":4}\n',
    "deep/c.JSON": b'[{"Id":3}]',
    ".hidden/d.csv": b"Id\n9\n",
    "deep/.e.csv": b"Id\n9\n",
}


def tree(place: Path) -> dict[str, bytes]:
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def several(folder: Path) -> Path:
    for name, body in SEVERAL.items():
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder / "in"


def test_the_files_of_a_folder_keep_their_paths(folder: Path, several: Path) -> None:
    out, bad = folder / "out" / "new" / "good", folder / "out" / "bad"
    result = run(several, "-o", out, "--rejects", bad, "--max-rejected-percent", 50)
    assert result.exit_code == 0, result.stderr
    written = {name: [one["id"] for one in records(body)] for name, body in tree(out).items()}
    assert written == {"a.json": ["1"], "deep/er/b.json": [2, 4], "deep/c.json": [3]}
    rejected = {name: records(body) for name, body in tree(bad).items()}
    assert {name: [one["line"] for one in bodies] for name, bodies in rejected.items()} == {
        "a.ndjson": [], "deep/er/b.ndjson": [2], "deep/c.ndjson": [],
    }  # fmt: skip
    assert f"{several / 'a.csv'}: 1 records, 1 written" in result.stderr


def test_a_folder_goes_to_the_standard_output_in_the_order_of_its_paths(several: Path) -> None:
    result = run(several, "--max-rejected-percent", 50)
    assert [one["id"] for one in records(result.stdout_bytes)] == ["1", 3, 2, 4]


def test_files_and_folders_may_be_mixed_and_compressed(folder: Path, several: Path) -> None:
    (folder / "alone.tsv").write_bytes(b"Id\n5\n")
    result = run(
        folder / "alone.tsv", several, "-o", folder / "out", "--compress",
        "--max-rejected-percent", 50,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    written = {name: gzip.decompress(body) for name, body in tree(folder / "out").items()}
    assert sorted(written) == ["a.json.gz", "alone.json.gz", "deep/c.json.gz", "deep/er/b.json.gz"]
    assert records(written["alone.json.gz"])[0]["id"] == "5"


def test_a_file_may_go_into_a_folder(folder: Path, source: Path) -> None:
    result = run(source, "-o", folder / "out", "--max-rejected-percent", 34)
    assert result.exit_code == 0, result.stderr
    assert list(tree(folder / "out")) == [f"{source.stem}.json"]


def test_one_bad_file_costs_no_other(folder: Path, several: Path) -> None:
    (several / "a2.pdf").write_bytes(b"%PDF")
    result = run(several, "-o", folder / "out")
    assert result.exit_code == 1
    assert sorted(tree(folder / "out")) == ["a.json", "deep/c.json"]
    told = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[1].strip() for line in told] == [
        str(several / "a2.pdf"), str(several / "deep" / "er" / "b.ndjson"),
    ]  # fmt: skip


def test_outputs_within_the_folder_are_not_its_files(
    several: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(several)
    for _ in range(2):
        words = (".", "-o", "good", "--rejects", "bad", "--max-rejected-percent", 50)
        result = run(*words)
        assert result.exit_code == 0, result.stderr
    assert sorted(tree(several / "good")) == ["a.json", "deep/c.json", "deep/er/b.json"]


STDIN = b"Id;User Name\n1;Ann\n2;Bob\n"


@pytest.mark.parametrize("packed", [False, True])
def test_the_standard_input_is_of_the_format_that_is_given(folder: Path, packed: bool) -> None:
    body = gzip.compress(STDIN) if packed else STDIN
    output = folder / "out" / "good.json"
    with subprocess.Popen(
        [*PROGRAM, "-", "--format", "csv.gz" if packed else "csv", "-o", output],
        cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.communicate(body, timeout=60)[1] == (
            b"standard input: 2 records, 2 written, 0 rejected, 0 empty, 0 fields renamed\n"
        )
    assert process.returncode == 0
    assert [one["user_name"] for one in records(output.read_bytes())] == ["Ann", "Bob"]


def test_the_standard_input_beside_a_file_has_a_name_in_the_folder(
    folder: Path, several: Path
) -> None:
    words = ["transform", "-", str(several / "deep/c.JSON"), "--format", "json"]
    result = CliRunner().invoke(app, [*words, "-o", str(folder / "out")], input=b'{"a":1}')
    assert result.exit_code == 0, result.stderr
    assert sorted(tree(folder / "out")) == ["c.json", "stdin.json"]


def test_a_bad_standard_input_is_named(folder: Path) -> None:
    words = ["transform", "-", "--format", "json", "-o", str(folder / "out" / "x")]
    result = CliRunner().invoke(app, words, input=b"[{")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: standard input: would be dead-lettered: ")
    assert list((folder / "out").iterdir()) == []


def test_a_format_counts_before_a_name(folder: Path) -> None:
    source = folder / "data.txt"
    source.write_bytes(b"Id\n1\n")
    assert run(source, "--format", "csv").exit_code == 0
    assert run(source).exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-",), "- has no suffix, allowed: with --format json|json.gz|"),
        (("-", "-", "--format", "csv"), "- is given 2 times, allowed: once"),
        (("{in}", "--format", "xml"), "--format is 'xml', allowed: json json.gz ndjson"),
        (("{in}", "--format", ".csv"), "--format is '.csv', allowed: "),
        (("{in}/a.csv", "{in}/no.csv", "nor.csv"), "{in}/no.csv does not exist, allowed: "),
        (("{in}/a.csv", "{in}/no.csv", "nor.csv"), "nor.csv does not exist, allowed: "),
        (("{in}", "-o", "{in}/a.csv"), "{in}/a.csv is a file, allowed: a folder"),
        (("{in}/a.csv", "{in}/deep", "--rejects", "{in}/a.csv"), "a.csv is a file, allowed: "),
        (("{in}/a.csv", "{in}/a.csv", "-o", "{out}"), "{out}/a.json is named twice, for "),
        (("{in}/deep", "-o", "{in}/deep"), "{in}/deep/c.json is named twice"),
        (("{in}/.hidden/none",), "does not exist"),
        (("{out}",), "{out} holds no file, allowed: a folder with files"),
    ],
)
def test_wrong_usage_says_what_of_which_file_and_writes_nothing(
    folder: Path, several: Path, words: tuple[str, ...], said: str
) -> None:
    (several / "deep" / "c.json").write_bytes(b"{}")
    before = tree(folder)
    names = {"in": several, "out": folder / "out"}
    result = run(*(word.format(**names) for word in words))
    assert result.exit_code == 2, result.output
    assert said.format(**names) in result.stderr
    assert result.stderr.startswith("error: ")
    assert tree(folder) == before


@pytest.mark.parametrize(
    "words",
    [
        ("no-file.json",),
        (),
        ("{source}", "--max-rejected-percent", "101"),
        ("{source}", "more"),
    ],
)
def test_wrong_usage_is_2(source: Path, words: tuple[str, ...]) -> None:
    assert run(*(word.format(source=source) for word in words)).exit_code == 2


def test_a_reader_that_has_enough_ends_it_quietly(folder: Path) -> None:
    source = folder / "big.ndjson"
    source.write_bytes(b'{"a":1}\n' * 500_000)
    with subprocess.Popen(
        [*PROGRAM, source], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith(b'{"a":1,')
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    source, out = folder / "in" / "endless.ndjson", folder / "out"
    source.write_bytes(b'{"a":1}\n' * 8_000_000)
    with subprocess.Popen(
        [*PROGRAM, source, "-o", out / "good.json"], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        end = time.monotonic() + 30
        while not list(out.iterdir()) and time.monotonic() < end:
            time.sleep(0.02)
        assert list(out.iterdir())
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert list(out.iterdir()) == []


FORMS = {
    "lines.ndjson": b'{"User Name":"Ann","Amount":12.5,"n":null,"Tags":["a","b"]}\n',
    "array.json": b'{"User Name":"Ann","Amount":12.5,"n":null,"Tags":["a","b"]},',
    "table.csv": b'12,"Ann, the first",,2024-01-15\n',
}
FRAMES = {"array.json": (b"[", b'{"a":1}]'), "table.csv": (b"Id,User Name,Note,Day\n", b"")}


def large_file(folder: Path, name: str, size: int) -> tuple[Path, int]:
    """Write a file of a size; return it and how many records are in it."""
    path, row = folder / name, FORMS[name]
    begin, end = FRAMES.get(name, (b"", b""))
    rows_a_block = MEBIBYTE // len(row)
    blocks = size // (rows_a_block * len(row))
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(blocks):
            file.write(row * rows_a_block)
        file.write(end)
    return path, blocks * rows_a_block + (1 if name == "array.json" else 0)


def peak_memory(source: Path, output: Path) -> int:
    """Transform a file in a process of its own; return the bytes that it held at most."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(MEMORY_LIMIT), *PROGRAM, source, "-o", output],
        cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def count_lines(path: Path) -> int:
    lines = 0
    with path.open("rb") as file:
        while block := file.read(MEBIBYTE):
            lines += block.count(b"\n")
    return lines


@pytest.mark.bombs
@pytest.mark.parametrize("name", FORMS)
def test_100_mb_take_little_memory(tmp_path: Path, name: str) -> None:
    source, rows = large_file(tmp_path, name, 100_000_000)
    output = tmp_path / "out.json"
    assert peak_memory(source, output) < MEMORY_LIMIT
    assert count_lines(output) == rows
    with output.open("rb") as file:
        assert "_metadata" in orjson.loads(file.readline())


@pytest.mark.long
@pytest.mark.parametrize("name", FORMS)
def test_1_gb_takes_little_memory(tmp_path: Path, name: str) -> None:
    source, rows = large_file(tmp_path, name, 1_000_000_000)
    output = tmp_path / "out.json"
    assert peak_memory(source, output) < MEMORY_LIMIT
    assert count_lines(output) == rows
