//! Where tokens are kept.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::says;

/// nanod over one app in a folder, with an admin socket there, and where it says that its token is.
fn start(home: &Path) -> (Child, String) {
    let mut child =
        nanod(home, &["serve", "--listen", "127.0.0.1:0"]).arg(home.join("apps")).stdout(Stdio::piped()).spawn().expect("nanod starts");
    let lines = BufReader::new(child.stdout.take().unwrap());
    let said: Vec<String> = lines.lines().map(Result::unwrap).take_while(|line| !line.contains(" on 127.0.0.1")).collect();
    let line = said.iter().find(|line| line.starts_with("dashboard")).expect("where the dashboard is").clone();
    (child, line)
}

fn nanod(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(words).arg("--admin").arg(format!("unix:{}", home.join("admin").display())).env_remove("NANOD_TOKEN");
    // As systemd gives several.
    command.env("RUNTIME_DIRECTORY", format!("{0}/run:{0}/other", home.display()));
    command
}

fn place_in(line: &str) -> PathBuf {
    PathBuf::from(line.split("token in ").nth(1).unwrap().trim_end_matches(')'))
}

fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("nanod-admin-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(home.join("apps/one")).unwrap();
    fs::write(home.join("apps/one/index.js"), says("one")).unwrap();
    home
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_token_is_made_and_kept_where_only_its_user_can_read_it() {
    let home = home("home");
    let run = || {
        let (child, line) = start(&home);
        end(child);
        let path = place_in(&line);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert!(path.starts_with(home.join("run")), "{}", path.display());
        (fs::read_to_string(path).unwrap(), mode, line)
    };
    let (first, mode, line) = run();
    let (second, ..) = run();
    let socket = fs::metadata(home.join("admin")).unwrap().permissions().mode() & 0o777;
    fs::remove_dir_all(&home).unwrap();
    assert_eq!((mode, socket), (0o600, 0o600));
    assert!(first.trim().len() >= 32 && first == second, "the same after a restart");
    assert!(!line.contains(first.trim()), "a log does not get it");
}

#[test]
fn a_token_of_a_nanod_that_was_killed_is_not_taken_for_that_of_the_next_one_in_its_place() {
    let home = home("left-token");
    let (child, line) = start(&home);
    let stale = PathBuf::from(place_in(&line).display().to_string().replace(".token", ".now.token"));
    // As one with a passing port has left it.
    let leave = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&stale).expect("it is not there");
        std::io::Write::write_all(&mut file, b"the-token-of-one-that-has-gone\n").unwrap();
    };
    leave();
    let told = nanod(&home, &["tail", "none"]).output().expect("it ends");
    let told = String::from_utf8(told.stderr).expect("text");
    end(child);
    let (child, _) = start(&home);
    let is_left = stale.exists();
    end(child);
    let _ = fs::remove_dir_all(&home);
    assert!(told.contains("NO_APP"), "it was let in: {told}");
    assert!(!is_left);
}
