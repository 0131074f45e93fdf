/*
 * What meshd asks of the kernel through netlink, on a socket of its own on which
 * every request waits for its answer (microseconds):
 *
 *   TUN      MTU, up; the node's address and the host prefixes of its certificate
 *   routes   kernel_route.c
 *   links    what is beneath a configured link
 *
 * Nearly all of it hangs on the TUN, which only this process holds: when the process
 * goes, in whatever manner, the kernel removes device, addresses and routes.
 */
#include "meshd/io/io.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TCP_HEADERS 72 /* of IPv6, with time stamps */
#define ADDRGEN_NONE 1 /* IN6_ADDR_GEN_MODE_NONE; the kernel's header clashes with libc's */

const char *kernel_remedy(int nl_error)
{
	switch (-nl_error) {
	case NLE_PERM:
	case NLE_NOACCESS:
		return "run meshd as root or with CAP_NET_ADMIN (the systemd unit gives it)";
	case NLE_AF_NOSUPPORT:
	case NLE_OPNOTSUPP:
		return "this kernel runs without IPv6; remove ipv6.disable=1 from its command line";
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return "the interface was removed; start meshd again";
	default:
		return "see \"dmesg\" and \"ip -d link\"";
	}
}

static int refused(char error[IO_ERROR_MAX], int nl_error, const char *what)
{
	return io_fail(error, -EIO, "%s: %s; %s", what, nl_geterror(nl_error), kernel_remedy(nl_error));
}

struct nl_addr *kernel_nl_addr(const struct prefix *p)
{
	bool v6 = p->address.family == FAMILY_IPV6;
	struct nl_addr *a = nl_addr_build(v6 ? AF_INET6 : AF_INET, p->address.bytes, v6 ? 16 : 4);

	if (a)
		nl_addr_set_prefixlen(a, p->plen);
	return a;
}

int kernel_open(struct daemon *d, char error[IO_ERROR_MAX])
{
	struct kernel *k = &d->kernel;
	int code;

	*k = (struct kernel){ .ethtool = -1 };
	k->request = nl_socket_alloc();
	if (!k->request)
		return io_fail(error, -ENOMEM, "netlink: out of memory; free some");
	code = nl_connect(k->request, NETLINK_ROUTE);
	if (code < 0) {
		kernel_close(d);
		return refused(error, code, "netlink");
	}
	code = route_batch_open(d);
	if (code < 0) {
		kernel_close(d);
		return io_fail(error, code, "netlink: %s; raise the limit of open files", strerror(-code));
	}
	k->ethtool = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (k->ethtool < 0) {
		code = -errno;
		kernel_close(d);
		return io_fail(error, code, "socket: %s; raise the limit of open files", strerror(-code));
	}
	return 0;
}

void kernel_close(struct daemon *d)
{
	struct kernel *k = &d->kernel;

	if (!k->request)
		return; /* never opened */
	kernel_routes_flush(d);
	route_batch_close(d);
	nl_socket_free(k->request);
	if (k->ethtool >= 0)
		close(k->ethtool);
	*k = (struct kernel){ .ethtool = -1 };
}

/* --- the TUN ------------------------------------------------------------------------------ */

/* The kernel's own link-local address would only send solicitations into a mesh
 * that carries none. Not worth failing for. */
static void addrgen_disable(struct kernel *k, struct rtnl_link *self)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		return;
	rtnl_link_inet6_set_addr_gen_mode(change, ADDRGEN_NONE);
	rtnl_link_change(k->request, self, change, 0);
	rtnl_link_put(change);
}

/* No larger packets than one row of frames carries (udp.c): the rest of one would go in a row of its own. Not worth
 * failing for. */
static void gso_limit(struct kernel *k, unsigned mtu)
{
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct ifinfomsg header = { .ifi_index = k->tun_ifindex };
	uint32_t segments = UDP_ROW_BYTES / (mtu + NODE_OVERHEAD);

	if (m && nlmsg_append(m, &header, sizeof(header), NLMSG_ALIGNTO) >= 0 &&
		nla_put_u32(m, IFLA_GSO_MAX_SIZE, segments * (mtu - TCP_HEADERS)) >= 0 &&
		nl_send_auto(k->request, m) >= 0)
		nl_wait_for_ack(k->request);
	nlmsg_free(m);
}

static int tun_raise(struct daemon *d)
{
	struct rtnl_link *self = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int code = -NLE_NOMEM;

	if (self && change) {
		rtnl_link_set_ifindex(self, d->kernel.tun_ifindex);
		addrgen_disable(&d->kernel, self);
		rtnl_link_set_mtu(change, d->config.tun_mtu);
		rtnl_link_set_flags(change, IFF_UP);
		code = rtnl_link_change(d->kernel.request, self, change, 0);
		if (d->tun.gives_large)
			gso_limit(&d->kernel, d->config.tun_mtu);
	}
	rtnl_link_put(self);
	rtnl_link_put(change);
	return code;
}

static int address_add(struct daemon *d, const struct prefix *host, int flags)
{
	struct rtnl_addr *address = rtnl_addr_alloc();
	struct nl_addr *local = kernel_nl_addr(host);
	int code = -NLE_NOMEM;

	if (address && local) {
		rtnl_addr_set_ifindex(address, d->kernel.tun_ifindex);
		/* Usable at once: a certificate has settled whose address it is. */
		rtnl_addr_set_flags(address, IFA_F_NODAD);
		code = rtnl_addr_set_local(address, local);
		if (code >= 0)
			code = rtnl_addr_add(d->kernel.request, address, NLM_F_CREATE | flags);
	}
	nl_addr_put(local);
	rtnl_addr_put(address);
	return code;
}

