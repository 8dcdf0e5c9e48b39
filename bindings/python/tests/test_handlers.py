"""What apps handle besides requests: times, and messages of queues; and the ends that an operator makes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import URL

import nano_isolates as nano
from nano_isolates import Queue, QueueConsumer, Runtime

NEVER = "export default { fetch: () => new Promise(() => { setTimeout(() => {}, 1e9) }) }\nexport const here = () => 1"
SCHEDULED = """
const calls = [];
export default { scheduled(controller) {
  calls.push([controller.cron, controller.scheduledTime]);
  if (controller.cron === 'fail') throw new Error('not today');
  if (controller.cron === 'no more') controller.noRetry();
} };
export const called = () => calls;
"""


def test_an_app_s_scheduled_is_called_by_hand(runtime: Runtime, run: Any) -> None:
    app = runtime.load(SCHEDULED)
    assert app.schedule_sync("by hand", 1_700_000_000.25) == {"outcome": "ok", "noRetry": False}
    assert run(app.schedule("no more", 0)) == {"outcome": "ok", "noRetry": True}
    assert app.invoke_sync("called") == [["by hand", 1_700_000_000_250], ["no more", 0]]
    with pytest.raises(nano.AppError, match="not today"):
        app.schedule_sync("fail")
    with pytest.raises(nano.AppError, match="not today"):
        run(app.schedule("fail"))


def test_an_app_s_scheduled_is_called_by_its_crons() -> None:
    with Runtime(threads=1, manual_clock=True, clock_unix_ms=1_700_000_000_000) as runtime:
        app = runtime.load(SCHEDULED, crons=["* * * * *"])
        runtime.advance(60_000)
        while not (calls := app.invoke_sync("called")):
            pass
        assert calls == [["* * * * *", 1_700_000_040_000]]
        app.reload(crons=[])
        runtime.advance(120_000)
        assert app.invoke_sync("called") == []
        with pytest.raises(nano.InvalidError, match="cron"):
            runtime.load(SCHEDULED, crons=["every day"])


def test_queues_take_messages_from_apps_to_apps(manual: Runtime) -> None:
    maker = manual.load("import { env } from 'cloudflare:workers'; export const send = (value) => env.JOBS.send(value);", bindings={"JOBS": Queue("jobs")})
    taker = manual.load(
        "const got = []; export default { queue(batch) { got.push(...batch.messages.map((m) => m.body)); } }\nexport const all = () => got;",
        consumers=[QueueConsumer("jobs", batch=2, dead_letters="lost"), "others"],
    )
    for value in ({"n": 1}, "two"):
        maker.invoke_sync("send", value)
    while len(got := taker.invoke_sync("all")) < 2:
        pass
    assert got == [{"n": 1}, "two"]
    assert sorted(manual.queues()) == ["jobs", "others"]
    while manual.queues()["jobs"]["acked"] < 2:
        pass
    assert manual.queues()["jobs"]["sent"] == 2 and manual.queues()["jobs"]["messages"] == 0
    for wrong, error in ((QueueConsumer("x", batch=0), ValueError), (QueueConsumer("x", retries=-1), ValueError), (5, TypeError)):
        with pytest.raises(error):
            manual.load("export default { queue() {} }", consumers=[wrong])  # type: ignore[list-item]


def test_tails_are_told_of_the_events_of_others(runtime: Runtime) -> None:
    watcher = runtime.load(
        "const seen = []; export default { tail(events) { seen.push(...events.map((e) => [e.scriptName, e.outcome])); } }\nexport const all = () => seen;",
        name="watcher",
    )
    runtime.load("export default { fetch: () => new Response('x') }", name="watched", tail=["watcher"]).fetch_sync(URL)
    while not (seen := watcher.invoke_sync("all")):
        pass
    assert seen == [["watched", "ok"]]


def test_killing_ends_what_runs_and_the_next_request_starts_afresh(runtime: Runtime, run: Any) -> None:
    app = runtime.load(NEVER)

    async def main() -> None:
        task = asyncio.create_task(app.fetch(URL))
        await app.invoke("here")
        assert await app.akill() == 1
        with pytest.raises(nano.CanceledError):
            await task
        assert await app.invoke("here") == 1

    run(main())
    assert app.kill() == 1 and app.kill() == 0
