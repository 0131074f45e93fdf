#!/bin/sh
# lostclock.sh SECONDS CONFIG: meshd with a clock that began at SECONDS since 1970
# when the machine booted, and a line in the log that shows what it says.
export LD_PRELOAD="$LOSTCLOCK" LOSTCLOCK_S="$1"
date -u "+0.000 clock %Y-%m-%d %H:%M"
exec meshd -c "$2"
