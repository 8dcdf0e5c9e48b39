package nano

import "time"

// Versions says of how many versions the bindings are kept.
func (r *Runtime) Versions() int {
	count := 0
	r.hub.versions.Range(func(any, any) bool { count++; return true })
	return count
}

// SetLastWords has the clients of a runtime's WebSockets go sooner: before there are any.
func (r *Runtime) SetLastWords(last time.Duration) { r.hub.lastWords = last }
