package nano_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nano-isolates/nano"
)

// A door has more locks than it can be locked by.
type door struct {
	sync.Locker
	Mu      sync.RWMutex
	Pointer *sync.Mutex
	Many    []sync.Mutex
	Inner   struct{ mu sync.Mutex }
	Inners  map[string][]struct{ Mu *sync.Mutex }
	Opened  atomic.Int64
	Other   *door
	Name    string
}

func TestLocksAreNoProperties(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source:   withEnv + "export const f = () => Object.keys(env.Door.prototype).sort().join();",
		Bindings: map[string]any{"Door": nano.Class{Of: (*door)(nil)}},
	})
	if names, err := app.Invoke(t.Context(), "f"); err != nil || names != "name,other" {
		t.Error(names, err)
	}
}

// A ledger is a sync.Locker by what it embeds.
type ledger struct {
	sync.Mutex
	Rows int
}

func (l *ledger) Add() {
	l.Lock()
	defer l.Unlock()
	l.Rows++
}

// A vault embeds more of package sync than it needs, and has methods that are called like those of locks.
type vault struct {
	*vaultLock
	sync.WaitGroup
}

type vaultLock struct {
	sync.RWMutex
	sync.Cond
}

func (*vault) Lock(code string) string { return "locked by " + code }
func (*vault) Wait(code string) string { return "waits for " + code }

// A strongroom is a sync.Locker by methods of its own.
type strongroom struct{ mu sync.Mutex }

func (s *strongroom) Lock()         { s.mu.Lock() }
func (s *strongroom) Unlock()       { s.mu.Unlock() }
func (s *strongroom) TryLock() bool { return s.mu.TryLock() }

// A gate is no sync.Locker.
type gate struct{}

func (gate) Lock() string    { return "locked" }
func (gate) TryLock() string { return "tried" }

func TestLocksAreNotForApps(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `
			export const call = (binding, name, ...args) => env[binding][name](...args).catch((error) => error.message);
			export const listed = (name) => Object.keys(env[name].prototype).sort().join();`,
		Bindings: map[string]any{
			"LEDGER": new(ledger), "VAULT": &vault{vaultLock: new(vaultLock)}, "ROOM": new(strongroom), "GATE": gate{}, "MUTEX": new(sync.RWMutex),
			"Ledger": nano.Class{Of: (*ledger)(nil)}, "Vault": nano.Class{Of: (*vault)(nil)}, "Room": nano.Class{Of: (*strongroom)(nil)},
		},
	})
	for binding, names := range map[string]string{
		"LEDGER": "lock unlock tryLock Lock Unlock TryLock",
		"VAULT":  "unlock tryLock rLock rUnlock tryRLock rLocker RLock RUnlock TryRLock RLocker signal broadcast done add Go go",
		"ROOM":   "lock unlock tryLock",
		"MUTEX":  "lock unlock tryLock rLock rUnlock tryRLock rLocker",
	} {
		for _, name := range strings.Fields(names) {
			if message, err := app.Invoke(t.Context(), "call", binding, name); err != nil || message != name+" is not a method of it" {
				t.Error(binding, name, message, err)
			}
		}
	}
	for _, allowed := range [][]any{
		{"VAULT", "lock", "4711", "locked by 4711"}, {"VAULT", "wait", "4711", "waits for 4711"}, {"GATE", "lock", "locked"}, {"GATE", "tryLock", "tried"},
	} {
		last := len(allowed) - 1
		if said, err := app.Invoke(t.Context(), "call", allowed[:last]...); err != nil || said != allowed[last] {
			t.Error(allowed, said, err)
		}
	}
	for class, want := range map[string]string{"Ledger": "add,rows", "Vault": "lock,wait", "Room": ""} {
		if names, err := app.Invoke(t.Context(), "listed", class); err != nil || names != want {
			t.Error(class, names, err)
		}
	}
}
