//go:build tool

// Package spec pins h2spec, which asks an HTTP/2 server every question of RFC 9113 and RFC 7541.
package spec

import _ "github.com/summerwind/h2spec/cmd/h2spec"
