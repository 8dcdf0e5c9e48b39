package nano

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// A Kind says what AppOptions.Source is.
type Kind uint32

const (
	// Text is one module, or a script in service-worker syntax.
	Text Kind = C.NANO_SOURCE_TEXT
	// File is the path of one file.
	File Kind = C.NANO_SOURCE_FILE
	// Folder is the path of a folder: index.js, or what its package.json names, and what that imports.
	Folder Kind = C.NANO_SOURCE_FOLDER
	// Echo is the built-in app that answers each request with what it received as JSON.
	Echo Kind = C.NANO_SOURCE_ECHO
	// TypeScript is the text of one TypeScript module.
	TypeScript Kind = C.NANO_SOURCE_TYPESCRIPT
	// TSX is the text of one module with TypeScript and JSX in it.
	TSX Kind = C.NANO_SOURCE_TSX
)

// Egress says where an app may connect to.
type Egress uint32

const (
	// EgressPublic is everywhere but this machine, its networks and what they keep for themselves.
	EgressPublic Egress = C.NANO_EGRESS_PUBLIC
	// EgressDeny is nowhere.
	EgressDeny Egress = C.NANO_EGRESS_DENY
	// EgressAny is everywhere. Only for apps that you trust.
	EgressAny Egress = C.NANO_EGRESS_ANY
)

// Limits of one app; zero is each one's default. docs/limits.md says what each guards.
type Limits struct {
	HeapBytes, ExternalBytes, BodyBytes, UploadBytes, StorageBytes, CacheBytes uint64
	CPUMs, StartCPUMs, WallMs, IdleMs, ErrandCPUMs                             uint32
	Requests, Subrequests, SubrequestsAtOnce, Timers, Errands, Sockets         uint32
	LogBytesPerS, EnvEntries, EnvEntryBytes, URLBytes, HeaderBytes             uint32
	StorageEntries, HostObjects                                                uint32
}

// A Consumer is a queue whose messages an app takes; zero is each number's default, and -1 none at all.
type Consumer struct {
	Queue, DeadLetters   string
	Batch, Concurrency   uint32
	BatchWaitMs, Retries int64
	RetryDelayMs         uint32
}

// AppOptions are an app: code, env and limits.
type AppOptions struct {
	// Name is unique in the runtime; without one it gets one.
	Name string
	// Source is the text or the path of its code, according to Kind.
	Source string
	Kind   Kind
	// Env are variables and secrets: strings in env.
	Env map[string]string
	// Bindings are what else the app finds in env: what it calls, which are functions, objects, a Class, a Service, a Queue; and variables that are
	// no text, by encoding/json: numbers, booleans, slices, maps, structs without methods. Integers
	// that JavaScript would round are refused.
	Bindings map[string]any
	// Outbound names the binding that answers the app's global fetch instead of the network.
	Outbound string
	// Egress says where its fetch and sockets may go to; EgressAllow and EgressDeny are the exceptions.
	Egress                  Egress
	EgressAllow, EgressDeny []string
	// BaseURL is what relative URLs are relative to.
	BaseURL string
	// CodeGeneration lets it make code from strings and bytes. Only for apps that you trust.
	CodeGeneration bool
	// Lazy only registers it: its first request starts it, and finds its errors.
	Lazy bool
	// Seed makes its randomness follow from this number, for tests: never for an app that serves.
	Seed *uint64
	// Crons are when its scheduled() is called, in UTC.
	Crons []string
	// Consumers are the queues whose messages its queue() takes.
	Consumers []Consumer
	// Tail names apps that are told of each of its events.
	Tail []string
	// Limits are what it may use.
	Limits Limits
}

// describe lays the options out in C memory.
func (o *AppOptions) describe(a *arena, table *bindingTable) *C.nano_app_options {
	c := &arrayIn[C.nano_app_options](a, 1)[0]
	c.size = C.sizeof_nano_app_options
	c.name, c.source, c.source_kind = a.text(o.Name), a.text(o.Source), C.uint32_t(o.Kind)
	c.outbound, c.base_url, c.egress = a.text(o.Outbound), a.text(o.BaseURL), C.uint32_t(o.Egress)
	if o.Lazy {
		c.flags |= C.NANO_APP_LAZY
	}
	if o.CodeGeneration {
		c.flags |= C.NANO_APP_CODE_GENERATION
	}
	if o.Seed != nil {
		c.flags |= C.NANO_APP_SEEDED
		c.random_seed = C.uint64_t(*o.Seed)
	}
	env := arrayIn[C.nano_variable](a, len(o.Env))
	c.env, c.env_count = unsafe.SliceData(env), C.size_t(len(env))
	i := 0
	for name, value := range o.Env {
		env[i] = C.nano_variable{name: a.text(name), value: a.text(value)}
		i++
	}
	c.egress_allow, c.egress_allow_count = a.texts(o.EgressAllow)
	c.egress_deny, c.egress_deny_count = a.texts(o.EgressDeny)
	c.crons, c.crons_count = a.texts(o.Crons)
	c.tail, c.tail_count = a.texts(o.Tail)
	consumers := arrayIn[C.nano_consumer](a, len(o.Consumers))
	c.consumers, c.consumers_count = unsafe.SliceData(consumers), C.size_t(len(consumers))
	for i, consumer := range o.Consumers {
		consumers[i] = C.nano_consumer{
			queue: a.text(consumer.Queue), dead_letters: a.text(consumer.DeadLetters),
			batch: C.uint32_t(consumer.Batch), concurrency: C.uint32_t(consumer.Concurrency),
			batch_wait_ms: orNone(consumer.BatchWaitMs), retries: orNone(consumer.Retries),
			retry_delay_ms: C.uint32_t(consumer.RetryDelayMs),
		}
	}
	o.Limits.describe(c)
	c.env_bindings, c.env_bindings_count = table.describe(a)
	return c
}

func orNone(n int64) C.uint32_t {
	if n < 0 {
		return C.NANO_CONSUMER_NONE
	}
	return C.uint32_t(min(n, 1<<32-2))
}

func (l *Limits) describe(c *C.nano_app_options) {
	c.heap_bytes, c.external_bytes = C.uint64_t(l.HeapBytes), C.uint64_t(l.ExternalBytes)
	c.body_bytes, c.upload_bytes = C.uint64_t(l.BodyBytes), C.uint64_t(l.UploadBytes)
	c.storage_bytes, c.cache_bytes = C.uint64_t(l.StorageBytes), C.uint64_t(l.CacheBytes)
	c.cpu_ms, c.start_cpu_ms, c.wall_ms = C.uint32_t(l.CPUMs), C.uint32_t(l.StartCPUMs), C.uint32_t(l.WallMs)
	c.idle_ms, c.errand_cpu_ms, c.requests = C.uint32_t(l.IdleMs), C.uint32_t(l.ErrandCPUMs), C.uint32_t(l.Requests)
	c.subrequests, c.subrequests_at_once = C.uint32_t(l.Subrequests), C.uint32_t(l.SubrequestsAtOnce)
	c.timers, c.errands, c.sockets = C.uint32_t(l.Timers), C.uint32_t(l.Errands), C.uint32_t(l.Sockets)
	c.log_bytes_per_s, c.env_entries, c.env_entry_bytes = C.uint32_t(l.LogBytesPerS), C.uint32_t(l.EnvEntries), C.uint32_t(l.EnvEntryBytes)
	c.url_bytes, c.header_bytes = C.uint32_t(l.URLBytes), C.uint32_t(l.HeaderBytes)
	c.storage_entries, c.host_objects = C.uint32_t(l.StorageEntries), C.uint32_t(l.HostObjects)
}
