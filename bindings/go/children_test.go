package nano_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"nano-isolates/nano"
	"nano-isolates/nano/internal/probe"
)

// Names one of the roles, which this program plays then instead of running tests.
const roleVariable = "NANO_TEST_ROLE"

// What is tested in a process of its own. A role that fails ends with 1, as none does otherwise.
var roles = map[string]func() error{
	"os.Exit":   func() error { return whileAnAppLoops(func() { os.Exit(3) }) },
	"exit of C": func() error { return whileAnAppLoops(func() { probe.Exit(4) }) },
	"a panic":   func() error { return whileAnAppLoops(func() { panic("leaving at once") }) },

	"little address space": inLittleAddressSpace,
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// child plays a role in a process of its own, and gives what it wrote.
func child(t *testing.T, role string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	run := exec.CommandContext(t.Context(), self)
	run.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := run.CombinedOutput()
	return string(out), err
}

func whileAnAppLoops(leave func()) error {
	looping := make(chan struct{})
	runtime, err := nano.New(nano.Options{Threads: 2, OnLog: func(nano.Log) { close(looping) }})
	if err != nil {
		return err
	}
	app, err := runtime.Load(nano.AppOptions{
		Source: "export const loop = () => { console.log('looping'); for (;;); }",
		Limits: nano.Limits{CPUMs: 600_000, WallMs: 600_000},
	})
	if err != nil {
		return err
	}
	go func() {
		_, err := app.Invoke(context.Background(), "loop")
		fmt.Println("the loop has ended:", err)
	}()
	<-looping
	fmt.Println("leaving")
	leave()
	return errors.New("nobody has left")
}

// inLittleAddressSpace asks for a runtime below what ulimit -v sets. The limit leaves alone what Go has reserved by now.
func inLittleAddressSpace() error {
	var pages uint64
	sizes, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(string(sizes), &pages); err != nil {
		return err
	}
	limit := pages*uint64(os.Getpagesize()) + 2<<30
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	if _, err := nano.New(nano.Options{Threads: 1}); !errors.Is(err, nano.ErrAddressSpace) {
		return fmt.Errorf("a runtime below the limit: %v", err)
	}
	return nil
}
