// v8go: N bare isolates, without any web API, in one process, or calls of a function from 64 goroutines: v8go density|calls COUNT.
// Or a bomb, with its limits: v8go bomb NAME SECONDS CODE
package main

import "C"

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	v8 "github.com/tommie/v8go"
)

const (
	idle       = 3 * time.Second
	goroutines = 64
)

// An isolate that has run the small app's equivalent once.
func start() (*v8.Context, *v8.Function) {
	context := v8.NewContext(v8.NewIsolate())
	value := must(context.RunScript("globalThis.fetch = (url) => 'Hello World'; fetch", "app.js"))
	fetch := must(value.AsFunction())
	ask(context, fetch)
	return context, fetch
}

func ask(context *v8.Context, fetch *v8.Function) {
	url := must(v8.NewValue(context.Isolate(), "http://app.test/"))
	answer := must(fetch.Call(v8.Undefined(context.Isolate()), url))
	if answer.String() != "Hello World" {
		panic("a wrong answer")
	}
	// What is not released stays until its context is closed.
	answer.Release()
	url.Release()
}

func density(count int) {
	start()
	before := residentKb()
	kept := make([]*v8.Context, 0, count)
	spent := make([]float64, 0, count)
	for range count {
		began := cpuMs()
		context, _ := start()
		spent = append(spent, cpuMs()-began)
		kept = append(kept, context)
	}
	time.Sleep(idle)
	note := fmt.Sprintf("v8go: %d bare isolates, no web APIs", count)
	report("density.idle_rss_kb", (residentKb()-before)/float64(count), "KB", note)
	slices.Sort(spent)
	report("start.cpu_ms", spent[len(spent)/2], "ms", note)
	runtime.KeepAlive(kept)
}

// Goroutines that ask at once, each in its turn: an isolate takes one call at a time.
func calls(count int) {
	context, fetch := start()
	var turn sync.Mutex
	run := func(count int) {
		var wait sync.WaitGroup
		for range goroutines {
			wait.Go(func() {
				for range count / goroutines {
					turn.Lock()
					ask(context, fetch)
					turn.Unlock()
				}
			})
		}
		wait.Wait()
	}
	run(max(goroutines, count/10))
	began := time.Now()
	run(count)
	note := "v8go: a function that takes a text and returns one, in one isolate, no web APIs"
	report("go.handler", float64(count)/time.Since(began).Seconds(), "requests/s", note)
}

func bomb(seconds time.Duration, code string) {
	neighbour, _ := start()
	isolate := v8.NewIsolate(v8.WithResourceConstraints(8<<20, 32<<20))
	context := v8.NewContext(isolate)
	time.AfterFunc(seconds, isolate.TerminateExecution)
	if value, err := context.RunScript(code, "bomb.js"); err != nil {
		fmt.Println("bomb:", err)
	} else {
		fmt.Println("bomb: returned", value)
	}
	fmt.Println("neighbour:", map[bool]string{true: "well", false: "wrong"}[must(neighbour.RunScript("1 + 1", "app.js")).Int32() == 2])
}

func main() {
	if os.Args[1] == "bomb" {
		bomb(time.Duration(must(strconv.Atoi(os.Args[3])))*time.Second, os.Args[4])
		return
	}
	count := must(strconv.Atoi(os.Args[2]))
	switch os.Args[1] {
	case "density":
		density(count)
	case "calls":
		calls(count)
	default:
		panic("density, calls or bomb")
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Resident kilobytes of this process, by smaps.
func residentKb() float64 {
	_, rest, _ := strings.Cut(string(must(os.ReadFile("/proc/self/smaps_rollup"))), "\nRss:")
	return must(strconv.ParseFloat(strings.Fields(rest)[0], 64))
}

// CPU milliseconds of this process, all threads.
func cpuMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

// Prints one figure for the runner to collect.
func report(name string, value float64, unit, note string) {
	line := must(json.Marshal(map[string]any{"name": name, "value": value, "unit": unit, "runs": 1, "note": note}))
	fmt.Println(string(line))
}