static int address_setup(struct daemon *d, const struct prefix *host, char error[IO_ERROR_MAX])
{
	char text[PREFIX_TEXT], what[PREFIX_TEXT + 48];
	int code = address_add(d, host, NLM_F_REPLACE);

	if (code >= 0)
		return 0;
	snprintf(what, sizeof(what), "%s: cannot set address %s", d->config.tun, prefix_format(host, text));
	return refused(error, code, what);
}

int kernel_tun_setup(struct daemon *d, char error[IO_ERROR_MAX])
{
	const struct certificate *c = &d->enrolment.certificate;
	uint32_t id = d->enrolment.authority.deployment;
	struct prefix own = prefix_of_host(identity_address(&d->enrolment.identity.public, id));
	struct prefix deployment = deployment_prefix(id);
	char path[64];

	d->kernel.tun_ifindex = (int)if_nametoindex(d->config.tun);
	/* A box may have IPv6 switched off by default; the mesh's own device needs it. */
	snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", d->config.tun);
	sysctl_write(path, 0);
	int code = tun_raise(d);
	if (code < 0)
		return refused(error, code, d->config.tun);
	code = address_setup(d, &own, error);
	for (unsigned i = 0; !code && i < c->prefix_count; i++)
		if (prefix_is_host(&c->prefixes[i]))
			code = address_setup(d, &c->prefixes[i], error);
	const struct node_kernel_route mesh = { .prefix = deployment, .way = NODE_KERNEL_MESH };
	if (!code && kernel_route_set(d, &mesh) < 0)
		code = io_fail(
			error, -EIO, "%s: the kernel refuses the mesh's route; see the line before", d->config.tun);
	return code;
}

bool kernel_tun_is_whole(struct daemon *d)
{
	uint32_t id = d->enrolment.authority.deployment;
	struct prefix own = prefix_of_host(identity_address(&d->enrolment.identity.public, id));

	return address_add(d, &own, NLM_F_EXCL) == -NLE_EXIST;
}

/* --- links ------------------------------------------------------------------------------------ */

/* The kernel may sit on the news of a lost carrier for a second. Asked by this
 * call it answers with the truth, and its flags are true from then on.
 * 1 or 0; negative: it cannot tell. */
int kernel_carrier_get(struct daemon *d, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = (void *)&value;
	if (ioctl(d->kernel.ethtool, SIOCETHTOOL, &request) < 0)
		return -errno;
	return value.data != 0;
}

static void link_read(struct kernel_link *out, struct rtnl_link *link)
{
	struct nl_addr *mac = rtnl_link_get_addr(link);
	unsigned flags = rtnl_link_get_flags(link);

	out->ifindex = rtnl_link_get_ifindex(link);
	out->is_present = true;
	out->is_up = flags & IFF_UP;
	out->has_carrier = (flags & IFF_UP) && (flags & IFF_RUNNING);
	out->is_ethernet = rtnl_link_get_arptype(link) == ARPHRD_ETHER;
	out->mtu = rtnl_link_get_mtu(link);
	if (mac && nl_addr_get_len(mac) == IO_MAC_LEN)
		memcpy(out->mac, nl_addr_get_binary_addr(mac), IO_MAC_LEN);
}

int kernel_link_get(struct daemon *d, const char *name, struct kernel_link *out)
{
	struct rtnl_link *link = NULL;

	/* The name that was asked for, even where the kernel knows it as the second name of the interface. */
	*out = (struct kernel_link){ 0 };
	snprintf(out->name, sizeof(out->name), "%s", name);
	kernel_carrier_get(d, name);
	int code = rtnl_link_get_kernel(d->kernel.request, 0, name, &link);
	if (code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND)
		return -ENODEV;
	if (code < 0)
		return -EIO;
	link_read(out, link);
	rtnl_link_put(link);
	return 0;
}

/* --- addresses ---------------------------------------------------------------------------------- */

/* Usable: not one that is still being looked for elsewhere, or was found there. */
static bool address_read(struct address *out, struct rtnl_addr *a)
{
	struct nl_addr *local = rtnl_addr_get_local(a);

	if (!local || (rtnl_addr_get_flags(a) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		return false;
	if (rtnl_addr_get_family(a) == AF_INET && nl_addr_get_len(local) == 4)
		*out = address_ipv4(nl_addr_get_binary_addr(local));
	else if (rtnl_addr_get_family(a) == AF_INET6 && nl_addr_get_len(local) == 16)
		*out = address_ipv6(nl_addr_get_binary_addr(local));
	else
		return false;
	return true;
}

static void address_offer(struct kernel_addresses *out, const struct kernel_addresses *now, const struct address *a)
{
	bool is_v4 = a->family == FAMILY_IPV4;
	struct address *place = is_v4 ? &out->ipv4 : &out->link_local;

	if (!is_v4 && !address_is_link_local(a))
		return;
	/* What was taken before stays: to neighbours another address is another router. */
	if (place->family == FAMILY_NONE || address_equal(a, is_v4 ? &now->ipv4 : &now->link_local))
		*place = *a;
}

int kernel_addresses_get(struct daemon *d, int ifindex, struct kernel_addresses *addresses)
{
	struct kernel_addresses now = *addresses, found = { 0 };
	struct nl_cache *all;
	struct address a;

	if (rtnl_addr_alloc_cache(d->kernel.request, &all) < 0)
		return -EIO;
	for (struct nl_object *o = nl_cache_get_first(all); o; o = nl_cache_get_next(o))
		if (rtnl_addr_get_ifindex((struct rtnl_addr *)o) == ifindex && address_read(&a, (struct rtnl_addr *)o))
			address_offer(&found, &now, &a);
	nl_cache_free(all);
	*addresses = found;
	return 0;
}
