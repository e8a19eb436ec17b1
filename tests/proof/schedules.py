"""Every order of the calls of some workers: a search over all states that they can reach.

A worker runs in a thread and stops before each of its AWS calls. Which one may go on is a choice;
a run is a list of choices. The same state (what is stored, and what each worker has been answered
so far) has the same future, so each state is left once by each choice, and all orders are covered.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from botocore.exceptions import ClientError

from tests.proof.world import KilledError, World

Choice = tuple[str, int]  # "go" or "kill", and which worker
Work = Callable[[Callable[..., Any]], Any]


class Setting(Protocol):
    """What is explored: a world, what runs in it, and what must hold of it."""

    world: World
    works: Sequence[Work]

    def after_call(self, operation: str) -> None:
        """Check what must hold after every call."""
        ...

    def at_rest(self, failed: Sequence[int]) -> None:
        """Check what must hold at the end, `failed` being the workers that did not succeed."""
        ...


@dataclass
class Explored:
    """What a search has seen."""

    states: int = 0
    runs: int = 0
    orders: int = 0  # different orders of calls, each a path through the states
    bounded: bool = False
    ends: Counter = field(default_factory=Counter)


class _Worker:
    """One worker's thread; it and the scheduler hand a baton to each other."""

    def __init__(self, number: int, work: Work, setting: Setting) -> None:
        self.number = number
        self.history: int = 0
        self.ended = False
        self.failed = False
        self._setting = setting
        self._work = work
        # Locks that are released by the other side: the cheapest baton there is.
        self._mine, self._theirs = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._theirs.acquire()
        self._killed = False
        self.problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._theirs.acquire()

    def go(self) -> None:
        """Let it make its next call and come to the one behind."""
        self._mine.release()
        self._theirs.acquire()
        if self.ended:
            self._thread.join()

    def kill(self) -> None:
        self._killed = True
        self.go()

    def _run(self) -> None:
        try:
            self.failed = not self._work(self._gate)
        except KilledError:
            self.failed = True
        except BaseException as error:  # noqa: BLE001 - the scheduler raises it
            self.problem = error
        self.ended = True
        self._theirs.release()

    def _gate(self, operation: str, given: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        if self._killed:
            raise KilledError
        self._theirs.release()
        self._mine.acquire()
        if self._killed:
            raise KilledError
        self._setting.world.s3.author = self.number
        try:
            answer = call()
        except ClientError as error:
            self._remember(operation, given, error.response["Error"]["Code"])
            raise
        self._remember(operation, given, {**answer, "Body": None})
        self._setting.after_call(operation)
        return answer

    def _remember(self, operation: str, given: Mapping[str, Any], answer: object) -> None:
        self.history = hash((self.history, operation, given.get("Key"), repr(answer)))


def name_by_author(world: World) -> None:
    """Let ids tell who made what and not when, so that orders that commute meet in one state."""
    world.s3.author = -1
    made = Counter()

    def new_id() -> str:
        made[world.s3.author] += 1
        return f"w{world.s3.author}-{made[world.s3.author]}"

    world.s3.new_id = new_id


class Search:
    """The search over all states of a setting."""

    def __init__(
        self, make: Callable[[], Setting], *, kills: int = 0, max_runs: int = 10**9
    ) -> None:
        self._make = make
        self._kills = kills
        self._max_runs = max_runs
        self._next: dict[Any, dict[Choice, Any]] = {}
        self._waiting: list[tuple[Any, tuple[Choice, ...]]] = [(None, ())]
        self._seen = Explored()

    def run(self) -> Explored:
        """Go through all states; raise what is wrong, with the choices that led to it."""
        root = None
        while self._waiting:
            if self._seen.runs >= self._max_runs:
                self._seen.bounded = True
                break
            first = self._run(*self._waiting.pop())
            root = first if root is None else root
        self._seen.states = len(self._next)
        self._seen.orders = 0 if self._seen.bounded else self._count(root)
        return self._seen

    def _run(self, before: Any, prefix: tuple[Choice, ...]) -> Any:
        """Make the choices of `prefix`, the last of them in the state `before`, and go on."""
        self._seen.runs += 1
        setting = self._make()
        workers = [_Worker(number, work, setting) for number, work in enumerate(setting.works)]
        made: list[Choice] = []
        try:
            for choice in prefix:
                made.append(choice)
                self._take(choice, workers)
            first = state = self._state(setting, workers, made)
            if prefix:
                self._next[before][prefix[-1]] = state
            while options := self._options(workers, made):
                if state in self._next:
                    return first
                self._next[state] = {}
                choice, *others = options
                self._waiting += [(state, (*made, other)) for other in others]
                made.append(choice)
                self._take(choice, workers)
                before, state = state, self._state(setting, workers, made)
                self._next[before][choice] = state
            self._next.setdefault(state, {})
            failed = [worker.number for worker in workers if worker.failed]
            self._seen.ends[tuple(failed)] += 1
            setting.at_rest(failed)
        except Exception as error:
            msg = f"after {' '.join(f'{act}{number}' for act, number in made)}: {error}"
            raise AssertionError(msg) from error
        finally:
            for worker in workers:
                while not worker.ended:
                    worker.kill()
        return first

    def _take(self, choice: Choice, workers: Sequence[_Worker]) -> None:
        act, number = choice
        worker = workers[number]
        if act == "kill":
            while not worker.ended:
                worker.kill()
        else:
            worker.go()
        if worker.problem:
            raise worker.problem

    def _options(self, workers: Sequence[_Worker], made: Sequence[Choice]) -> list[Choice]:
        alive = [worker.number for worker in workers if not worker.ended]
        options = [("go", number) for number in alive]
        if sum(act == "kill" for act, _ in made) < self._kills:
            options += [("kill", number) for number in alive]
        return options

    def _state(self, setting: Setting, workers: Sequence[_Worker], made: Sequence[Choice]) -> Any:
        world = setting.world
        messages = tuple(
            len(box)
            for box in (world.dead_letters.messages, world.queue.messages, world.invocations)
        )
        told = tuple((one.history, one.ended, one.failed) for one in workers)
        kills = sum(act == "kill" for act, _ in made)
        return hash((world.s3.state(), messages, told, kills))

    def _count(self, root: Any) -> int:
        @cache
        def orders(state: Any) -> int:
            following = self._next[state]
            return sum(map(orders, following.values())) if following else 1

        return orders(root)
