"""What the figures were measured on: processor, memory, interpreter, versions."""

import os
import platform
import shutil
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("orjson", "boto3", "polars", "duckdb", "pandas", "pyarrow", "awswrangler")
_MEMORY_FOLDER: Final = Path("/dev/shm")  # noqa: S108 - only its place
_MEMORY_NEEDED_BYTES: Final = 4 * 1000**3
_FIELDS: Final = 20
_TRIALS: Final = 20


def described() -> dict[str, str]:
    """Return what to know of this machine; nothing by which to find it."""
    return {
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "Memory": f"{memory_bytes() / 1024**3:.0f} GiB",
        "System": f"{platform.system()} {platform.machine()}",
        "Interpreter": f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.python_compiler()}; {_dict_nanoseconds():.0f} ns a field of a dict "
        "comprehension (a build without PGO takes up to twice as long as one with it)",
        "Libraries": ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES),
    }


def keep_files_in_memory() -> None:
    """Write what is thrown away into memory, if it is large enough: no disk is measured."""
    if _MEMORY_FOLDER.is_dir() and shutil.disk_usage(_MEMORY_FOLDER).free > _MEMORY_NEEDED_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY_FOLDER)


def memory_bytes() -> int:
    """Return the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _dict_nanoseconds() -> float:
    names = {f"field{number}": f"name{number}" for number in range(_FIELDS)}
    records = [dict.fromkeys(names, 1) for _ in range(1_000)]
    best = float("inf")
    for _ in range(_TRIALS):
        begun = time.process_time()
        for record in records:
            {names[key]: value for key, value in record.items() if value}
        best = min(best, time.process_time() - begun)
    return best / (len(records) * _FIELDS) * 1e9
