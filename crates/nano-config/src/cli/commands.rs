//! All commands of nanod's and their options.

use super::grammar::{Command, Opt, Positional, ValueKind};

const DAY_MS: u64 = 86_400_000;

/// What every command takes.
pub const COMMON: &[Opt] = &[
    Opt::flag("json", "Write JSON, one object a line"),
    Opt::value("color", ValueKind::Choice(&["auto", "always", "never"]), "WHEN", "auto", "Use colors; auto heeds NO_COLOR and terminals"),
    Opt::flag("quiet", "Write errors only").short('q'),
    Opt::flag("verbose", "Write more").short('v'),
    Opt::flag("help", "Show this").short('h'),
];

const ENV: Opt = Opt::value("env", ValueKind::Text, "NAME", "", "The environment of the manifests").short('e');
const ADMIN: Opt = Opt::value("admin", ValueKind::Address, "ADDRESS", "127.0.0.1:9787", "Where the admin listener of nanod is");
const TOKEN: Opt = Opt::value("token-file", ValueKind::File, "FILE", "NANOD_TOKEN", "The file with the admin listener's token");
const FOLLOW: Opt = Opt::flag("follow-links", "Let links in DIR lead to apps outside it");
const LISTEN: Opt =
    Opt::value("listen", ValueKind::Address, "ADDRESS", "127.0.0.1:8787", "Listen there: PORT, HOST:PORT, *:PORT, unix:PATH or systemd")
        .short('l')
        .many();
const THREADS: Opt = Opt::value("threads", ValueKind::Count(1, 256), "N", "one per core", "Threads that run apps");
const ROOTS: Opt = Opt::value("roots", ValueKind::Text, "WHICH", "webpki", "Whose certificates apps trust: webpki, system or file:PATH");

