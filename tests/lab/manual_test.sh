#!/bin/sh
# What people read and type: manual pages without a fault and complete, completion that knows every command, a unit that
# is as tight as it was. Needs no lab; of several builds that are tested the first one is looked at.
. tests/lab/lib.sh

bin=$PWD/$1/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ "$1" != build/release ]; then
	echo "ok 1 - manual # SKIP looked at with build/release"
	echo "1..1"
	exit 0
fi
PATH=$bin:$PATH
# Programs here may have been built for root's eyes only; nobody is asked.
meshctl --help >"$work/help"

skip() { # PROGRAM
	count=$((count + 1))
	echo "ok $count - $1 # SKIP not installed; make deps-test has it"
}

lints() {
	lints_seen=$(mandoc -Tlint -W warning "$1")
	[ -z "$lints_seen" ] || { echo "$lints_seen"; return 1; }
}

# has_options PAGE PROGRAM: every option of its --help is in the page.
has_options() {
	sed 's/\\-/-/g' "$1" >"$work/page"
	for option in $("$2" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
		grep -q -- "$option" "$work/page" || { echo "$1 does not tell of $option"; return 1; }
	done
}

commands() {
	sed -n '/^[A-Z]/d; s/^  \([a-z][a-z]*\) .*/\1/p' "$work/help" | sort -u
}

has_commands() {
	for command in $(commands); do
		grep -qE "^\.(B|BI|TP|BR) .*$command" docs/meshctl.1 || { echo "docs/meshctl.1 does not tell of $command"; return 1; }
	done
}

# completes SHELL WORD...: what may stand where the last word begins, one a line.
completes() {
	completes_shell=$1
	shift
	if [ "$completes_shell" = bash ]; then
		bash -c '. configs/completion/meshctl.bash
			COMP_WORDS=(meshctl "$@") COMP_CWORD=$#
			_meshctl_complete; printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
	else
		# What would be offered is caught; zsh itself keeps of it what begins like the word.
		zsh -f -c 'autoload -U +X compinit && compinit -D -u; autoload -U +X bashcompinit && bashcompinit
			source configs/completion/meshctl.bash
			words=(meshctl "$@") CURRENT=$(($# + 1))
			compadd() { print -l -- ${@[$@[(i)-]+1,-1]} }
			compset() { return 1 }
			_bash_complete -F _meshctl_complete' zsh "$@" 2>/dev/null | sed 's/ *$//' | sort -u | sed '/^$/d' >"$work/offered"
		while [ $# -gt 1 ]; do
			shift
		done
		grep -- "^$1" "$work/offered"
	fi
}

all_commands_complete() { # SHELL
	completes "$1" "" | grep -v '^-' | sort -u >"$work/completed"
	commands | diff - "$work/completed"
}

completes_to() { # SHELL EXPECTED WORD...
	completes_to_expected=$2
	completes_to_shell=$1
	shift 2
	completes_to_seen=$(completes "$completes_to_shell" "$@" | tr '\n' ' ')
	[ "$completes_to_seen" = "$completes_to_expected " ] || {
		echo "\"$completes_to_seen\" is not \"$completes_to_expected\""
		return 1
	}
}

# tells_alarms GUIDE: what to do about every alarm that there is.
tells_alarms() {
	for alarm in $(sed -n 's/.*\[ALARM_[A-Z]*\] = { "\([a-z-]*\)".*/\1/p' meshd/node/alarm.c); do
		grep -q "^| \*\*$alarm\*\*" "$1" || { echo "$1 does not tell what to do about $alarm"; return 1; }
		grep -q "'a-$alarm': " meshd/web/words.js || { echo "the page has no words for $alarm"; return 1; }
	done
	[ -n "$alarm" ]
}

# What is to be typed is the same in both languages.
types_the_same() {
	grep -hE '^(    |  - |node|links|classes)' README.zh.md >"$work/typed"
	grep -ohE '`meshctl [^`]*`' README.zh.md >>"$work/typed"
	[ "$(wc -l <"$work/typed")" -gt 20 ] || { echo "nothing is to be typed"; return 1; }
	while read -r line; do
		grep -qF -- "$line" README.md || { echo "README.md has no: $line"; return 1; }
	done <"$work/typed"
}

# has_both_languages: each word of the page is there in English and in Chinese.
has_both_languages() {
	for words in en zh; do
		sed -n "/^$words: {/,/^},/p" meshd/web/words.js | grep -oE "(^|[,{] ?|	)('[^']+'|[a-z]+): ?['[]" |
			sed "s/^[,{	 ]*//; s/: .*//; s/'//g" | sort >"$work/words.$words"
	done
	[ "$(wc -l <"$work/words.en")" -gt 100 ] && diff "$work/words.en" "$work/words.zh"
}

# Beyond this mark systemd-analyze thinks that the daemon can do too much.
tight() {
	sed "s|@PREFIX@|/usr/local|" configs/meshd.service >"$work/meshd.service"
	systemd-analyze security --offline=true --threshold="$1" "$work/meshd.service"
}

if command -v mandoc >/dev/null; then
	for page in docs/*.[1-8]; do
		check "$page has no fault" lints "$page"
	done
else
	skip mandoc
fi
check "meshctl(1) tells of every command" has_commands
for program in meshctl meshlab meshsim meshtopo; do
	check "$program(1) tells of every option" has_options "docs/$program.1" "$program"
done
check "meshd(8) tells of every option" has_options docs/meshd.8 meshd
for shell in bash zsh; do
	command -v $shell >/dev/null || { skip $shell; continue; }
	check "$shell completes every command" all_commands_complete $shell
	check "$shell completes the beginning of one" completes_to $shell status sta
	check "$shell completes options" completes_to $shell --years enrol --ye
	check "$shell completes what every question takes" completes_to $shell --socket links --so
	check "$shell completes an option's values" completes_to $shell "town" enrol --level to
	check "$shell completes classes" completes_to $shell command routes co
	check "$shell completes what is done with an authority" completes_to $shell lock authority l
done
check "files are completed where an option names them" completes_to bash configs/completion/meshctl.bash report --merge configs/completion/m
if command -v systemd-analyze >/dev/null; then
	check "the unit is as tight as it was" tight 30
else
	skip systemd-analyze
fi
for guide in docs/field-guide.md docs/field-guide.zh.md; do
	check "$guide tells what to do about every alarm" tells_alarms "$guide"
done
check "README.zh.md has what README.md has" types_the_same
check "the page says everything in both languages" has_both_languages
check "the package has the version of the programs" sh -c \
	'meshd --version | grep -q " $(sed -n "1s/.*(\(.*\)).*/\1/p" debian/changelog)$"'
lab_done
