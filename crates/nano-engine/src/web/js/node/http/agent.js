"use strict";
// Agents of node:http and node:https. The connections are the host's: an agent says by which scheme is asked, and has the options and the
// names that packages look for. One that makes its own connections would be passed over, so it is refused.
(nano) => {
  const { ObjectAssign } = nano.primordials;
  const { unsupported } = nano.part("node/errors");
  const { EventEmitter } = nano.part("node/events");
  const { isObject } = nano.webidl;

  const refuse = (name) => {
    throw unsupported(`agent.${name}`, "the host makes the connections of an app");
  };

  let isAgent;

  class Agent extends EventEmitter {
    #isAgent = true;
    options;
    requests = {};
    sockets = {};
    freeSockets = {};
    maxSockets;
    maxFreeSockets;
    maxTotalSockets;
    keepAlive;
    keepAliveMsecs;
    defaultPort = 80;
    protocol = "http:";

    constructor(options = undefined) {
      super();
      this.options = ObjectAssign({ __proto__: null }, options);
      this.maxSockets = options?.maxSockets ?? Infinity;
      this.maxFreeSockets = options?.maxFreeSockets ?? 256;
      this.maxTotalSockets = options?.maxTotalSockets ?? Infinity;
      this.keepAlive = options?.keepAlive ?? false;
      this.keepAliveMsecs = options?.keepAliveMsecs ?? 1000;
    }

    addRequest() {
      refuse("addRequest");
    }

    createConnection() {
      refuse("createConnection");
    }

    createSocket() {
      refuse("createSocket");
    }

    keepSocketAlive() {
      return true;
    }

    reuseSocket() {}

    removeSocket() {}

    getName(options = undefined) {
      return `${options?.host || "localhost"}:${options?.port || ""}:${options?.localAddress || ""}`;
    }

    destroy() {}

    static {
      isAgent = (value) => isObject(value) && #isAgent in value;
    }
  }

  const Secure = {
    Agent: class extends Agent {
      defaultPort = 443;
      protocol = "https:";

      constructor(options = undefined) {
        super(options);
      }
    },
  }.Agent;

  const { addRequest, createConnection, createSocket } = Agent.prototype;
  const connectsByItself = (agent) =>
    !isAgent(agent) || agent.addRequest !== addRequest || agent.createConnection !== createConnection || agent.createSocket !== createSocket;

  const isGiven = (value) => value !== undefined && value !== null && value !== false && value !== "";
  const credentials = ["ca", "cert", "key", "pfx"];

  // Options that say how a connection is made, or to whom, and that no fetch() heeds.
  const checkConnection = (options, isSecure) => {
    if (isGiven(options.socketPath)) throw unsupported("The option socketPath", "requests go to hosts, by the network");
    if (isGiven(options.createConnection)) throw unsupported("The option createConnection", "the host makes the connections of an app; use connect() of cloudflare:sockets");
    if (isGiven(options.lookup) && options.lookup !== nano.part("node/dns").lookup) throw unsupported("The option lookup", "the host looks up names; give the address as the host");
    if (!isSecure) return;
    if (options.rejectUnauthorized === false) throw unsupported("rejectUnauthorized: false", "certificates are always verified; give the server one that the host trusts");
    checkIdentity(options);
    for (let i = 0; i < credentials.length; i++) {
      if (isGiven(options[credentials[i]])) throw unsupported(`The option ${credentials[i]}`, "certificates are verified by the roots of the host, and apps have none of their own");
    }
  };
  const checkIdentity = (options) => {
    const { checkServerIdentity } = options;
    if (isGiven(checkServerIdentity) && checkServerIdentity !== nano.part("node/tls").checkServerIdentity) {
      throw unsupported("The option checkServerIdentity", "an app does not see certificates, which are verified for the host's name; leave it out, or give tls.checkServerIdentity");
    }
  };

  const checkServername = (options, agent, host) => {
    const servername = agent.options?.servername ?? options.servername;
    if (isGiven(servername) && servername !== host) throw unsupported("The option servername", "certificates are verified for the host that is asked; use tls.connect()");
  };

  const checkAgent = (agent, isSecure) => {
    if (connectsByItself(agent)) throw unsupported("An agent that makes its own connections", "the host makes the connections of an app; use an http.Agent or https.Agent as it is, or none");
    if (isObject(agent.options)) checkConnection(agent.options, isSecure);
  };

  return {
    __proto__: null,
    Agent,
    SecureAgent: Secure,
    checkAgent,
    checkConnection,
    checkIdentity,
    checkServername,
    // What apps find as globalAgent, and may replace.
    globals: { __proto__: null, http: new Agent(), https: new Secure() },
  };
};
