"""Work of several threads is as that of one: in order, and with its first error."""

import threading

import pytest

from reconciler.record.together import each, threads_for


@pytest.mark.parametrize("threads", [1, 4])
def test_answers_are_in_the_order_of_the_items(threads: int) -> None:
    assert each(lambda number: number * 2, range(50), threads=threads) == [number * 2 for number in range(50)]


@pytest.mark.parametrize("threads", [1, 4])
def test_an_error_is_raised_and_nothing_more_is_begun(threads: int) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        each(work, range(1000), threads=threads)
    assert len(begun) < 1000


def test_so_many_are_under_way_at_once_and_no_more() -> None:
    together = threading.Barrier(3, timeout=30)
    assert each(lambda _: together.wait() >= 0, range(3), threads=3) == [True] * 3


@pytest.mark.parametrize(
    ("sizes", "read", "synced"),
    [
        ([], False, False),
        ([10] * 20, False, False),
        ([1] * 100, False, True),
        ([20 << 20] * 2, True, True),
        ([1 << 30], False, False),
    ],
)
def test_several_threads_are_for_what_is_worth_them(
    sizes: list[int], read: bool, synced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert (threads_for(sizes) > 1, threads_for(sizes, synced=True) > 1) == (read, synced)
