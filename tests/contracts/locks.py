"""The locks: how they are read, and what a locked package asks for that its lock lacks.

`python -m tests.contracts.locks bench/requirements.txt bench/.venv` checks a lock against the
environment that was made from it.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# All that a line of a lock may be: no option, no address, nothing without a hash.
_LINE = re.compile(
    r"(?P<requirement>[a-z0-9-]+(\[[a-z0-9, -]+\])?==[^\s;]+( ; [^\\]+)?)"
    r"(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)
_OPTION = re.compile(r"-r (?P<path>\S+)")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One line of a lock."""

    name: str
    version: str
    extras: frozenset[str]
    marker: Marker | None

    @property
    def is_here(self) -> bool:
        """Whether this Python on this machine installs it."""
        return self.marker is None or self.marker.evaluate()

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def lock_files(root: Path = ROOT) -> list[str]:
    """Return the locks that `make lock` writes."""
    found = re.search(r"^LOCKS := (.+)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert found, "the Makefile names no LOCKS"
    return [f"{name}.txt" for name in found[1].split()]


def read_pins(text: str) -> list[Pin]:
    """Return a lock's lines. Raises ValueError for one that is no pin with hashes."""
    body = re.sub(r"\A(#.*\n)+", "", text)
    pins: list[Pin] = []
    end = 0
    for line in _LINE.finditer(body):
        if line.start() != end:
            break
        end = line.end()
        asked = Requirement(line["requirement"])
        (version,) = [it.version for it in asked.specifier]
        pins.append(
            Pin(
                name=canonicalize_name(asked.name),
                version=version,
                extras=frozenset(asked.extras),
                marker=asked.marker,
            )
        )
    if end != len(body):
        msg = f"no name==version with hashes alone: {body[end:].splitlines()[0]!r}"
        raise ValueError(msg)
    return pins


def read_asked(path: Path) -> Iterator[Requirement]:
    """Yield what an `.in` file asks for, and the files that it includes."""
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if included := _OPTION.fullmatch(text):
            yield from read_asked(path.parent / included["path"])
        elif text:
            yield Requirement(text)


def find_installed(environment: Path | None = None) -> Mapping[str, Distribution]:
    """Return the packages of an environment by name; of the running one without a path."""
    if environment is None:
        found = distributions()
    else:
        found = distributions(
            path=[str(it) for it in environment.glob("lib/python*/site-packages")]
        )
    return {canonicalize_name(it.name): it for it in found}


def find_absent(pins: Iterable[Pin], installed: Mapping[str, Distribution]) -> list[str]:
    """Return the pins of this machine that are not installed at their version."""
    return [
        f"{pin} is not installed"
        for pin in pins
        if pin.is_here and not _is_installed(pin, installed)
    ]


def find_gaps(pins: Iterable[Pin], installed: Mapping[str, Distribution]) -> list[str]:
    """Return what packages ask for, under their locked extras, and the lock does not give.

    Only a package that is installed at its locked version can be asked.
    """
    here = {pin.name: pin for pin in pins if pin.is_here}
    return [
        f"{pin} asks for {asked}, {gap}"
        for pin in here.values()
        if _is_installed(pin, installed)
        for asked in _requirements(installed[pin.name], pin.extras)
        if (gap := find_gap(asked, here))
    ]


def find_gap(asked: Requirement, pins: Mapping[str, Pin]) -> str | None:
    """Say what the pin of a requirement lacks, or None where it lacks nothing."""
    pin = pins.get(canonicalize_name(asked.name))
    if pin is None:
        return "which is not locked"
    if not asked.specifier.contains(pin.version, prereleases=True):
        return f"locked is {pin}"
    if lacking := asked.extras - pin.extras:
        return f"locked without [{', '.join(sorted(lacking))}]"
    return None


def _is_installed(pin: Pin, installed: Mapping[str, Distribution]) -> bool:
    found = installed.get(pin.name)
    return found is not None and found.version == pin.version


def _requirements(package: Distribution, extras: Iterable[str]) -> Iterator[Requirement]:
    chosen = ["", *extras]
    for text in package.requires or []:
        asked = Requirement(text)
        if asked.marker is None or any(asked.marker.evaluate({"extra": it}) for it in chosen):
            yield asked


def main(lock: str, environment: str) -> int:
    """Print what is wrong with a lock and its environment; return the exit code."""
    pins = read_pins(Path(lock).read_text())
    installed = find_installed(Path(environment))
    found = [*find_absent(pins, installed), *find_gaps(pins, installed)]
    for line in found:
        print(f"{lock}: {line}", file=sys.stderr)
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
