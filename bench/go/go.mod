module nano-bench

go 1.25

require nano-isolates/nano v0.0.0

replace nano-isolates/nano => ../../bindings/go
