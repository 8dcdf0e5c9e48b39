// v8go: N bare isolates, without any web API, in one process, or calls of a function from 64 goroutines: v8go density|calls COUNT.
// Or a bomb, with its limits: v8go bomb NAME SECONDS CODE
package main

import "C"

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	v8 "github.com/tommie/v8go"
	"nano-figures"
)

// An isolate that has run the small app's equivalent once.
func start() (*v8.Context, *v8.Function) {
	context := v8.NewContext(v8.NewIsolate())
	value := figures.Must(context.RunScript("globalThis.fetch = (url) => 'Hello World'; fetch", "app.js"))
	fetch := figures.Must(value.AsFunction())
	ask(context, fetch)
	return context, fetch
}

func ask(context *v8.Context, fetch *v8.Function) {
	url := figures.Must(v8.NewValue(context.Isolate(), "http://app.test/"))
	answer := figures.Must(fetch.Call(v8.Undefined(context.Isolate()), url))
	if answer.String() != "Hello World" {
		panic("a wrong answer")
	}
	// What is not released stays until its context is closed.
	answer.Release()
	url.Release()
}

func density(count int) {
	start()
	before := figures.ResidentKb()
	kept := make([]*v8.Context, 0, count)
	spent := make([]float64, 0, count)
	for range count {
		began := figures.CPUMs()
		context, _ := start()
		spent = append(spent, figures.CPUMs()-began)
		kept = append(kept, context)
	}
	time.Sleep(figures.Idle)
	note := fmt.Sprintf("v8go: %d bare isolates, no web APIs", count)
	figures.Report("density.idle_rss_kb", (figures.ResidentKb()-before)/float64(count), "KB", note)
	slices.Sort(spent)
	figures.Report("start.cpu_ms", spent[len(spent)/2], "ms", note)
	runtime.KeepAlive(kept)
}

// Goroutines that ask at once, each in its turn: an isolate takes one call at a time.
func calls(count int) {
	context, fetch := start()
	var turn sync.Mutex
	note := "v8go: a function that takes a text and returns one, in one isolate, no web APIs"
	figures.Rate("go.handler", count, note, func(count int) {
		for range count {
			turn.Lock()
			ask(context, fetch)
			turn.Unlock()
		}
	})
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
	fmt.Println("neighbour:", map[bool]string{true: "well", false: "wrong"}[figures.Must(neighbour.RunScript("1 + 1", "app.js")).Int32() == 2])
}

func main() {
	if os.Args[1] == "bomb" {
		bomb(time.Duration(figures.Must(strconv.Atoi(os.Args[3])))*time.Second, os.Args[4])
		return
	}
	count := figures.Must(strconv.Atoi(os.Args[2]))
	switch os.Args[1] {
	case "density":
		density(count)
	case "calls":
		calls(count)
	default:
		panic("density, calls or bomb")
	}
}
