//! `nanod new`.

use crate::{Folder, nanod};

#[test]
fn new_makes_apps_that_work_at_once() {
    let folder = Folder::new("new", &[]);
    for template in ["plain", "typescript", "websocket"] {
        let dir = format!("My {template}");
        let said = nanod(&folder.0, &["new", &dir, "-t", template]);
        assert!(said.code == Some(0) && said.out.contains(&format!("nanod dev 'My {template}'")), "{said:?}");
        let said = nanod(&folder.0, &["check", &dir, "--strict"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), "1 app, 0 errors, 0 warnings\n"), "{said:?}");
        assert!(folder.read(&format!("{dir}/nano.toml")).starts_with(&format!("name = \"my-{template}\"\n")));
    }
    assert_eq!(nanod(&folder.0, &["run", "My plain", "-r", "/"]).out, "Hello from my-plain\n");
    assert_eq!(nanod(&folder.0, &["run", "My typescript", "-r", "/?name=Ada"]).out, "Hello, Ada\n");
    let page = nanod(&folder.0, &["run", "My websocket", "-r", "/"]).out;
    assert!(page.contains("<title>my-websocket</title>"), "{page}");
    // The types are those that "nanod types" makes.
    let written = std::fs::read_to_string(folder.0.join("My typescript/nano.d.ts")).expect("the declarations");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/types")).expect("the package") {
        let file = file.expect("a file").path();
        if file.to_string_lossy().ends_with(".d.ts") && !file.ends_with("index.d.ts") {
            assert!(written.contains(&std::fs::read_to_string(&file).expect("text")), "{}", file.display());
        }
    }
    assert_eq!(nanod(&folder.0, &["types", "My typescript", "--check"]).code, Some(0));
}

#[test]
fn new_overwrites_nothing() {
    let folder = Folder::new("overwrite", &[("app/index.js", "mine"), ("beside/README.md", "mine")]);
    let said = nanod(&folder.0, &["new", "app"]);
    assert!(said.code == Some(1) && said.err.contains("index.js"), "{said:?}");
    assert_eq!((folder.read("app/index.js").as_str(), folder.0.join("app/nano.toml").exists()), ("mine", false));
    assert_eq!(nanod(&folder.0, &["new", "beside"]).code, Some(0));
    assert_eq!(folder.read("beside/README.md"), "mine");
    assert_eq!(nanod(&folder.0, &["new", "..."]).code, Some(1));
}
