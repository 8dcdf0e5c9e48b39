//! The platform's JavaScript: external one-byte strings in static memory, shared by all isolates.
//!
//! `SOURCES` run when the snapshot is built, and every isolate begins with what they leave. `PARTS` run in an isolate when an app
//! first needs them, so that a heavy interface costs nothing until then.

use v8::script_compiler;

use super::part_cache;

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

/// What runs when it is first needed: `nano.part("name")` in JavaScript.
pub(crate) static PARTS: &[Source] = sources![
    "quota_exceeded_error.js",
    "event_types.js",
    "console_format.js",
    "performance.js",
    "performance_observer.js",
    "encoding_streams.js",
    "streams.js",
    "streams_queue.js",
    "streams_readable.js",
    "streams_bytes.js",
    "streams_tee.js",
    "streams_iterate.js",
    "streams_writable.js",
    "streams_pipe.js",
    "streams_transform.js",
    "streams_native.js",
    "crypto_key.js",
    "crypto_algorithms.js",
    "crypto_formats.js",
    "subtle.js",
    "digest_stream.js",
    "blob.js",
    "file_reader.js",
    "form_data.js",
    "compression.js",
    "content_coding.js",
    "clone.js",
    "tasks.js",
    "messaging.js",
    "stream_transfer.js",
    "identity_streams.js",
    "sockets.js",
    "websocket.js",
    "event_source.js",
    "url_pattern.js",
    "url_pattern_parser.js",
    "messages.js",
    "pump.js",
    "html_rewriter.js",
    "html_rewriter_tokens.js",
    "cache.js",
    "async_context.js",
    "module_cloudflare_sockets.js",
    "module_cloudflare_workers.js",
    "node/absent.js",
    "node/assert.js",
    "node/assert_strict.js",
    "node/async_hooks.js",
    "node/buffer.js",
    "node/buffer_codecs.js",
    "node/compare.js",
    "node/console.js",
    "node/constants.js",
    "node/crypto.js",
    "node/crypto/cipher.js",
    "node/crypto/common.js",
    "node/crypto/der.js",
    "node/crypto/hash.js",
    "node/crypto/kdf.js",
    "node/crypto/keys.js",
    "node/crypto/random.js",
    "node/crypto/sign.js",
    "node/diagnostics_channel.js",
    "node/dns.js",
    "node/errors.js",
    "node/events.js",
    "node/fs.js",
    "node/global_timers.js",
    "node/http.js",
    "node/http/agent.js",
    "node/http/client.js",
    "node/http/common.js",
    "node/http/incoming.js",
    "node/http/options.js",
    "node/http/outgoing.js",
    "node/http/socket.js",
    "node/module.js",
    "node/net.js",
    "node/numbers.js",
    "node/os.js",
    "node/path.js",
    "node/path_win32.js",
    "node/perf_hooks.js",
    "node/process.js",
    "node/punycode.js",
    "node/querystring.js",
    "node/stream.js",
    "node/stream_consumers.js",
    "node/stream_promises.js",
    "node/stream_web.js",
    "node/streams/classes.js",
    "node/streams/compose.js",
    "node/streams/duplex.js",
    "node/streams/duplex_from.js",
    "node/streams/finished.js",
    "node/streams/from.js",
    "node/streams/iterate.js",
    "node/streams/life.js",
    "node/streams/looks.js",
    "node/streams/operators.js",
    "node/streams/pipe.js",
    "node/streams/pipeline.js",
    "node/streams/readable.js",
    "node/streams/readable_state.js",
    "node/streams/stream.js",
    "node/streams/support.js",
    "node/streams/web.js",
    "node/streams/writable.js",
    "node/streams/writable_state.js",
    "node/string_decoder.js",
    "node/text_pieces.js",
    "node/timers.js",
    "node/timers_promises.js",
    "node/tls.js",
    "node/types.js",
    "node/url.js",
    "node/url_domains.js",
    "node/url_legacy.js",
    "node/util.js",
    "node/zlib.js",
    "host_bindings.js",
    "handlers.js",
    "handlers_queue.js",
    "handlers_tail.js",
    "queue_binding.js",
    "fs.js",
    "fs_writable.js",
    "fetch_call.js",
    "fetch_redirect.js",
    "fetch_upgrade.js",
    "fetch_schemes.js",
    "fetch_integrity.js",
    "blob_urls.js",
    "wasm_streaming.js",
];

/// The part called `name`.
pub(crate) fn part(name: &str) -> Option<&'static Source> {
    PARTS.iter().find(|part| part_name(part) == name)
}

/// What a part is called: its file's name without the ending.
pub(crate) fn part_name(part: &Source) -> &'static str {
    part.name.trim_start_matches("nano:").trim_end_matches(".js")
}

/// What runs when the snapshot is built, in order.
pub(crate) static SOURCES: &[Source] = sources![
    "primordials.js",
    "expose.js",
    "webidl.js",
    "dom_exception.js",
    "events.js",
    "report.js",
    "abort.js",
    "timers.js",
    "console.js",
    "encoding.js",
    "base64.js",
    "crypto.js",
    "structured_clone.js",
    "navigator.js",
    "url.js",
    "headers.js",
    "body.js",
    "request.js",
    "response.js",
    "errands.js",
    "calls.js",
    "dispatch.js",
    "parts.js",
    "stacks.js",
];

/// The function that a file's text is the expression of.
pub(crate) fn evaluate<'s>(scope: &mut v8::PinScope<'s, '_>, source: &'static Source) -> Option<v8::Local<'s, v8::Function>> {
    let text = v8::String::new_from_onebyte_const(scope, &source.text)?;
    let name = v8::String::new(scope, source.name)?;
    let origin = v8::ScriptOrigin::new(scope, name.into(), 0, 0, false, -1, None, false, false, false, None);
    let script = match part_cache::of(source.name) {
        None => v8::Script::compile(scope, text, Some(&origin))?,
        Some(cache) => {
            let mut text = script_compiler::Source::new_with_cached_data(text, Some(&origin), v8::CachedData::new(cache));
            let options = script_compiler::CompileOptions::ConsumeCodeCache;
            script_compiler::compile(scope, &mut text, options, script_compiler::NoCacheReason::NoReason)?
        }
    };
    part_cache::note(scope, source.name, script);
    script.run(scope)?.try_into().ok()
}
