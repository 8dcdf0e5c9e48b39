module nano-bench

go 1.25

require (
	nano-figures v0.0.0
	nano-isolates/nano v0.0.0
)

replace (
	nano-figures => ../figures
	nano-isolates/nano => ../../bindings/go
)
