/*
 * Our routes in a kernel of the test's own (a network namespace): what they say, that
 * one takes another's place without a gap, and that the next start finds those of a
 * process that was killed. Skipped where namespaces or TUN devices are not allowed.
 */
#include "tests/unit/io_fakes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 3 /* two with Ethernet, and the mesh's */
#define PER_SECOND 10000
#define REPLACEMENTS 1000
#define REPLACE_EVERY_NS 1500000
#define DISCARD 9 /* the port */

static struct {
	bool is_ready;
	const char *why_not;
	int fds[DEVICES];
	struct daemon *d;
} here;

static const char *const names[DEVICES] = { "ta", "tb", "mesh0" };

static int device_open(const char *name, short mode)
{
	struct ifreq request = { .ifr_flags = (short)(mode | IFF_NO_PI) };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool shell(const char *command)
{
	return system(command) == 0;
}

static const char *place_make(void)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return "namespaces are not allowed";
	for (unsigned i = 0; i < DEVICES; i++) {
		here.fds[i] = device_open(names[i], i == DEVICES - 1 ? IFF_TUN : IFF_TAP);
		if (here.fds[i] < 0)
			return "TUN devices are not allowed";
	}
	if (!shell("ip link set lo up && ip addr add 10.99.0.1/32 dev lo && ip addr add fd99::1/128 dev lo nodad && "
		   "for i in ta tb mesh0; do ip link set $i txqueuelen 10000 up || exit 1; done && "
		   "for i in ta tb; do for a in fe80::1 10.50.9.1; do "
		   "ip neigh replace $a lladdr 02:00:5e:00:00:01 dev $i nud permanent || exit 1; done; done"))
		return "the kernel takes no addresses";
	return NULL;
}

static int group_setup(void **state)
{
	char error[IO_ERROR_MAX];

	(void)state;
	here.why_not = place_make();
	if (here.why_not)
		return 0;
	here.d = fake_daemon();
	here.d->config.table = 254;
	here.d->config.route_metric = 4096;
	assert_int_equal(kernel_open(here.d, error), 0);
	here.d->kernel.tun_ifindex = (int)if_nametoindex("mesh0");
	for (unsigned i = 0; i < 2; i++)
		here.d->ports[i].link.ifindex = (int)if_nametoindex(names[i]);
	here.is_ready = true;
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	if (!here.is_ready)
		return 0;
	kernel_close(here.d);
	fake_daemon_free(here.d);
	return 0;
}

static void need_place(void)
{
	if (!here.is_ready) {
		print_message("# SKIP %s\n", here.why_not);
		skip();
	}
}

static struct node_kernel_route way_to(
	const char *prefix, enum node_kernel_way way, unsigned link, const char *next_hop)
{
	struct node_kernel_route r = { .way = way, .link = link };

	assert_int_equal(prefix_parse(&r.prefix, prefix), 0);
	if (next_hop)
		assert_int_equal(address_parse(&r.next_hop, next_hop), 0);
	return r;
}

static void set(const char *prefix, enum node_kernel_way way, unsigned link, const char *next_hop)
{
	struct node_kernel_route r = way_to(prefix, way, link, next_hop);

	if (kernel_route_set(here.d, &r) != 0)
		fail_msg("%s: %s", prefix, fake.text);
}

/* What the kernel says of our routes, one line each. */
static const char *listed(void)
{
	static char text[4096];
	FILE *pipe = popen("ip -4 route show proto 158; ip -6 route show proto 158", "r");

	assert_non_null(pipe);
	size_t len = fread(text, 1, sizeof(text) - 1, pipe);
	text[len] = '\0';
	pclose(pipe);
	return text;
}

static void says(const char *text)
{
	if (!strstr(listed(), text))
		fail_msg("no \"%s\" in:\n%s", text, listed());
}

