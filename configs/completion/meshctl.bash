# bash completion for meshctl. What can be written is read from `meshctl --help`, so that it is never another
# version's; names are those that the daemon knows.

# Lines of one kind: "commands"; "options COMMAND"; "values COMMAND OPTION".
_meshctl_help() {
	meshctl --help 2>/dev/null | awk -v what="$1" -v command="${2-}" -v option="${3-}" '
		/^[A-Z]/ { asks = /--json/ }
		/^  [a-z]/ {
			found = $1 == command
			if (what == "commands") print $1
			if (what == "options" && found && asks) print "--json\n--socket"
		}
		!/^  / { found = 0 }
		what == "options" && found {
			line = $0
			while (match(line, /--[a-z-]+/)) {
				print substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
			}
		}
		what == "values" && found {
			for (i = 1; i < NF; i++) {
				value = $(i + 1)
				gsub(/[].[]/, "", value)
				name = $i
				sub(/^\[/, "", name)
				if (name == option && value ~ /\|/) {
					gsub(/\|/, "\n", value)
					print value
				}
			}
		}'
}

_meshctl_names() {
	meshctl nodes --json 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p'
}

# Those of the first depth: neighbours have names, too.
_meshctl_links() {
	meshctl links --json 2>/dev/null | sed -n 's/^      "name": "\(.*\)",\{0,1\}$/\1/p'
}

_meshctl_complete() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words IFS=$'\n'

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(_meshctl_help commands)$'\n--help\n--version'
	elif [[ $previous == --* ]] && words=$(_meshctl_help values "$command" "$previous") && [ -n "$words" ]; then
		:
	elif [[ $previous == --socket || $previous == -w || $previous == --out || $previous == --authority || $previous == --list || $previous == --merge || $previous == --request || $previous == --answer || $previous == --extend || $previous == --file || $previous == --key || $command == identity || $command == accept ]]; then
		COMPREPLY=($(compgen -f -- "$current"))
		return
	elif [[ $current == -* ]]; then
		words=$(_meshctl_help options "$command")
	else
		case $command:$COMP_CWORD in
		authority:2) words=$'init\nlock' ;;
		routes:2 | reach:3 | why:3) words=$'text\ncommand\nbulk' ;;
		avoid:2 | prefer:2 | cost:2 | capture:2) words=$(_meshctl_links) ;;
		reach:2 | why:2 | send:2 | trace:2 | revoke:2 | replace:2) words=$(_meshctl_names) ;;
		*) words=$(_meshctl_help options "$command") ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _meshctl_complete meshctl
