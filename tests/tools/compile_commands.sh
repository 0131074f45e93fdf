#!/bin/sh
# Prints compile_commands.json for every C file of the tree; COMPILE is the compiler
# command without file names, its quotes as make has them.
command=$(printf '%s' "$COMPILE" | sed 's/\\/\\\\/g; s/"/\\"/g')
sep='['
find meshd routing crypto sim tests -name '*.c' | sort | while read -r file; do
	printf '%s\n{"directory":"%s","file":"%s","command":"%s -c %s"}' "$sep" "$PWD" "$file" "$command" "$file"
	sep=','
done
printf '\n]\n'
