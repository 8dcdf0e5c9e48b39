//! The examples of RFC 8949, appendix A, in its order.

use super::*;

/// Read only: the RFC shows several encodings of these, or we keep a bigint a bigint.
const OTHER: bool = false;
/// Written as it was read.
const SAME: bool = true;

fn bytes(hex: &str) -> Value {
    Value::Bytes(from_hex(hex))
}

fn array<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

fn bigint(negative: bool, hex: &str) -> Value {
    Value::bigint(negative, from_hex(hex))
}

fn numbers() -> Vec<(&'static str, Value, bool)> {
    use Value::{Float, Int};
    vec![
        ("00", Int(0), SAME),
        ("01", Int(1), SAME),
        ("0a", Int(10), SAME),
        ("17", Int(23), SAME),
        ("1818", Int(24), SAME),
        ("1819", Int(25), SAME),
        ("1864", Int(100), SAME),
        ("1903e8", Int(1000), SAME),
        ("1a000f4240", Int(1_000_000), SAME),
        ("1b000000e8d4a51000", Int(1_000_000_000_000), SAME),
        ("1bffffffffffffffff", bigint(false, "ffffffffffffffff"), OTHER),
        ("c249010000000000000000", bigint(false, "010000000000000000"), SAME),
        ("3bffffffffffffffff", bigint(true, "010000000000000000"), OTHER),
        ("c349010000000000000000", bigint(true, "010000000000000001"), SAME),
        ("20", Int(-1), SAME),
        ("29", Int(-10), SAME),
        ("3863", Int(-100), SAME),
        ("3903e7", Int(-1000), SAME),
        ("f90000", Float(0.0), SAME),
        ("f98000", Float(-0.0), SAME),
        ("f93c00", Float(1.0), SAME),
        ("fb3ff199999999999a", Float(1.1), SAME),
        ("f93e00", Float(1.5), SAME),
        ("f97bff", Float(65504.0), SAME),
        ("fa47c35000", Float(100_000.0), SAME),
        ("fa7f7fffff", Float(3.402_823_466_385_288_6e38), SAME),
        ("fb7e37e43c8800759c", Float(1.0e300), SAME),
        ("f90001", Float(5.960_464_477_539_063e-8), SAME),
        ("f90400", Float(0.000_061_035_156_25), SAME),
        ("f9c400", Float(-4.0), SAME),
        ("fbc010666666666666", Float(-4.1), SAME),
        ("f97c00", Float(f64::INFINITY), SAME),
        ("f97e00", Float(f64::NAN), SAME),
        ("f9fc00", Float(f64::NEG_INFINITY), SAME),
        ("fa7f800000", Float(f64::INFINITY), OTHER),
        ("fa7fc00000", Float(f64::NAN), OTHER),
        ("faff800000", Float(f64::NEG_INFINITY), OTHER),
        ("fb7ff0000000000000", Float(f64::INFINITY), OTHER),
        ("fb7ff8000000000000", Float(f64::NAN), OTHER),
        ("fbfff0000000000000", Float(f64::NEG_INFINITY), OTHER),
    ]
}

fn simple_and_tagged() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("f4", Value::Bool(false), SAME),
        ("f5", Value::Bool(true), SAME),
        ("f6", Value::Null, SAME),
        ("f7", Value::Undefined, SAME),
        ("c074323031332d30332d32315432303a30343a30305a", text("2013-03-21T20:04:00Z"), OTHER),
        ("c11a514b67b0", Value::Date(1_363_896_240_000.0), SAME),
        ("c1fb41d452d9ec200000", Value::Date(1_363_896_240_500.0), SAME),
        ("d74401020304", bytes("01020304"), OTHER),
        ("d818456449455446", bytes("6449455446"), OTHER),
        ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", text("http://www.example.com"), OTHER),
    ]
}

fn strings_and_containers() -> Vec<(&'static str, Value, bool)> {
    let one_to_25 = || Value::Array((1..=25).map(Value::Int).collect());
    let letters = || object([("a", text("A")), ("b", text("B")), ("c", text("C")), ("d", text("D")), ("e", text("E"))]);
    vec![
        ("40", bytes(""), SAME),
        ("4401020304", bytes("01020304"), SAME),
        ("60", text(""), SAME),
        ("6161", text("a"), SAME),
        ("6449455446", text("IETF"), SAME),
        ("62225c", text("\"\\"), SAME),
        ("62c3bc", text("\u{fc}"), SAME),
        ("63e6b0b4", text("\u{6c34}"), SAME),
        ("64f0908591", text("\u{10151}"), SAME),
        ("80", array([]), SAME),
        ("83010203", Value::Array(ints([1, 2, 3])), SAME),
        ("8301820203820405", nested_array(), SAME),
        ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", one_to_25(), SAME),
        ("a0", object([]), SAME),
        ("a201020304", int_map(), OTHER),
        ("a26161016162820203", a_and_b(), SAME),
        ("826161a161626163", array([text("a"), object([("b", text("c"))])]), SAME),
        ("a56161614161626142616361436164614461656145", letters(), SAME),
    ]
}

fn indefinite() -> Vec<(&'static str, Value, bool)> {
    let one_to_25 = Value::Array((1..=25).map(Value::Int).collect());
    vec![
        ("5f42010243030405ff", bytes("0102030405"), OTHER),
        ("7f657374726561646d696e67ff", text("streaming"), OTHER),
        ("9fff", array([]), OTHER),
        ("9f018202039f0405ffff", nested_array(), OTHER),
        ("9f01820203820405ff", nested_array(), OTHER),
        ("83018202039f0405ff", nested_array(), OTHER),
        ("83019f0203ff820405", nested_array(), OTHER),
        ("9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", one_to_25, OTHER),
        ("bf61610161629f0203ffff", a_and_b(), OTHER),
        ("826161bf61626163ff", array([text("a"), object([("b", text("c"))])]), OTHER),
        ("bf6346756ef563416d7421ff", object([("Fun", Value::Bool(true)), ("Amt", Value::Int(-2))]), OTHER),
    ]
}

fn nested_array() -> Value {
    array([Value::Int(1), Value::Array(ints([2, 3])), Value::Array(ints([4, 5]))])
}

fn int_map() -> Value {
    Value::Map(vec![(Value::Int(1), Value::Int(2)), (Value::Int(3), Value::Int(4))])
}

fn a_and_b() -> Value {
    object([("a", Value::Int(1)), ("b", Value::Array(ints([2, 3])))])
}

#[test]
fn every_example_is_read_and_the_preferred_ones_are_written_back() {
    let all = [numbers(), simple_and_tagged(), strings_and_containers(), indefinite()].concat();
    assert_eq!(all.len(), 79, "82 examples, less three simple values without a meaning here");
    for (hex, value, same) in all {
        assert_eq!(read(hex).as_ref(), Ok(&value), "{hex}");
        if same == SAME {
            assert_eq!(written(&value), hex);
        } else {
            assert_eq!(read(&written(&value)), Ok(value), "{hex}");
        }
    }
}

#[test]
fn the_examples_of_unassigned_simple_values_are_refused() {
    for (hex, number) in [("f0", 16), ("f818", 24), ("f8ff", 255)] {
        let error = read(hex).unwrap_err();
        assert!(error.message.contains(&format!("simple value {number}")), "{error}");
    }
}
