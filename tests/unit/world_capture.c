/*
 * Captures, read by tshark: nothing in them is malformed, and what it says of each
 * Babel packet is what the node handed to be sealed, decoded here by other means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/capture.h"
#include "sim/world/trial.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCENARIO "sim/demo/simulated.yaml"
#define THIN_SCENARIO "sim/scenarios/thin-mtu.yaml"
#define LINE_MAX_LEN 4096
#define PATH_TEXT 128

static char work[] = "/tmp/world_capture.XXXXXX";

static void path_of(char path[PATH_TEXT], const char *name)
{
	snprintf(path, PATH_TEXT, "%s/%s", work, name);
}

/* --- what was sealed ----------------------------------------------------------------------- */

struct observed {
	FILE *lines; /* one for each Babel packet that left, as tshark is asked to print it */
	char pending[LINE_MAX_LEN];
	const struct station *station;
	void (*inner)(void *user, struct station *s, bool is_out, unsigned link, const struct address *neighbour,
		struct bytes inner);
	void (*offered)(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
		const struct endpoint *source, struct bytes frame);
	void *capture;
};

struct list_text {
	char text[512];
};

__attribute__((format(printf, 2, 3))) static void list_add(struct list_text *l, const char *format, ...)
{
	size_t len = strlen(l->text);
	va_list arguments;

	if (len)
		l->text[len++] = ',';
	va_start(arguments, format);
	assert_true((size_t)vsnprintf(l->text + len, sizeof(l->text) - len, format, arguments) < sizeof(l->text) - len);
	va_end(arguments);
}

struct fields {
	struct list_text type, seqno, interval, rxcost, metric, flags, plen;
};

static void tlv_describe(struct fields *f, uint8_t type, struct reader r)
{
	list_add(&f->type, "%u", type);
	if (type == 4) { /* Hello */
		read_skip(&r, 2);
		list_add(&f->seqno, "0x%04x", read_u16(&r));
		list_add(&f->interval, "%u", read_u16(&r));
	} else if (type == 5) { /* IHU */
		read_skip(&r, 2);
		list_add(&f->rxcost, "0x%04x", read_u16(&r));
		list_add(&f->interval, "%u", read_u16(&r));
	} else if (type == 8) { /* Update */
		read_skip(&r, 1);
		list_add(&f->flags, "0x%02x", read_u8(&r));
		list_add(&f->plen, "%u", read_u8(&r));
		read_skip(&r, 1);
		list_add(&f->interval, "%u", read_u16(&r));
		list_add(&f->seqno, "0x%04x", read_u16(&r));
		list_add(&f->metric, "%u", read_u16(&r));
	} else if (type == 2) { /* Acknowledgement Request */
		read_skip(&r, 4);
		list_add(&f->interval, "%u", read_u16(&r));
	} else if (type == 9) { /* Route Request */
		read_skip(&r, 1);
		list_add(&f->plen, "%u", read_u8(&r));
	} else if (type == 10) { /* Seqno Request */
		read_skip(&r, 1);
		list_add(&f->plen, "%u", read_u8(&r));
		list_add(&f->seqno, "0x%04x", read_u16(&r));
	}
	assert_true(reader_ok(&r));
}

static void packet_describe(char line[LINE_MAX_LEN], const struct station *s, const char *to, struct bytes packet)
{
	struct reader r = reader_of(packet);
	struct fields f = { 0 };
	char from[ADDRESS_TEXT];
	uint8_t type = 0;

	assert_int_equal(read_u8(&r), 42);
	assert_int_equal(read_u8(&r), 2);
	assert_int_equal(read_u16(&r), packet.len - 4);
	while (reader_left(&r)) {
		type = read_u8(&r);
		if (type == 0)
			list_add(&f.type, "0");
		else
			tlv_describe(&f, type, read_sub(&r, read_u8(&r)));
	}
	assert_true(reader_ok(&r));
	if (type == 5)
		list_add(&f.type, "1"); /* the trailer that keeps Wireshark from reading on */
	snprintf(line, LINE_MAX_LEN, "%s\t%s\t1\t%s\t%s\t%s\t%s\t%s\t%s\t%s",
		address_format(&s->neighbour_address, from), to, f.type.text, f.seqno.text, f.interval.text,
		f.rxcost.text, f.metric.text, f.flags.text, f.plen.text);
}

