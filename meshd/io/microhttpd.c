/* libmicrohttpd's functions, as far as the page calls them (library.h). */
#include "meshd/io/library.h"

#include <microhttpd.h>
#include <stdarg.h>

struct library library_microhttpd = { .files = (const char *const[]){ "libmicrohttpd.so.12", NULL },
	.package = "libmicrohttpd12" };

#define FUNCTION(...) LIBRARY_FUNCTION(&library_microhttpd, __VA_ARGS__)

FUNCTION(struct MHD_Daemon *, MHD_start_daemon_va,
	(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_arg,
		MHD_AccessHandlerCallback answer, void *answer_arg, va_list options),
	flags, port, accept, accept_arg, answer, answer_arg, options)

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_arg,
	MHD_AccessHandlerCallback answer, void *answer_arg, ...)
{
	va_list options;

	va_start(options, answer_arg);
	struct MHD_Daemon *d = MHD_start_daemon_va(flags, port, accept, accept_arg, answer, answer_arg, options);
	va_end(options);
	return d;
}

FUNCTION(void, MHD_stop_daemon, (struct MHD_Daemon * d), d)
FUNCTION(enum MHD_Result, MHD_run, (struct MHD_Daemon * d), d)
FUNCTION(enum MHD_Result, MHD_get_timeout, (struct MHD_Daemon * d, unsigned long long *timeout_ms), d, timeout_ms)
FUNCTION(const union MHD_DaemonInfo *, MHD_get_daemon_info, (struct MHD_Daemon * d, enum MHD_DaemonInfoType type, ...),
	d, type)
FUNCTION(enum MHD_Result, MHD_add_connection,
	(struct MHD_Daemon * d, MHD_socket fd, const struct sockaddr *address, socklen_t len), d, fd, address, len)
FUNCTION(const union MHD_ConnectionInfo *, MHD_get_connection_info,
	(struct MHD_Connection * c, enum MHD_ConnectionInfoType type, ...), c, type)
FUNCTION(const char *, MHD_lookup_connection_value,
	(struct MHD_Connection * c, enum MHD_ValueKind kind, const char *key), c, kind, key)
FUNCTION(void, MHD_suspend_connection, (struct MHD_Connection * c), c)
FUNCTION(void, MHD_resume_connection, (struct MHD_Connection * c), c)
FUNCTION(enum MHD_Result, MHD_queue_response,
	(struct MHD_Connection * c, unsigned status, struct MHD_Response *response), c, status, response)
FUNCTION(struct MHD_Response *, MHD_create_response_from_buffer,
	(size_t len, void *bytes, enum MHD_ResponseMemoryMode mode), len, bytes, mode)
FUNCTION(struct MHD_Response *, MHD_create_response_from_callback,
	(uint64_t len, size_t block, MHD_ContentReaderCallback read, void *arg, MHD_ContentReaderFreeCallback done),
	len, block, read, arg, done)
FUNCTION(enum MHD_Result, MHD_add_response_header, (struct MHD_Response * response, const char *key, const char *value),
	response, key, value)
FUNCTION(const char *, MHD_get_response_header, (struct MHD_Response * response, const char *key), response, key)
FUNCTION(void, MHD_destroy_response, (struct MHD_Response * response), response)
