// Package figures is what the benchmarks in Go share: memory and CPU of the process, calls from many goroutines, and a JSON line per figure.
package figures

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// Idle is how long memory is left alone before it is measured.
	Idle = 3 * time.Second
	// Goroutines ask at once.
	Goroutines = 64
)

// Must gives a value, or gives up.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// ResidentKb is resident kilobytes of this process, by smaps.
func ResidentKb() float64 {
	_, rest, _ := strings.Cut(string(Must(os.ReadFile("/proc/self/smaps_rollup"))), "\nRss:")
	return Must(strconv.ParseFloat(strings.Fields(rest)[0], 64))
}

// CPUMs is CPU milliseconds of this process, all threads.
func CPUMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

// Report prints one figure for the runner to collect.
func Report(name string, value float64, unit, note string) {
	value = math.Round(value*1000) / 1000
	fmt.Println(string(Must(json.Marshal(map[string]any{"name": name, "value": value, "unit": unit, "runs": 1, "note": note}))))
}

// Rate has goroutines do a piece of work so often in all, and reports how much of it there was in a second.
func Rate(name string, count int, note string, work func(count int)) {
	run := func(count int) {
		var wait sync.WaitGroup
		for range Goroutines {
			wait.Go(func() { work(count / Goroutines) })
		}
		wait.Wait()
	}
	// What is done only once is done before.
	run(max(Goroutines, count/10))
	began := time.Now()
	run(count)
	Report(name, float64(count)/time.Since(began).Seconds(), "requests/s", note)
}
