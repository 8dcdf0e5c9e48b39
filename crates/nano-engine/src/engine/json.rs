//! What V8 parses as JSON: others have sent most of it. Its parser asks nobody before it is done, and takes some 40 bytes outside the heap for
//! each array and object that is open, so a text is looked over first.
//!
//! The linker's `--wrap` puts these functions in the place of V8's; a program linked without it has V8's own, which looks at nothing.

use std::arch::global_asm;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use nano_base::limits::{JSON_BOUND_UNITS_MAX, JSON_DEPTH_MAX, JSON_UNITS_PER_MS};

use super::{exceptions, native};
use crate::isolate::state::State;
use crate::isolate::stop::Bounded;

/// `std::optional<ScriptDetails>`, which is passed on the stack.
#[repr(C)]
pub struct Details(MaybeUninit<[usize; 7]>);

// Not there in a program that is linked without `--wrap`, which never calls what refers to them.
global_asm!(
    ".weak __real__ZN2v88internal10JsonParserIhE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE",
    ".weak __real__ZN2v88internal10JsonParserItE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE",
);

unsafe extern "C" {
    #[link_name = "__real__ZN2v88internal10JsonParserIhE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE"]
    fn real_parse_one_byte(isolate: v8::UnsafeRawIsolatePtr, source: *mut c_void, reviver: *mut c_void, details: Details) -> *mut c_void;
    #[link_name = "__real__ZN2v88internal10JsonParserItE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE"]
    fn real_parse_two_byte(isolate: v8::UnsafeRawIsolatePtr, source: *mut c_void, reviver: *mut c_void, details: Details) -> *mut c_void;
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    for function in [
        __wrap__ZN2v88internal10JsonParserIhE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE as *const (),
        __wrap__ZN2v88internal10JsonParserItE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE as *const (),
    ] {
        std::hint::black_box(function);
    }
}

/// Stands in for `JsonParser<uint8_t>::Parse`, by which V8 parses every text of one byte a character.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal10JsonParserIhE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE(
    isolate: v8::UnsafeRawIsolatePtr,
    source: *mut c_void,
    reviver: *mut c_void,
    details: Details,
) -> *mut c_void {
    // SAFETY: the caller's arguments; these functions are only called where the linker made the reference V8's own.
    unsafe {
        let Some(_bounded) = accept(isolate, source) else { return ptr::null_mut() };
        real_parse_one_byte(isolate, source, reviver, details)
    }
}

/// Stands in for `JsonParser<uint16_t>::Parse`, by which V8 parses the others.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal10JsonParserItE5ParseEPNS0_7IsolateENS0_6HandleINS0_6StringEEENS5_INS0_6ObjectEEENSt4__Cr8optionalINS0_13ScriptDetailsEEE(
    isolate: v8::UnsafeRawIsolatePtr,
    source: *mut c_void,
    reviver: *mut c_void,
    details: Details,
) -> *mut c_void {
    // SAFETY: as above.
    unsafe {
        let Some(_bounded) = accept(isolate, source) else { return ptr::null_mut() };
        real_parse_two_byte(isolate, source, reviver, details)
    }
}

/// Whether V8 may parse a text: what is to live meanwhile, if anything. If not, an exception is pending, and nothing is to be returned.
///
/// # Safety
/// The isolate is the one that is entered, with a scope for handles, and the text is a handle of its.
unsafe fn accept<'a>(isolate: v8::UnsafeRawIsolatePtr, source: *mut c_void) -> Option<Option<Bounded<'a>>> {
    // SAFETY: by the caller's contract; a handle of V8's own is the address of a slot, as one of its API's.
    let source = unsafe { std::mem::transmute::<*mut c_void, v8::Local<v8::String>>(source) };
    let units = source.length();
    // No more can be open than there are characters.
    let Some(state) = State::current().filter(|_| units > JSON_DEPTH_MAX) else { return Some(None) };
    let bounded = state.handle.bound((units.min(JSON_BOUND_UNITS_MAX) / JSON_UNITS_PER_MS) as u64);
    // SAFETY: by the caller's contract.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // A panic would not end at V8's frames but with the process.
    catch_unwind(AssertUnwindSafe(|| look_over(&mut isolate, state, source))).unwrap_or(true).then_some(Some(bounded))
}

/// Whether V8 may parse a text; if not, an exception is pending.
fn look_over(isolate: &mut v8::Isolate, state: &State, source: v8::Local<v8::String>) -> bool {
    let (shape, text_bytes) = match v8::ValueView::new(isolate, source).data() {
        v8::ValueViewData::OneByte(text) => (Shape::of(text), size_of_val(text)),
        v8::ValueViewData::TwoByte(text) => (Shape::of(text), size_of_val(text)),
    };
    let text_bytes = if source.is_external() { 0 } else { text_bytes };
    let message = match shape {
        None => format!("JSON with more than {JSON_DEPTH_MAX} arrays and objects inside one another"),
        Some(shape) if text_bytes + shape.heap_bytes > state.heap_bytes_max || !native::has_room(shape.stack_bytes()) => {
            "JSON of more values than the app has room for (limit heap_bytes)".to_owned()
        }
        Some(_) => return true,
    };
    let Some(entry_points) = state.entry_points.get() else { return true };
    v8::scope!(let scope, isolate);
    let context = v8::Local::new(scope, &entry_points.context);
    let scope = &v8::ContextScope::new(scope, context);
    exceptions::throw_range_error(scope, &message);
    false
}

