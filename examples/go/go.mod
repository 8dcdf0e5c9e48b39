module nano-isolates/example

go 1.24

require nano-isolates/nano v0.0.0

replace nano-isolates/nano => ../../bindings/go
