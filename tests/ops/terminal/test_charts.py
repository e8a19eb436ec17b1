import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.terminal.charts import bars


def test_bars_are_as_long_as_their_values() -> None:
    assert bars(["a", "long", "none"], [1, 4.0, None], width=20) == [
        "a    ███ 1",
        "long █████████████ 4",
        "none  -",
    ]


def test_negative_bars_go_to_the_other_side() -> None:
    assert bars(["a", "b"], [-2, 2], width=11, encoding="ascii") == ["a ### -2", "b    ### 2"]


@given(
    st.lists(st.tuples(st.text("abc", max_size=50), st.none() | st.floats(-1e15, 1e15))),
    st.integers(20, 200),
)
def test_no_line_is_wider_than_the_terminal(
    pairs: list[tuple[str, float | None]], width: int
) -> None:
    labels, values = [it for it, _ in pairs], [it for _, it in pairs]
    lines = bars(labels, values, width=width)
    assert len(lines) == len(pairs)
    values_told = max((len(line.rpartition(" ")[2]) for line in lines), default=0)
    assert all(len(line) <= max(width, values_told + int(width * 0.4) + 3) for line in lines)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_has_no_bar(value: float) -> None:
    assert bars(["a", "b"], [value, 1.0], width=20)[0] == f"a  {value}"


def test_the_tiniest_number_has_a_bar() -> None:
    lines = bars(["a", "b"], [5e-324, 0], width=40, encoding="ascii")
    assert lines == [f"a {'#' * 21} 4.940656458e-324", "b  0"]
