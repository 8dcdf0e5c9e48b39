//! Values of apps as JSON, and JSON as values: for people who call a function from a shell.

use nano_core::limits::VALUE_DEPTH_MAX;
use nano_core::value::TypedArrayKind;
use nano_core::{Error, Status, Value};
use serde_json::{Map, Number, Value as Json};

/// The arguments of a call.
pub fn arguments(list: &[Json]) -> Result<Vec<Value>, Error> {
    list.iter().map(|json| value(json, 0)).collect()
}

fn value(json: &Json, depth: usize) -> Result<Value, Error> {
    if depth > VALUE_DEPTH_MAX {
        return Err(Error::new(Status::TooLarge, format!("an argument is nested more than {VALUE_DEPTH_MAX} deep")));
    }
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match number.as_i64().filter(|int| int.unsigned_abs() < 1 << 53) {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(|item| value(item, depth + 1)).collect::<Result<_, _>>()?),
        Json::Object(entries) => {
            let entry = |(key, item): (&String, &Json)| Ok((key.clone(), value(item, depth + 1)?));
            Value::Object(entries.iter().map(entry).collect::<Result<_, Error>>()?)
        }
    })
}

/// What a call returned, as `JSON.stringify` has it where it has it: dates are texts, `undefined` is null. Beyond that, maps are objects
/// or lists of pairs, sets and typed arrays lists, bigints numbers or texts, errors objects of their name, their message and
/// what else they say, regular expressions texts.
pub fn of(value: &Value) -> Json {
    match value {
        Value::Undefined | Value::Hole | Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < (1_u64 << 53) as f64 => Json::from(*float as i64),
        Value::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Value::BigInt { negative, magnitude } => bigint(*negative, magnitude),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Units(units) => Json::from(String::from_utf16_lossy(units)),
        Value::Bytes(bytes) | Value::Buffer(bytes) | Value::View(bytes) => Json::from(bytes.as_slice()),
        Value::TypedArray { kind, bytes } => typed_array(*kind, bytes),
        Value::Array(items) | Value::Set(items) => Json::Array(items.iter().map(of).collect()),
        Value::Object(entries) => Json::Object(entries.iter().map(|(key, item)| (key.clone(), of(item))).collect()),
        Value::Map(entries) => map(entries),
        Value::Date(ms) => date(*ms),
        Value::Error(error) => {
            let said = [("name", &error.name), ("message", &error.message)];
            let said = said.into_iter().map(|(key, text)| (key.to_string(), Json::from(text.as_str())));
            Json::Object(said.chain(error.properties.iter().map(|(key, item)| (key.clone(), of(item)))).collect())
        }
        Value::RegExp { source, flags } => Json::from(format!("/{source}/{flags}")),
        Value::Boxed(inside) => of(inside),
        Value::HostObject(object) => Json::from(object.class.as_str()),
    }
}

/// A number where JSON's readers keep it exact, else text.
fn bigint(negative: bool, magnitude: &[u8]) -> Json {
    let sign = if negative { "-" } else { "" };
    if magnitude.len() > 16 {
        let digits: String = magnitude.iter().map(|byte| format!("{byte:02x}")).collect();
        return Json::from(format!("{sign}0x{}", digits.trim_start_matches('0')));
    }
    let number = magnitude.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    match i64::try_from(number) {
        Ok(int) if number < 1 << 53 => Json::from(if negative { -int } else { int }),
        _ => Json::from(format!("{sign}{number}")),
    }
}

fn map(entries: &[(Value, Value)]) -> Json {
    let by_text = |(key, item): &(Value, Value)| if let Value::Text(key) = key { Some((key.clone(), of(item))) } else { None };
    match entries.iter().map(by_text).collect::<Option<Map<String, Json>>>() {
        Some(object) => Json::Object(object),
        None => Json::Array(entries.iter().map(|(key, item)| Json::Array(vec![of(key), of(item)])).collect()),
    }
}

