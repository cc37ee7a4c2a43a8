"""Reports in which every place that takes foreign text has some that would rather be a page of its own."""

from dataclasses import replace
from typing import Any

from reconciler.core.address import Address
from reconciler.core.blame import Blame
from reconciler.core.failure import Failure
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Outcome, Plan, Recovery, Result, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.html import apply_html, plan_html
from reconciler.render.html_findings import drift_html, failure_html

EVIL = (
    "<script>alert('canary')</script>\"><svg onload=alert(1)>&lt;script&gt;alert(1)&lt;/script&gt;javascript:alert(1)",
    "' autofocus onfocus='alert(1)</style></title></head><body onload=alert(1)><img src=x onerror=\"alert('canary')\">",
    "]]><!--<script>alert(1)//--></pre></code></details></table><a href=javascript:alert(1)>x</a></svg></desc></text>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x><base href=http://127.0.0.1:9/><details open ontoggle=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "\u202e\x00\x1b[2J\u2028" + "\u0430\u0301" * 40 + "\u05d0\u05d1\u05d2 mixed \u202d",
)

LENGTH = max(map(len, EVIL))


def report_of(text: str) -> dict[str, str]:
    """Every report, with the same foreign text at every place that takes any."""
    name = Address("endpoint", text)
    source = Source(text, 1)
    fields = (
        FieldChange(text, text, {text: text}, source),
        FieldChange(f"traffic.{text}", 40, 60, source),
        FieldChange("list", [text, "kept"], ["kept", f"{text}2"], source),
    )
    shares = {"traffic": {text: 60, "blue": 40}, "mirror_traffic": {text: 10}}
    steps = (
        Step(1, Action.CREATE, Address("model", text, version=text), text, fields[:1], None, {}),
        Step(2, Action.UPDATE, Address("deployment", text, endpoint=text), text, fields, {}, {}, (1,)),
        Step(3, Action.ROUTE, name, text, fields, {"traffic": {text: 100}}, shares, (2,)),
    )
    lost = Recovery(text, text, name, text, fields)
    plan = Plan(text, text, 1, text, steps, pins={text: text}, recovery=(lost,), by_command=(steps[0].address,))
    drifts = [Drift(name, DriftClass.CHANGED, fields, text)]
    problems = (Problem(text, 1, 1, text, text), Problem(text, 1, 1, f"E-{text}", text))
    told: dict[str, Any] = {"warnings": problems, "drifts": drifts, "blame": {source: Blame(text, text, text, text)}}
    outcomes = [Outcome(step, Result.FAILED, text, (text, text), 1.0) for step in steps]
    at_work = replace(plan, holder={"user": text, "host": text, "command": text, "started": text})
    return {
        "plan": plan_html(plan, **told),
        "at work": plan_html(at_work),
        "apply": apply_html(plan, outcomes, **told),
        "drift": drift_html(drifts, recorded=1, target=text, recovery=(lost,), silent=(text,)),
        "failure": failure_html(Failure("plan", text, 1, text, problems, plan)),
        "message": failure_html(Failure("plan", text, 1, text)),
    }