/// The commands.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "serve",
        about: "Serve the apps in a folder",
        more: "Every folder in DIR is an app. SIGTERM drains and stops, a second one stops now, SIGHUP deploys what has changed.",
        positional: Positional::one("DIR", ValueKind::Folder),
        options: &[
            LISTEN,
            Opt::value("admin", ValueKind::Address, "ADDRESS", "127.0.0.1:9787", "Where the admin API and the dashboard listen"),
            Opt::flag("no-admin", "No admin listener"),
            TOKEN,
            ENV,
            Opt::value("workers", ValueKind::Count(1, 256), "N", "1", "Worker processes, each supervised"),
            THREADS,
            Opt::value("tls-cert", ValueKind::File, "FILE", "", "The certificates, PEM; then listeners speak TLS"),
            Opt::value("tls-key", ValueKind::File, "FILE", "", "Their private key, PEM"),
            ROOTS,
            Opt::flag("no-watch", "Deploy changes on SIGHUP only"),
            FOLLOW,
            Opt::flag("trust", "Let manifests run commands for secrets, read any file, make code, reach everything and raise limits"),
            Opt::value("grants", ValueKind::File, "FILE", "DIR/nanod.toml", "What manifests may have of that, app by app"),
            Opt::flag("trust-proxy", "Believe the last X-Forwarded-For and -Proto"),
            Opt::value("drain", ValueKind::Duration(0, DAY_MS), "TIME", "30s", "What requests in flight have to end in"),
            Opt::value("drain-delay", ValueKind::Duration(0, DAY_MS), "TIME", "0s", "How long to go on serving after /readyz says no"),
            Opt::value("idle", ValueKind::Duration(1, DAY_MS), "TIME", "75s", "How long a connection may be idle"),
            Opt::value("connections", ValueKind::Count(1, 1_000_000), "N", "10000", "Connections at once"),
            Opt::value(
                "metrics-per-app",
                ValueKind::Choice(&["off", "top", "all"]),
                "WHICH",
                "top",
                "Which apps have metrics of their own",
            ),
            Opt::value(
                "log-format",
                ValueKind::Choice(&["auto", "pretty", "json"]),
                "FORMAT",
                "auto",
                "How logs are written; auto is pretty without --json",
            ),
        ],
    },
    Command {
        name: "dev",
        about: "Serve the apps in a folder while you write them",
        more: "Reloads on change, shows errors in the browser and maps stacks. Keys: b browser, r reload, c clear, q quit.",
        positional: Positional::maybe("DIR", ValueKind::Folder),
        options: &[
            LISTEN,
            ENV,
            Opt::flag("inspect", "Let debuggers attach"),
            Opt::value("inspect-address", ValueKind::Address, "ADDRESS", "127.0.0.1:9229", "Where they do").short('i'),
            Opt::flag("open", "Open the browser").short('o'),
            FOLLOW,
            ROOTS,
            THREADS,
            Opt::value("log-format", ValueKind::Choice(&["auto", "pretty", "json"]), "FORMAT", "auto", "How logs are written"),
        ],
    },
    Command {
        name: "run",
        about: "Run one file or folder as an app, once",
        more: "Without --request and --call the module is evaluated and what it starts is waited for.",
        positional: Positional::one("FILE", ValueKind::File),
        options: &[
            Opt::value("request", ValueKind::Text, "URL", "", "Send it a request and print the response").short('r'),
            Opt::value("method", ValueKind::Text, "METHOD", "GET", "With this method").short('X'),
            Opt::value("header", ValueKind::Text, "NAME:VALUE", "", "And this header").short('H').many(),
            Opt::value("data", ValueKind::Text, "TEXT", "", "And this body; @FILE is a file's, - standard input's").short('d'),
            Opt::value("call", ValueKind::Text, "EXPORT", "", "Call an exported function and print what it returns").short('c'),
            Opt::value("arg", ValueKind::Text, "JSON", "", "With this argument").many(),
            Opt::value("var", ValueKind::Text, "NAME=VALUE", "", "A variable in env").many(),
            ENV,
            Opt::value("cpu", ValueKind::Duration(1, DAY_MS), "TIME", "50ms", "CPU time of one event"),
            Opt::value("heap", ValueKind::Size(2 << 20, 3_500 << 20), "SIZE", "32 MiB", "Its heap"),
            Opt::value("timeout", ValueKind::Duration(1, DAY_MS), "TIME", "30s", "How long it may take"),
            ROOTS,
        ],
    },
    Command {
        name: "check",
        about: "Check manifests and code without serving",
        more: "Exits with 1 if there is an error, or with --strict a warning.",
        positional: Positional::any("DIR", ValueKind::Folder),
        options: &[ENV, Opt::flag("strict", "Take warnings for errors"), Opt::flag("no-compile", "Read manifests and routes only"), FOLLOW],
    },
    Command {
        name: "types",
        about: "Write the types of an app's env",
        more: "DIR is the folder of one app. For editors and for tsc, which find FILE beside the app's code; run it again when the manifest changes.",
        positional: Positional::maybe("DIR", ValueKind::Folder),
        options: &[
            Opt::value("out", ValueKind::File, "FILE", "worker-configuration.d.ts", "Where to; - for standard output").short('O'),
            Opt::flag("check", "Write nothing; exit with 1 if the file is not up to date"),
        ],
    },
    Command {
        name: "tail",
        about: "Follow the logs of apps",
        more: "Without APP of all apps. It goes on until it is interrupted, also when nanod is started anew; where there is no such app it ends with 1.",
        positional: Positional::any("APP", ValueKind::Text),
        options: &[
            ADMIN,
            TOKEN,
            Opt::value("level", ValueKind::Choice(&["debug", "info", "warn", "error"]), "LEVEL", "debug", "Nothing below this"),
            Opt::value("search", ValueKind::Text, "TEXT", "", "Only lines that have this"),
            Opt::flag("errors", "The same as --level error"),
        ],
    },
    Command {
        name: "top",
        about: "Show what apps use, as it happens",
        more: "It goes on until it is interrupted.",
        positional: Positional::NONE,
        options: &[
            ADMIN,
            TOKEN,
            Opt::value("interval", ValueKind::Duration(100, 60_000), "TIME", "1s", "How often"),
            Opt::value(
                "sort",
                ValueKind::Choice(&["requests", "cpu", "heap", "p99", "errors", "name"]),
                "BY",
                "cpu",
                "What decides the order",
            ),
            Opt::flag("once", "Show it once and exit"),
        ],
    },
    Command {
        name: "new",
        about: "Begin an app",
        more: "DIR is the app's folder, and its name is the app's. Nothing that is there is overwritten. Then: nanod dev DIR",
        positional: Positional::one("DIR", ValueKind::Folder),
        options: &[Opt::value(
            "template",
            ValueKind::Choice(&["plain", "hono", "typescript", "websocket"]),
            "NAME",
            "plain",
            "What to begin with",
        )
        .short('t')],
    },
    Command {
        name: "doctor",
        about: "Look for what this machine lacks",
        more: "Address space, mappings, open files, inotify, ports, the kernel's settings.",
        positional: Positional::NONE,
        options: &[],
    },
    Command {
        name: "completions",
        about: "Print completions for a shell",
        more: "For bash: source <(nanod completions bash)",
        positional: Positional::one("SHELL", ValueKind::Choice(&["bash", "zsh", "fish"])),
        options: &[],
    },
    Command {
        name: "help",
        about: "Show help of a command",
        more: "",
        positional: Positional::maybe("COMMAND", ValueKind::Text),
        options: &[],
    },
    Command { name: "version", about: "Show the version", more: "", positional: Positional::NONE, options: &[] },
];

/// The command of a name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}
