"""Where the time goes: cProfile over the transform, the whole processor or the archiver.

A profiler makes each call of a Python function dearer, so that what calls much looks dearer than it
is; what is no call, such as the loop over an object's fields, stands in its function's own time.
"""

import contextlib
import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, cast

from bench.archiving import archive
from bench.inputs import Input
from bench.measurement import measured
from bench.overlap import process, transform_alone

Part = Literal["transform", "processor", "archiver"]
_OBJECTS: Final = 20_000
_FUNCTIONS: Final = 6  # of each kind of input


def profile(part: Part, each: Input, lines: int) -> None:
    """Print the functions of one part that take most of the time themselves."""
    path, suffix = str(each.path), each.suffix
    run: dict[Part, Callable[[], dict[str, Any]]] = {
        "transform": partial(transform_alone, path, suffix),
        "processor": partial(process, path, suffix, 0),
        "archiver": partial(archive, _OBJECTS, 0),
    }
    profiler = cProfile.Profile()
    with contextlib.redirect_stdout(sys.stderr):
        profiler.runcall(run[part])
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(lines)


def spent(path: str, suffix: str) -> dict[str, Any]:
    """Return the functions of the transform that take most of its time themselves, with shares."""
    transform_alone(path, suffix)  # once without, so that nothing is loaded or compiled in it
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(transform_alone, path, suffix)
    profiler.create_stats()
    # (file, line, function) → (calls, all calls, own seconds, …)
    own: dict[tuple[str, int, str], float] = {
        where: figures[2] for where, figures in cast("Any", profiler).stats.items()
    }
    whole = sum(own.values())
    ranked = sorted(own.items(), key=lambda each: -each[1])[:_FUNCTIONS]
    return {"functions": [[_named(where), seconds / whole] for where, seconds in ranked]}


def _named(where: tuple[str, int, str]) -> str:
    file, _, function = where
    return f"{Path(file).name}: {function}" if file != "~" else function.strip("<>")


def compare(inputs: list[Input], tell: Callable[[str], None]) -> dict[str, list[tuple[str, float]]]:
    """Return kind of input → function → share of the transform's time."""
    tell("where the time goes")
    return {
        each.form: [
            (name, share)
            for name, share in measured(spent, path=str(each.path), suffix=each.suffix)["functions"]
        ]
        for each in inputs
    }
