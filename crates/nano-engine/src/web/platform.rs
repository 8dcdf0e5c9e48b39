//! The platform's JavaScript, in the order it runs: external one-byte strings in static memory, shared by all isolates.

/// One file.
pub(crate) struct Source {
    /// Its name in stacks.
    pub name: &'static str,
    /// Its text.
    pub text: v8::OneByteConst,
}

/// Lists the files once.
macro_rules! sources {
    ($($file:literal,)*) => {
        &[$(Source {
            name: concat!("nano:", $file),
            text: v8::String::create_external_onebyte_const(include_bytes!(concat!("js/", $file))),
        },)*]
    };
}

/// Every file, in order.
pub(crate) static SOURCES: &[Source] = sources![
    "primordials.js",
    "expose.js",
    "webidl.js",
    "dom_exception.js",
    "events.js",
    "event_types.js",
    "report.js",
    "abort.js",
    "timers.js",
    "console_format.js",
    "console.js",
    "encoding.js",
    "base64.js",
    "performance.js",
    "crypto.js",
    "structured_clone.js",
    "navigator.js",
    "streams_queue.js",
    "streams_readable.js",
    "streams_bytes.js",
    "streams_tee.js",
    "streams_iterate.js",
    "streams_writable.js",
    "streams_pipe.js",
    "streams_transform.js",
    "streams_native.js",
    "encoding_streams.js",
    "url.js",
    "headers.js",
    "body.js",
    "request.js",
    "response.js",
    "calls.js",
    "dispatch.js",
];
