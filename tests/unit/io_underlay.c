/* How often the underlay asks the kernel: not for each frame, however many peers there are. */
#include "tests/unit/io_fakes.h"

#include <netlink/netlink.h>

#define FRAMES 100 /* a second, to each peer */

static unsigned asked;

/* In place of libnl's. What is not sent has no answer: the way is not the TUN's. */
int nl_send_auto(struct nl_sock *s, struct nl_msg *m)
{
	(void)s, (void)m;
	asked++;
	return -NLE_FAILURE;
}

static int setup(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->kernel.request = nl_socket_alloc();
	d->kernel.tun_ifindex = 1 << 20;
	asked = 0;
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct daemon *d = *state;

	nl_socket_free(d->kernel.request);
	free(d);
	return 0;
}

/* The peer'th of a provider's customers: few bits of the address differ. */
static struct endpoint peer_endpoint(unsigned peer)
{
	struct endpoint e = { .len = ENDPOINT_UDP_LEN, .bytes = { [10] = 0xff, [11] = 0xff, 100, 64 } };

	e.bytes[14] = (uint8_t)(peer >> 8);
	e.bytes[15] = (uint8_t)peer;
	e.bytes[16] = CONFIG_UDP_PORT >> 8;
	e.bytes[17] = CONFIG_UDP_PORT & 0xff;
	return e;
}

static unsigned asked_in(struct daemon *d, unsigned seconds, unsigned peers)
{
	asked = 0;
	for (unsigned frame = 0; frame < seconds * FRAMES; frame++) {
		for (unsigned peer = 0; peer < peers; peer++) {
			struct endpoint to = peer_endpoint(peer);

			assert_int_equal(underlay_way(d, &to, frame * (SECOND_US / FRAMES)), 0);
		}
	}
	return asked;
}

static void each_peer_is_asked_for_once_a_second(void **state)
{
	static const unsigned peers[] = { 1, 16, 17, 64, NODE_PEER_MAX };

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		underlay_forget(*state);
		assert_int_equal(asked_in(*state, 10, peers[i]), 10 * peers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_peer_is_asked_for_once_a_second, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
