"use strict";
// node:os: as in Workers, a machine of which nothing is to be learnt. https://nodejs.org/api/os.html
(nano) => {
  const { asModule } = nano.part("node/errors");
  const { errno, priority, shown, signals } = nano.part("node/numbers");

  const constants = {
    UV_UDP_REUSEADDR: 4, dlopen: { RTLD_LAZY: 1, RTLD_NOW: 2, RTLD_GLOBAL: 256, RTLD_LOCAL: 0 }, errno: shown(errno), signals: shown(signals), priority: shown(priority),
  };
  return asModule({
    EOL: "\n",
    arch: () => "x64",
    availableParallelism: () => 1,
    constants,
    cpus: () => [],
    devNull: "/dev/null",
    endianness: () => "LE",
    freemem: () => 0,
    getPriority: () => 0,
    homedir: () => "/tmp",
    hostname: () => "localhost",
    loadavg: () => [0, 0, 0],
    machine: () => "x86_64",
    networkInterfaces: () => ({}),
    platform: () => "linux",
    release: () => "",
    setPriority: () => undefined,
    tmpdir: () => "/tmp",
    totalmem: () => 0,
    type: () => "Linux",
    uptime: () => 0,
    userInfo: () => ({ uid: -1, gid: -1, username: "nano", homedir: "/tmp", shell: null }),
    version: () => "",
  });
};
