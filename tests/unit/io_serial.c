/*
 * A serial link on a pseudo-terminal: the test is the radio at its other end.
 * Time is real, conditions are waited for.
 */
#include "tests/unit/io_fakes.h"
#include "tests/unit/io_one_by_one.h"

#include "meshd/io/line.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define DEVICE "/tmp/meshd-test-tty"
#define WAIT_S 5.0
#define MTU 1400

static struct {
	struct daemon *d;
	struct port *p;
	int radio; /* the other end; -1: unplugged */
	char device[64];
	struct deframer heard; /* what the radio takes in */
	uint8_t room[MTU + 2];
	unsigned frames;
	uint8_t last[MTU + 2];
	size_t last_len;
	bool is_deaf; /* the radio takes nothing */
} w;

static void plug(void)
{
	w.radio = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(w.radio >= 0);
	assert_int_equal(grantpt(w.radio), 0);
	assert_int_equal(unlockpt(w.radio), 0);
	unlink(w.device);
	assert_int_equal(symlink(ptsname(w.radio), w.device), 0);
}

static void unplug(void)
{
	unlink(w.device);
	close(w.radio);
	w.radio = -1;
}

static void radio_listen(void)
{
	uint8_t data[4096];
	ssize_t len = w.radio >= 0 && !w.is_deaf ? read(w.radio, data, sizeof(data)) : 0;

	for (ssize_t at = 0; at < len;) {
		struct bytes frame;

		at += (ssize_t)deframer_take(&w.heard, bytes_of(data + at, (size_t)(len - at)), &frame);
		if (!frame.len)
			continue;
		w.frames++;
		w.last_len = frame.len;
		memcpy(w.last, frame.data, frame.len);
	}
}

/* The radio is always there: its end is looked at, the daemon's runs by its own events. */
static void look(struct ev_loop *loop, ev_timer *timer, int events)
{
	static unsigned looks;

	(void)timer, (void)events;
	radio_listen();
	if (++looks % 200 == 0)
		ports_tick(w.d, io_now_us()); /* a second, in a hundredth of the time */
	ev_break(loop, EVBREAK_ONE);
}

static bool wait_for(bool (*is_so)(void))
{
	uint64_t end_us = io_now_us() + (uint64_t)(WAIT_S * SECOND_US);
	ev_timer timer;

	ev_timer_init(&timer, look, 0.001, 0.001);
	ev_timer_start(w.d->loop, &timer);
	while (!is_so() && io_now_us() < end_us)
		ev_run(w.d->loop, 0);
	ev_timer_stop(w.d->loop, &timer);
	return is_so();
}

static void start(enum framing framing, enum config_flow flow, bool half_duplex)
{
	struct config_link *c = &w.d->config.links[0];

	*c = (struct config_link){ .name = "radio",
		.type = CONFIG_SERIAL,
		.mtu = MTU,
		.rate_bps = 92160,
		.discover = true,
		.hello_ms = 1000,
		.serial = { .baud = 115200,
			.framing = framing,
			.flow = flow,
			.half_duplex = half_duplex,
			.turnaround_ms = 5 } };
	snprintf(c->serial.device, sizeof(c->serial.device), "%s", w.device);
	w.d->config.link_count = 1;
	deframer_init(&w.heard, framing, 0, w.room, sizeof(w.room));
	ports_open(w.d);
	w.p = &w.d->ports[0];
}

static int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.d = fake_daemon();
	snprintf(w.device, sizeof(w.device), DEVICE "-%d", (int)getpid());
	plug();
	*state = w.d;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ports_close(w.d);
	if (w.radio >= 0)
		unplug();
	fake_daemon_free(w.d);
	return 0;
}

static struct bytes text(const char *s)
{
	return bytes_of(s, strlen(s));
}

/* Another station says it. */
static void radio_say(uint8_t to, uint8_t from, struct bytes frame)
{
	uint8_t plain[MTU + 2] = { to, from }, coded[FRAMING_ENCODED_MAX(MTU + 2)];

	memcpy(plain + 2, frame.data, frame.len);
	struct bytes whole = bytes_of(plain, frame.len + 2);
	size_t len = framing_encode(coded, sizeof(coded), w.heard.framing, 0, whole);
	assert_int_equal(write(w.radio, coded, len), (ssize_t)len);
}

static bool one_is_heard(void)
{
	return w.frames >= 1;
}

static bool one_came_in(void)
{
	return fake.frame_count >= 1;
}

static bool is_up(void)
{
	return w.p->state == PORT_UP;
}

