//! The bytes behind Blob, File and bodies made of them: immutable, charged once, shared by all that are slices of them.

use std::rc::Rc;

use super::encoding::{return_bytes, return_latin1, return_utf8};
use crate::engine::{exceptions, resources};
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// Bytes that nobody changes.
pub(super) enum Shared {
    /// Charged with the resource that holds them.
    Owned(Vec<u8>),
    /// The memory of an array buffer that was detached for this: from its start, so many bytes. It stays charged as it was.
    Store(v8::SharedRef<v8::BackingStore>, usize),
}

impl Shared {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Store(store, len) => store.data().map_or(&[], |data| {
                // SAFETY: the store is at least `len` bytes, lives as long as `self`, and no array buffer refers to it any more.
                unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), *len) }
            }),
        }
    }
}

/// One piece of a blob to be.
enum Piece<'s> {
    Text(v8::Local<'s, v8::String>),
    Buffer(v8::Local<'s, v8::ArrayBuffer>),
    View(v8::Local<'s, v8::ArrayBufferView>),
    Slice(Rc<Shared>, usize, usize),
}

/// `blobNew(pieces, count, native)` -> resource. A piece is a string, an ArrayBuffer, a view, or a resource followed by two numbers: where
/// the slice of it begins and ends. With `native`, line ends in strings become LF.
pub(super) fn blob_new<'s>(scope: &mut v8::PinScope<'s, '_>, args: Args<'s>, mut rv: Return<'s>) {
    let Ok(list) = v8::Local::<v8::Object>::try_from(args.get(0)) else { return };
    let count = super::ops::integer(scope, &args, 1);
    let native = args.get(2).is_true();
    // The list of pieces itself, and the handles that V8 keeps for it.
    let Some(list_charge) = super::ops::charge_if_long(scope, count as usize * (size_of::<Piece>() + size_of::<usize>())) else { return };
    let mut pieces = Vec::with_capacity(count as usize);
    let mut total = 0_usize;
    let mut index = 0;
    while index < count && !State::is_stopping(scope) {
        let Some(item) = list.get_index(scope, index) else { return };
        index += 1;
        let (piece, len) = if let Ok(text) = v8::Local::<v8::String>::try_from(item) {
            (Piece::Text(text), text.utf8_length(scope))
        } else if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(item) {
            (Piece::View(view), view.byte_length())
        } else if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(item) {
            (Piece::Buffer(buffer), buffer.byte_length())
        } else if let Some(shared) = resources::get::<Shared>(scope, item) {
            let (Some(start), Some(end)) = (list.get_index(scope, index), list.get_index(scope, index + 1)) else { return };
            index += 2;
            let (start, end) = range(scope, start, end, shared.bytes().len());
            (Piece::Slice(shared, start, end), end - start)
        } else {
            exceptions::throw_type_error(scope, "internal error: a blob of something else");
            return;
        };
        total = total.saturating_add(len);
        pieces.push(piece);
    }
    // Charged before it is allocated: what does not fit is a RangeError.
    let Some(charge) = resources::charge(scope, total) else { return };
    let mut bytes = Vec::with_capacity(total);
    for piece in pieces {
        append(scope, &mut bytes, piece, native);
    }
    drop((charge, list_charge));
    bytes.shrink_to_fit();
    let held = bytes.capacity();
    if let Some(object) = resources::create(scope, Rc::new(Shared::Owned(bytes)), held) {
        rv.set(object.into());
    }
}

fn append(scope: &v8::PinScope, bytes: &mut Vec<u8>, piece: Piece, native: bool) {
    let start = bytes.len();
    match piece {
        Piece::Text(text) => {
            bytes.resize(start + text.utf8_length(scope), 0);
            let written = text.write_utf8_v2(scope, &mut bytes[start..], v8::WriteFlags::kReplaceInvalidUtf8, None);
            bytes.truncate(start + written);
            if native {
                line_feeds(bytes, start);
            }
        }
        Piece::View(view) => {
            bytes.resize(start + view.byte_length(), 0);
            view.copy_contents(&mut bytes[start..]);
        }
        Piece::Buffer(buffer) => {
            if let Some(data) = buffer.data() {
                // SAFETY: the buffer's memory is `byte_length` bytes and nothing runs JavaScript while it is copied.
                bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(data.as_ptr().cast::<u8>(), buffer.byte_length()) });
            }
        }
        Piece::Slice(shared, from, to) => bytes.extend_from_slice(&shared.bytes()[from..to]),
    }
}

