/* The sockets over which logs go from member to member: between own addresses, in the mesh alone, as bulk (collect.h).
 */
#include "meshd/io/collect.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLASS_SELECTOR_1 (8 << 2) /* bulk, by the rules for packets that none of the operator's is about */

static struct sockaddr_in6 place(const struct address *a, uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memcpy(&address.sin6_addr, a->bytes, sizeof(address.sin6_addr));
	return address;
}

static int own_socket(const struct daemon *d, uint16_t port)
{
	const struct address own = node_address(d->node);
	const struct sockaddr_in6 address = place(&own, port);
	const int yes = 1, class = CLASS_SELECTOR_1, give_up_ms = (int)(COLLECT_GIVE_UP_US / 1000);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof(give_up_ms));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof(class)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, d->config.tun, (socklen_t)strlen(d->config.tun) + 1) == 0 &&
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int collect_listen(const struct daemon *d, int backlog)
{
	int fd = own_socket(d, EXCHANGE_PORT);

	if (fd < 0 || listen(fd, backlog) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

int collect_connect(const struct daemon *d, const struct address *to)
{
	const struct sockaddr_in6 address = place(to, EXCHANGE_PORT);
	int fd = own_socket(d, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -EHOSTUNREACH;
}

int collect_accept(int listener, struct address *from)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	uint16_t port;
	int fd = accept4(listener, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	struct endpoint e = endpoint_of_sockaddr((const struct sockaddr *)&address);
	if (endpoint_address(&e, from, &port))
		return fd;
	close(fd);
	return -EPROTO;
}
