//! The value that V8 carries along with every continuation: what runs after an `await` or in a promise's reaction sees the value that
//! was set where it was asked for.

/// `contextGet()`
pub(super) fn get(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    rv.set(scope.get_continuation_preserved_embedder_data());
}

/// `contextSet(value)`
pub(super) fn set(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, _rv: v8::ReturnValue) {
    scope.set_continuation_preserved_embedder_data(args.get(0));
}