static bool is_missing(void)
{
	return w.p->state == PORT_MISSING;
}

static bool is_stalled(void)
{
	return w.p->state == PORT_NO_CARRIER;
}

static void frames_go_both_ways_in_either_framing(void **state)
{
	(void)state;
	for (enum framing f = FRAMING_COBS; f <= FRAMING_KISS; f++) {
		w.frames = fake.frame_count = 0;
		start(f, CONFIG_FLOW_NONE, f == FRAMING_COBS);
		assert_true(is_up());
		port_send(w.p, NULL, text("to all"));
		assert_true(wait_for(one_is_heard));
		assert_int_equal(w.last[0], 0);
		assert_int_not_equal(w.last[1], 0);
		assert_memory_equal(w.last + 2, "to all", 6);
		radio_say(0, 200, text("from 200"));
		assert_true(wait_for(one_came_in));
		assert_int_equal(fake.frames[0].from.len, STATION_ENDPOINT_LEN);
		assert_int_equal(fake.frames[0].from.bytes[0], 200);
		assert_memory_equal(fake.frames[0].shown, "from 200", 8);
		ports_close(w.d);
		fake.has_link[0] = false;
	}
}

static void software_flow_control_keeps_its_bytes_out_of_the_line(void **state)
{
	static const uint8_t frame[] = { 0x11, 0x13, 0x7d, 0, 0x31 };
	uint8_t data[64];
	ssize_t len = 0;

	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_SOFTWARE, false);
	w.is_deaf = true; /* the test reads itself */
	port_send(w.p, NULL, bytes_of(frame, sizeof(frame)));
	for (unsigned i = 0; i < 1000 && (len = read(w.radio, data, sizeof(data))) <= 0; i++)
		ev_run(w.d->loop, EVRUN_NOWAIT), usleep(1000);
	assert_true(len > 0);
	for (ssize_t i = 0; i < len; i++)
		assert_true(data[i] != 0x11 && data[i] != 0x13);
	assert_int_equal(write(w.radio, data, (size_t)len), len);
	/* It is its own echo: taken for nothing, and no other number is drawn for it. */
	for (unsigned i = 0; i < 50; i++)
		ev_run(w.d->loop, EVRUN_NOWAIT), usleep(1000);
	assert_int_equal(fake.frame_count, 0);
	assert_int_equal(w.p->line.stations_changed, 0);
}

static void what_is_for_another_station_is_not_taken_in(void **state)
{
	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	port_send(w.p, NULL, text("who am I"));
	assert_true(wait_for(one_is_heard));
	uint8_t own = w.last[1];
	radio_say(own == 9 ? 8 : 9, own == 7 ? 6 : 7, text("not for us"));
	radio_say(own, own == 7 ? 6 : 7, text("for us"));
	assert_true(wait_for(one_came_in));
	assert_memory_equal(fake.frames[0].shown, "for us", 6);
}

static bool another_number_is_heard(void)
{
	if (w.p->line.stations_changed != 1)
		return false;
	if (w.frames == 1)
		port_send(w.p, NULL, text("again"));
	return w.frames >= 2;
}

static void a_number_that_another_has_is_given_up(void **state)
{
	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	port_send(w.p, NULL, text("hello"));
	assert_true(wait_for(one_is_heard));
	uint8_t own = w.last[1];
	radio_say(0, own, text("mine too"));
	assert_true(wait_for(another_number_is_heard));
	assert_int_equal(fake.frame_count, 0);
	assert_memory_equal(w.last + 2, "again", 5);
}

static void a_megabyte_of_noise_is_counted_and_frames_behind_it_come_in(void **state)
{
	struct prng prng;
	struct random random = prng_random(&prng);
	size_t sent = 0;

	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	prng_seed(&prng, 1);
	while (sent < 1000000) {
		uint8_t noise[1024];

		random_fill(&random, noise, sizeof(noise));
		ssize_t n = write(w.radio, noise, sizeof(noise));
		if (n > 0)
			sent += (size_t)n;
		ev_run(w.d->loop, EVRUN_NOWAIT);
		assert_true(fake.frame_count < FAKE_FRAMES / 2);
	}
	unsigned seeming = fake.frame_count;
	assert_true(w.p->line.rubbish_bytes > 900000);
	radio_say(0, 200, text("good"));
	fake.frame_count = 0;
	assert_true(wait_for(one_came_in));
	assert_memory_equal(fake.frames[fake.frame_count - 1].shown, "good", 4);
	assert_true(is_up());
	printf("# of a megabyte of noise %u frames came as far as the node\n", seeming);
}

