#!/bin/sh
# A part of tests/interop/matrix.sh that fits among the other tests: a ring of all four kinds and one of three with
# authentication; with the sanitized build one with IPv4 over IPv6 next hops.
case $1 in
*san*) set -- "$1" "short v4v6" ;;
*) set -- "$1" "short plain" "short mac" ;;
esac
exec sh tests/interop/matrix.sh "$@"
