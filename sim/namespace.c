/*
 * A node's network namespace: TAP devices under the names of the scenario,
 * addresses, default routes, NAT.
 *
 * Addresses and routes are given by ip(8) and masquerading by nft(8): the lab
 * does what an operator would type, and what is wrong with it is said in words
 * that operators know.
 */
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_MAX 8192
#define METRIC_FIRST 100 /* of default routes, in order of the interfaces */

static int sysctl_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? write(fd, value, strlen(value)) : -1;

	if (fd >= 0)
		close(fd);
	return len < 0 ? lab_complain("cannot write %s: %s", path, strerror(errno)) : 0;
}

int namespace_enter(int netns)
{
	return setns(netns, CLONE_NEWNET) ? lab_complain("cannot enter a namespace: %s", strerror(errno)) : 0;
}

/* In the new namespace, before it has interfaces. */
static int namespace_prepare(const struct lab_node *node)
{
	/* An address is usable at once: nobody here has taken it before. */
	int error = sysctl_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");

	if (!error)
		error = sysctl_write("/proc/sys/net/ipv6/conf/default/accept_ra", "0");
	if (!error && node->conf->nat[0])
		error = sysctl_write("/proc/sys/net/ipv4/ip_forward", "1");
	if (!error && node->conf->nat[0])
		error = sysctl_write("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return error;
}

static int namespace_bind(const struct lab_node *node)
{
	char path[sizeof(LAB_NETNS_DIR) + SCENARIO_NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s/%s", LAB_NETNS_DIR, node->conf->name);
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd >= 0)
		close(fd);
	if (fd < 0 || mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL))
		return lab_complain("cannot name the namespace %s: %s", path, strerror(errno));
	return 0;
}

/* Ports are drawn at random, as carriers do: a new mapping is another endpoint. */
static int namespace_masquerade(const struct lab_node *node)
{
	static char *const argv[] = { "nft", "-f", "-", NULL };
	char rules[512];

	snprintf(rules, sizeof(rules),
		"table inet lab {\n"
		" chain out { type nat hook postrouting priority 100; oifname \"%s\" masquerade fully-random; }\n"
		" chain through { type filter hook forward priority 0; ct state established,related accept;\n"
		"  iifname \"%s\" drop; }\n"
		"}\n",
		node->conf->nat, node->conf->nat);
	if (process_run_tool(node->netns, argv, rules))
		return lab_complain("node \"%s\": nft could not set up NAT; install nftables", node->conf->name);
	return 0;
}

int namespace_forget_flows(struct lab *lab, const struct lab_node *node)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family; /* all of them, of every family */
	} delete = {
		.header = { .nlmsg_len = sizeof(delete),
			.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.family = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = { .error.error = -EIO };

	if (namespace_enter(node->netns))
		return -EIO;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int error = fd < 0 ? -errno : 0;
	if (namespace_enter(lab->home))
		error = -EIO;
	if (!error && (send(fd, &delete, sizeof(delete), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0))
		error = -errno;
	if (!error)
		error = answer.error.error;
	if (fd >= 0)
		close(fd);
	return error ? lab_complain("node \"%s\": flows: %s", node->conf->name, strerror(-error)) : 0;
}

int namespace_create(struct lab *lab, struct lab_node *node)
{
	if (unshare(CLONE_NEWNET))
		return lab_complain("cannot make a network namespace: %s", strerror(errno));
	node->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	node->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error =
		node->netns < 0 || node->socket < 0 ? lab_complain("cannot open a namespace: %s", strerror(errno)) : 0;
	if (!error)
		error = namespace_prepare(node);
	if (!error)
		error = namespace_bind(node);
	if (!error)
		error = namespace_set_interface(node, "lo", true);
	if (!error && node->conf->nat[0])
		error = namespace_masquerade(node);
	if (namespace_enter(lab->home))
		return -EIO;
	return error;
}

static int interface_ioctl(const struct lab_node *node, unsigned long request, struct ifreq *ifr)
{
	return ioctl(node->socket, request, ifr) ? -errno : 0;
}

static struct ifreq interface_request(const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ifr;
}

int namespace_set_interface(const struct lab_node *node, const char *name, bool up)
{
	struct ifreq ifr = interface_request(name);
	int error = interface_ioctl(node, SIOCGIFFLAGS, &ifr);

	if (!error) {
		ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
		error = interface_ioctl(node, SIOCSIFFLAGS, &ifr);
	}
	if (error)
		return lab_complain(
			"%s:%s: cannot be set %s: %s", node->conf->name, name, up ? "up" : "down", strerror(-error));
	return 0;
}

int namespace_set_mtu(const struct lab_end *end, unsigned mtu)
{
	struct ifreq ifr = interface_request(end->name);

	ifr.ifr_mtu = (int)mtu;
	int error = interface_ioctl(end->node, SIOCSIFMTU, &ifr);
	return error ? lab_complain("%s:%s: MTU %u: %s", end->node->conf->name, end->name, mtu, strerror(-error)) : 0;
}

/* In the node's namespace. A TAP lives as long as its file. */
static int tap_open(const struct lab_end *end)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq ifr = interface_request(end->name);

	if (fd < 0)
		return lab_complain("cannot open /dev/net/tun: %s; load the module (modprobe tun), and make it "
				    "readable and writable for you",
			strerror(errno));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		int error = errno;

		close(fd);
		return lab_complain("%s:%s: cannot be created: %s", end->node->conf->name, end->name, strerror(error));
	}
	return fd;
}

