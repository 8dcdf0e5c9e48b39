package nano_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nano-isolates/nano"
)

// A closable is a body that knows whether it has been closed.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}

func TestWhatNobodyHasMadeIsAnError(t *testing.T) {
	for which, runtime := range map[string]*nano.Runtime{"nil": nil, "a zero value": {}} {
		for what, try := range map[string]func() error{
			"load":    func() error { _, err := runtime.Load(nano.AppOptions{Source: hello}); return err },
			"listen":  func() error { _, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{}); return err },
			"stats":   func() error { _, err := runtime.Stats(); return err },
			"metrics": func() error { _, err := runtime.Metrics(); return err },
			"queues":  func() error { _, err := runtime.Queues(); return err },
			"drain":   func() error { return runtime.Drain(0) },
			"advance": func() error { return runtime.Advance(0) },
			"close":   func() error { return runtime.Close() },
		} {
			if err := try(); !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "the runtime is none that New has made") {
				t.Errorf("%s of a runtime that is %s: %v", what, which, err)
			}
		}
	}
	for which, app := range map[string]*nano.App{"nil": nil, "a zero value": {}} {
		body := &closable{Reader: strings.NewReader("body")}
		for what, try := range map[string]func() error{
			"round trip":  func() error { _, err := app.RoundTrip(post(t, "http://app.test/", body)); return err },
			"invoke":      func() error { _, err := app.Invoke(t.Context(), "x"); return err },
			"invoke into": func() error { return app.InvokeInto(t.Context(), nil, "x") },
			"reload":      func() error { return app.Reload(nano.AppOptions{Source: hello}) },
			"schedule":    func() error { _, err := app.Schedule(t.Context(), "", time.UnixMilli(0)); return err },
			"kill":        func() error { _, err := app.Kill(); return err },
			"stats":       func() error { _, err := app.Stats(); return err },
			"unload":      func() error { return app.Unload(0) },
		} {
			if err := try(); !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "the app is none that Load has given") {
				t.Errorf("%s of an app that is %s: %v", what, which, err)
			}
		}
		if !body.closed {
			t.Error(which, "leaves a body open")
		}
		if options := app.Options(); app.Name() != "" || app.Runtime() != nil || options.Name != "" || options.Source != "" {
			t.Error(which, app.Name(), app.Runtime(), options)
		}
	}
	for which, listener := range map[string]*nano.Listener{"nil": nil, "a zero value": {}} {
		for what, try := range map[string]func() error{
			"certificates": func() error { return listener.SetCertificates(nil) },
			"close":        func() error { return listener.Close() },
		} {
			if err := try(); !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "the listener is none that Listen has given") {
				t.Errorf("%s of a listener that is %s: %v", what, which, err)
			}
		}
		if listener.Connections() != 0 || listener.Addr() != nil {
			t.Error(which, listener.Connections(), listener.Addr())
		}
	}
}

func TestAHandlerThatIsNoAppAnswersWithAnError(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	for _, app := range []*nano.App{nil, {}} {
		recorder := httptest.NewRecorder()
		app.ServeHTTP(recorder, httptest.NewRequest("POST", "/", strings.NewReader("body")))
		if recorder.Code != http.StatusInternalServerError || !strings.Contains(recorder.Body.String(), `"code":"INVALID"`) {
			t.Error(recorder.Code, recorder.Body)
		}
	}
	equal(t, strings.Count(log.String(), "none that Load has given"), 2)
}

func TestAnErrorThatIsNoneIsAProblemToo(t *testing.T) {
	for _, err := range []error{nil, (*nano.Error)(nil), &nano.Error{}, io.EOF} {
		recorder := httptest.NewRecorder()
		nano.Problem(recorder, err)
		equal(t, recorder.Code, http.StatusInternalServerError)
	}
}

func TestARequestWithoutAURLIsAnError(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hello})
	body := &closable{Reader: strings.NewReader("body")}
	if _, err := app.RoundTrip((&http.Request{Body: body}).WithContext(t.Context())); !errors.Is(err, nano.ErrInvalid) || !body.closed {
		t.Error(err, body.closed)
	}
}

func TestOptionsThatSayNothing(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	for what, binding := range map[string]any{
		"nil": nil, "no app": (*nano.App)(nil), "a zero app": &nano.App{}, "a class": nano.Class{}, "a class of nil": nano.Class{New: (func() *int)(nil)},
		"a function": (func())(nil), "a service": nano.Service{}, "a queue": nano.Queue(""),
	} {
		if _, err := runtime.Load(nano.AppOptions{Source: hello, Bindings: map[string]any{"NAME": binding}}); !errors.Is(err, nano.ErrInvalid) {
			t.Error(what, err)
		}
	}
	for what, options := range map[string]nano.AppOptions{
		"a consumer": {Source: hello, Consumers: make([]nano.Consumer, 1)},
		"a cron":     {Source: hello, Crons: make([]string, 1)},
		"a variable": {Source: hello, Env: map[string]string{"": ""}},
	} {
		if _, err := runtime.Load(options); !errors.Is(err, nano.ErrInvalid) {
			t.Error(what, err)
		}
	}
	if _, err := runtime.Load(nano.AppOptions{}); !errors.Is(err, nano.ErrCompile) {
		t.Error("no code:", err)
	}
	app := load(t, runtime, nano.AppOptions{Source: "export const count = (...args) => args.length; export default { scheduled() {} }"})
	nothing := []any{
		nil, nano.Map(nil), nano.MapEntry{}, nano.Set(nil), nano.Object(nil), nano.Property{}, nano.Date(0), nano.UndefinedType{}, nano.Int8Array(nil),
		nano.JSError{}, &nano.JSError{}, (*nano.JSError)(nil), nano.Error{}, &nano.Error{}, (*nano.Error)(nil), nano.Code(0),
	}
	if n, err := app.Invoke(t.Context(), "count", nothing...); n != len(nothing) || err != nil {
		t.Error(n, err)
	}
	if _, err := app.Schedule(t.Context(), "", time.Time{}); !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "1970") {
		t.Error(err)
	}
	if _, err := nano.New(nano.Options{ManualClock: true, Clock: time.UnixMilli(-1)}); !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "1970") {
		t.Error(err)
	}
}