static void a_port_that_is_pulled_out_is_missing_and_comes_back(void **state)
{
	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	assert_true(fake.is_up[0]);
	unplug();
	assert_true(wait_for(is_missing));
	assert_false(fake.is_up[0]);
	assert_non_null(strstr(w.p->error, "plug in"));
	plug();
	assert_true(wait_for(is_up));
	assert_true(fake.is_up[0]);
	port_send(w.p, NULL, text("back"));
	assert_true(wait_for(one_is_heard));
}

static void a_port_that_is_not_there_at_first_is_waited_for(void **state)
{
	(void)state;
	unplug();
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	assert_true(is_missing());
	plug();
	assert_true(wait_for(is_up));
}

static void what_is_no_serial_port_is_refused_with_its_remedy(void **state)
{
	(void)state;
	unlink(w.device);
	assert_int_equal(symlink("/dev/null", w.device), 0);
	start(FRAMING_COBS, CONFIG_FLOW_NONE, true);
	assert_int_equal(w.p->state, PORT_ERROR);
	assert_non_null(strstr(w.p->error, "not a serial port; write device: /dev/ttyUSB0"));
}

/* As if the radio held CTS down: what a pseudo-terminal has no line for, its buffer does when it is full. */
static void a_radio_that_takes_nothing_is_told_and_waited_for(void **state)
{
	uint8_t frame[MTU];

	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_HARDWARE, false);
	memset(frame, 7, sizeof(frame));
	w.is_deaf = true;
	uint64_t end_us = io_now_us() + 20 * SECOND_US;
	while (!is_stalled() && io_now_us() < end_us) {
		for (unsigned i = 0; i < 4; i++)
			port_send(w.p, NULL, bytes_of(frame, sizeof(frame)));
		ev_run(w.d->loop, EVRUN_NOWAIT);
		ports_tick(w.d, io_now_us());
		usleep(500);
	}
	assert_true(is_stalled());
	assert_false(fake.is_up[0]);
	assert_int_equal(w.p->line.stuck, 1);
	assert_true(w.p->line.queue_dropped > 0);
	assert_non_null(strstr(w.p->error, "switch the radio on"));
	w.is_deaf = false;
	assert_true(wait_for(is_up));
	assert_true(fake.is_up[0]);
}

static bool the_line_is_free(void)
{
	return fake.readies[0] >= 2;
}

/* 1,000 bytes at 92,160 bit/s take 87 ms; the node is told of room behind that and not before. */
static void the_next_frame_is_asked_for_when_the_last_has_left(void **state)
{
	uint8_t frame[1000] = { 0 };

	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, false);
	ev_run(w.d->loop, EVRUN_NOWAIT);
	assert_int_equal(fake.readies[0], 1);
	uint64_t before_us = io_now_us();
	port_send(w.p, NULL, bytes_of(frame, sizeof(frame)));
	assert_int_equal(fake.readies[0], 1);
	assert_true(wait_for(the_line_is_free));
	assert_true(io_now_us() - before_us >= 80000);
	assert_true(wait_for(one_is_heard));
}

static void a_frame_longer_than_the_link_takes_is_counted(void **state)
{
	uint8_t frame[MTU + 1] = { 0 };

	(void)state;
	start(FRAMING_COBS, CONFIG_FLOW_NONE, false);
	port_send(w.p, NULL, bytes_of(frame, sizeof(frame)));
	assert_int_equal(w.p->tx_errno, EMSGSIZE);
}

int main(void)
{
#define SERIAL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		SERIAL_TEST(frames_go_both_ways_in_either_framing),
		SERIAL_TEST(software_flow_control_keeps_its_bytes_out_of_the_line),
		SERIAL_TEST(what_is_for_another_station_is_not_taken_in),
		SERIAL_TEST(a_number_that_another_has_is_given_up),
		SERIAL_TEST(a_megabyte_of_noise_is_counted_and_frames_behind_it_come_in),
		SERIAL_TEST(a_port_that_is_pulled_out_is_missing_and_comes_back),
		SERIAL_TEST(a_port_that_is_not_there_at_first_is_waited_for),
		SERIAL_TEST(what_is_no_serial_port_is_refused_with_its_remedy),
		SERIAL_TEST(a_radio_that_takes_nothing_is_told_and_waited_for),
		SERIAL_TEST(the_next_frame_is_asked_for_when_the_last_has_left),
		SERIAL_TEST(a_frame_longer_than_the_link_takes_is_counted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
