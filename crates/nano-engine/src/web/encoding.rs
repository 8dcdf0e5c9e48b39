//! Text encodings: UTF-8 both ways, every legacy encoding by `encoding_rs`, forgiving base64.

use std::cell::RefCell;
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding};
use nano_base::base64;

use super::ops::{byte_string, charge_if_long, text, utf8};
use crate::engine::exceptions::throw_range_error;
use crate::engine::{bytes, resources};

/// A decoder between two chunks of a stream.
struct Streaming {
    decoder: Decoder,
    fatal: bool,
}

/// What a decoder holds.
const DECODER_BYTES: usize = size_of::<Streaming>();

/// `utf8Encode(string)`
pub(super) fn utf8_encode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let encoded = utf8(scope, args.get(0));
    return_bytes(scope, &mut rv, encoded);
}

/// `utf8EncodeInto(string, bytes)`: read * 2^26 + written.
pub(super) fn utf8_encode_into(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let (Ok(string), Ok(view)) = (v8::Local::<v8::String>::try_from(args.get(0)), v8::Local::<v8::ArrayBufferView>::try_from(args.get(1)))
    else {
        return;
    };
    let mut read = 0;
    let mut written = 0;
    if view.byte_length() > 0 {
        // SAFETY: the view's memory stays valid and unshared while no JavaScript runs.
        let target = unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), view.byte_length()) };
        written = string.write_utf8_v2(scope, target, v8::WriteFlags::kReplaceInvalidUtf8, Some(&mut read));
    }
    rv.set_double(read as f64 * f64::from(1 << 26) + written as f64);
}

/// `utf8Decode(bytes, fatal, ignoreBom)`: undefined if fatal and malformed.
pub(super) fn utf8_decode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let (fatal, keep_bom) = (args.get(1).is_true(), args.get(2).is_true());
    bytes::with_scope(scope, args.get(0), |scope, bytes| {
        let bytes = if keep_bom { bytes } else { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) };
        if fatal && std::str::from_utf8(bytes).is_err() {
            return;
        }
        return_utf8(scope, &mut rv, bytes);
    });
}

/// `encodingName(label)`
pub(super) fn encoding_name(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let label = text(scope, &args, 0);
    // The replacement encoding has labels but no decoder that a page may ask for.
    if let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) {
        return_utf8(scope, &mut rv, encoding.name().to_ascii_lowercase().as_bytes());
    }
}

/// `decoderNew(name, fatal, ignoreBom)`
pub(super) fn decoder_new(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let name = text(scope, &args, 0);
    let Some(encoding) = Encoding::for_label_no_replacement(name.as_bytes()) else { return };
    let decoder = if args.get(2).is_true() { encoding.new_decoder_without_bom_handling() } else { encoding.new_decoder_with_bom_removal() };
    let streaming = RefCell::new(Streaming { decoder, fatal: args.get(1).is_true() });
    if let Some(object) = resources::create(scope, Rc::new(streaming), DECODER_BYTES) {
        rv.set(object.into());
    }
}

/// `decoderDecode(decoder, bytes, stream)`: undefined if fatal and malformed.
pub(super) fn decoder_decode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(streaming) = resources::get::<RefCell<Streaming>>(scope, args.get(0)) else { return };
    let bytes = bytes::from_value(args.get(1)).unwrap_or_default();
    let decoded = decode(&mut streaming.borrow_mut(), &bytes, !args.get(2).is_true());
    if let Some(decoded) = decoded {
        return_utf8(scope, &mut rv, decoded.as_bytes());
    }
}

/// `base64Encode(binaryString)`: undefined if a character is above U+00FF.
pub(super) fn base64_encode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Ok(string) = v8::Local::<v8::String>::try_from(args.get(0)) else { return };
    if !string.contains_only_onebyte() {
        return;
    }
    let encoded = string.length().div_ceil(3) * 4;
    let (Some(_charge), Some(bytes)) = (charge_if_long(scope, encoded), byte_string(scope, string.into())) else { return };
    let mut out = Vec::with_capacity(encoded);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place) & 63) as usize;
            out.push(if place <= chunk.len() { BASE64[digit] } else { b'=' });
        }
    }
    return_latin1(scope, &mut rv, &out);
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `base64Decode(string)`: the Infra standard's forgiving-base64 decode; undefined on failure.
pub(super) fn base64_decode(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Ok(string) = v8::Local::<v8::String>::try_from(args.get(0)) else { return };
    if !string.contains_only_onebyte() {
        return;
    }
    let Some(bytes) = byte_string(scope, string.into()) else { return };
    if let Some(decoded) = base64::forgiving_decode(bytes) {
        return_latin1(scope, &mut rv, &decoded);
    }
}

/// Decodes one chunk; `None` if the decoder is fatal and the bytes are malformed.
fn decode(streaming: &mut Streaming, bytes: &[u8], last: bool) -> Option<String> {
    let needed = streaming.decoder.max_utf8_buffer_length(bytes.len())?;
    let mut out = String::with_capacity(needed);
    if streaming.fatal {
        let (result, _) = streaming.decoder.decode_to_string_without_replacement(bytes, &mut out, last);
        return (!matches!(result, DecoderResult::Malformed(..))).then_some(out);
    }
    let _ = streaming.decoder.decode_to_string(bytes, &mut out, last);
    Some(out)
}

/// Returns bytes as a `Uint8Array`, or throws if the app has no memory left for them.
pub(super) fn return_bytes(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, bytes: Vec<u8>) {
    match bytes::to_array(scope, bytes) {
        Some(array) => rv.set(array.into()),
        None => throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)"),
    }
}

/// Returns UTF-8 as a string; malformed sequences become U+FFFD. A string that V8 cannot hold is an error, not a crash.
pub(super) fn return_utf8(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, utf8: &[u8]) {
    let string = if utf8.is_ascii() {
        v8::String::new_from_one_byte(scope, utf8, v8::NewStringType::Normal)
    } else {
        v8::String::new_from_utf8(scope, utf8, v8::NewStringType::Normal)
    };
    match string {
        Some(string) => rv.set(string.into()),
        None => throw_range_error(scope, "the text is longer than a string can be"),
    }
}

/// Returns Latin-1 as a string.
pub(super) fn return_latin1(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, latin1: &[u8]) {
    match v8::String::new_from_one_byte(scope, latin1, v8::NewStringType::Normal) {
        Some(string) => rv.set(string.into()),
        None => throw_range_error(scope, "the text is longer than a string can be"),
    }
}
