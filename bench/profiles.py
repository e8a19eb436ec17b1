"""Where the time goes: cProfile over the transform, the whole processor or the archiver."""

import contextlib
import cProfile
import pstats
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

from bench.archiving import archive
from bench.inputs import Input
from bench.overlap import process, transform_alone

Part = Literal["transform", "processor", "archiver"]
_OBJECTS: Final = 20_000


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
