# What zsh offers for a line: zsh.zsh FOLDER LINE, one word a line. The folder has the script as _nanod. A shell on a terminal of its own completes.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; stty -echo; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
# Nothing is offered to the line: what would be is written.
zpty -w shell 'compadd() { case " ${(j: :)argv} " in *" -"[OAD]" "*) builtin compadd "$@"; return ;; esac; local -a hits; builtin compadd -A hits "$@"; print -lr -- "" @${^hits}; }'
zpty -w shell 'TRAPEXIT() { print do""ne; }; offer() { _main_complete; exit; }; zle -C offer complete-word offer; bindkey "^I" offer; print re""ady'
read_to() { local line; while zpty -r shell line; do line=${${line%$'\n'}%$'\r'}; [[ $line == *$1 ]] && return; [[ $line == @* ]] && print -r -- ${line#@}; done; }
read_to ready
zpty -w -n shell "$2"$'\t'
read_to done