static void a_route_is_what_the_node_says(void **state)
{
	(void)state;
	need_place();
	set("10.50.1.0/24", NODE_KERNEL_NATIVE, 0, "10.50.9.1");
	says("10.50.1.0/24 via 10.50.9.1 dev ta metric 4096 onlink");
	set("10.50.1.0/24", NODE_KERNEL_NATIVE, 1, "fe80::1");
	says("10.50.1.0/24 via inet6 fe80::1 dev tb metric 4096 onlink");
	set("fd50::/32", NODE_KERNEL_NATIVE, 0, "fe80::1");
	says("fd50::/32 via fe80::1 dev ta metric 4096");
	set("10.50.1.0/24", NODE_KERNEL_UNREACHABLE, NODE_LINK_MAX, NULL);
	says("unreachable 10.50.1.0/24 metric 4096");
	set("fd50::/32", NODE_KERNEL_UNREACHABLE, NODE_LINK_MAX, NULL);
	says("unreachable fd50::/32");
	set("fd50::/32", NODE_KERNEL_MESH, NODE_LINK_MAX, NULL);
	says("fd50::/32 dev mesh0 metric 4096");
	set("10.50.1.0/24", NODE_KERNEL_MESH, NODE_LINK_MAX, NULL);
	says("10.50.1.0/24 dev mesh0 scope link metric 4096");
	set("10.50.1.0/24", NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
	set("fd50::/32", NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
	assert_string_equal(listed(), "");
	/* Once more is no error. */
	set("fd50::/32", NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
}

static void the_next_start_sweeps_what_was_left(void **state)
{
	(void)state;
	need_place();
	set("10.50.1.0/24", NODE_KERNEL_NATIVE, 0, "fe80::1");
	set("10.50.2.0/24", NODE_KERNEL_UNREACHABLE, NODE_LINK_MAX, NULL);
	set("fd50::/32", NODE_KERNEL_NATIVE, 1, "fe80::1");
	set("fd51::/32", NODE_KERNEL_UNREACHABLE, NODE_LINK_MAX, NULL);
	/* In another table, by an older configuration. */
	here.d->config.table = 90;
	set("10.50.3.0/24", NODE_KERNEL_NATIVE, 0, "fe80::1");
	here.d->config.table = 254;
	assert_true(shell("ip route add 10.60.0.0/16 dev ta proto static"));
	kernel_routes_flush(here.d);
	assert_string_equal(listed(), "");
	assert_false(shell("ip route show table 90 2>/dev/null | grep -q 10.50.3.0"));
	assert_true(shell("ip route show 10.60.0.0/16 | grep -q ta && ip route del 10.60.0.0/16"));
}

static void beside_another_meshd_only_its_own_are_swept(void **state)
{
	(void)state;
	need_place();
	/* The other's deployment hangs on its own device. */
	assert_true(shell("ip -6 route add fdaa:1:2::/48 dev tb proto 158 metric 4096 && "
			  "ip route add 10.50.7.0/24 via inet6 fe80::1 dev tb proto 158 metric 5000"));
	set("10.50.1.0/24", NODE_KERNEL_NATIVE, 0, "fe80::1");
	kernel_routes_flush(here.d);
	assert_false(shell("ip route show 10.50.1.0/24 | grep -q ."));
	says("10.50.7.0/24");
	assert_true(shell("ip -6 route del fdaa:1:2::/48 dev tb && ip route del 10.50.7.0/24 metric 5000"));
}

static void refusals_are_told(void **state)
{
	struct node_kernel_route r = way_to("10.50.1.0/24", NODE_KERNEL_NATIVE, 2, "fe80::1");

	(void)state;
	need_place();
	here.d->ports[2].link.ifindex = 9999;
	assert_int_equal(kernel_route_set(here.d, &r), -EIO);
	assert_string_equal(fake.code, "kernel-refused");
	assert_non_null(strstr(fake.text, "route to 10.50.1.0/24 not set"));
}

/* More than one batch takes, and one that is refused in the midst of them. */
static void many_go_in_a_batch_and_the_bad_one_is_named(void **state)
{
	(void)state;
	need_place();
	here.d->ports[2].link.ifindex = 9999;
	for (unsigned i = 0; i < 1200; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.60.%u.%u/32", i / 200, i % 200);
		struct node_kernel_route r = way_to(prefix, NODE_KERNEL_NATIVE, i == 700 ? 2 : 0, "fe80::1");
		kernel_route_note(here.d, &r);
	}
	route_batch_send(here.d);
	assert_string_equal(fake.code, "kernel-refused");
	assert_non_null(strstr(fake.text, "route to 10.60.3.100/32 not set"));
	assert_true(shell("test $(ip route show proto 158 | grep -c '^10[.]60[.]') = 1199"));
	/* Set and removed in one: the last word holds. Who is not there is removed as well. */
	for (unsigned i = 0; i < 1200; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.60.%u.%u/32", i / 200, i % 200);
		struct node_kernel_route there = way_to(prefix, NODE_KERNEL_NATIVE, 1, "fe80::1");
		struct node_kernel_route gone = way_to(prefix, NODE_KERNEL_NONE, 0, NULL);
		kernel_route_note(here.d, &there);
		kernel_route_note(here.d, &gone);
	}
	assert_int_equal(route_batch_send(here.d), 0);
	assert_true(shell("test $(ip route show proto 158 | grep -c '^10[.]60[.]') = 0"));
	assert_int_equal(route_batch_send(here.d), 0);
}

/* --- the flow ------------------------------------------------------------------------------- */

static atomic_bool is_over;

/* Round all the ways that a prefix may go. */
static void *replacer(void *arg)
{
	const char *prefix = arg;
	const struct node_kernel_route ways[] = { way_to(prefix, NODE_KERNEL_NATIVE, 0, "fe80::1"),
		way_to(prefix, NODE_KERNEL_NATIVE, 1, "fe80::1"), way_to(prefix, NODE_KERNEL_MESH, NODE_LINK_MAX, NULL),
		way_to(prefix, NODE_KERNEL_NATIVE, 1, strchr(prefix, ':') ? "fe80::1" : "10.50.9.1") };
	const struct timespec wait = { .tv_nsec = REPLACE_EVERY_NS };
	long failures = 0;

	for (unsigned i = 0; i < REPLACEMENTS; i++) {
		failures += kernel_route_set(here.d, &ways[i % 4]) != 0;
		nanosleep(&wait, NULL);
	}
	is_over = true;
	return (void *)failures;
}

/* Numbered packets that came out of a device, however it frames them. */
static unsigned drain(bool is_v6)
{
	uint8_t frame[2048];
	unsigned count = 0;
	ssize_t len;

	for (unsigned i = 0; i < DEVICES; i++) {
		size_t link_header = i == DEVICES - 1 ? 0 : 14, udp = link_header + (is_v6 ? 40 : 20);

		while ((len = read(here.fds[i], frame, sizeof(frame))) > 0)
			count += (size_t)len >= udp + 8 && frame[link_header] >> 4 == (is_v6 ? 6 : 4) &&
				 frame[link_header + (is_v6 ? 6 : 9)] == IPPROTO_UDP && frame[udp + 2] == 0 &&
				 frame[udp + 3] == DISCARD;
	}
	return count;
}

static unsigned send_one(int fd, bool is_v6)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(DISCARD) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(DISCARD) };

	inet_pton(AF_INET6, "fd50::9", &v6.sin6_addr);
	inet_pton(AF_INET, "10.50.1.9", &v4.sin_addr);
	return sendto(fd, "x", 1, 0, is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4,
		       is_v6 ? sizeof(v6) : sizeof(v4)) == 1;
}

/* How many packets got lost. */
static unsigned flow_through_replacements(bool is_v6)
{
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *prefix = is_v6 ? "fd50::/32" : "10.50.1.0/24";
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	unsigned sent = 0, passed = 0, arrived = 0;
	struct timespec start, now;
	pthread_t thread;
	void *failures;

	set(prefix, NODE_KERNEL_MESH, NODE_LINK_MAX, NULL);
	drain(is_v6);
	is_over = false;
	assert_int_equal(pthread_create(&thread, NULL, replacer, (void *)prefix), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!is_over) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		double due = ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9) *
			     PER_SECOND;
		for (; sent < due; sent++) {
			passed += send_one(fd, is_v6);
			if (sent % 64 == 0)
				arrived += drain(is_v6);
		}
		arrived += drain(is_v6);
		nanosleep(&millisecond, NULL);
	}
	pthread_join(thread, &failures);
	arrived += drain(is_v6);
	close(fd);
	set(prefix, NODE_KERNEL_NONE, NODE_LINK_MAX, NULL);
	print_message("# %u packets over %d replacements: %u lost\n", sent, REPLACEMENTS, sent - arrived);
	assert_null(failures);
	assert_true(sent >= PER_SECOND);
	assert_int_equal(arrived, passed); /* what got lost met no route */
	return sent - arrived;
}