static void sealed_inner(
	void *user, struct station *s, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct observed *l = user;
	char to[ADDRESS_TEXT];

	l->inner(l->capture, s, is_out, link, neighbour, inner);
	if (!is_out)
		return;
	l->station = s;
	l->pending[0] = '\0';
	if (inner.data[0] == 1)
		packet_describe(l->pending, s, address_format(neighbour, to), bytes_of(inner.data + 1, inner.len - 1));
	else if (inner.data[0] == 0x81)
		packet_describe(l->pending, s, "ff02::1:6", bytes_of(inner.data + 1, inner.len - 1));
}

static void sealed_offered(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
	const struct endpoint *source, struct bytes frame)
{
	struct observed *l = user;

	l->offered(l->capture, g, from, target, to, source, frame);
	if (frame.data[0] != FRAME_TYPE_DATA || !l->pending[0])
		return;
	assert_ptr_equal(l->station, g->ends[from].port->station);
	fprintf(l->lines, "%s\t%s\n", g->name, l->pending);
}

/* --- captures --------------------------------------------------------------------------------- */

static void capture_run_of(const char *scenario, const char *path, enum capture_form form, const char *lines)
{
	char error[PLAN_ERROR_MAX];
	struct observed l = { .lines = lines ? fopen(lines, "we") : NULL };
	struct plan *p = plan_load(scenario, error);

	if (!p)
		fail_msg("%s", error);
	struct trial *t = trial_new(p, p->seed, NULL);
	assert_non_null(t);
	struct capture *c = capture_world(t->world, path, form, error, sizeof(error));
	if (!c)
		fail_msg("%s", error);
	if (l.lines) {
		l.capture = c;
		l.inner = t->world->inner;
		l.offered = t->world->offered;
		t->world->inner = sealed_inner;
		t->world->offered = sealed_offered;
		t->world->inner_user = t->world->offered_user = &l;
	}
	trial_run(t, NULL);
	t->world->inner_user = t->world->offered_user = c;
	assert_int_equal(capture_end(c), 0);
	assert_null(t->world->offered);
	assert_null(t->world->inner);
	if (l.lines)
		assert_int_equal(fclose(l.lines), 0);
	trial_free(t);
	plan_free(p);
}

static void capture_run(const char *path, enum capture_form form, const char *lines)
{
	capture_run_of(SCENARIO, path, form, lines);
}

static char *file_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*len = (size_t)ftell(f);
	rewind(f);
	char *text = malloc(*len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, *len, f), *len);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* The number of lines that tshark prints; they are in `name`. */
