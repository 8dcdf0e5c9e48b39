"use strict";
// Tasks of the platform: steps that run after this turn, each in a turn of its own. One timer serves them all.
// Specification: https://html.spec.whatwg.org/#queue-a-task
(nano) => {
  const { ObjectSetPrototypeOf } = nano.primordials;
  const { runAfter } = nano.timers;

  // Linked, not an array: no setter of an app comes between.
  class Queue {
    #head = null;
    #tail = null;

    get isEmpty() {
      return this.#head === null;
    }

    push(steps) {
      const entry = { __proto__: null, steps, next: null };
      if (this.#head === null) this.#head = entry;
      else this.#tail.next = entry;
      this.#tail = entry;
    }

    shift() {
      const { next, steps } = this.#head;
      this.#head = next;
      return steps;
    }

    clear() {
      this.#head = null;
    }
  }
  ObjectSetPrototypeOf(Queue.prototype, null);

  const queue = new Queue();
  let armed = false;

  const arm = () => {
    if (armed || queue.isEmpty) return;
    // It throws above the app's limit of timers, and then nothing has happened.
    runAfter(0, run);
    armed = true;
  };

  const run = () => {
    armed = false;
    const steps = queue.shift();
    try {
      arm();
    } finally {
      steps();
    }
  };

  const queueTask = (steps) => {
    arm();
    queue.push(steps);
    arm();
  };

  // Tasks of one source that may have to wait: a port that is not started, a socket that is not accepted.
  class TaskSource {
    #waiting = new Queue();
    #open = false;
    #queued = false;

    add(steps) {
      this.#waiting.push(steps);
      this.#schedule();
    }

    open() {
      this.#open = true;
      this.#schedule();
    }

    shut() {
      this.#open = false;
    }

    clear() {
      this.#waiting.clear();
    }

    // All of them, now.
    drain() {
      while (!this.#waiting.isEmpty) this.#waiting.shift()();
    }

    #schedule() {
      if (!this.#open || this.#queued || this.#waiting.isEmpty) return;
      queueTask(() => {
        this.#queued = false;
        if (!this.#open || this.#waiting.isEmpty) return;
        const steps = this.#waiting.shift();
        try {
          this.#schedule();
        } finally {
          steps();
        }
      });
      this.#queued = true;
    }
  }
  ObjectSetPrototypeOf(TaskSource.prototype, null);

  return { __proto__: null, TaskSource, queueTask };
};
