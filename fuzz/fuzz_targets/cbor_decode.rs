//! Any bytes at all are read or refused; what is read has one encoding, and that reads as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nano_base::cbor::{CborLimits, decode, encode};
use nano_base::value::Value;

fuzz_target!(|input: &[u8]| {
    let limits = CborLimits::default();
    let Ok(value) = decode(input, &limits) else { return };
    let bytes = encoded(&value, &limits);
    let again = decode(&bytes, &limits).expect("what encode wrote, decode reads");
    assert_eq!(again, value);
    assert_eq!(encoded(&again, &limits), bytes);
});

fn encoded(value: &Value, limits: &CborLimits) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out, limits).expect("what decode read within the limits, encode writes");
    out
}
