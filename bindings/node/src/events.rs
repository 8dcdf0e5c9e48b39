//! Events as one message: whose each is, what happened by its number in `lib/events.js`, and what comes with that.

use nano_core::{Account, Event, LogLevel, Payload, Value};

use crate::error::parts;
use crate::values;

/// What a request used, in the order of the JavaScript half's `account`.
fn account(account: &Account) -> Value {
    let Account { cpu_us, wall_us, heap_bytes, external_bytes, subrequests, bytes_in, bytes_out } = *account;
    let all = [cpu_us, wall_us, heap_bytes, external_bytes, u64::from(subrequests), bytes_in, bytes_out];
    Value::Array(all.iter().map(|count| Value::Int(count.cast_signed())).collect())
}

/// A batch of events: `[key, kind, ...]` each. A request's key is its token, a call's its id, a version's its number.
pub(crate) fn batch(events: Vec<Event>) -> nano_core::Result<Vec<u8>> {
    values::message(&Value::Array(events.into_iter().map(event).collect()))
}

fn event(event: Event) -> Value {
    let Event { id, user_data, payload } = event;
    let is_call = matches!(payload, Payload::Call | Payload::CallChunk(_) | Payload::CallCanceled);
    let key = if is_call || (user_data == 0 && matches!(payload, Payload::Writable)) {
        Value::bigint(false, id.to_be_bytes().to_vec())
    } else {
        Value::Int(if user_data == 0 { id } else { user_data }.cast_signed())
    };
    let (kind, rest) = content(payload);
    let mut all = vec![key, Value::Int(kind)];
    all.extend(rest);
    Value::Array(all)
}

fn content(payload: Payload) -> (i64, Vec<Value>) {
    match payload {
        Payload::Response { head, body, end, account: used } => {
            let status = Value::Int(head.status.into());
            let headers = Value::Bytes(head.headers.as_flat().to_vec());
            (0, vec![status, Value::Text(head.status_text), headers, Value::Bytes(body), Value::Bool(end), account(&used)])
        }
        Payload::Chunk(bytes) => (1, vec![Value::Bytes(bytes)]),
        Payload::End(used) => (2, vec![account(&used)]),
        Payload::Error(error, used) => (3, vec![parts(error), account(&used)]),
        Payload::Writable => (4, Vec::new()),
        Payload::Result(value, used) => match values::bytes_of(&value) {
            Ok(bytes) => (5, vec![Value::Bytes(bytes), account(&used)]),
            // The one terminal event must come, also when its value is too large to cross.
            Err(error) => (3, vec![parts(error), account(&used)]),
        },
        Payload::Call => (6, Vec::new()),
        Payload::CallChunk(bytes) => (7, vec![Value::Bytes(bytes)]),
        Payload::CallCanceled => (8, Vec::new()),
        Payload::Release { .. } => (9, Vec::new()),
        Payload::Log { app, level, text, dropped } => {
            (10, vec![Value::Text(app), Value::Text(level_name(level)), Value::Text(text), Value::Int(dropped.cast_signed())])
        }
        Payload::App { app, state, reason } => (11, vec![Value::Text(app), Value::Text(state.to_string()), Value::Text(reason)]),
        Payload::VersionEnd => (12, Vec::new()),
        // Of a kind that this version does not know: nobody asked for it.
        _ => (13, Vec::new()),
    }
}

fn level_name(level: LogLevel) -> String {
    format!("{level:?}").to_lowercase()
}
