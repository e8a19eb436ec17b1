"""Small files with one thing in each that goes wrong in practice, and what must come of them."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench import engines
from bench.differences import differences
from bench.measurement import MeasureError, measured

_SOUND: Final = '{"orderId":1,"note":"fine"}\n' * 200
_SOUND_OUT: Final = '{"order_id":1,"note":"fine"}\n' * 200
RIGHT: Final = "right"


@dataclass(frozen=True, kw_only=True)
class Trap:
    """`expected` is None where the file as a whole must be refused."""

    name: str
    suffix: str
    content: bytes
    expected: str | None


TRAPS: Final = (
    Trap(
        name="a broken line",
        suffix=".ndjson",
        content=f'{_SOUND}{{"orderId": 2, "note": "half a li\n{_SOUND}'.encode(),
        expected=_SOUND_OUT * 2,
    ),
    Trap(
        name="NaN in one record",
        suffix=".ndjson",
        content=f'{_SOUND}{{"orderId": 2, "rate": NaN}}\n{_SOUND}'.encode(),
        expected=_SOUND_OUT * 2,
    ),
    Trap(
        name="an integer of 20 digits",
        suffix=".ndjson",
        content=f'{_SOUND}{{"orderId":98765432109876543210}}\n'.encode(),
        expected=_SOUND_OUT + '{"order_id":98765432109876543210}\n',
    ),
    Trap(
        name="colliding names",
        suffix=".ndjson",
        content=b'{"userName":"a","user_name":"b"}\n' * 3,
        expected='{"user_name":"a","user_name_2":"b"}\n' * 3,
    ),
    Trap(
        name="a type that changes",
        suffix=".ndjson",
        content=f'{_SOUND}{{"orderId":"A-2","note":{{"by":"Ada"}}}}\n'.encode(),
        expected=_SOUND_OUT + '{"order_id":"A-2","note":{"by":"Ada"}}\n',
    ),
    Trap(
        name="an array cut short",
        suffix=".json",
        content=b'[{"orderId":1},{"orderId":2},{"orderId"',
        expected=None,
    ),
    Trap(
        name="UTF-16",
        suffix=".json",
        content='[{"orderId":1,"note":"größe"}]'.encode("utf-16"),
        expected='{"order_id":1,"note":"größe"}\n',
    ),
    Trap(
        name="a ragged row",
        suffix=".csv",
        content=b"orderId,note\n" + b"1,fine\n" * 200 + b"2,a,b\n" + b"1,fine\n" * 200,
        expected='{"order_id":"1","note":"fine"}\n' * 400,
    ),
    Trap(
        name="semicolons",
        suffix=".csv",
        content="orderId;größe\n007;1,5\n".encode(),
        expected='{"order_id":"007","größe":"1,5"}\n',
    ),
)


def verdicts(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return trap → engine → "right" or what became of the file."""
    return {trap.name: {name: _verdict(trap, name) for name in names} for trap in TRAPS}


def _verdict(trap: Trap, name: str) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"trap{trap.suffix}")
        path.write_bytes(trap.content)
        output, expected = Path(folder, "output"), Path(folder, "expected")
        try:
            measured(run, name=name, path=str(path), suffix=trap.suffix, output=str(output))
        except MeasureError as error:
            return RIGHT if trap.expected is None else f"stopped: {_short(str(error))}"
        if trap.expected is None:
            return "taken as whole"
        expected.write_text(trap.expected, encoding="utf-8")
        return ", ".join(differences(output, expected)) or RIGHT


def run(name: str, path: str, suffix: str, output: str) -> dict[str, Any]:
    """Run an engine once, in this process."""
    engines.load(name)(Path(path), suffix, Path(output))
    return {}


def _short(message: str) -> str:
    kind = message.partition(":")[0].rpartition(".")[2]
    return kind if len(kind) < 40 else "error"