/// <https://w3c.github.io/FileAPI/#convert-line-endings-to-native>, where the native line ending is LF.
fn line_feeds(bytes: &mut Vec<u8>, start: usize) {
    let mut write = start;
    let mut read = start;
    while read < bytes.len() {
        let byte = bytes[read];
        read += 1;
        if byte == b'\r' && bytes.get(read) == Some(&b'\n') {
            read += 1;
        }
        bytes[write] = if byte == b'\r' { b'\n' } else { byte };
        write += 1;
    }
    bytes.truncate(write);
}

/// `blobAdopt(bytes)` -> resource: takes the memory of a Uint8Array that nobody else has, and detaches it.
pub(super) fn blob_adopt(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(args.get(0)) else { return };
    let len = view.byte_length();
    let Some(buffer) = view.buffer(scope) else { return };
    let whole = view.byte_offset() == 0 && buffer.is_detachable() && !buffer.get_backing_store().is_resizable_by_user_javascript();
    let (shared, held) = if whole {
        let store = buffer.get_backing_store();
        buffer.detach(None);
        (Shared::Store(store, len), 0)
    } else {
        let Some(_charge) = resources::charge(scope, len) else { return };
        let mut bytes = vec![0; len];
        view.copy_contents(&mut bytes);
        (Shared::Owned(bytes), len)
    };
    if let Some(object) = resources::create(scope, Rc::new(shared), held) {
        rv.set(object.into());
    }
}

/// `blobSize(resource)`
pub(super) fn blob_size(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let size = resources::get::<Shared>(scope, args.get(0)).map_or(0, |shared| shared.bytes().len());
    rv.set_double(size as f64);
}

/// `blobBytes(resource, start, end)` -> bytes, a copy
pub(super) fn blob_bytes(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
    let (start, end) = range(scope, args.get(1), args.get(2), shared.bytes().len());
    // Asked for before it is copied, and after what is garbage has been freed, if need be.
    let Some(charge) = resources::charge(scope, end - start) else { return };
    drop(charge);
    return_bytes(scope, &mut rv, shared.bytes()[start..end].to_vec());
}

/// `blobText(resource, start, end)` -> string: UTF-8 decode, which drops a byte order mark
pub(super) fn blob_text(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
    let (start, end) = range(scope, args.get(1), args.get(2), shared.bytes().len());
    let bytes = &shared.bytes()[start..end];
    return_utf8(scope, &mut rv, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
}

/// `blobBinary(resource, start, end)` -> string of one character per byte
pub(super) fn blob_binary(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(shared) = resources::get::<Shared>(scope, args.get(0)) else { return };
    let (start, end) = range(scope, args.get(1), args.get(2), shared.bytes().len());
    return_latin1(scope, &mut rv, &shared.bytes()[start..end]);
}

/// A range that is inside of what there is, whatever was asked for.
pub(super) fn range(scope: &v8::PinScope, start: v8::Local<v8::Value>, end: v8::Local<v8::Value>, len: usize) -> (usize, usize) {
    let number = |value: v8::Local<v8::Value>| value.number_value(scope).map_or(0, |number| number as usize);
    let end = number(end).min(len);
    (number(start).min(end), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_line_feeds_and_what_was_there_before_stays() {
        let mut bytes = b"\r\na\r\nb\rc\nd\r\r\n\r".to_vec();
        line_feeds(&mut bytes, 2);
        assert_eq!(bytes, b"\r\na\nb\nc\nd\n\n\n");
    }
}
