"use strict";
// navigator: how an app finds out where it runs. Libraries look for "Cloudflare-Workers" in front to choose their ways.
// Specification: https://html.spec.whatwg.org/#the-navigator-object
(nano) => {
  const { configureInterface, illegalConstructor } = nano.webidl;

  const CREATE = {};
  const userAgent = `Cloudflare-Workers NANO/${nano.version ?? "0.1.0"}`;

  class Navigator {
    #userAgent = userAgent;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
    }

    get userAgent() {
      return this.#userAgent;
    }

    // https://storage.spec.whatwg.org/#navigatorstorage
    get storage() {
      this.#userAgent;
      return nano.part("fs").storage;
    }

    // An app has one thread, whatever the machine has.
    get hardwareConcurrency() {
      this.#userAgent;
      return 1;
    }
  }
  configureInterface(Navigator);

  const navigator = new Navigator(CREATE);

  nano.expose({ Navigator });
  nano.exposeGetter("navigator", () => navigator);
  nano.exposeGetter("self", () => globalThis);
};
