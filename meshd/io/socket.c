/* Options of sockets that several kinds of link want. */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

int socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

void socket_receive_room(int fd, int bytes)
{
	if (socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0)
		socket_set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

void socket_send_room(int fd, int bytes)
{
	if (socket_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) < 0)
		socket_set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

uint32_t socket_overruns(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}
