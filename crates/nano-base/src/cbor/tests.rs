//! What the codec promises: the RFC's own examples, every variant there and back, and refusals that say where.

mod appendix_a;
mod random;

use super::*;
use crate::status::Result;
use crate::value::{ErrorValue, HostObject, TypedArrayKind, Value};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.map(|(key, value)| (key.into(), value)).into())
}

fn ints<const N: usize>(ints: [i64; N]) -> Vec<Value> {
    ints.map(Value::Int).into()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    assert_eq!(digits.len() % 2, 0, "{hex}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(hex: &str) -> Result<Value> {
    decode(&from_hex(hex), &CborLimits::default())
}

fn written(value: &Value) -> String {
    let mut out = Vec::new();
    encode(value, &mut out, &CborLimits::default()).unwrap();
    to_hex(&out)
}

fn limits(depth_max: usize, bytes_max: usize, items_max: usize) -> CborLimits {
    CborLimits { depth_max, bytes_max, items_max }
}

/// Arrays in each other, `depth` of them.
fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn every_variant_goes_there_and_back_as_documented() {
    let table = [
        (Value::Undefined, "f7"),
        (Value::Null, "f6"),
        (Value::Bool(false), "f4"),
        (Value::Int(9_007_199_254_740_991), "1b001fffffffffffff"),
        (Value::Int(-9_007_199_254_740_991), "3b001ffffffffffffe"),
        (Value::bigint(false, vec![]), "c240"),
        (Value::bigint(false, vec![5]), "c24105"),
        (Value::bigint(true, vec![1]), "c340"),
        (Value::bigint(true, vec![1, 0]), "c341ff"),
        (Value::bigint(true, vec![0xff; 8]), "c348fffffffffffffffe"),
        (Value::Float(0.5), "f93800"),
        (Value::Float(-0.0), "f98000"),
        (Value::Float(f64::NAN), "f97e00"),
        (text("ü"), "62c3bc"),
        (Value::Bytes(vec![1, 2]), "420102"),
        (Value::Array(ints([1, 2])), "820102"),
        (object([("b", Value::Int(1)), ("a", Value::Int(2))]), "a26162016161 02"),
        (Value::Map(vec![]), "d90103a0"),
        (Value::Map(vec![(text("a"), Value::Int(1))]), "d90103a1616101"),
        (Value::Map(vec![(object([]), Value::Null)]), "d90103a1a0f6"),
        (Value::Set(ints([3, 1])), "d90102820301"),
        (Value::Date(0.0), "c100"),
        (Value::Date(-1000.0), "c120"),
        (Value::Date(1500.0), "c1f93e00"),
        (Value::Date(f64::NAN), "c1f97e00"),
        (Value::TypedArray { kind: TypedArrayKind::Uint16, bytes: vec![1, 2] }, "d845420102"),
        (Value::error("TypeError", "no"), "d81b83654572726f72695479706545 72726f72626e6f"),
        (error_with("cause", Value::Int(1)), "d81b84654572726f72614561 6da1656361757365 01"),
        (Value::Units(vec![0x61, 0xdc00]), "d9011144 61edb080"),
        (Value::Buffer(vec![1]), "da4e414e4f4101"),
        (Value::View(vec![1, 2]), "da4e414e50420102"),
        (Value::Array(vec![Value::Hole, Value::Undefined]), "82d81ff7f7"),
        (Value::RegExp { source: "a".into(), flags: "gi".into() }, "d9524a826161626769"),
        (Value::Boxed(Box::new(Value::Bool(true))), "da4e414e51f5"),
    ];
    for (value, hex) in table {
        assert_eq!(written(&value), to_hex(&from_hex(hex)), "{value:?}");
        assert_eq!(read(hex), Ok(value), "{hex}");
    }
}

/// `E: m` with one property.
fn error_with(name: &str, value: Value) -> Value {
    Value::Error(Box::new(ErrorValue { name: "E".into(), message: "m".into(), properties: vec![(name.into(), value)] }))
}

#[test]
fn holes_are_undefined_where_no_array_is() {
    assert_eq!(read("d81ff7"), Ok(Value::Undefined));
    assert_eq!(read("a16161d81ff7"), Ok(object([("a", Value::Undefined)])));
    assert_eq!(read("d9010281d81ff7"), Ok(Value::Set(vec![Value::Undefined])));
}

#[test]
fn regular_expressions_without_flags_have_none() {
    assert_eq!(read("d9524a816161"), Ok(Value::RegExp { source: "a".into(), flags: String::new() }));
}

#[test]
fn text_that_needs_no_tag_for_halves_is_text() {
    assert_eq!(read("d901114161"), Ok(text("a")));
    assert_eq!(written(&Value::Units(vec![0x61])), "6161");
}

#[test]
fn our_tags_over_anything_else_are_refused() {
    // Holes of something, halves as text, a pair as two halves, a pattern that is a number, buffers of text, boxes of null, of arrays,
    // of boxes.
    let wrong = [
        "d81f01",
        "d901116161",
        "d9011146eda0bdedb880",
        "d9524a8101",
        "d9524a80",
        "d9524a83616161616161",
        "da4e414e4f6161",
        "da4e414e506161",
        "da4e414e51f6",
        "da4e414e5180",
        "da4e414e51da4e414e51f5",
    ];
    for hex in wrong {
        assert_eq!(read(hex).map_err(|error| error.status), Err(Status::Invalid), "{hex}");
    }
    assert!(encode(&Value::Boxed(Box::new(Value::Null)), &mut Vec::new(), &CborLimits::default()).is_err());
}

#[test]
fn what_errors_and_boxes_hold_is_a_level_deeper() {
    let limits = CborLimits { depth_max: 2, ..CborLimits::default() };
    let mut bytes = Vec::new();
    for (value, fits) in [
        (error_with("cause", Value::Null), true),
        (error_with("cause", Value::Array(vec![])), false),
        (Value::Array(vec![Value::Boxed(Box::new(Value::Int(1)))]), true),
        (Value::Array(vec![Value::Array(vec![Value::Boxed(Box::new(Value::Int(1)))])]), false),
    ] {
        assert_eq!(encode(&value, &mut bytes, &limits).is_ok(), fits, "{value:?}");
        assert_eq!(decode(&from_hex(&written(&value)), &limits).is_ok(), fits, "{value:?}");
    }
    let chain = "da4e414e51".repeat(1000) + "01";
    assert!(decode(&from_hex(&chain), &CborLimits::default()).is_err());
}

#[test]
fn every_typed_array_kind_has_its_registered_tags() {
    use TypedArrayKind::*;
    // RFC 8746, table 1: 64 + float 16 + signed 8 + little 4 + log2 of the width (less 1 for floats).
    let table = [
        (Uint8, 0x40, None),
        (Uint16, 0x45, Some(0x41)),
        (Uint32, 0x46, Some(0x42)),
        (BigUint64, 0x47, Some(0x43)),
        (Uint8Clamped, 0x44, None),
        (Int8, 0x48, None),
        (Int16, 0x4d, Some(0x49)),
        (Int32, 0x4e, Some(0x4a)),
        (BigInt64, 0x4f, Some(0x4b)),
        (Float16, 0x54, Some(0x50)),
        (Float32, 0x55, Some(0x51)),
        (Float64, 0x56, Some(0x52)),
    ];
    assert!(TypedArrayKind::ALL.iter().all(|kind| table.iter().any(|row| row.0 == *kind)));
    for (kind, little, big) in table {
        let size = kind.element_bytes();
        let bytes: Vec<u8> = (0..2 * size as u8).collect();
        let value = Value::TypedArray { kind, bytes: bytes.clone() };
        let string = to_hex(&[&[0x40 | bytes.len() as u8], bytes.as_slice()].concat());
        assert_eq!(written(&value), format!("d8{little:02x}{string}"));
        assert_eq!(read(&format!("d8{little:02x}{string}")), Ok(value));
        if let Some(big) = big {
            let swapped = bytes.chunks(size).flat_map(|element| element.iter().rev().copied()).collect();
            let expected = Value::TypedArray { kind, bytes: swapped };
            assert_eq!(read(&format!("d8{big:02x}{string}")), Ok(expected));
        }
    }
}

#[test]
fn integers_beyond_the_safe_ones_are_read_as_bigints() {
    let table = [
        (1 << 53, "1b0020000000000000", Value::bigint(false, vec![0x20, 0, 0, 0, 0, 0, 0])),
        (-(1 << 53), "3b001fffffffffffff", Value::bigint(true, vec![0x20, 0, 0, 0, 0, 0, 0])),
        (i64::MAX, "1b7fffffffffffffff", Value::bigint(false, i64::MAX.to_be_bytes().into())),
        (i64::MIN, "3b7fffffffffffffff", Value::bigint(true, i64::MIN.to_be_bytes().into())),
    ];
    for (int, hex, expected) in table {
        assert_eq!(written(&Value::Int(int)), hex);
        assert_eq!(read(hex), Ok(expected));
    }
}

#[test]
fn bigints_in_another_form_are_written_in_the_one_form() {
    let padded = Value::BigInt { negative: true, magnitude: vec![0, 0, 2] };
    assert_eq!(written(&padded), "c34101");
    let negative_zero = Value::BigInt { negative: true, magnitude: vec![0] };
    assert_eq!(written(&negative_zero), "c240");
    assert_eq!(read("c2 43 000001"), Ok(Value::bigint(false, vec![1])));
    assert_eq!(read("c3 42 ffff"), Ok(Value::bigint(true, vec![1, 0, 0])));
    assert_eq!(read("c2 5f 4101 4102 ff"), Ok(Value::bigint(false, vec![1, 2])));
}

#[test]
fn dates_survive_to_the_millisecond_over_their_whole_range() {
    let mut ms = 1.0;
    while ms < DATE_MS_MAX {
        for date in [ms, -ms, (ms + 1.0).min(DATE_MS_MAX), (ms * 1.3).trunc().min(DATE_MS_MAX), DATE_MS_MAX - ms] {
            let value = Value::Date(date);
            assert_eq!(read(&written(&value)), Ok(value));
        }
        ms = (ms * 1.01 + 1.0).trunc();
    }
    for date in [DATE_MS_MAX, -DATE_MS_MAX, 4_398_046_599_475_024.0, 4_420_964_126_930_650.0] {
        assert_eq!(read(&written(&Value::Date(date))), Ok(Value::Date(date)));
    }
}

#[test]
fn dates_outside_their_range_are_invalid_dates() {
    for ms in [DATE_MS_MAX + 1.0, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(written(&Value::Date(ms)), "c1f97e00");
    }
    for hex in ["c11bffffffffffffffff", "c13bffffffffffffffff", "c1f97c00", "c1fb7fefffffffffffff", "c1f97e01"] {
        assert_eq!(read(hex), Ok(Value::Date(f64::NAN)), "{hex}");
    }
    assert_eq!(written(&Value::Date(1.9)), written(&Value::Date(1.0)));
    assert_eq!(written(&Value::Date(-0.9)), "c100");
}

#[test]
fn floats_take_the_fewest_bytes_that_keep_them() {
    let table = [
        (2f64.powi(-24), "f90001"),
        (2f64.powi(-25), "fa33000000"),
        (65504.0, "f97bff"),
        (65505.0, "fa477fe100"),
        (f64::from(f32::MAX), "fa7f7fffff"),
        (f64::from(f32::from_bits(1)), "fa00000001"),
        (0.1, "fb3fb999999999999a"),
        (f64::MIN_POSITIVE, "fb0010000000000000"),
        (5e-324, "fb0000000000000001"),
        (f64::INFINITY, "f97c00"),
        (f64::NEG_INFINITY, "f9fc00"),
        (1.0, "f93c00"),
    ];
    for (float, hex) in table {
        assert_eq!(written(&Value::Float(float)), hex);
        assert_eq!(read(hex), Ok(Value::Float(float)));
    }
    for nan in ["f97e01", "f9fe00", "fa7fc00001", "fa7f800001", "fbfff8000000000000", "fb7ff0000000000001"] {
        assert_eq!(written(&read(nan).unwrap()), "f97e00", "{nan}");
    }
}

#[test]
fn an_unknown_tag_stands_for_its_content() {
    assert_eq!(read("d9d9f7 01"), Ok(Value::Int(1)));
    assert_eq!(read("d8ff d8ff 81 d8ff 01"), Ok(Value::Array(ints([1]))));
    assert_eq!(read("dbffffffffffffffff f6"), Ok(Value::Null));
    assert_eq!(read("d90102 81 d9d9f7 01"), Ok(Value::Set(ints([1]))));
    // Of the typed arrays, those that JavaScript has no kind for.
    assert_eq!(read("d84c 4101"), Ok(Value::Bytes(vec![1])));
    assert_eq!(read("d857 4101"), Ok(Value::Bytes(vec![1])));
}

#[test]
fn a_generic_object_that_is_no_error_is_its_array() {
    assert_eq!(read("d81b 80"), Ok(Value::Array(vec![])));
    assert_eq!(read("d81b 83 6146 6161 6162"), Ok(Value::Array(vec![text("F"), text("a"), text("b")])));
    assert_eq!(read("d81b 82 654572726f72 01"), Ok(Value::Array(vec![text("Error"), Value::Int(1)])));
}

#[test]
fn an_untagged_map_is_an_object_unless_a_key_is_not_text() {
    assert_eq!(read("a1 6161 01"), Ok(object([("a", Value::Int(1))])));
    assert_eq!(read("a2 6161 01 02 03"), Ok(Value::Map(vec![(text("a"), Value::Int(1)), (Value::Int(2), Value::Int(3))])));
    assert_eq!(read("a2 6161 01 6161 02"), Ok(object([("a", Value::Int(1)), ("a", Value::Int(2))])));
}

#[test]
fn malformed_input_is_refused_with_the_place() {
    // Input, the byte that is at fault, what the message says.
    let table = [
        ("", 0, "ends too early"),
        ("0000", 1, "1 bytes follow"),
        ("f6ff", 1, "1 bytes follow"),
        ("18", 0, "ends too early"),
        ("1900", 0, "ends too early"),
        ("1a000000", 0, "ends too early"),
        ("1b00000000000000", 0, "ends too early"),
        ("1c", 0, "reserved head 0x1c"),
        ("1d", 0, "reserved head"),
        ("1e", 0, "reserved head"),
        ("1f", 0, "reserved head"),
        ("3f", 0, "reserved head"),
        ("dc", 0, "reserved head"),
        ("df00ff", 0, "reserved head 0xdf"),
        ("fc", 0, "reserved head"),
        ("ff", 0, "a break"),
        ("81ff", 1, "a break"),
        ("a1ff", 0, "ends too early"),
        ("a2 01ff 0000", 2, "a break"),
        ("bf01ff", 2, "a break"),
        ("9f", 1, "ends too early"),
        ("9f01", 2, "ends too early"),
        ("bf", 1, "ends too early"),
        ("bf6161", 3, "ends too early"),
        ("41", 0, "ends too early"),
        ("6261", 0, "ends too early"),
        ("5f", 1, "ends too early"),
        ("5f4101", 3, "ends too early"),
        ("5f 6161 ff", 1, "another kind"),
        ("7f 4161 ff", 1, "another kind"),
        ("5f 00 ff", 1, "another kind"),
        ("5f5fffff", 1, "itself of indefinite length"),
        ("7f7fffff", 1, "itself of indefinite length"),
        ("7f 61c3 61bc ff", 2, "not UTF-8"),
        ("61ff", 1, "not UTF-8"),
        ("6361c328", 2, "not UTF-8"),
        ("63eda080", 1, "not UTF-8"),
        ("62c080", 1, "not UTF-8"),
        ("8201", 0, "ends too early"),
        ("820181", 2, "ends too early"),
        ("5bffffffffffffffff00", 0, "ends too early"),
        ("7bffffffffffffffff00", 0, "ends too early"),
        ("9bffffffffffffffff00", 0, "ends too early"),
        ("bbffffffffffffffff00", 0, "ends too early"),
        ("bb800000000000000000", 0, "ends too early"),
        ("9a7fffffff", 0, "ends too early"),
        ("f8", 0, "ends too early"),
        ("f800", 0, "simple value 0"),
        ("f81f", 0, "simple value 31"),
        ("f814", 0, "simple value 20"),
        ("f818", 0, "simple value 24"),
        ("f8ff", 0, "simple value 255"),
        ("e0", 0, "simple value 0"),
        ("f3", 0, "simple value 19"),
        ("f97e", 0, "ends too early"),
        ("c0", 1, "ends too early"),
        ("c1", 1, "ends too early"),
        ("c1 6130", 1, "a date is"),
        ("c1 f6", 1, "a date is"),
        ("c1 c100", 1, "a date is"),
        ("c1 ff", 1, "a date is"),
        ("c2 01", 1, "a bigint is"),
        ("c3 c340", 1, "a bigint is"),
        ("d81b 6161", 2, "a generic object is"),
        ("d90102 a0", 3, "a set is"),
        ("d90103 80", 3, "tag 259"),
        ("d845 80", 2, "a typed array is"),
        ("d845 43000000", 2, "3 bytes are no whole number of Uint16 elements"),
        ("d852 47 00000000000000", 2, "no whole number of Float64"),
    ];
    for (hex, at, what) in table {
        let error = read(hex).expect_err(hex);
        assert_eq!(error.status, Status::Invalid, "{hex}: {error}");
        assert!(error.message.starts_with(&format!("CBOR at byte {at}: ")), "{hex}: {error}");
        assert!(error.message.contains(what), "{hex}: {error}");
    }
}

#[test]
fn every_prefix_of_a_value_is_refused() {
    let whole = from_hex("a3 6161 9f 01 c24101 ff 6162 d90103 a1 f6 fb3fb999999999999a 6163 7f 6161 6162 ff");
    assert!(decode(&whole, &CborLimits::default()).is_ok());
    for len in 0..whole.len() {
        let error = decode(&whole[..len], &CborLimits::default()).unwrap_err();
        assert_eq!(error.status, Status::Invalid, "{len}");
    }
}

#[test]
fn a_typed_array_that_ends_inside_an_element_is_not_written() {
    let value = Value::Array(vec![Value::TypedArray { kind: TypedArrayKind::Float32, bytes: vec![0; 6] }]);
    let mut out = vec![7];
    let error = encode(&value, &mut out, &CborLimits::default()).unwrap_err();
    assert_eq!((error.status, out), (Status::Invalid, vec![7]));
    assert!(error.message.contains("at byte 1: 6 bytes are no whole number of Float32"), "{error}");
}

#[test]
fn limits_hold_alike_in_both_directions() {
    let entry = |value| vec![(Value::Null, value)];
    let error = || Value::error("", "");
    // A value and the depth, bytes and items it takes.
    let table = [
        (Value::Int(1), 0, 1, 1),
        (Value::Float(0.1), 0, 9, 1),
        (text("abc"), 0, 4, 1),
        (Value::Date(0.0), 0, 2, 2),
        (Value::bigint(false, vec![1]), 0, 3, 2),
        (Value::TypedArray { kind: TypedArrayKind::Int8, bytes: vec![1] }, 0, 4, 2),
        (Value::Array(vec![]), 1, 1, 1),
        (nested(5), 5, 5, 5),
        (object([("a", Value::Null)]), 1, 4, 3),
        (Value::Map(entry(Value::Map(entry(Value::Null)))), 2, 11, 7),
        (Value::Set(vec![Value::Set(vec![])]), 2, 8, 4),
        (error(), 1, 11, 5),
        (Value::Array(vec![error()]), 2, 12, 6),
    ];
    for (value, depth, bytes, items) in table {
        let exact = limits(depth, bytes, items);
        let mut out = vec![0xaa];
        encode(&value, &mut out, &exact).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        assert_eq!(decode(&out[1..], &exact).as_ref(), Ok(&value));

        let mut too_tight = vec![limits(depth, bytes - 1, items), limits(depth, bytes, items - 1)];
        if depth > 0 {
            too_tight.push(limits(depth - 1, bytes, items));
        }
        for tight in too_tight {
            let refused = decode(&out[1..], &tight).unwrap_err();
            assert_eq!(refused.status, Status::TooLarge, "{value:?}: {refused}");
            let mut unchanged = vec![0xaa];
            let refused = encode(&value, &mut unchanged, &tight).unwrap_err();
            assert_eq!((refused.status, unchanged), (Status::TooLarge, vec![0xaa]), "{value:?}: {refused}");
        }
    }
}

#[test]
fn nesting_is_refused_at_the_ceiling_whatever_the_limits_say() {
    let boundless = limits(usize::MAX, usize::MAX, usize::MAX);
    for byte in [0x81, 0x9f, 0xbf, 0xd8, 0xc6, 0xa1] {
        let error = decode(&vec![byte; 1 << 20], &boundless).unwrap_err();
        assert_eq!(error.status, Status::TooLarge, "{byte:#x}: {error}");
    }
    let error = encode(&nested(VALUE_DEPTH_CEILING + 1), &mut Vec::new(), &boundless).unwrap_err();
    assert_eq!(error.status, Status::TooLarge);
}

#[test]
fn the_deepest_value_fits_the_stack_that_the_ceiling_promises() {
    let there_and_back = || {
        let limits = CborLimits { depth_max: usize::MAX, ..CborLimits::default() };
        let mut out = Vec::new();
        encode(&nested(VALUE_DEPTH_CEILING), &mut out, &limits)?;
        decode(&out, &limits)
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let value = thread.spawn(there_and_back).unwrap().join().unwrap();
    assert_eq!(value, Ok(nested(VALUE_DEPTH_CEILING)));
}

#[test]
fn an_object_of_the_hosts_is_its_class_and_number() {
    let table = [(7, "07"), (u64::from(u32::MAX), "1affffffff"), (u64::MAX, "1bffffffffffffffff")];
    for (id, hex) in table {
        let object = Value::HostObject(HostObject { class: "Db".into(), id, keeper: None });
        let bytes = format!("d81b836a486f73744f626a656374624462{hex}");
        assert_eq!(written(&object), bytes);
        assert_eq!(read(&bytes), Ok(object));
    }
    // Without the tag it is an array, whoever wrote it; with it, and a number that is none, as well.
    assert_eq!(read("836a486f73744f626a65637462446207"), Ok(Value::Array(vec![text("HostObject"), text("Db"), Value::Int(7)])));
    assert_eq!(read("d81b836a486f73744f626a65637462446220"), Ok(Value::Array(vec![text("HostObject"), text("Db"), Value::Int(-1)])));
}