static unsigned tshark(const char *capture, const char *arguments, const char *name)
{
	char command[1024], path[PATH_TEXT];
	unsigned lines = 0;
	size_t len;

	path_of(path, name);
	snprintf(command, sizeof(command),
		"tshark -n -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -r %s %s >%s 2>%s.err", capture,
		arguments, path, path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own words */
	char *text = file_read(path, &len);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	free(text);
	return lines;
}

static void tshark_is_there_or_skip(void)
{
	if (system("tshark --version >/dev/null 2>&1") == 0) /* NOLINT(cert-env33-c) */
		return;
	print_message("# tshark is not there, and apt-get could not install it: apt-get install tshark\n");
	skip();
}

static void two_captures_of_one_run_are_the_same_bytes(void **state)
{
	static const char *const names[] = { "a.pcapng", "b.pcapng" };
	char path[PATH_TEXT], *texts[2];
	size_t lens[2];

	(void)state;
	for (unsigned form = CAPTURE_SEALED; form <= CAPTURE_OPENED; form++) {
		for (unsigned i = 0; i < 2; i++) {
			path_of(path, names[i]);
			capture_run(path, (enum capture_form)form, NULL);
			texts[i] = file_read(path, &lens[i]);
		}
		assert_true(lens[0] > 100000);
		assert_int_equal(lens[0], lens[1]);
		assert_memory_equal(texts[0], texts[1], lens[0]);
		assert_memory_equal(texts[0], "\x0a\x0d\x0d\x0a", 4);
		free(texts[0]);
		free(texts[1]);
	}
}

#define BROKEN "-Y '_ws.malformed || _ws.expert.severity >= 0x00800000'"

static void tshark_finds_nothing_broken(void **state)
{
	char path[PATH_TEXT];

	(void)state;
	tshark_is_there_or_skip();
	for (unsigned form = CAPTURE_SEALED; form <= CAPTURE_OPENED; form++) {
		path_of(path, "c.pcapng");
		capture_run(path, (enum capture_form)form, NULL);
		assert_int_equal(tshark(path, BROKEN, "broken"), 0);
		assert_true(tshark(path, "-T fields -e frame.number", "all") > 5000);
		/* Checksums are there, and looked at. */
		assert_int_equal(tshark(path, "-Y 'udp.checksum.status == 0 || ip.checksum.status == 0'", "sums"), 0);
		assert_true(tshark(path, "-Y 'udp.checksum.status == 1'", "sums") > 1000);
	}
	assert_true(tshark(path, "-Y babel", "babel") > 1000);
	/* The hosts' packets, and what stays sealed. */
	assert_true(tshark(path, "-Y 'ipv6.dst == fc00::/7 && udp.port == 9'", "flow") > 2000);
	assert_true(tshark(path, "-Y 'eth.type == 0x88b5'", "sealed") > 10);
}

/* Frames of 240 and 512 bytes: what they carry in pieces, and with short headers, is shown as it was. */
static void tshark_reads_the_packets_of_thin_links_whole(void **state)
{
	char path[PATH_TEXT];

	(void)state;
	tshark_is_there_or_skip();
	path_of(path, "c.pcapng");
	capture_run_of(THIN_SCENARIO, path, CAPTURE_OPENED, NULL);
	assert_int_equal(tshark(path, BROKEN, "broken"), 0);
	assert_int_equal(tshark(path, "-Y 'udp.checksum.status == 0 || tcp.checksum.status == 0'", "sums"), 0);
	assert_true(tshark(path, "-Y babel", "babel") > 20);
	assert_true(tshark(path, "-Y 'ipv6.dst == fc00::/7 && udp.port == 9'", "flow") > 60);
	/* Two links, seven segments of a file on each. */
	assert_true(tshark(path, "-Y 'tcp && ipv6.plen >= 1200'", "flow") >= 12);
}

#define FIELDS                                                                                                         \
	"-Y babel -T fields -e frame.interface_name -e ipv6.src -e ipv6.dst -e ipv6.hlim -e babel.message.type "       \
	"-e babel.message.seqno -e babel.message.interval -e babel.message.rxcost -e babel.message.metric "            \
	"-e babel.message.flags -e babel.message.plen"

static void tshark_reads_what_was_sealed(void **state)
{
	char path[PATH_TEXT], sealed[PATH_TEXT], read[PATH_TEXT];
	size_t lens[2];

	(void)state;
	tshark_is_there_or_skip();
	path_of(path, "d.pcapng");
	path_of(sealed, "sealed.txt");
	path_of(read, "read.txt");
	capture_run(path, CAPTURE_OPENED, sealed);
	assert_true(tshark(path, FIELDS, "read.txt") > 1000);
	char *texts[2] = { file_read(sealed, &lens[0]), file_read(read, &lens[1]) };
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}

static void a_capture_that_cannot_be_written_says_so(void **state)
{
	char error[PLAN_ERROR_MAX];
	struct world *w = world_new(1);

	(void)state;
	assert_null(capture_world(w, "/nowhere/x.pcapng", CAPTURE_SEALED, error, sizeof(error)));
	assert_non_null(strstr(error, "/nowhere/x.pcapng: "));
	assert_non_null(strstr(error, "name a file, or a directory that is there"));
	world_free(w);
}

static int work_begin(void **state)
{
	(void)state;
	return mkdtemp(work) ? 0 : -errno;
}

static int work_end(void **state)
{
	static const char *const names[] = { "a.pcapng", "b.pcapng", "c.pcapng", "d.pcapng", "broken", "all", "sums",
		"babel", "flow", "sealed", "sealed.txt", "read.txt" };
	char path[PATH_TEXT], err[PATH_TEXT + 8];

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, names[i]);
		snprintf(err, sizeof(err), "%s.err", path);
		unlink(path);
		unlink(err);
	}
	return rmdir(work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_captures_of_one_run_are_the_same_bytes),
		cmocka_unit_test(tshark_finds_nothing_broken),
		cmocka_unit_test(tshark_reads_what_was_sealed),
		cmocka_unit_test(tshark_reads_the_packets_of_thin_links_whole),
		cmocka_unit_test(a_capture_that_cannot_be_written_says_so),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, work_begin, work_end);
}
