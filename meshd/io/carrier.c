/*
 * Has the carrier of an interface changed? The kernel counts that, and tells the count without
 * a lock. What it tells by ioctl() and netlink takes the lock of all network configuration,
 * which others hold for tens of milliseconds (a namespace that goes, a driver that brings its
 * card up), and a node that asks often would stand still as long and be taken for dead.
 *
 * /sys may be that of another network namespace: only the file of an interface with the same
 * index and hardware address is believed.
 */
#include "meshd/io/io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 32

/* False: there is no such file. */
static bool attribute_read(const struct kernel_link *link, const char *attribute, char text[TEXT_MAX])
{
	char path[64 + CONFIG_INTERFACE_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", link->name, attribute);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	text[len] = '\0';
	return true;
}

static bool is_same(const struct kernel_link *link)
{
	const uint8_t *m = link->mac;
	char text[TEXT_MAX], mac[TEXT_MAX];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	if (!attribute_read(link, "ifindex", text) || atoi(text) != link->ifindex)
		return false;
	return attribute_read(link, "address", text) && strncmp(text, mac, strlen(mac)) == 0;
}

static void count_open(struct carrier_count *c, const struct kernel_link *link)
{
	char path[64 + CONFIG_INTERFACE_MAX];

	carrier_count_close(c);
	c->ifindex = link->ifindex;
	memcpy(c->mac, link->mac, IO_MAC_LEN);
	if (!link->is_present || !is_same(link))
		return;
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier_changes", link->name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	c->is_open = fd >= 0;
	c->fd = fd;
}

void carrier_count_close(struct carrier_count *c)
{
	if (c->is_open)
		close(c->fd);
	*c = (struct carrier_count){ 0 };
}

bool carrier_count_moved(struct carrier_count *c, const struct kernel_link *link)
{
	char text[TEXT_MAX];

	if (c->ifindex != link->ifindex || memcmp(c->mac, link->mac, IO_MAC_LEN) != 0)
		count_open(c, link);
	if (!c->is_open)
		return true;
	ssize_t len = pread(c->fd, text, sizeof(text) - 1, 0);
	if (len <= 0) {
		carrier_count_close(c); /* it has gone */
		return true;
	}
	text[len] = '\0';
	unsigned long changes = strtoul(text, NULL, 10);
	bool has_moved = !c->is_known || changes != c->changes;
	c->is_known = true;
	c->changes = changes;
	return has_moved;
}
