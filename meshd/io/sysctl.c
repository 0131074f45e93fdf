/*
 * The few switches under /proc/sys that the mesh needs, and forwarding between
 * LAN, plain neighbours and mesh.
 *
 * IPv4 forwards by the interface on which a packet arrives, so only the TUN, the
 * LAN and the interfaces of Babel links are switched. IPv6 has one switch for all, and turning it makes the
 * kernel forget the default routes that it learned from router advertisements,
 * the uplink of many a modem: interfaces that listen to advertisements are told
 * first to go on doing so.
 */
#include "meshd/io/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSCTL_PATH 320
#define RA_IF_HOST 1 /* accept_ra: while this box does not forward */
#define RA_ALWAYS 2
#define RP_STRICT 1
#define RP_LOOSE 2

static int sysctl_open(const char *name, int flags)
{
	char path[SYSCTL_PATH];

	if (snprintf(path, sizeof(path), "/proc/sys/%s", name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read(const char *name, int *value)
{
	char text[16] = "";
	int fd = sysctl_open(name, O_RDONLY);

	if (fd < 0)
		return fd;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	int code = len < 0 ? -errno : 0;
	close(fd);
	*value = atoi(text);
	return code;
}

int sysctl_write(const char *name, int value)
{
	char text[16];
	int now, len = snprintf(text, sizeof(text), "%d", value);

	/* A box may be set up rightly and /proc/sys be read-only. */
	if (sysctl_read(name, &now) == 0 && now == value)
		return 0;
	int fd = sysctl_open(name, O_WRONLY);
	if (fd < 0)
		return fd;
	int code = write(fd, text, (size_t)len) < 0 ? -errno : 0;
	close(fd);
	return code;
}

static void advertisements_keep(void)
{
	DIR *dir = opendir("/proc/sys/net/ipv6/conf");
	char name[SYSCTL_PATH];
	struct dirent *entry;
	int value;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "net/ipv6/conf/%s/accept_ra", entry->d_name);
		if (sysctl_read(name, &value) == 0 && value == RA_IF_HOST)
			sysctl_write(name, RA_ALWAYS);
	}
	if (dir)
		closedir(dir);
}

static void forwarding_set(struct daemon *d, const char *name)
{
	int code = sysctl_write(name, 1);

	if (code < 0)
		daemon_say(d, "kernel-refused", "%s stays off: %s; devices on the LAN are not reached: set it to 1",
			name, strerror(-code));
}

static void forwarding_enable_on(struct daemon *d, const char *interface)
{
	char name[SYSCTL_PATH];
	int value;

	if (!*interface)
		return;
	snprintf(name, sizeof(name), "net/ipv4/conf/%s/forwarding", interface);
	/* An interface that is not there yet is switched when it appears. */
	if (sysctl_read(name, &value) == 0)
		forwarding_set(d, name);
}

/* The strict filter of IPv4 drops what comes by another way than its answer would take, as in a mesh it may. */
static void reverse_path_loosen(const char *interface)
{
	char name[SYSCTL_PATH];
	int all = 0, own = 0;

	snprintf(name, sizeof(name), "net/ipv4/conf/%s/rp_filter", interface);
	sysctl_read("net/ipv4/conf/all/rp_filter", &all);
	if (sysctl_read(name, &own) == 0 && (all > own ? all : own) == RP_STRICT)
		sysctl_write(name, RP_LOOSE);
}

void kernel_forwarding_enable(struct daemon *d)
{
	int value;

	forwarding_enable_on(d, d->config.tun);
	forwarding_enable_on(d, d->config.lan);
	for (unsigned i = 0; i < d->config.link_count; i++) {
		if (d->config.links[i].type != CONFIG_BABEL)
			continue;
		forwarding_enable_on(d, d->config.links[i].interface);
		reverse_path_loosen(d->config.links[i].interface);
		reverse_path_loosen(d->config.tun);
	}
	if (sysctl_read("net/ipv6/conf/all/forwarding", &value) < 0 || value == 0)
		advertisements_keep();
	forwarding_set(d, "net/ipv6/conf/all/forwarding");
}
