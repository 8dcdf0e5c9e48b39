//! What apps ask of Node, and the answers.

use nano_core::{Body, CallContent, CallResponse, CallView, Headers, ResponseHead, Result, Value};

use crate::error::invalid;
use crate::values;

/// A call as the JavaScript half reads it: `[version, app, binding, kind, ...]`. Arguments are bytes of their own.
pub(crate) fn message(call: CallView) -> Result<Vec<u8>> {
    let CallView { app, binding, user_data, content, .. } = call;
    let text = |text: String| Value::Text(text);
    let list = |args: Vec<Value>| values::bytes_of_all(args).map(Value::Bytes);
    let number = |id: u64| Value::Int(id.cast_signed());
    let (kind, rest) = match content {
        CallContent::Fetch { head, body, streaming } => {
            let headers = Value::Bytes(head.headers.as_flat().to_vec());
            ("fetch", vec![text(head.method.into()), text(head.url), headers, Value::Bytes(body), Value::Bool(streaming)])
        }
        CallContent::Method { name, args } => ("method", vec![text(name), list(args)?]),
        CallContent::Function { args } => ("function", vec![list(args)?]),
        CallContent::Construct { args } => ("construct", vec![list(args)?]),
        CallContent::ObjectMethod { object, name, args } => ("object_method", vec![number(object.id), text(name), list(args)?]),
        CallContent::ObjectGet { object, name } => ("object_get", vec![number(object.id), text(name)]),
        CallContent::ObjectSet { object, name, value } => ("object_set", vec![number(object.id), text(name), list(vec![value])?]),
        CallContent::Files { name, args } => ("files", vec![text(name), list(args)?]),
    };
    let mut all = vec![number(user_data), text(app), text(binding), text(kind.to_string())];
    all.extend(rest);
    values::message(&Value::Array(all))
}

/// Headers from the flat form in which the JavaScript half has them: no name or value of theirs has a line break in it.
pub(crate) fn headers(flat: Option<&[u8]>) -> Result<Headers> {
    let mut headers = Headers::new();
    let mut parts = flat.into_iter().flat_map(|flat| flat.split(|byte| *byte == b'\n'));
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        if !headers.push(name, value) {
            let what = String::from_utf8_lossy(name).into_owned();
            return Err(invalid(format!("the header {what:?} has a name that is no token, or a control character in its value")));
        }
    }
    Ok(headers)
}

/// The answer to a `fetch` call; no body means that it follows.
pub(crate) fn response(status: u16, status_text: String, flat: Option<&[u8]>, body: Option<&[u8]>) -> Result<CallResponse> {
    let head = ResponseHead { status, status_text, headers: headers(flat)? };
    Ok(CallResponse { head, body: body.map_or(Body::Stream, |body| Body::Whole(body.to_vec())) })
}
