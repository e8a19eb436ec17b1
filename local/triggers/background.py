"""Run a loop in a thread of its own."""

from collections.abc import Callable
from threading import Event, Thread


class BackgroundThread:
    """Runs a function in a thread of its own, from `start` to `stop`.

    The function has to return soon after the event `stopping` is set. `name` is the thread's name,
    and what error messages call it.
    """

    def __init__(self, name: str, run: Callable[..., None]) -> None:
        self.stopping = Event()
        self._name = name
        self._run = run
        self._thread: Thread | None = None

    @property
    def running(self) -> bool:
        """Whether `start` was called, and `stop` was not called since."""
        return self._thread is not None

    def start(self, *arguments: object) -> None:
        """Call the function with the arguments in the thread.

        Raises RuntimeError if it is running.
        """
        if self._thread:
            msg = f"{self._name} runs already"
            raise RuntimeError(msg)
        self.stopping.clear()
        self._thread = Thread(target=self._run, args=arguments, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell the function to stop, and wait until it has returned; harmless if not running."""
        self.stopping.set()
        if self._thread:
            self._thread.join()
            self._thread = None
