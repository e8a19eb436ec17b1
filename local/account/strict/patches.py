"""Wrap functions of moto: each rule declares its wrapper, and `apply` puts all of them on."""

import functools
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

_declared: Final[list[tuple[type | ModuleType, str, Callable[..., Any]]]] = []
_lock = threading.Lock()


def around(
    owner: type | ModuleType, name: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the decorated function as a wrapper of `owner.name`.

    It is called with the function it wraps, then with that function's own arguments.
    """

    def declare(wrapper: Callable[..., Any]) -> Callable[..., Any]:
        _declared.append((owner, name, wrapper))
        return wrapper

    return declare


def apply(modules: Sequence[str] = ()) -> None:
    """Wrap every declared function that is not wrapped yet.

    The wrappers of the first of `modules` are innermost. Those of the last are outermost, except
    for those of modules not in the list, which follow in the order of their declaration.

    Raises AttributeError if moto has no function of a declared name.
    """
    with _lock:
        places = {module: place for place, module in enumerate(modules)}
        declared = sorted(_declared, key=lambda one: places.get(one[2].__module__, len(places)))
        _declared.clear()
        for owner, name, wrapper in declared:
            setattr(owner, name, _wrapped(getattr(owner, name), wrapper))


def _wrapped(original: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    return patched
