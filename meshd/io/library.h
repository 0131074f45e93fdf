/*
 * Libraries that are loaded by who needs them. Most nodes have no page, and none of the
 * fallback's packet sockets; libmicrohttpd with GnuTLS and libpcap with D-Bus, and what
 * hangs on both, are a third of what a daemon would have resident (docs/performance.md).
 *
 * The functions of such a library are ours by name (microhttpd.c, pcap.c) and go on to
 * its own. None of them may be called before library_load() has succeeded.
 */
#ifndef MESHD_IO_LIBRARY_H
#define MESHD_IO_LIBRARY_H

#include "meshd/io/io.h"

struct library {
	const char *const *files; /* by soname, the likeliest first; ends with NULL */
	const char *package; /* that has it */
	void *handle;
};

extern struct library library_microhttpd, library_pcap;

/* 0, also when it is loaded already; -ELIBACC: it is not there, or is not what it should be. It stays. */
int library_load(struct library *l, char error[IO_ERROR_MAX]);
/* Ends the process if there is none of that name. */
void *library_function(const struct library *l, const char *name);

/* Defines `name` as what goes on to the library's. */
#define LIBRARY_FUNCTION(library, result, name, parameters, ...)                                                       \
	result name parameters                                                                                         \
	{                                                                                                              \
		static __typeof__(name) *there;                                                                        \
                                                                                                                       \
		if (!there)                                                                                            \
			*(void **)&there = library_function(library, #name);                                           \
		return there(__VA_ARGS__);                                                                             \
	}

#endif
