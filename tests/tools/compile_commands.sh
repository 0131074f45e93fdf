#!/bin/sh
# Prints compile_commands.json for every C file of the tree; $1 is the compiler
# command without file names.
command=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')
sep='['
find meshd routing crypto sim tests -name '*.c' | sort | while read -r file; do
	printf '%s\n{"directory":"%s","file":"%s","command":"%s -c %s"}' "$sep" "$PWD" "$file" "$command" "$file"
	sep=','
done
printf '\n]\n'
