//! What V8 knows about a value and JavaScript cannot find out without running an app's code.

/// `typeFlags(value)`: one bit for each kind, in the order in which `js/node/types.js` names them.
pub(super) fn type_flags(_scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let value = args.get(0);
    let kinds = [
        value.is_date(),
        value.is_arguments_object(),
        value.is_big_int_object(),
        value.is_boolean_object(),
        value.is_number_object(),
        value.is_string_object(),
        value.is_symbol_object(),
        value.is_native_error(),
        value.is_reg_exp(),
        value.is_async_function(),
        value.is_generator_function(),
        value.is_generator_object(),
        value.is_promise(),
        value.is_map(),
        value.is_set(),
        value.is_map_iterator(),
        value.is_set_iterator(),
        value.is_weak_map(),
        value.is_weak_set(),
        value.is_array_buffer(),
        value.is_data_view(),
        value.is_shared_array_buffer(),
        value.is_proxy(),
        value.is_module_namespace_object(),
        value.is_typed_array(),
        value.is_external(),
    ];
    let flags = kinds.iter().enumerate().fold(0, |flags, (index, is)| flags | u32::from(*is) << index);
    rv.set_uint32(flags);
}
