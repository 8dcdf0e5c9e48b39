//! Randomness.

use crate::isolate::state::State;

/// `randomFill(bytes)`
pub(super) fn random_fill(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(args.get(0)) else { return };
    if view.byte_length() == 0 {
        return;
    }
    // SAFETY: the view's memory stays valid and unshared while no JavaScript runs.
    let bytes = unsafe { std::slice::from_raw_parts_mut(view.data().cast::<u8>(), view.byte_length()) };
    State::fill_random(scope, bytes);
}

/// `randomUuid()`: version 4, RFC 9562.
pub(super) fn random_uuid(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let mut bytes = [0_u8; 16];
    State::fill_random(scope, &mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = [0_u8; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text[at] = b'-';
            at += 1;
        }
        text[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
        text[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        at += 2;
    }
    if let Some(text) = v8::String::new_from_one_byte(scope, &text, v8::NewStringType::Normal) {
        rv.set(text.into());
    }
}
