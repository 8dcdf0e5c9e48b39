"use strict";
// DOMException: a real Error to the engine (it has a stack, Error.isError says yes) with the legacy codes of Web IDL.
// Specification: https://webidl.spec.whatwg.org/#idl-DOMException
(nano) => {
  const { Error, ErrorPrototype, ObjectSetPrototypeOf, ReflectConstruct } = nano.primordials;
  const { configureInterface, converters, defineConstants } = nano.webidl;

  // https://webidl.spec.whatwg.org/#dfn-error-names-table; the code is the place in the list, a gap is a name that is gone.
  const names = [
    , ["INDEX_SIZE_ERR", "IndexSizeError"], ["DOMSTRING_SIZE_ERR"], ["HIERARCHY_REQUEST_ERR", "HierarchyRequestError"],
    ["WRONG_DOCUMENT_ERR", "WrongDocumentError"], ["INVALID_CHARACTER_ERR", "InvalidCharacterError"], ["NO_DATA_ALLOWED_ERR"],
    ["NO_MODIFICATION_ALLOWED_ERR", "NoModificationAllowedError"], ["NOT_FOUND_ERR", "NotFoundError"],
    ["NOT_SUPPORTED_ERR", "NotSupportedError"], ["INUSE_ATTRIBUTE_ERR", "InUseAttributeError"],
    ["INVALID_STATE_ERR", "InvalidStateError"], ["SYNTAX_ERR", "SyntaxError"],
    ["INVALID_MODIFICATION_ERR", "InvalidModificationError"], ["NAMESPACE_ERR", "NamespaceError"],
    ["INVALID_ACCESS_ERR", "InvalidAccessError"], ["VALIDATION_ERR"], ["TYPE_MISMATCH_ERR", "TypeMismatchError"],
    ["SECURITY_ERR", "SecurityError"], ["NETWORK_ERR", "NetworkError"], ["ABORT_ERR", "AbortError"],
    ["URL_MISMATCH_ERR", "URLMismatchError"], ["QUOTA_EXCEEDED_ERR", "QuotaExceededError"], ["TIMEOUT_ERR", "TimeoutError"],
    ["INVALID_NODE_TYPE_ERR", "InvalidNodeTypeError"], ["DATA_CLONE_ERR", "DataCloneError"],
  ];
  const constants = { __proto__: null };
  const codes = { __proto__: null };
  for (let code = 1; code < names.length; code++) {
    constants[names[code][0]] = code;
    if (names[code].length > 1) codes[names[code][1]] = code;
  }

  // The names that have no code.
  const later = [
    "ConstraintError", "DataError", "EncodingError", "NotAllowedError", "NotReadableError", "OperationError", "OptOutError", "ReadOnlyError",
    "TransactionInactiveError", "UnknownError", "VersionError",
  ];
  for (let i = 0; i < later.length; i++) codes[later[i]] = 0;

  // A base that returns the object it was given, so that Fields can put private fields on an Error made elsewhere.
  const Same = function (object) {
    return object;
  };

  class Fields extends Same {
    #message;
    #name;

    constructor(error, message, name) {
      super(error);
      this.#message = message;
      this.#name = name;
    }

    static is(value) {
      return typeof value === "object" && value !== null && #name in value;
    }

    static message(exception) {
      return exception.#message;
    }

    static name(exception) {
      return exception.#name;
    }
  }

  class DOMException {
    constructor(message = "", name = "Error") {
      const prefix = "Failed to construct 'DOMException'";
      message = converters.DOMString(message, prefix, "parameter 1");
      name = converters.DOMString(name, prefix, "parameter 2");
      const error = ReflectConstruct(Error, [], new.target);
      new Fields(error, message, name);
      return error;
    }

    get name() {
      return Fields.name(this);
    }

    get message() {
      return Fields.message(this);
    }

    get code() {
      return codes[Fields.name(this)] ?? 0;
    }
  }
  ObjectSetPrototypeOf(DOMException.prototype, ErrorPrototype);
  configureInterface(DOMException);
  defineConstants(DOMException, constants);

  nano.DOMException = DOMException;
  nano.domException = Fields;
  nano.isDOMException = Fields.is;
  nano.isDOMExceptionName = (name) => name in codes;

  // For the host's log: name and message of a DOMException are accessors, which nobody outside may call. Undefined for all others.
  nano.textOfException = (value) => {
    if (!Fields.is(value)) return undefined;
    const message = Fields.message(value);
    return message === "" ? Fields.name(value) : `${Fields.name(value)}: ${message}`;
  };
  nano.expose({ DOMException });
};
