/*
 * One file over TCP, with its hash before and after:
 *
 *   sender   -> magic 8 | length 8 | SHA-256 32 | the file
 *   receiver -> SHA-256 32 of what arrived
 *
 * TCP's checksum is 16 bits and an end-to-end claim needs an end-to-end check.
 * Each side prints one line of JSON when it is done. Times are CLOCK_MONOTONIC.
 */
#include "sim/demo/commands.h"
#include "sim/demo/tools.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAGIC "meshfile"
#define HEADER (8 + 8 + crypto_hash_sha256_BYTES)
#define TRANSFER_MAX (64u << 20)
#define HEX (2 * crypto_hash_sha256_BYTES + 1)

static uint64_t ms_left(uint64_t deadline_us)
{
	uint64_t now = now_us();

	return now < deadline_us ? (deadline_us - now) / MS_US + 1 : 0;
}

/* 0 when ready, or -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t deadline_us)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, (int)ms_left(deadline_us)) > 0 ? 0 : -ETIMEDOUT;
}

static int send_all(int fd, struct bytes bytes, uint64_t deadline_us)
{
	while (bytes.len) {
		int error = wait_for(fd, POLLOUT, deadline_us);
		if (error)
			return error;
		ssize_t sent = send(fd, bytes.data, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent > 0)
			bytes = bytes_of(bytes.data + sent, bytes.len - (size_t)sent);
	}
	return 0;
}

static int receive_all(int fd, uint8_t *out, size_t len, uint64_t deadline_us)
{
	while (len) {
		int error = wait_for(fd, POLLIN, deadline_us);
		if (error)
			return error;
		ssize_t got = recv(fd, out, len, MSG_DONTWAIT);
		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (got > 0) {
			out += got;
			len -= (size_t)got;
		}
	}
	return 0;
}

static int connect_once(const char *address, const char *port, uint64_t deadline_us)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *to;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getaddrinfo(address, port, &hints, &to) != 0)
		return -EINVAL;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS))
		error = errno;
	freeaddrinfo(to);
	if (!error)
		error = -wait_for(fd, POLLOUT, deadline_us);
	if (!error && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}

/* While the mesh looks for another way it says that there is none. */
static int connect_within(const char *address, const char *port, uint64_t deadline_us)
{
	const struct timespec pause = { 0, 250000000 };
	int fd;

	while ((fd = connect_once(address, port, deadline_us)) == -EHOSTUNREACH || fd == -ENETUNREACH) {
		if (now_us() >= deadline_us)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}

static int listen_on(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE },
			*at;
	int on = 1, error = 0;

	if (getaddrinfo(address, port, &hints, &at) != 0)
		return -EINVAL;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 1) < 0)
		error = errno;
	freeaddrinfo(at);
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}

static int exchange(int fd, struct bytes file, uint64_t deadline_us, uint8_t theirs[crypto_hash_sha256_BYTES],
	uint8_t ours[crypto_hash_sha256_BYTES])
{
	uint8_t header[HEADER];
	struct writer w = writer_of(header, sizeof(header));

	crypto_hash_sha256(ours, file.data, file.len);
	write_copy(&w, MAGIC, 8);
	write_u64(&w, file.len);
	write_copy(&w, ours, crypto_hash_sha256_BYTES);
	int error = send_all(fd, writer_bytes(&w), deadline_us);
	if (!error)
		error = send_all(fd, file, deadline_us);
	if (!error)
		error = receive_all(fd, theirs, crypto_hash_sha256_BYTES, deadline_us);
	return error;
}

static const char *reason(int error)
{
	return error == -ETIMEDOUT ? "no answer in time" : strerror(-error);
}

