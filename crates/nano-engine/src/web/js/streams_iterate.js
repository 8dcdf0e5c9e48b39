"use strict";
// Readable streams and async iteration, both ways: for await over a stream, and ReadableStream.from().
// Specification: https://streams.spec.whatwg.org/#rs-asynciterator and #rs-from
(nano) => {
  const {
    AsyncIteratorPrototype, ObjectDefineProperties, ObjectDefineProperty, ObjectSetPrototypeOf, PromisePrototypeThen,
    PromiseReject, PromiseResolve, PromiseWithResolvers, ReflectApply, SymbolAsyncIterator, SymbolIterator, SymbolToStringTag,
    TypeError,
  } = nano.primordials;
  const { converters, dictionary, isObject, requiredArguments } = nano.webidl;
  const {
    ReadableStream, acquireReadableStreamDefaultReader, chain, createReadableSlots, fromSlots, illegalInvocation, noop,
    promiseResolvedWith, readableOf, readableStreamCancel, readableStreamDefaultReaderRead, readableStreamReaderRelease,
  } = nano.streamsInternal;

  // Out of a stream: https://webidl.spec.whatwg.org/#js-asynchronous-iterator-prototype-object

  const endOfIteration = { __proto__: null };

  class IterationReadRequest {
    deferred = PromiseWithResolvers();
    reader;

    constructor(reader) {
      this.reader = reader;
    }

    chunkSteps(chunk) {
      this.deferred.resolve(chunk);
    }

    closeSteps() {
      readableStreamReaderRelease(this.reader);
      this.deferred.resolve(endOfIteration);
    }

    errorSteps(error) {
      readableStreamReaderRelease(this.reader);
      this.deferred.reject(error);
    }
  }

  class ReadableStreamAsyncIterator {
    #reader;
    #preventCancel;
    #ongoing = null;
    #finished = false;

    constructor(reader, preventCancel) {
      this.#reader = reader;
      this.#preventCancel = preventCancel;
    }

    next() {
      if (!isObject(this) || !(#reader in this)) return PromiseReject(illegalInvocation());
      return this.#enqueue(() => this.#nextSteps());
    }

    return(value) {
      if (!isObject(this) || !(#reader in this)) return PromiseReject(illegalInvocation());
      return PromisePrototypeThen(this.#enqueue(() => this.#returnSteps(value)), () => ({ value, done: true }));
    }

    // Calls overlap when the app does not wait for a promise before it asks for the next.
    #enqueue(steps) {
      this.#ongoing = this.#ongoing === null ? steps() : chain(this.#ongoing, steps, steps);
      return this.#ongoing;
    }

    #nextSteps() {
      if (this.#finished) return PromiseResolve({ value: undefined, done: true });
      const request = new IterationReadRequest(this.#reader);
      readableStreamDefaultReaderRead(this.#reader, request);
      return PromisePrototypeThen(request.deferred.promise, (value) => {
        this.#ongoing = null;
        if (value !== endOfIteration) return { value, done: false };
        this.#finished = true;
        return { value: undefined, done: true };
      }, (error) => {
        this.#ongoing = null;
        this.#finished = true;
        throw error;
      });
    }

    #returnSteps(value) {
      if (this.#finished) return PromiseResolve({ value, done: true });
      this.#finished = true;
      const reader = this.#reader;
      const result = this.#preventCancel ? PromiseResolve() : readableStreamCancel(reader.stream, value);
      readableStreamReaderRelease(reader);
      return result;
    }
  }

  const visible = { __proto__: null, enumerable: true };
  delete ReadableStreamAsyncIterator.prototype.constructor;
  ObjectDefineProperties(ReadableStreamAsyncIterator.prototype, {
    __proto__: null,
    next: visible,
    return: visible,
    [SymbolToStringTag]: { __proto__: null, value: "ReadableStream AsyncIterator", configurable: true },
  });
  ObjectSetPrototypeOf(ReadableStreamAsyncIterator.prototype, AsyncIteratorPrototype);

  const convertIteratorOptions = dictionary("ReadableStreamIteratorOptions", [
    { key: "preventCancel", converter: converters.boolean, defaultValue: false },
  ]);

  // Into a stream: ReadableStreamFromIterable

  const resultNotAnObject = () => new TypeError("The iterator gave a result that is not an object");

  const getMethod = (object, key) => {
    const method = object[key];
    if (method === undefined || method === null) return undefined;
    if (typeof method !== "function") throw new TypeError("A method of the iterator is not a function");
    return method;
  };

  // %AsyncFromSyncIteratorPrototype%: the same two methods over an iterator that is not async, with its values awaited.
  class SyncIteration {
    #iterator;
    #nextMethod;

    constructor(iterator) {
      this.#iterator = iterator;
      this.#nextMethod = iterator.next;
    }

    next() {
      return this.#continue(ReflectApply(this.#nextMethod, this.#iterator, []), true);
    }

    return(value) {
      const method = getMethod(this.#iterator, "return");
      if (method === undefined) return PromiseResolve({ value, done: true });
      return this.#continue(ReflectApply(method, this.#iterator, [value]), false);
    }

    #continue(result, closeOnRejection) {
      if (!isObject(result)) throw resultNotAnObject();
      const done = !!result.done;
      const { value } = result;
      const closes = closeOnRejection && !done;
      let wrapper;
      try {
        wrapper = PromiseResolve(value);
      } catch (error) {
        if (closes) this.#close();
        throw error;
      }
      return PromisePrototypeThen(wrapper, (awaited) => ({ value: awaited, done }), (error) => {
        if (closes) this.#close();
        throw error;
      });
    }

    // IteratorClose for a throw completion: what return() itself throws is of no interest.
    #close() {
      try {
        const method = getMethod(this.#iterator, "return");
        if (method !== undefined) ReflectApply(method, this.#iterator, []);
      } catch {
        // The error that is on its way is the one to report.
      }
    }
  }

  // GetIterator(iterable, async)
  const getAsyncIterator = (iterable) => {
    const asyncMethod = getMethod(iterable, SymbolAsyncIterator);
    const method = asyncMethod === undefined ? getMethod(iterable, SymbolIterator) : asyncMethod;
    if (method === undefined) throw new TypeError("The value is not async iterable");
    const iterator = ReflectApply(method, iterable, []);
    if (!isObject(iterator)) throw new TypeError("The iterator is not an object");
    return asyncMethod === undefined ? new SyncIteration(iterator) : iterator;
  };

  const readableStreamFromIterable = (iterable) => {
    const iterator = getAsyncIterator(iterable);
    const nextMethod = iterator.next;
    // What SyncIteration returns is a promise of the platform already.
    const toPromise = iterator instanceof SyncIteration ? (promise) => promise : promiseResolvedWith;

    const pullAlgorithm = (controller) =>
      PromisePrototypeThen(toPromise(ReflectApply(nextMethod, iterator, [])), (result) => {
        if (!isObject(result)) throw resultNotAnObject();
        if (result.done) controller.close();
        else controller.enqueue(result.value);
      });

    const cancelAlgorithm = (reason) => {
      const method = getMethod(iterator, "return");
      if (method === undefined) return undefined;
      return PromisePrototypeThen(toPromise(ReflectApply(method, iterator, [reason])), (result) => {
        if (!isObject(result)) throw resultNotAnObject();
      });
    };

    return createReadableSlots(noop, pullAlgorithm, cancelAlgorithm, 0, undefined);
  };

  nano.streamsInternal.streamFrom = (iterable) => new ReadableStream(fromSlots, readableStreamFromIterable(iterable));

  const { values } = {
    values(options = undefined) {
      const stream = readableOf(this);
      const prefix = "Failed to execute 'values' on 'ReadableStream'";
      const { preventCancel } = convertIteratorOptions(options, prefix, "parameter 1");
      return new ReadableStreamAsyncIterator(acquireReadableStreamDefaultReader(stream), preventCancel);
    },
  };
  const { from } = {
    from(asyncIterable) {
      requiredArguments(arguments.length, 1, "Failed to execute 'from' on 'ReadableStream'");
      return nano.streamsInternal.streamFrom(asyncIterable);
    },
  };
  ObjectDefineProperties(ReadableStream.prototype, {
    __proto__: null,
    values: { __proto__: null, value: values, writable: true, enumerable: true, configurable: true },
    [SymbolAsyncIterator]: { __proto__: null, value: values, writable: true, configurable: true },
  });
  ObjectDefineProperty(ReadableStream, "from", {
    __proto__: null, value: from, writable: true, enumerable: true, configurable: true,
  });
  return { __proto__: null };
};
