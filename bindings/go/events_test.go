package nano_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"nano-isolates/nano"
)

// What apps handle besides requests: times, messages of queues, and the events of others.

const scheduled = `const calls = [];
export default { scheduled(controller) {
  calls.push([controller.cron, controller.scheduledTime]);
  if (controller.cron === 'fail') throw new Error('not today');
  if (controller.cron === 'no more') controller.noRetry();
} };
export const called = () => calls.splice(0);`

// until asks again and again until there is an answer that will do.
func until(t *testing.T, app *nano.App, export string, willDo func(answer []any) bool) []any {
	t.Helper()
	for {
		answer, err := app.Invoke(t.Context(), export)
		must(t, err)
		if list, _ := answer.([]any); willDo(list) {
			return list
		}
	}
}

func some(answer []any) bool { return len(answer) > 0 }

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func manual(t *testing.T) *nano.Runtime {
	t.Helper()
	return newRuntime(t, nano.Options{ManualClock: true, Clock: time.UnixMilli(1_700_000_000_000)})
}

func TestScheduledIsCalledByHand(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: scheduled})
	ended, err := app.Schedule(t.Context(), "by hand", time.UnixMilli(1_700_000_000_250))
	must(t, err)
	equal(t, ended, nano.Scheduled{Outcome: "ok"})
	ended, err = app.Schedule(t.Context(), "no more", time.UnixMilli(0))
	must(t, err)
	equal(t, ended, nano.Scheduled{Outcome: "ok", NoRetry: true})
	equal(t, until(t, app, "called", some), []any{[]any{"by hand", 1_700_000_000_250}, []any{"no more", 0}})
	if _, err = app.Schedule(t.Context(), "fail", time.Now()); !errors.Is(err, nano.ErrException) {
		t.Errorf("%v is no exception of the app's", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = app.Schedule(ctx, "", time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not the context's error", err)
	}
}

func TestScheduledIsCalledByCrons(t *testing.T) {
	runtime := manual(t)
	app := load(t, runtime, nano.AppOptions{Source: scheduled, Crons: []string{"* * * * *"}})
	must(t, runtime.Advance(time.Minute))
	equal(t, until(t, app, "called", some), []any{[]any{"* * * * *", 1_700_000_040_000}})
	options := app.Options()
	options.Crons = nil
	must(t, app.Reload(options))
	must(t, runtime.Advance(2*time.Minute))
	answer, err := app.Invoke(t.Context(), "called")
	must(t, err)
	equal(t, answer, []any{})
	if _, err := runtime.Load(nano.AppOptions{Source: scheduled, Crons: []string{"every day"}}); !errors.Is(err, nano.ErrInvalid) {
		t.Errorf("%v does not say that this is no cron", err)
	}
}

func TestQueuesTakeMessagesFromAppsToApps(t *testing.T) {
	runtime := manual(t)
	maker := load(t, runtime, nano.AppOptions{
		Source:   withEnv + "export const send = (value) => env.JOBS.send(value);",
		Bindings: map[string]any{"JOBS": nano.Queue("jobs")},
	})
	taker := load(t, runtime, nano.AppOptions{
		Source: `const got = []; export default { queue(batch) {
			got.push(...batch.messages.map((m) => [batch.queue, m.body]));
			if (batch.queue === 'jobs') throw new Error('not these');
		} };
		export const all = () => got;`,
		Consumers: []nano.Consumer{{Queue: "jobs", Batch: 2, Retries: -1, DeadLetters: "lost"}, {Queue: "lost", Batch: 2}},
	})
	for _, value := range []any{map[string]any{"n": 1}, "two"} {
		_, err := maker.Invoke(t.Context(), "send", value)
		must(t, err)
	}
	one := map[string]any{"n": 1}
	equal(t, until(t, taker, "all", func(got []any) bool { return len(got) == 4 }),
		[]any{[]any{"jobs", one}, []any{"jobs", "two"}, []any{"lost", one}, []any{"lost", "two"}})
}

func TestQueuesSayWhatTheyHoldAndHaveDone(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	queues := func() map[string]nano.QueueStats {
		all, err := runtime.Queues()
		must(t, err)
		return all
	}
	equal(t, queues(), map[string]nano.QueueStats{})
	maker := load(t, runtime, nano.AppOptions{
		Source:   withEnv + "export const send = (value) => env.JOBS.send(value, { contentType: 'text' });",
		Bindings: map[string]any{"JOBS": nano.Queue("jobs")},
	})
	for _, value := range []string{"one", "four"} {
		_, err := maker.Invoke(t.Context(), "send", value)
		must(t, err)
	}
	waiting := queues()["jobs"]
	if waiting.Bytes < uint64(len("one")+len("four")) {
		t.Errorf("%d bytes", waiting.Bytes)
	}
	waiting.Bytes = 0
	equal(t, waiting, nano.QueueStats{Messages: 2, Sent: 2})
	taker := load(t, runtime, nano.AppOptions{
		Source: `const lost = []; export default { queue(batch) {
			if (batch.queue === 'lost') lost.push(batch.messages[0].body);
			else for (const m of batch.messages) m.body === 'one' ? m.ack() : m.retry();
		} };
		export const all = () => lost;`,
		Consumers: []nano.Consumer{
			{Queue: "jobs", Batch: 2, BatchWaitMs: -1, Retries: 1, DeadLetters: "lost"},
			{Queue: "lost", Batch: 1},
		},
	})
	equal(t, until(t, taker, "all", some), []any{"four"})
	all := queues()
	equal(t, all["jobs"], nano.QueueStats{Sent: 2, Acked: 1, Retried: 2, Dead: 1})
	equal(t, all["lost"].Sent, uint64(1))
}

func TestKillEndsWhatAnAppDoesAndTheAppServesOn(t *testing.T) {
	here := make(chan struct{})
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `let asked = 0; export const count = () => ++asked;
			export async function spins() { await env.here(); for (;;); }`,
		Bindings: map[string]any{"here": func() { close(here) }},
		Limits:   nano.Limits{CPUMs: 60_000},
	})
	count := func() any {
		n, err := app.Invoke(t.Context(), "count")
		must(t, err)
		return n
	}
	count()
	before := count()
	ended := make(chan error)
	go func() {
		_, err := app.Invoke(t.Context(), "spins")
		ended <- err
	}()
	<-here
	killed, err := app.Kill()
	must(t, err)
	equal(t, killed, 1)
	if err := <-ended; !errors.Is(err, nano.ErrCanceled) {
		t.Errorf("it ended with %v", err)
	}
	killed, err = app.Kill()
	must(t, err)
	equal(t, killed, 0)
	if after := count(); fmt.Sprint(before, after) != "2 1" {
		t.Errorf("%v before, %v after", before, after)
	}
	must(t, app.Runtime().Close())
	if _, err := app.Kill(); !errors.Is(err, nano.ErrShutdown) {
		t.Errorf("of a closed runtime it is %v", err)
	}
}

func TestTailsAreToldOfTheEventsOfOthers(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	watcher := load(t, runtime, nano.AppOptions{Name: "watcher", Source: `const seen = [];
		export default { tail(events) { seen.push(...events.map((e) => [e.scriptName, e.outcome])); } };
		export const all = () => seen;`})
	get(t, load(t, runtime, nano.AppOptions{Name: "watched", Source: hello, Tail: []string{"watcher"}}), "http://app.test/")
	equal(t, until(t, watcher, "all", some), []any{[]any{"watched", "ok"}})
}
