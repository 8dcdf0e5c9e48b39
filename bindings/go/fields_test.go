package nano_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"nano-isolates/nano"
)

// A board is a lock by what it embeds.
type board struct {
	sync.Mutex
	Scores  map[string]int
	Witness witness
	app     *nano.App
}

func newBoard() *board {
	b := &board{Scores: map[string]int{}}
	b.Witness.board = b
	return b
}

func (b *board) Add(n int) {
	b.Lock()
	defer b.Unlock()
	b.Scores[strconv.Itoa(n)] = n
}

// Ask asks the app that has called.
func (b *board) Ask(ctx context.Context) (any, error) { return b.app.Invoke(ctx, "asked") }

// A witness says whether its board is locked while CBOR is made of it.
type witness struct{ board *board }

func (p witness) Error() string {
	if p.board.TryLock() {
		p.board.Unlock()
		return "not locked"
	}
	return "locked"
}

func TestAFieldIsLockedUntilItHasBeenRead(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source:   withEnv + "export const f = async () => (await new env.Board().witness).message;",
		Bindings: map[string]any{"Board": nano.Class{New: newBoard}},
	})
	if message, err := app.Invoke(t.Context(), "f"); err != nil || message != "locked" {
		t.Error(message, err)
	}
}

// Go ends the process when a map is read and written at the same time.
func TestAMapThatMethodsWriteToIsRead(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `export async function f() {
			const board = new env.Board(), all = [];
			for (let i = 0; i < 100; i++) all.push(board.add(i), board.scores);
			await Promise.all(all);
			return Object.keys(await board.scores).length;
		}`,
		Limits:   nano.Limits{Subrequests: 1000},
		Bindings: map[string]any{"Board": nano.Class{New: newBoard}},
	})
	if count, err := app.Invoke(t.Context(), "f"); err != nil || count != 100 {
		t.Error(count, err)
	}
}

// A note is no lock, whatever it says.
type note struct{ Data []byte }

func (*note) Lock()   {}
func (*note) Unlock() {}

func TestTheFieldsOfAnObjectAreReadAndWrittenOneAfterTheOther(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `export async function f() {
			const note = new env.Note(), all = [];
			const long = new Uint8Array(3000).fill(1), short = new Uint8Array(40).fill(2);
			for (let i = 0; i < 50; i++) { note.data = long; all.push(note.data); note.data = short; all.push(note.data); }
			const isWhole = (data) => [3000, 40][data[0] - 1] === data.length && data.at(-1) === data[0];
			return (await Promise.all(all)).every(isWhole);
		}`,
		Limits:   nano.Limits{Subrequests: 1000},
		Bindings: map[string]any{"Note": nano.Class{New: func() *note { return new(note) }}},
	})
	if areWhole, err := app.Invoke(t.Context(), "f"); err != nil || areWhole != true {
		t.Error(areWhole, err)
	}
}

func TestAMethodMayAskTheAppForAFieldOfItsObject(t *testing.T) {
	b := newBoard()
	b.app = newApp(t, nano.AppOptions{
		Source: withEnv + `let board;
			export const asked = async () => { board.scores = { ...await board.scores, bob: 2 }; return board.scores; };
			export const f = async () => { board = await env.board(); await board.add(1); return [await board.ask(), await board.scores]; };`,
		Bindings: map[string]any{"Board": nano.Class{Of: b}, "board": func() *board { return b }},
	})
	scores, err := b.app.Invoke(t.Context(), "f")
	if want := "[map[1:1 bob:2] map[1:1 bob:2]]"; err != nil || fmt.Sprint(scores) != want {
		t.Error(scores, err)
	}
}

// A hidden has fields that nobody is told of.
type hidden struct {
	Mu     sync.Mutex
	Secret string `nano:"-"`
}

func (*hidden) Hi() string { return "hi" }

func TestFieldsThatNobodyLocksAreRefused(t *testing.T) {
	type open struct{ Text string }
	type inner struct {
		*hidden
		open
	}
	runtime := newRuntime(t, nano.Options{})
	for what, class := range map[string]nano.Class{
		"a field": {New: func() *open { return nil }}, "one of an embedded struct": {Of: (*inner)(nil)},
	} {
		_, err := runtime.Load(nano.AppOptions{Source: hello, Bindings: map[string]any{"Open": class}})
		if !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "the class Open") || !strings.Contains(err.Error(), "text") {
			t.Error(what, err)
		}
	}
	load(t, runtime, nano.AppOptions{Source: hello, Bindings: map[string]any{"Hidden": nano.Class{Of: (*hidden)(nil)}}})
}

// A slow is locked when somebody lets it.
type slow struct {
	Text         string
	begun, going chan struct{}
}

func (s *slow) Lock() {
	close(s.begun)
	<-s.going
}

func (*slow) Unlock() {}

func TestAnObjectIsReleasedAfterItsFieldsHaveBeenSet(t *testing.T) {
	s := &slow{begun: make(chan struct{}), going: make(chan struct{})}
	released := make(chan string)
	runtime := newRuntime(t, nano.Options{})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "export const f = async () => { (await env.slow()).text = 'set'; await env.wait(); };",
		Bindings: map[string]any{
			"Slow": nano.Class{Of: s, Release: func(any) { released <- s.Text }},
			"slow": func() *slow { return s },
			"wait": func(ctx context.Context) { <-ctx.Done() },
		},
	})
	ended := make(chan error)
	go func() {
		_, err := app.Invoke(context.Background(), "f")
		ended <- err
	}()
	<-s.begun
	must(t, app.Unload(0))
	if err := <-ended; err == nil {
		t.Error("the request has ended by itself")
	}
	untilVersions(runtime, 0)
	close(s.going)
	if text := <-released; text != "set" {
		t.Errorf("%q", text)
	}
}
