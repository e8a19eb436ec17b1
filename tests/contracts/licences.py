"""The licences of what is deployed and of what deploys it: `python -m tests.contracts.licences`."""

from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions

from infra.package import THIS_MACHINE, contents
from tests.contracts.locks import ROOT, find_installed, read_pins

# Licences that let the archive be used and passed on in a closed product as it is, by SPDX name.
# MPL-2.0 asks for the source of its own files alone, which nobody here changes.
ALLOWED = frozenset(
    {"MIT", "Apache-2.0", "BSD-3-Clause", "PSF-2.0", "MPL-2.0 AND (Apache-2.0 OR MIT)"}
)


def find_licence(package: Distribution) -> str:
    """Return a package's licence as its metadata names it, an SPDX expression in newer ones."""
    return package.metadata.get("License-Expression") or package.metadata.get("License") or "none"


def archive_packages() -> Mapping[str, Distribution]:
    """Return the packages in the Lambda archive by name. Raises PackageError without its wheels."""
    metadata = [path for name, path in contents(THIS_MACHINE).items() if name.endswith("/METADATA")]
    found = distributions(path=[str(path.parents[1]) for path in metadata])
    return {it.name.lower(): it for it in found}


def render_table(packages: Iterable[Distribution]) -> str:
    """Return a Markdown table of packages and their licences, by name."""
    rows = sorted(f"| {it.name} | {find_licence(it)} |" for it in packages)
    return "\n".join(["| package | licence |", "|---|---|", *rows])


def archive_table() -> str:
    """Return the table of the archive's packages. Raises PackageError without its wheels."""
    return render_table(archive_packages().values())


def main() -> None:
    """Print the licences of both parts."""
    installed = find_installed()
    pins = read_pins((ROOT / "requirements.txt").read_text())
    print("The Lambda archive:\n")
    print(archive_table())
    print("\nWhat deploys it:\n")
    print(render_table(installed[pin.name] for pin in pins if pin.is_here))


if __name__ == "__main__":
    main()
