"""Readiness probes of real processes: who begins to fail them is told, and goes on."""

from dataclasses import replace


def readied(house, name: str, **probe: object):
    """A server that is asked whether it is ready, and not whether it lives."""
    process = house.server(name, **probe)
    return replace(process, liveness=None, readiness=process.liveness)


def told(house) -> list[str]:
    return [row["Message"] for row in house.rows("events") if row["Name"] == "ReadinessProbeFailed"]


def asked(house, mode: str, times: int) -> None:
    """Wait until an instance has given an answer so many more times."""
    answer = f"asked / {mode}"
    enough = house.log("e-d-a").count(answer) + times
    house.until(lambda: house.log("e-d-a").count(answer) >= enough)


def test_an_instance_that_begins_to_fail_is_told_once_each_time_and_goes_on(house):
    house.keeper.put(readied(house, "e/d/a", initial_delay_s=0.0, failure_threshold=2), trial=True)
    house.until(lambda: "up" in house.log("e-d-a"))
    house.keeper.keep("e/d/a")
    for times in (1, 2):
        asked(house, "200", 2)
        house.answer("e/d/a", "503")
        asked(house, "503", 6)
        assert told(house) == ["Readiness probe failed, 2 of 2 in a row: HTTP status 503"] * times
        house.answer("e/d/a", "200")
    assert house.status("e/d/a").restarts == 0
    assert house.events("a") == ["Created", "Started", "ReadinessProbeFailed", "ReadinessProbeFailed"]


def test_an_instance_is_asked_for_both_apart(house):
    process = house.server("e/d/a", "503", initial_delay_s=0.0, failure_threshold=3)
    house.keeper.put(replace(process, readiness=replace(process.liveness, failure_threshold=1)), trial=True)
    house.until(lambda: "up" in house.log("e-d-a"))
    house.keeper.keep("e/d/a")
    house.until(lambda: house.status("e/d/a").restarts >= 1)
    first = house.events("a")[: house.events("a").index("Killing")]
    assert (first.count("LivenessProbeFailed"), first.count("ReadinessProbeFailed")) == (3, 1)