int command_send(int argc, char **argv)
{
	const char *to = option(argc, argv, "--to"), *port = option(argc, argv, "--port");
	const char *path = option(argc, argv, "--file"), *within = option(argc, argv, "--within");
	uint8_t *data, theirs[crypto_hash_sha256_BYTES], ours[crypto_hash_sha256_BYTES];
	char hex[HEX];

	if (!to || !port || !path)
		return complain("send: needs --to ADDRESS --port PORT --file FILE [--within SECONDS]");
	uint64_t start = now_us(), deadline = start + (within ? strtoull(within, NULL, 10) : 60) * SECOND_US;
	long len = file_read(path, TRANSFER_MAX, &data);
	if (len < 0)
		return complain("send: %s: %s", path, strerror((int)-len));
	int fd = connect_within(to, port, deadline), error = fd < 0 ? fd : 0;
	uint64_t connected = now_us();
	if (!error)
		error = exchange(fd, bytes_of(data, (size_t)len), deadline, theirs, ours);
	if (fd >= 0)
		close(fd);
	free(data);
	if (error)
		return complain("send: %s port %s: %s", to, port, reason(error));
	bool is_equal = memcmp(theirs, ours, sizeof(ours)) == 0;
	sodium_bin2hex(hex, sizeof(hex), ours, sizeof(ours));
	printf("{\"bytes\": %ld, \"sha256\": \"%s\", \"equal\": %s, \"start_us\": %llu, \"connected_us\": %llu, "
	       "\"done_us\": %llu}\n",
		len, hex, is_equal ? "true" : "false", (unsigned long long)start, (unsigned long long)connected,
		(unsigned long long)now_us());
	return is_equal ? 0 : 1;
}

/* *data is for free() on success. */
static int accept_file(int fd, uint64_t deadline_us, uint8_t **data, size_t *len,
	uint8_t theirs[crypto_hash_sha256_BYTES], uint8_t ours[crypto_hash_sha256_BYTES])
{
	uint8_t header[HEADER];
	int error = receive_all(fd, header, sizeof(header), deadline_us);
	if (error)
		return error;
	struct reader r = reader_of(bytes_of(header, sizeof(header)));
	struct bytes magic = read_bytes(&r, 8);
	uint64_t size = read_u64(&r);
	read_copy(&r, theirs, crypto_hash_sha256_BYTES);
	if (!bytes_equal(magic, bytes_of(MAGIC, 8)) || size > TRANSFER_MAX)
		return -EPROTO;
	*len = (size_t)size;
	*data = malloc(*len ? *len : 1);
	if (!*data)
		return -ENOMEM;
	error = receive_all(fd, *data, *len, deadline_us);
	crypto_hash_sha256(ours, *data, *len);
	if (!error)
		error = send_all(fd, bytes_of(ours, crypto_hash_sha256_BYTES), deadline_us);
	if (error)
		free(*data);
	return error;
}

int command_receive(int argc, char **argv)
{
	const char *on = option(argc, argv, "--on"), *port = option(argc, argv, "--port");
	const char *path = option(argc, argv, "--file"), *within = option(argc, argv, "--within");
	uint8_t *data, theirs[crypto_hash_sha256_BYTES], ours[crypto_hash_sha256_BYTES];
	char hex[HEX], hex_theirs[HEX];
	size_t len;

	if (!on || !port || !path)
		return complain("receive: needs --on ADDRESS --port PORT --file FILE [--within SECONDS]");
	uint64_t deadline = now_us() + (within ? strtoull(within, NULL, 10) : 60) * SECOND_US;
	int listening = listen_on(on, port);
	if (listening < 0)
		return complain("receive: %s port %s: %s", on, port, strerror(-listening));
	int error = wait_for(listening, POLLIN, deadline);
	int fd = error ? -1 : accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	uint64_t start = now_us();
	close(listening);
	if (fd < 0)
		return complain("receive: nobody called port %s: %s", port, error ? reason(error) : strerror(errno));
	error = accept_file(fd, deadline, &data, &len, theirs, ours);
	uint64_t done = now_us();
	close(fd);
	if (error)
		return complain("receive: broke off: %s", reason(error));
	error = file_write(path, bytes_of(data, len));
	free(data);
	if (error)
		return complain("receive: %s: %s", path, strerror(-error));
	bool is_equal = memcmp(theirs, ours, sizeof(ours)) == 0;
	sodium_bin2hex(hex, sizeof(hex), ours, sizeof(ours));
	sodium_bin2hex(hex_theirs, sizeof(hex_theirs), theirs, sizeof(theirs));
	printf("{\"bytes\": %zu, \"sha256\": \"%s\", \"sha256_announced\": \"%s\", \"equal\": %s, \"start_us\": %llu, "
	       "\"done_us\": %llu}\n",
		len, hex, hex_theirs, is_equal ? "true" : "false", (unsigned long long)start, (unsigned long long)done);
	return is_equal ? 0 : 1;
}
