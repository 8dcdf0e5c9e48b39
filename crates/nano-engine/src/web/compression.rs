//! CompressionStream and DecompressionStream: codecs as resources, a bounded piece of work per op.

use std::cell::RefCell;
use std::rc::Rc;

use nano_base::limits::CODEC_STEP_BYTES;

use super::codec::{Behind, Codec, Corrupt, Flush, Format};
use super::encoding::return_bytes;
use super::ops::text;
use crate::engine::{bytes, exceptions, resources};

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// A codec and the chunk it is working through.
struct Stream {
    codec: Codec,
    /// The chunk is the app's, which may change it before all of it has been read: this is a copy.
    input: Vec<u8>,
    read: usize,
    flush: Flush,
    /// The chunk has been worked through, and all that it makes has been given out.
    idle: bool,
}

/// `codecNew(format, decompress, like Node's)` -> resource, or undefined if there is no such format
pub(super) fn codec_new(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(format) = Format::parse(&text(scope, &args, 0)) else { return };
    let behind = if args.get(2).is_true() { Behind::AsNode } else { Behind::Refuse };
    let mut codec = if args.get(1).is_true() { Codec::decompressor(format, behind) } else { Codec::compressor(format) };
    let held = codec.held(&[]) + size_of::<Stream>();
    let stream = RefCell::new(Stream { codec, input: Vec::new(), read: 0, flush: Flush::None, idle: true });
    if let Some(object) = resources::create(scope, Rc::new(stream), held) {
        rv.set(object.into());
    }
}

/// `codecWrite(resource, bytes)`: the next chunk, after the one before has been worked through. `codecWrite(resource)`: there are no more.
pub(super) fn codec_write(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let Some(stream) = resources::get::<RefCell<Stream>>(scope, args.get(0)) else { return };
    let len = v8::Local::<v8::ArrayBufferView>::try_from(args.get(1)).map_or(0, |view| view.byte_length());
    let Some(charge) = resources::charge(scope, len) else { return };
    let mut stream = stream.borrow_mut();
    stream.flush = if args.get(1).is_undefined() { Flush::Finish } else { Flush::None };
    stream.input = bytes::from_value(args.get(1)).unwrap_or_default();
    stream.read = 0;
    stream.idle = false;
    drop(charge);
    settle(scope, args.get(0), &mut stream);
}

/// `codecFlush(resource)`: what has been written comes out as far as it is, after the chunk before has been worked through.
pub(super) fn codec_flush(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let Some(stream) = resources::get::<RefCell<Stream>>(scope, args.get(0)) else { return };
    let mut stream = stream.borrow_mut();
    stream.flush = Flush::Sync;
    stream.idle = false;
}

/// `codecEnded(resource)` -> whether the compressed data has come to its end
pub(super) fn codec_ended(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(stream) = resources::get::<RefCell<Stream>>(scope, args.get(0)) else { return };
    rv.set_bool(stream.borrow().codec.ended());
}

/// `codecRead(resource)` -> bytes, never empty; or undefined when the chunk has been worked through. A TypeError if the data is corrupt.
pub(super) fn codec_read(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(stream) = resources::get::<RefCell<Stream>>(scope, args.get(0)) else { return };
    // Asked for before the work, and after what is garbage has been freed, if need be.
    let Some(room) = resources::charge(scope, CODEC_STEP_BYTES) else { return };
    let mut stream = stream.borrow_mut();
    if !settle(scope, args.get(0), &mut stream) {
        return;
    }
    let mut output = vec![0; CODEC_STEP_BYTES];
    let mut read = 0;
    let mut written = 0;
    // One step may be short of both bounds, at the end of a block for example.
    let idle = loop {
        let Stream { codec, input, read: before, flush, .. } = &mut *stream;
        let rest = &input[*before..];
        let bounded = &rest[..rest.len().min(CODEC_STEP_BYTES - read)];
        let wanted = if bounded.len() == rest.len() { *flush } else { Flush::None };
        match codec.step(bounded, &mut output[written..], wanted) {
            Ok(step) => {
                *before += step.read;
                read += step.read;
                written += step.written;
                let all_read = *before == input.len();
                if step.idle && all_read && (*flush != Flush::Finish || codec.ended()) {
                    break true;
                }
                if written == output.len() || read == CODEC_STEP_BYTES || (step.read == 0 && step.written == 0) {
                    break false;
                }
            }
            // What was good before it is given out first; the next step fails again.
            Err(_) if written > 0 => break false,
            Err(Corrupt(why)) => {
                exceptions::throw_type_error(scope, why);
                return;
            }
        }
    };
    drop(room);
    stream.idle = idle;
    if idle {
        stream.input = Vec::new();
        stream.read = 0;
    }
    settle(scope, args.get(0), &mut stream);
    drop(stream);
    if written > 0 || !idle {
        output.truncate(written);
        output.shrink_to_fit();
        return_bytes(scope, &mut rv, output);
    }
}

/// `codecIdle(resource)` -> whether nothing more can be read before the next chunk
pub(super) fn codec_idle(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(stream) = resources::get::<RefCell<Stream>>(scope, args.get(0)) else { return };
    rv.set_bool(stream.borrow().idle);
}

/// Charges the stream for what it holds; false with a RangeError pending if that does not fit.
fn settle(scope: &mut v8::PinScope, object: v8::Local<v8::Value>, stream: &mut Stream) -> bool {
    let Stream { codec, input, read, .. } = stream;
    let held = codec.held(&input[*read..]) + size_of::<Stream>() + input.capacity();
    if resources::recharge(scope, object, held) {
        return true;
    }
    scope.low_memory_notification();
    let fits = resources::recharge(scope, object, held);
    if !fits {
        exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    }
    fits
}
