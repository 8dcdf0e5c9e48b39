//! Completions for shells, made of the tables.

use std::fmt::Write;

use super::commands::{COMMANDS, COMMON};
use super::grammar::{Command, Opt, ValueKind};
use super::request::Shell;

/// The script of a shell.
pub fn completions(shell: Shell) -> String {
    match shell {
        Shell::Bash => bash(),
        Shell::Zsh => zsh(),
        Shell::Fish => fish(),
    }
}

fn options(command: &'static Command) -> impl Iterator<Item = &'static Opt> {
    command.options.iter().chain(COMMON)
}

fn command_names() -> String {
    COMMANDS.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

/// What bash is to offer for a value.
fn bash_value(kind: ValueKind) -> String {
    match kind {
        ValueKind::File => "compgen -f -- \"$cur\"".into(),
        ValueKind::Folder => "compgen -d -- \"$cur\"".into(),
        ValueKind::Choice(words) => format!("compgen -W \"{}\" -- \"$cur\"", words.join(" ")),
        _ => ":".into(),
    }
}

fn bash() -> String {
    let mut out = String::from(
        "# Completions of nanod for bash.\n_nanod() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n  COMPREPLY=()\n  \
         if [ \"$COMP_CWORD\" -eq 1 ]; then\n",
    );
    let _ = writeln!(
        out,
        "    mapfile -t COMPREPLY < <(compgen -W \"{}\" -- \"$cur\")\n    return\n  fi\n  case \"${{COMP_WORDS[1]}}\" in",
        command_names()
    );
    for command in COMMANDS {
        let _ = writeln!(out, "    {})\n      case \"$prev\" in", command.name);
        for option in options(command).filter(|option| option.kind != ValueKind::Flag) {
            let short = option.short.map(|short| format!("|-{short}")).unwrap_or_default();
            let _ = writeln!(out, "        --{}{short}) mapfile -t COMPREPLY < <({}); return ;;", option.name, bash_value(option.kind));
        }
        let all: Vec<String> = options(command).map(|option| format!("--{}", option.name)).collect();
        let positional = match command.name {
            "help" => format!("compgen -W \"{}\" -- \"$cur\"", command_names()),
            _ if command.positional.max == 0 => ":".into(),
            _ => bash_value(command.positional.kind),
        };
        let _ = writeln!(
            out,
            "      esac\n      case \"$cur\" in\n        -*) mapfile -t COMPREPLY < <(compgen -W \"{}\" -- \"$cur\") ;;\n        \
             *) mapfile -t COMPREPLY < <({positional}) ;;\n      esac ;;",
            all.join(" ")
        );
    }
    out.push_str("  esac\n}\ncomplete -o filenames -F _nanod nanod\n");
    out
}

/// Text between single quotes, in which brackets and colons mean something to zsh.
fn zsh_text(text: &str) -> String {
    text.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:")
}

fn zsh_value(kind: ValueKind) -> String {
    match kind {
        ValueKind::File => "_files".into(),
        ValueKind::Folder => "_files -/".into(),
        ValueKind::Choice(words) => format!("({})", words.join(" ")),
        _ => " ".into(),
    }
}

fn zsh() -> String {
    let mut out = String::from("#compdef nanod\n# Completions of nanod for zsh.\n_nanod() {\n  local -a commands\n  commands=(\n");
    for command in COMMANDS {
        let _ = writeln!(out, "    '{}:{}'", command.name, zsh_text(command.about));
    }
    out.push_str("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n  local command=${words[2]}\n  shift words\n  (( CURRENT-- ))\n  case $command in\n");
    for command in COMMANDS {
        let _ = write!(out, "    {})\n      _arguments", command.name);
        for option in options(command) {
            let star = if option.many { "*" } else { "" };
            let value = match option.kind {
                ValueKind::Flag => String::new(),
                kind => format!(":{}:{}", zsh_text(option.value), zsh_value(kind)),
            };
            let about = zsh_text(option.about);
            let equals = if value.is_empty() { "" } else { "=" };
            let _ = write!(out, " \\\n        '{star}--{}{equals}[{about}]{value}'", option.name);
            if let Some(short) = option.short {
                let plus = if value.is_empty() { "" } else { "+" };
                let _ = write!(out, " \\\n        '{star}-{short}{plus}[{about}]{value}'");
            }
        }
        let positional = command.positional;
        let value = match command.name {
            "help" => format!("({})", command_names()),
            _ => zsh_value(positional.kind),
        };
        let which = if positional.max == 1 { '1' } else { '*' };
        if positional.max > 0 {
            let _ = write!(out, " \\\n        '{which}:{}:{value}'", positional.name);
        }
        out.push_str(" ;;\n");
    }
    out.push_str("  esac\n}\nif [ \"$funcstack[1]\" = _nanod ]; then\n  _nanod \"$@\"\nelse\n  compdef _nanod nanod\nfi\n");
    out
}

fn fish_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

fn fish_value(kind: ValueKind) -> String {
    match kind {
        ValueKind::Flag => String::new(),
        ValueKind::File => " -r -F".into(),
        ValueKind::Folder => " -x -a '(__fish_complete_directories)'".into(),
        ValueKind::Choice(words) => format!(" -x -a '{}'", words.join(" ")),
        _ => " -x".into(),
    }
}

fn fish() -> String {
    let mut out = String::from("# Completions of nanod for fish.\ncomplete -c nanod -f\n");
    for command in COMMANDS {
        let about = fish_text(command.about);
        let _ = writeln!(out, "complete -c nanod -n __fish_use_subcommand -a {} -d '{about}'", command.name);
        let when = format!("complete -c nanod -n '__fish_seen_subcommand_from {}'", command.name);
        for option in options(command) {
            let short = option.short.map(|short| format!(" -s {short}")).unwrap_or_default();
            let _ = writeln!(out, "{when} -l {}{short}{} -d '{}'", option.name, fish_value(option.kind), fish_text(option.about));
        }
        let positional = match (command.name, command.positional.kind) {
            ("help", _) => format!(" -a '{}'", command_names()),
            (_, kind @ (ValueKind::Folder | ValueKind::Choice(_))) => fish_value(kind).replace(" -x", ""),
            (_, ValueKind::File) => " -F".into(),
            _ => continue,
        };
        let _ = writeln!(out, "{when}{positional}");
    }
    out
}
