"use strict";
// node:dns: names are resolved by whoever connects, not by the app. https://nodejs.org/api/dns.html
(nano, part) => {
  const { StringPrototypeSplit } = nano.primordials;
  const { asModule } = nano.part("node/errors");
  const { absent } = nano.part("node/absent");

  const methods = "lookup lookupService resolve resolve4 resolve6 resolveAny resolveCaa resolveCname resolveMx resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv resolveTxt reverse";
  const codes = "ADDRGETNETWORKPARAMS BADFAMILY BADFLAGS BADHINTS BADNAME BADQUERY BADRESP BADSTR CANCELLED CONNREFUSED DESTRUCTION EOF FILE FORMERR LOADIPHLPAPI NODATA NOMEM NONAME NOTFOUND NOTIMP NOTINITIALIZED REFUSED SERVFAIL TIMEOUT";

  const isPromised = part === "node/dns#promises";
  const members = { __proto__: null, ADDRCONFIG: 1024, ALL: 256, V4MAPPED: 2048, Resolver: absent("dns", "Resolver") };
  const names = StringPrototypeSplit(methods, " ");
  for (let i = 0; i < names.length; i++) {
    const fail = absent(isPromised ? "dns.promises" : "dns", names[i]);
    members[names[i]] = isPromised ? async () => fail() : fail;
  }
  const errors = StringPrototypeSplit(codes, " ");
  for (let i = 0; i < errors.length; i++) members[errors[i]] = `E${errors[i]}`;
  members.getDefaultResultOrder = () => "verbatim";
  members.getServers = () => [];
  members.setDefaultResultOrder = () => undefined;
  members.setServers = absent("dns", "setServers");
  if (!isPromised) members.promises = nano.part("node/dns#promises").default;
  return asModule(members);
};
