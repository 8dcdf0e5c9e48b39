package nano_test

import (
	"io"
	"net/http"
	"testing"

	"nano-isolates/nano"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRuntime(t testing.TB, options nano.Options) *nano.Runtime {
	t.Helper()
	if options.Threads == 0 {
		options.Threads = 1
	}
	runtime, err := nano.New(options)
	must(t, err)
	t.Cleanup(func() { must(t, runtime.Close()) })
	return runtime
}

func load(t testing.TB, runtime *nano.Runtime, options nano.AppOptions) *nano.App {
	t.Helper()
	app, err := runtime.Load(options)
	must(t, err)
	return app
}

// newApp is an app on a runtime of its own.
func newApp(t testing.TB, options nano.AppOptions) *nano.App {
	t.Helper()
	return load(t, newRuntime(t, nano.Options{}), options)
}

func stats(t testing.TB, app *nano.App) nano.AppStats {
	t.Helper()
	stats, err := app.Stats()
	must(t, err)
	return stats
}

// get asks an app, and gives the status and the body.
func get(t testing.TB, app *nano.App, url string) (int, string) {
	t.Helper()
	response, err := (&http.Client{Transport: app}).Get(url)
	must(t, err)
	return read(t, response)
}

func read(t testing.TB, response *http.Response) (int, string) {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(body)
}

func post(t testing.TB, url string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	must(t, err)
	return request
}

const hello = "export default { fetch: () => new Response('hello') }"

// Functions of the host are in env, which modules import.
const withEnv = "import { env } from 'cloudflare:workers';\n"
