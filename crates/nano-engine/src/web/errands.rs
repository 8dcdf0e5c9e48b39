//! How a native function sends an errand: work that is too long for a turn, done by a helper thread.

use crate::engine::exceptions;
use crate::isolate::errand::Errand;
use crate::isolate::state::State;

/// Sends the errand and returns its number, which `nano.errand(number)` makes a promise of. Throws where a limit refuses it.
pub(crate) fn send(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, errand: Errand) {
    let Some(host) = State::host(scope) else { return };
    match host.errand(errand) {
        Ok(id) => rv.set_uint32(id),
        Err(refusal) => exceptions::throw_range_error(scope, &refusal.0),
    }
}
