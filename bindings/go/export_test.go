package nano

import "time"

// SetLastWords has the clients of a runtime's WebSockets go sooner: before there are any.
func (r *Runtime) SetLastWords(last time.Duration) { r.hub.lastWords = last }
