"""Whether the tests notice bugs: each seeded bug is put into a copy of the project, and must fail.

`python tests/mutants/run.py [NAME …]` runs all of `seeded.MUTANTS`, or those that are named.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants.seeded import MUTANTS, Mutant  # noqa: E402

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".pytest_cache", ".ruff_cache", ".hypothesis", "__pycache__", "bench"
)
SECONDS = 600
TESTS_PASSED, TESTS_FAILED = 0, 1  # pytest's exit codes; others say that nothing was tested


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    killed: bool
    by: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="mutants to run; none: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    chosen = [one for one in MUTANTS if not arguments.names or one.name in arguments.names]
    unknown = set(arguments.names) - {one.name for one in MUTANTS}
    if unknown:
        parser.error(f"unknown mutants {sorted(unknown)}, known: {[one.name for one in MUTANTS]}")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = []
        for verdict in pool.map(judge, chosen):
            verdicts.append(verdict)
            word = "killed  " if verdict.killed else "SURVIVED"
            print(f"{word} {verdict.mutant.name}: {verdict.by}", flush=True)
    survived = sum(not verdict.killed for verdict in verdicts)
    print(f"{len(verdicts)} mutants, {len(verdicts) - survived} killed, {survived} survived")
    return 1 if survived else 0


def judge(mutant: Mutant) -> Verdict:
    """Run the mutant's tests on a copy of the project with the bug, and say which test failed."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
        copy = Path(scratch, "project")
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        mutant.apply(copy)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-m", "not long"),
                *("-p", "no:cacheprovider", "-p", "no:xdist", *mutant.tests),
            ],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    if done.returncode not in (TESTS_PASSED, TESTS_FAILED):
        tail = done.stdout[-1500:] + done.stderr[-500:]
        raise SystemExit(f"{mutant.name}: pytest ended with {done.returncode}, no verdict\n{tail}")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    by = failed[0].removeprefix("FAILED ")[:110] if failed else ", ".join(mutant.tests)
    return Verdict(mutant, killed=done.returncode == TESTS_FAILED, by=by)


if __name__ == "__main__":
    sys.exit(main())
