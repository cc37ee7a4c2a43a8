"""Which part of an autoscale policy is in force: a fixed date first, else what comes back every week, else the rest."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.load.settings.timetables import DAYS, date_of, minutes_of, zone_of


def in_force(policy: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    """What counts at a time: `minimum`, `maximum` and `rules`, and the `name` of the schedule, empty for none.

    A schedule without rules of its own has those of the policy. Of several at once the first in the file counts.

    Args:
        policy: `autoscale` of a deployment, as mlops.yaml is read.
        now: seconds since the epoch.
    """
    schedules = sorted(policy["schedules"], key=lambda schedule: "start" not in schedule)
    for schedule in schedules:
        if is_on(schedule, now):
            return {"rules": policy["rules"], **schedule}
    return {**policy, "name": ""}


def is_on(schedule: Mapping[str, Any], now: float) -> bool:
    """Whether a schedule counts at a time; its days and hours are those of the clocks on the walls of its time zone."""
    local = datetime.fromtimestamp(now, UTC).astimezone(zone_of(schedule["timezone"])).replace(tzinfo=None)
    if "start" in schedule:
        start, end = date_of(schedule["start"]), date_of(schedule["end"])
        return start is not None and end is not None and start <= local < end
    begin, until = minutes_of(schedule["from"]) or 0, minutes_of(schedule["to"]) or 0
    minute = local.hour * 60 + local.minute
    if begin < until:
        return _day(local) in schedule["days"] and begin <= minute < until
    # It goes on beyond midnight: in the small hours the day before counts.
    evening = _day(local) in schedule["days"] and minute >= begin
    return evening or (_day(local - timedelta(days=1)) in schedule["days"] and minute < until)


def _day(local: datetime) -> str:
    return DAYS[local.weekday()]
