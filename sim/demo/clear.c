/*
 * The counter-proof: what the scanner looks for, sent unsealed over a link that
 * is captured like all others. If the scanner does not find every kind of it
 * there, its zero elsewhere means nothing.
 */
#include "sim/demo/commands.h"
#include "sim/demo/scan.h"
#include "sim/demo/tools.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BABEL_PORT 6696

static int datagram_send(int fd, struct sockaddr_in *to, unsigned port, const void *data, size_t len)
{
	to->sin_port = htons((uint16_t)port);
	return sendto(fd, data, len, 0, (struct sockaddr *)to, sizeof(*to)) < 0 ? -errno : 0;
}

/* A Hello and an IHU as babeld would send them. */
static int babel_send(int fd, struct sockaddr_in *to)
{
	static const uint8_t packet[] = { 42, 2, 0, 16, 4, 6, 0, 0, 0, 1, 0, 100, 5, 6, 0, 0, 1, 0, 1, 44 };

	return datagram_send(fd, to, BABEL_PORT, packet, sizeof(packet));
}

int command_clear(int argc, char **argv)
{
	const char *peer = option(argc, argv, "--to"), *name = option(argc, argv, "--name");
	const char *text = option(argc, argv, "--address");
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct address address;

	if (!peer || !name || !text || inet_pton(AF_INET, peer, &to.sin_addr) != 1 || address_parse(&address, text) < 0)
		return complain("clear: needs --to ADDRESS --name NODE --address ADDRESS-OF-NODE");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? -errno : babel_send(fd, &to);
	if (!error)
		error = datagram_send(fd, &to, BABEL_PORT + 1, name, strlen(name));
	if (!error)
		error = datagram_send(fd, &to, BABEL_PORT + 1, address.bytes, sizeof(address.bytes));
	if (!error)
		error = datagram_send(fd, &to, BABEL_PORT + 1, FLOW_MARKER, strlen(FLOW_MARKER));
	if (fd >= 0)
		close(fd);
	return error ? complain("clear: %s: %s", peer, strerror(-error)) : 0;
}
