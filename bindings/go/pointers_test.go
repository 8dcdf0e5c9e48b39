package nano

import (
	"net/http"
	"testing"
	"unsafe"
)

// What is empty may be a pointer to anywhere in C, and Go does not bear such in its variables.
func TestNothingIsNoPointerToGo(t *testing.T) {
	runtime, err := New(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	app, err := runtime.Load(AppOptions{Source: "export default { fetch: () => new Response(null) }"})
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: app}).Get("http://app.test/")
	if err != nil || len(response.Header) > 0 {
		t.Fatal(response, err)
	}
	response.Body.Close()
	seen := 0
	for i := range app.hub.batch.records {
		// The batch stays as it was until the next event.
		if record := &app.hub.batch.records[i]; record.http_status == 200 {
			seen++
			if at := *(*uintptr)(unsafe.Pointer(&record.headers)); record.headers_count != 0 || at != 0 {
				t.Errorf("%d headers at %#x", record.headers_count, at)
			}
		}
	}
	if seen != 1 {
		t.Error("responses seen:", seen)
	}
}
