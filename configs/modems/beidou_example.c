/*
 * A modem program for meshd's pipe links that behaves like a BeiDou terminal: one
 * message of so many bytes, then a pause, to one card at a time (docs/pipe.md).
 * Without a terminal at hand it sends through Unix sockets, so that several of
 * them in one folder are joined; read it as what to write around a real one.
 *
 *   beidou-example --card 287654 --air /run/beidou --bytes 1750 --every 60 --delay 2
 *
 * It stands alone on purpose: nothing of meshd is included.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS_MAX 20
#define RECORD_MAX (1 + ADDRESS_MAX + 2048)
#define WAITING_MAX 32 /* messages that the satellite has for us */

struct message {
	uint64_t due_ms;
	size_t len;
	uint8_t record[2 + RECORD_MAX]; /* as meshd wants it */
};

struct modem {
	const char *card, *air;
	unsigned bytes; /* of a message at most */
	uint64_t every_ms, delay_ms;
	int socket;
	uint64_t free_ms; /* the next message may be sent then */
	uint8_t in[2 + RECORD_MAX]; /* what has come of a record */
	size_t in_len;
	struct message waiting[WAITING_MAX]; /* a ring */
	unsigned first, count;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static bool path_of(struct sockaddr_un *a, const char *air, const char *card, size_t card_len)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	int len = snprintf(a->sun_path, sizeof(a->sun_path), "%s/%.*s", air, (int)card_len, card);

	return len > 0 && (size_t)len < sizeof(a->sun_path) && !memchr(card, '/', card_len);
}

/* --- from meshd ------------------------------------------------------------------------------ */

/* Bytes of the record that meshd writes; 0: nothing came; -1: meshd is gone. */
static int record_read(struct modem *m)
{
	size_t wanted = m->in_len < 2 ? 2 : 2 + (size_t)(m->in[0] << 8 | m->in[1]);

	if (wanted > sizeof(m->in)) {
		fprintf(stderr, "a record of %zu bytes is none of ours\n", wanted);
		return -1;
	}
	ssize_t len = read(STDIN_FILENO, m->in + m->in_len, wanted - m->in_len);
	if (len == 0 || (len < 0 && errno != EINTR))
		return -1;
	m->in_len += len > 0 ? (size_t)len : 0;
	return (int)len;
}

static bool record_is_whole(const struct modem *m)
{
	return m->in_len > 2 && m->in_len == 2 + (size_t)(m->in[0] << 8 | m->in[1]);
}

