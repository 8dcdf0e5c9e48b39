//! `nanod types` and `nanod doctor`.

use std::path::Path;
use std::process::Command;

use crate::{Folder, GOOD, nanod};

#[test]
fn types_are_written_and_compared() {
    let folder = Folder::new(
        "types",
        &[
            ("shop/index.ts", GOOD),
            ("shop/nano.toml", "vars.A = \"1\"\nservices.AUTH = { app = \"auth\", entrypoint = \"Admin\" }\n[env.live.vars]\nB = \"2\"\n"),
            ("shop/.dev.vars", "LOCAL=x\n"),
            ("auth-app/src/index.ts", GOOD),
            ("auth-app/nano.toml", "name = \"auth\"\n"),
            ("broken/nano.toml", "nope = 1\n"),
        ],
    );
    let file = "shop/worker-configuration.d.ts";
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(1));
    assert!(!folder.0.join(file).exists());
    assert_eq!(nanod(&folder.0, &["types", "shop"]).code, Some(0));
    let text = folder.read(file);
    for line in [
        "// Made from nano.toml by",
        "    readonly A: string;\n",
        "    readonly AUTH: Service<import(\"../auth-app/src/index\").Admin>;\n",
        "    readonly B?: string;\n",
        "    readonly LOCAL: string;\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(0));
    assert_eq!(nanod(&folder.0, &["types", "shop", "-O", "-"]).out, text);
    folder.write("shop/nano.toml", "vars.C = \"1\"\n");
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(1));
    let said = nanod(&folder.0, &["types", "broken"]);
    assert!(said.code == Some(1) && said.err.contains("broken/nano.toml:1:1"), "{said:?}");
}

#[test]
fn doctor_says_how_each_thing_is() {
    let taken = std::net::TcpListener::bind("127.0.0.1:9229");
    let said = nanod(Path::new("/"), &["doctor", "--json"]);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| lines.iter().find(|line| line["check"] == name).unwrap_or_else(|| panic!("{name}: {}", said.out));
    for name in ["kernel", "processor", "address space", "overcommit", "memory", "mappings", "open files", "port 8787"] {
        assert!(["ok", "warn", "fail"].iter().any(|word| named(name)["state"] == **word), "{name}");
    }
    // Whoever has it: it is not free.
    assert_eq!(named("port 9229")["state"], "warn");
    assert!(named("port 9229")["remedy"].as_str().is_some_and(|remedy| remedy.contains("--inspect-address")));
    drop(taken);
    let limited = format!("ulimit -n 64; exec {} doctor", env!("CARGO_BIN_EXE_nanod"));
    let output = Command::new("sh").args(["-c", &limited]).output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(0) && text.contains("warn open files           64, at most 64\n"), "{text}");
    assert!(text.contains("LimitNOFILE=16384"), "{text}");
}
