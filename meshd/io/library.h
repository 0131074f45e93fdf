/*
 * Libraries that are loaded by who needs them. Most nodes have no page, and none of the
 * fallback's packet sockets, and in most minutes nothing is to be written into a file of SQLite;
 * libmicrohttpd with GnuTLS, libpcap with D-Bus, SQLite with libm, and what hangs on them, are more
 * than half of what a daemon would have resident (docs/performance.md).
 *
 * The functions of such a library are ours by name (microhttpd.c, pcap.c, sqlite.c) and go on to
 * its own. None of them may be called before library_load() or library_hold() has succeeded.
 */
#ifndef MESHD_IO_LIBRARY_H
#define MESHD_IO_LIBRARY_H

#include "meshd/io/io.h"

struct library {
	const char *const *files; /* by soname, the likeliest first; ends with NULL */
	const char *package; /* that has it */
	const char *end; /* is called before it goes, without arguments; NULL: nothing */
	void *handle;
	unsigned holders, loads; /* loads: how often it came */
};

extern struct library library_microhttpd, library_pcap, library_sqlite;

/* 0, also when it is loaded already; -ELIBACC: it is not there, or is not what it should be. It stays. */
int library_load(struct library *l, char error[IO_ERROR_MAX]);
/* The same, until who holds it has let it go as often: then it is unloaded. Not for one that library_load() loads. Any
 * thread may. */
int library_hold(struct library *l, char error[IO_ERROR_MAX]);
void library_release(struct library *l);
/* Ends the process if there is none of that name. */
void *library_function(const struct library *l, const char *name);

/* Defines `name` as what goes on to the library's. Where that is, each thread finds out once it is loaded (anew). */
#define LIBRARY_FUNCTION(library, result, name, parameters, ...)                                                       \
	result name parameters                                                                                         \
	{                                                                                                              \
		static _Thread_local __typeof__(name) *there;                                                          \
		static _Thread_local unsigned loads;                                                                   \
                                                                                                                       \
		if (!there || loads != (library)->loads) {                                                             \
			*(void **)&there = library_function(library, #name);                                           \
			loads = (library)->loads;                                                                      \
		}                                                                                                      \
		return there(__VA_ARGS__);                                                                             \
	}

#endif
