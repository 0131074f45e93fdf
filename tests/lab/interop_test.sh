#!/bin/sh
# A part of tests/interop/matrix.sh that fits among the other tests: one ring of all four kinds, one of three with
# authentication, one with IPv4 over IPv6 next hops. The sanitized build runs the middle one.
case $1 in
*san*) set -- "$1" "short mac" ;;
*) set -- "$1" "short plain" "short mac" "short v4v6" ;;
esac
exec sh tests/interop/matrix.sh "$@"