/*
 * Linux marks the route that was replaced as dead, and a look-up for IPv4 that found it
 * just before passes it over and finds none. "ip route replace" from a shell loses as much:
 * 1 of 6.3 and 12 of 10.1 million packets over 0.4 and 1.9 million replacements (6.18, two
 * busy processors), none of 3.2 million for IPv6, whose look-ups do not ask. Deleting and
 * adding loses a hundred and more in each run.
 */
static void some_run_loses_nothing(bool is_v6)
{
	unsigned lost = 1;

	for (unsigned run = 0; run < 3 && lost > 0; run++)
		lost = flow_through_replacements(is_v6);
	assert_int_equal(lost, 0);
}

static void no_packet_meets_a_gap__v4(void **state)
{
	(void)state;
	need_place();
	some_run_loses_nothing(false);
}

static void no_packet_meets_a_gap__v6(void **state)
{
	(void)state;
	need_place();
	some_run_loses_nothing(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_what_the_node_says),
		cmocka_unit_test(the_next_start_sweeps_what_was_left),
		cmocka_unit_test(beside_another_meshd_only_its_own_are_swept),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(many_go_in_a_batch_and_the_bad_one_is_named),
		cmocka_unit_test(no_packet_meets_a_gap__v4),
		cmocka_unit_test(no_packet_meets_a_gap__v6),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