fn typed_array(kind: TypedArrayKind, bytes: &[u8]) -> Json {
    fn each<const N: usize>(bytes: &[u8], element: impl Fn([u8; N]) -> Json) -> Json {
        Json::Array(bytes.chunks_exact(N).map(|chunk| element(std::array::from_fn(|at| chunk[at]))).collect())
    }
    let float = |number: f64| of(&Value::Float(number));
    match kind {
        TypedArrayKind::Uint8 | TypedArrayKind::Uint8Clamped => Json::from(bytes),
        TypedArrayKind::Int8 => each(bytes, |bytes: [u8; 1]| Json::from(i8::from_le_bytes(bytes))),
        TypedArrayKind::Int16 => each(bytes, |bytes| Json::from(i16::from_le_bytes(bytes))),
        TypedArrayKind::Uint16 => each(bytes, |bytes| Json::from(u16::from_le_bytes(bytes))),
        TypedArrayKind::Int32 => each(bytes, |bytes| Json::from(i32::from_le_bytes(bytes))),
        TypedArrayKind::Uint32 => each(bytes, |bytes| Json::from(u32::from_le_bytes(bytes))),
        TypedArrayKind::Float16 => each(bytes, |bytes| float(half(u16::from_le_bytes(bytes)))),
        TypedArrayKind::Float32 => each(bytes, |bytes| float(f32::from_le_bytes(bytes).into())),
        TypedArrayKind::Float64 => each(bytes, |bytes| float(f64::from_le_bytes(bytes))),
        TypedArrayKind::BigInt64 => each(bytes, |bytes| {
            let int = i64::from_le_bytes(bytes);
            bigint(int < 0, &int.unsigned_abs().to_be_bytes())
        }),
        TypedArrayKind::BigUint64 => each(bytes, |bytes| bigint(false, &u64::from_le_bytes(bytes).to_be_bytes())),
    }
}

/// A float of 16 bits.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * (-24.0_f64).exp2(),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * f64::from(exponent - 15).exp2(),
    }
}

/// As `Date.prototype.toISOString` writes it; the invalid date is null.
fn date(ms: f64) -> Json {
    if !ms.is_finite() || ms.abs() > 8.64e15 {
        return Json::Null;
    }
    let ms = ms as i64;
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // The calendar's eras of 400 years, from the first of March in the year 0.
    let from_march = days + 719_468;
    let (era, of_era) = (from_march.div_euclid(146_097), from_march.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        year if year < 0 => format!("-{:06}", -year),
        year => format!("+{year:06}"),
    };
    let (hours, minutes, seconds) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    Json::from(format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", of_day % 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_json() {
        let text = |text: &str| Value::Text(text.into());
        let cases = [
            (Value::Undefined, "null"),
            (Value::Float(-0.0), "0"),
            (Value::Float(1.5), "1.5"),
            (Value::Float(f64::NAN), "null"),
            (Value::bigint(true, vec![1, 0]), "-256"),
            (Value::bigint(false, vec![32, 0, 0, 0, 0, 0, 0]), "\"9007199254740992\""),
            (Value::bigint(true, vec![1; 17]), "\"-0x101010101010101010101010101010101\""),
            (Value::Bytes(vec![1, 2]), "[1,2]"),
            (Value::Buffer(vec![1, 2]), "[1,2]"),
            (Value::Units(vec![0x61, 0xd800]), "\"a\u{fffd}\""),
            (Value::Array(vec![Value::Hole]), "[null]"),
            (Value::RegExp { source: "a".into(), flags: "g".into() }, "\"/a/g\""),
            (Value::Boxed(Box::new(Value::Int(1))), "1"),
            (Value::Set(vec![Value::Int(1)]), "[1]"),
            (Value::Map(vec![(text("a"), Value::Int(1))]), "{\"a\":1}"),
            (Value::Map(vec![(Value::Int(1), Value::Null)]), "[[1,null]]"),
            (Value::TypedArray { kind: TypedArrayKind::Int16, bytes: vec![0xff, 0xff, 1, 0] }, "[-1,1]"),
            (Value::TypedArray { kind: TypedArrayKind::Float16, bytes: vec![0, 0x3e, 1, 0] }, "[1.5,5.960464477539063e-8]"),
            (Value::TypedArray { kind: TypedArrayKind::BigInt64, bytes: vec![0xff; 8] }, "[-1]"),
            (Value::Date(0.0), "\"1970-01-01T00:00:00.000Z\""),
            (Value::Date(1_709_210_096_789.0), "\"2024-02-29T12:34:56.789Z\""),
            (Value::Date(-62_198_755_200_000.0), "\"-000001-01-01T00:00:00.000Z\""),
            (Value::Date(f64::NAN), "null"),
            (Value::error("TypeError", "no"), "{\"name\":\"TypeError\",\"message\":\"no\"}"),
        ];
        for (value, expected) in cases {
            assert_eq!(of(&value).to_string(), expected, "{value:?}");
        }
    }

    #[test]
    fn json_becomes_values() {
        let json: Json = serde_json::from_str(r#"{"a":[1,1.5,9007199254740993,null,true,"t"]}"#).expect("JSON");
        let items = vec![
            Value::Int(1),
            Value::Float(1.5),
            Value::Float(9_007_199_254_740_992.0),
            Value::Null,
            Value::Bool(true),
            Value::Text("t".into()),
        ];
        assert_eq!(arguments(&[json]).expect("values"), [Value::Object(vec![("a".into(), Value::Array(items))])]);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = (0..VALUE_DEPTH_MAX + 2).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
        assert!(arguments(&[deep]).is_err());
    }
}