int namespace_create_tap(struct lab *lab, struct lab_end *end)
{
	static const int no_carrier = 0;
	struct ifreq ifr = interface_request(end->name);

	if (namespace_enter(end->node->netns))
		return -EIO;
	int fd = tap_open(end);
	if (namespace_enter(lab->home) || fd < 0)
		return -EIO;
	/* The same addresses in every run: captures can be compared. */
	ifr.ifr_hwaddr.sa_family = 1; /* ARPHRD_ETHER */
	memcpy(ifr.ifr_hwaddr.sa_data, end->mac, sizeof(end->mac));
	int error = interface_ioctl(end->node, SIOCSIFHWADDR, &ifr);
	if (!error && ioctl(fd, TUNSETCARRIER, &no_carrier))
		error = -errno;
	if (error) {
		close(fd);
		return lab_complain("%s:%s: %s", end->node->conf->name, end->name, strerror(-error));
	}
	end->carrier = false;
	error = end->link->params[0].mtu ? namespace_set_mtu(end, end->link->params[0].mtu) : 0;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

/* An interface that was unplugged, or removed from inside, is none. */
static bool interface_exists(const struct lab_node *node, const char *name)
{
	struct ifreq ifr = interface_request(name);

	return interface_ioctl(node, SIOCGIFFLAGS, &ifr) == 0;
}

int namespace_configure(const struct lab_node *node, const struct scenario_interface *only)
{
	static char *const argv[] = { "ip", "-batch", "-", NULL };
	char batch[BATCH_MAX], address[ADDRESS_TEXT];
	size_t len = 0;

	for (unsigned i = 0; i < node->conf->interface_count; i++) {
		const struct scenario_interface *interface = &node->conf->interfaces[i];

		if ((only && only != interface) || !interface_exists(node, interface->name))
			continue;
		for (unsigned a = 0; a < interface->address_count && len < sizeof(batch); a++)
			len += (size_t)snprintf(batch + len, sizeof(batch) - len, "address replace %s/%u dev %s%s\n",
				address_format(&interface->addresses[a].address, address), interface->addresses[a].plen,
				interface->name, interface->addresses[a].address.family == FAMILY_IPV6 ? " nodad" : "");
		if (interface->gateway.family && len < sizeof(batch))
			len += (size_t)snprintf(batch + len, sizeof(batch) - len,
				"%sroute replace default via %s dev %s metric %u onlink\n",
				interface->gateway.family == FAMILY_IPV6 ? "-6 " : "",
				address_format(&interface->gateway, address), interface->name, METRIC_FIRST + i);
	}
	if (len >= sizeof(batch))
		return lab_complain("node \"%s\": too many addresses", node->conf->name);
	if (len && process_run_tool(node->netns, argv, batch))
		return lab_complain("node \"%s\": ip could not set its addresses; install iproute2", node->conf->name);
	return 0;
}

int namespace_set_power(struct lab_node *node, bool on)
{
	int error = 0;

	for (unsigned i = 0; i < node->conf->interface_count && !error; i++)
		if (interface_exists(node, node->conf->interfaces[i].name))
			error = namespace_set_interface(node, node->conf->interfaces[i].name, on);
	if (!error && on)
		error = namespace_configure(node, NULL);
	node->powered = on;
	return error;
}