/// What parsing a text takes at least, as far as it is JSON.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    /// Arrays and objects, and the places that arrays have for what is in them. All of it is alive until the text is parsed.
    heap_bytes: usize,
    /// Properties of all objects that are open at one place.
    properties: usize,
}

impl Shape {
    const ARRAY_BYTES: usize = 16;
    const ELEMENT_BYTES: usize = 4;
    const OBJECT_BYTES: usize = 16;
    /// One without properties has room for some.
    const EMPTY_OBJECT_BYTES: usize = 28;
    /// What V8 remembers of a property until its object ends.
    const PROPERTY_BYTES: usize = 24;

    /// None if it is too deep.
    fn of<Unit: Copy + Into<u16>>(text: &[Unit]) -> Option<Self> {
        const QUOTE: u16 = b'"' as u16;
        const BACKSLASH: u16 = b'\\' as u16;
        let mut shape = Self::default();
        // Of each that is open its properties; of an array none.
        let mut levels: Vec<Option<u32>> = Vec::new();
        let mut open = 0;
        let mut units = text.iter().map(|unit| (*unit).into());
        while let Some(unit) = units.next() {
            match u8::try_from(unit) {
                Ok(b'"') => loop {
                    match units.next() {
                        None | Some(QUOTE) => break,
                        Some(BACKSLASH) => _ = units.next(),
                        Some(_) => {}
                    }
                },
                Ok(b',') if levels.last() == Some(&None) => shape.heap_bytes += Self::ELEMENT_BYTES,
                Ok(b':') => {
                    if let Some(Some(properties)) = levels.last_mut() {
                        *properties += 1;
                        open += 1;
                        shape.properties = shape.properties.max(open);
                    }
                }
                Ok(bracket @ (b'[' | b'{')) => {
                    if levels.len() == JSON_DEPTH_MAX {
                        return None;
                    }
                    let is_array = bracket == b'[';
                    levels.push((!is_array).then_some(0));
                    shape.heap_bytes += if is_array { Self::ARRAY_BYTES } else { Self::OBJECT_BYTES };
                }
                Ok(b']' | b'}') => match levels.pop() {
                    Some(Some(0)) => shape.heap_bytes += Self::EMPTY_OBJECT_BYTES - Self::OBJECT_BYTES,
                    Some(Some(properties)) => open -= properties as usize,
                    Some(None) | None => {}
                },
                _ => {}
            }
        }
        Some(shape)
    }

    /// What V8 takes outside the heap for the properties: its list of them doubles, and both are there while it is copied; and a handle for each.
    fn stack_bytes(&self) -> usize {
        self.properties.next_power_of_two() * Self::PROPERTY_BYTES * 3 / 2 + self.properties * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Option<(usize, usize)> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let shape = Shape::of(&units);
        assert_eq!(shape, Shape::of(text.as_bytes()), "{text}");
        shape.map(|shape| (shape.heap_bytes, shape.properties))
    }

    #[test]
    fn what_is_in_arrays_and_objects_is_counted_and_what_is_in_strings_is_not() {
        assert_eq!(["1", "[]", "[[],[]]", "{}", "[{},1]"].map(shape), [(0, 0), (16, 0), (52, 0), (28, 0), (48, 0)].map(Some));
        assert_eq!([r#"["[[,["]"#, r#"["\"[[", "\\", []]"#, r#"{":{":",,"}"#].map(shape), [(16, 0), (40, 0), (16, 1)].map(Some));
        assert_eq!(shape(r#"[{"a":1,"b":{"c":2,"d":3}},{"a":1,"b":2,"c":3}]"#), Some((68, 4)));
    }

    #[test]
    fn what_is_no_json_is_looked_over_as_far_as_it_goes() {
        assert_eq!(["]]}[", r#"["[[[\"#, r#"["[[["#, ":,:", "[:1}", r#"{"a":1]{"b""#].map(|text| shape(text).is_some()), [true; 6]);
    }

    #[test]
    fn so_many_may_be_open_at_one_place_and_no_more() {
        assert_eq!(shape(&"[".repeat(JSON_DEPTH_MAX)), Some((JSON_DEPTH_MAX * 16, 0)));
        assert_eq!(shape(&"{".repeat(JSON_DEPTH_MAX + 1)), None);
        assert_eq!(shape(&"[]".repeat(2 * JSON_DEPTH_MAX)), Some((JSON_DEPTH_MAX * 32, 0)));
    }
}
