//! The batch that a `queue` handler is called for. Each message is read when it is made, so that no more than one of them is in memory as
//! anything else than what it waits as, or what the app pays for.

use nano_base::status::Result;

use super::made_of;
use crate::isolate::host::{Host, Verdict};

/// The batch of an event, as handlers_queue.js takes it, with `undefined` where a message cannot be made: that one fails alone. An error if
/// none can be, and nothing where the event has ended, or the app was stopped meanwhile.
pub(super) fn made<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    host: &dyn Host,
    id: u32,
    queue: &str,
) -> Option<Result<v8::Local<'s, v8::Value>>> {
    let mut messages = Vec::new();
    let mut failed = Vec::new();
    for index in 0.. {
        let Some(message) = host.message(id, index) else { break };
        messages.push(match made_of(scope, message)? {
            Ok(message) => message,
            Err(error) => {
                failed.push((index, error));
                v8::undefined(scope).into()
            }
        });
    }
    // With all of them the event fails, by the last one's error.
    let last = if failed.len() == messages.len() { Some(failed.pop()?.1) } else { None };
    for (index, error) in failed {
        host.exception(error);
        host.settle(id, Some(index), Verdict::Retry(None));
    }
    if let Some(error) = last {
        return Some(Err(error));
    }
    let batch = v8::Object::new(scope);
    let name: v8::Local<v8::Value> = v8::String::new(scope, queue)?.into();
    let messages: v8::Local<v8::Value> = v8::Array::new_with_elements(scope, &messages).into();
    for (key, value) in [("queue", name), ("messages", messages)] {
        let key = v8::String::new(scope, key)?;
        batch.create_data_property(scope, key.into(), value)?;
    }
    Some(Ok(batch.into()))
}
