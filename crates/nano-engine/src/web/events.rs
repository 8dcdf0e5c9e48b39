//! What the handlers of events other than requests say of them.

use super::ops::integer;
use crate::isolate::host::Verdict;
use crate::isolate::state::State;

/// `settle(id, index or -1, retry, delay)`: acknowledges a message of a batch, or has it come again, after `delay` seconds if that is a
/// number; -1 is every message that nothing was said of.
pub(super) fn settle(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    let id = integer(scope, &args, 0);
    let message = args.get(1).int32_value(scope).and_then(|index| u32::try_from(index).ok());
    let delay = args.get(3).is_number().then(|| integer(scope, &args, 3));
    let verdict = if args.get(2).is_true() { Verdict::Retry(delay) } else { Verdict::Ack };
    if let Some(host) = State::host(scope) {
        host.settle(id, message, verdict);
    }
}