/* The card is busy from now on, whether the message arrives or not. */
static void message_send(struct modem *m)
{
	const uint8_t *address = m->in + 3, *frame;
	size_t address_len = m->in[2];
	struct sockaddr_un to;
	uint8_t datagram[1 + ADDRESS_MAX + RECORD_MAX];

	if (address_len > ADDRESS_MAX || 3 + address_len >= m->in_len) {
		fprintf(stderr, "a record without a message\n");
		return;
	}
	frame = address + address_len;
	size_t len = m->in_len - 3 - address_len, card_len = strlen(m->card);
	if (!address_len) {
		fprintf(stderr, "no message goes to all cards at once; write peers: and discover: no\n");
		return;
	}
	if (len > m->bytes) {
		fprintf(stderr, "%zu bytes are more than a message takes; write mtu: %u\n", len, m->bytes);
		return;
	}
	m->free_ms = now_ms() + m->every_ms;
	if (!path_of(&to, m->air, (const char *)address, address_len))
		return;
	datagram[0] = (uint8_t)card_len;
	memcpy(datagram + 1, m->card, card_len);
	memcpy(datagram + 1 + card_len, frame, len);
	/* Nobody there: lost, as with a terminal that is switched off. */
	(void)!sendto(m->socket, datagram, 1 + card_len + len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

/* --- to meshd --------------------------------------------------------------------------------- */

static void message_take(struct modem *m)
{
	struct message *w = &m->waiting[(m->first + m->count) % WAITING_MAX];
	uint8_t datagram[RECORD_MAX];
	ssize_t len = recv(m->socket, datagram, sizeof(datagram), MSG_DONTWAIT);

	if (len < 2 || datagram[0] > ADDRESS_MAX || m->count == WAITING_MAX)
		return;
	w->record[0] = (uint8_t)(len >> 8);
	w->record[1] = (uint8_t)len;
	memcpy(w->record + 2, datagram, (size_t)len);
	w->len = 2 + (size_t)len;
	w->due_ms = now_ms() + m->delay_ms;
	m->count++;
}

static bool message_give(struct modem *m)
{
	const struct message *w = &m->waiting[m->first];

	for (size_t at = 0; at < w->len;) {
		ssize_t n = write(STDOUT_FILENO, w->record + at, w->len - at);

		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	m->first = (m->first + 1) % WAITING_MAX;
	m->count--;
	return true;
}

/* --- the whole ----------------------------------------------------------------------------------- */

static int wait_ms(const struct modem *m)
{
	uint64_t now = now_ms(), next = UINT64_MAX;

	if (m->count)
		next = m->waiting[m->first].due_ms;
	if (m->free_ms > now && m->free_ms < next)
		next = m->free_ms;
	if (next == UINT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static int run(struct modem *m)
{
	for (;;) {
		/* meshd is not asked for a message before there is room for one: what waits there may still change. */
		bool is_free = now_ms() >= m->free_ms;
		struct pollfd fds[] = { { .fd = m->socket, .events = POLLIN },
			{ .fd = STDIN_FILENO, .events = is_free ? POLLIN : 0 } };

		if (poll(fds, 2, wait_ms(m)) < 0 && errno != EINTR)
			return fail("poll");
		if (fds[0].revents & POLLIN)
			message_take(m);
		if (fds[1].revents & (POLLIN | POLLHUP) && (!is_free || record_read(m) < 0))
			return 0;
		if (record_is_whole(m)) {
			message_send(m);
			m->in_len = 0;
		}
		while (m->count && m->waiting[m->first].due_ms <= now_ms())
			if (!message_give(m))
				return 0;
	}
}

static bool option_take(struct modem *m, const char *name, const char *value)
{
	char *end;
	double number = strtod(value, &end);
	bool is_number = *value && !*end && number >= 0 && number < 1e6;

	if (strcmp(name, "--card") == 0 && *value && strlen(value) <= ADDRESS_MAX)
		m->card = value;
	else if (strcmp(name, "--air") == 0)
		m->air = value;
	else if (strcmp(name, "--bytes") == 0 && is_number && number >= 1)
		m->bytes = (unsigned)number;
	else if (strcmp(name, "--every") == 0 && is_number)
		m->every_ms = (uint64_t)(number * 1000);
	else if (strcmp(name, "--delay") == 0 && is_number)
		m->delay_ms = (uint64_t)(number * 1000);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static struct modem m = { .bytes = 1750, .every_ms = 60000, .delay_ms = 2000 };
	struct sockaddr_un own;

	for (int i = 1; i < argc; i += 2)
		if (i + 1 == argc || !option_take(&m, argv[i], argv[i + 1])) {
			fprintf(stderr,
				"\"%s\" is not understood; write --card NUMBER --air FOLDER [--bytes N] "
				"[--every SECONDS] [--delay SECONDS]\n",
				argv[i]);
			return 2;
		}
	if (!m.card || !m.air || !path_of(&own, m.air, m.card, strlen(m.card))) {
		fprintf(stderr, "whose card? write --card NUMBER --air FOLDER\n");
		return 2;
	}
	m.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unlink(own.sun_path);
	if (m.socket < 0 || bind(m.socket, (struct sockaddr *)&own, sizeof(own)) < 0)
		return fail(own.sun_path);
	fprintf(stderr, "card %s: a message of %u bytes every %.1f s\n", m.card, m.bytes, (double)m.every_ms / 1e3);
	int status = run(&m);
	unlink(own.sun_path);
	return status;
}
