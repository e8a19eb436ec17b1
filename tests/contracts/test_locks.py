"""Each lock holds all that is asked for, with hashes and extras, so that no release breaks it."""

import re
from pathlib import Path

import pytest

from tests.contracts import locks
from tests.contracts.locks import ROOT, lock_files

LOCKS = lock_files()
# What `make setup` installs. The others have an environment of their own, which is checked when it
# is made (make check-locks makes all); here, as far as their packages are in this one too.
SET_UP = ["requirements.txt", "requirements-uv.txt", "handlers/requirements.txt"]
SET_UP += ["requirements-dev.txt"]


def read(lock: str) -> str:
    return (ROOT / lock).read_text()


def test_the_locks_are_all_that_there_are():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in (ROOT, *(it for it in ROOT.iterdir() if it.is_dir() and it.name[0] != "."))
        for pattern in ("requirements*.in", "[!.]*/requirements*.in")
        for path in folder.glob(pattern)
    }

    assert {lock.replace(".txt", ".in") for lock in LOCKS} == found
    assert set(SET_UP) < set(LOCKS)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_alone(lock: str):
    pins = locks.read_pins(read(lock))

    assert pins
    assert "://" not in read(lock)
    # One pin a name on a machine; others are of other Pythons.
    names = [pin.name for pin in pins if pin.is_here]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_locks_first_lines_are_the_command_that_make_lock_runs(lock: str):
    _, command, *rest = read(lock).splitlines()
    recipe = (ROOT / "Makefile").read_text().replace("\\\n\t\t\t", "")

    name = lock.removesuffix(".txt")
    options, _, files = command.removeprefix("#    uv pip compile ").partition(f" {name}.in")
    assert files == f" --output-file={name}.txt"
    assert f"--upgrade) {options} $$name.in --output-file=$$name.txt" in recipe
    assert not rest[0].startswith("#")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_gives_what_its_in_file_asks_for(lock: str):
    pins = {pin.name: pin for pin in locks.read_pins(read(lock)) if pin.is_here}

    asked = list(locks.read_asked(ROOT / lock.replace(".txt", ".in")))
    assert asked
    assert [f"{it} {gap}" for it in asked if (gap := locks.find_gap(it, pins))] == []


@pytest.mark.parametrize("lock", SET_UP)
def test_what_is_locked_is_what_runs_here(lock: str):
    # It also holds the locks together: what is deployed is what is tested.
    assert locks.find_absent(locks.read_pins(read(lock)), locks.find_installed()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_gives_what_its_packages_ask_for(lock: str):
    installed = locks.find_installed()
    pins = locks.read_pins(read(lock))

    assert locks.find_gaps(pins, installed) == []
    # Not for want of packages to ask.
    assert sum(pin.name in installed for pin in pins) * 3 >= len(pins)


def test_a_lock_without_extras_is_found_out():
    # With coverage==7.17.3 for coverage[toml], pip 23.2.1 took the newest coverage, without a hash.
    stripped = re.sub(r"(?m)^([a-z0-9-]+)\[[^\]]+\]==", r"\1==", read("requirements-dev.txt"))
    assert stripped != read("requirements-dev.txt")

    gaps = locks.find_gaps(locks.read_pins(stripped), locks.find_installed())

    assert any(
        re.search(r"asks for coverage\[toml\].*, locked without \[toml\]$", it) for it in gaps
    )


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return an environment of one package, which asks for three more, one of them by an extra."""
    info = tmp_path / "lib" / "python3.11" / "site-packages" / "asking-1.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        "Metadata-Version: 2.1\nName: asking\nVersion: 1.0\nProvides-Extra: more\n"
        "Requires-Dist: plain[fast]>=2\nRequires-Dist: elsewhere; sys_platform == 'nowhere'\n"
        "Requires-Dist: added; extra == 'more'\n"
    )
    return tmp_path


def line(requirement: str) -> str:
    return f"{requirement} \\\n    --hash=sha256:{'0' * 64}\n"


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        (["asking==1.0", "plain[fast]==2.0"], []),
        (["asking[more]==1.0", "plain[fast]==2.0", "added==1"], []),
        (["asking==1.0"], ["asks for plain[fast]>=2, which is not locked"]),
        (["asking==1.0", "plain==2.0"], ["asks for plain[fast]>=2, locked without [fast]"]),
        (["asking==1.0", "plain[fast]==1.9"], ["asks for plain[fast]>=2, locked is plain==1.9"]),
        (
            ["asking==1.0", "plain[fast]==2.0 ; sys_platform == 'nowhere'"],
            ["asks for plain[fast]>=2, which is not locked"],
        ),
        (
            ["asking[more]==1.0", "plain[fast]==2.0"],
            ['asks for added; extra == "more", which is not locked'],
        ),
        (["asking==2.0"], []),  # what it asks for is not known
    ],
)
def test_gaps_are_found(environment: Path, pins: list[str], expected: list[str]):
    read_back = locks.read_pins("".join(map(line, pins)))

    gaps = locks.find_gaps(read_back, locks.find_installed(environment))

    assert gaps == [f"asking==1.0 {text}" for text in expected]


def test_the_command_checks_a_lock_against_its_environment(
    environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    lock = tmp_path / "lock.txt"

    lock.write_text(line("asking==1.0") + line("plain==2.0"))
    assert locks.main(str(lock), str(environment)) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{lock}: plain==2.0 is not installed",
        f"{lock}: asking==1.0 asks for plain[fast]>=2, locked without [fast]",
    ]

    lock.write_text(line("asking==2.0"))
    assert locks.main(str(lock), str(environment)) == 1

    site = environment / "lib" / "python3.11" / "site-packages" / "plain-2.0.dist-info"
    site.mkdir()
    site.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 2.0\n")
    lock.write_text(line("asking==1.0") + line("plain[fast]==2.0"))
    assert locks.main(str(lock), str(environment)) == 0


@pytest.mark.parametrize(
    "text",
    [
        "plain==1.0\n",
        "plain \\\n    --hash=sha256:" + "0" * 64 + "\n",
        "plain==1.0 \\\n    --hash=sha256:0\n",
        "--index-url https://index.example/simple\n",
        "plain @ https://index.example/plain.whl \\\n    --hash=sha256:" + "0" * 64 + "\n",
        line("plain==1.0") + "# from index.example\n" + line("other==1.0"),
    ],
)
def test_a_line_that_is_no_pin_with_hashes_is_refused(text: str):
    with pytest.raises(ValueError, match=re.escape("no name==version with hashes alone")):
        locks.read_pins(text)
