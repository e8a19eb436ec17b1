"""`make demo`: the tour shows what it has to, and notices when something goes wrong."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from local.commands import demo

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[3]


def test_the_tour_ends_well_and_shows_every_sample() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for name in demo.TOUR:
        assert f"incoming/{name}" in done.stdout
    for shown in (
        '"Email Address"',
        '"email_address"',
        '"environment": "prod"',
        "archive/",
        "8 outputs moved, 0 left in processed/",
        "row 3: broken array: it ends early",
        "unknown suffix",
        '"line":8,"reason":"2 cells, the header has 3"',
        '"line":8,"field":"total","rule":"type"',
    ):
        assert shown in done.stdout
    bars = {line.split()[0]: line for line in done.stdout.splitlines() if "█" in line}
    assert {status: line.split()[-1] for status, line in bars.items()} == {
        "shipped": "456.75", "paid": "404.25", "new": "123.25", "returned": "49",
    }  # fmt: skip
    assert "4111" not in done.stdout  # what the dataset drops
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Everything went where it has to." in done.stdout


def test_the_tour_says_so_when_a_file_goes_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tour = {"crm/user.json": demo.TOUR["crm/user.json"], "shop/orders.json": ("array", "failed")}
    for name in tour:
        sample = demo.SAMPLES / Path(name).name
        (tmp_path / sample.name).write_bytes(sample.read_bytes())
    monkeypatch.setattr(demo, "TOUR", tour)
    monkeypatch.setattr(demo, "SAMPLES", tmp_path)
    written = io.StringIO()
    assert demo.run_demo(Console(file=written, width=80)) is False
    assert "Something did not go where it has to" in written.getvalue()
