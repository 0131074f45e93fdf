/*
 * Serial links and pipes: the port and the radio behind it, or the child program
 * that has the modem. All of it is judged without touching either.
 */
#include "meshd/config/check_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BAUD 9600
#define DEFAULT_TURNAROUND_MS 50
#define TURNAROUND_MAX_MS 5000
#define TX_DELAY_MAX_MS 2550 /* one byte, in hundredths of a second */

static const unsigned bauds[] = { 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 };
#define BAUDS (sizeof(bauds) / sizeof(bauds[0]))

static const enum link_field serial_fields[] = { LINK_DEVICE, LINK_BAUD, LINK_FRAMING, LINK_FLOW, LINK_HALF_DUPLEX,
	LINK_TURNAROUND, LINK_KISS_PORT, LINK_TX_DELAY };

const char *config_pipe_word(const struct config_pipe *pipe, unsigned i)
{
	const char *word = pipe->words;

	if (i >= pipe->word_count)
		return NULL;
	while (i--)
		word += strlen(word) + 1;
	return word;
}

uint64_t baud_rate_bps(unsigned baud)
{
	return (uint64_t)baud * 8 / 10;
}

static int fields_refuse(const enum link_field *fields, size_t count, const char *type, const struct link_check *l)
{
	for (size_t i = 0; i < count; i++)
		if (l->at->field[fields[i]])
			return LINK_COMPLAIN(l, fields[i], "%s is for a %s link only; remove it, or write type: %s",
				link_field_names[fields[i]], type, type);
	return 0;
}

/* What has neither interface nor IP beneath it. */
static int network_refuse(const char *what, const struct link_check *l)
{
	static const enum link_field fields[] = { LINK_INTERFACE, LINK_LISTEN };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (l->at->field[fields[i]])
			return LINK_COMPLAIN(
				l, fields[i], "a %s link has no %s; remove it", what, link_field_names[fields[i]]);
	return 0;
}

int check_no_line(const struct config_link *link, const struct link_check *l)
{
	static const enum link_field pipe_fields[] = { LINK_COMMAND };
	int error = 0;

	if (link->type != CONFIG_SERIAL)
		error = fields_refuse(serial_fields, sizeof(serial_fields) / sizeof(serial_fields[0]), "serial", l);
	if (!error && link->type != CONFIG_PIPE)
		error = fields_refuse(pipe_fields, 1, "pipe", l);
	return error;
}

/* --- serial -------------------------------------------------------------------------------- */

static int take_baud(struct config_serial *s, const struct link_check *l)
{
	unsigned nearest = DEFAULT_BAUD, baud = DEFAULT_BAUD;

	if (l->text->baud && number_read(&baud, l->text->baud, 1, 10000000) < 0)
		return LINK_COMPLAIN(l, LINK_BAUD, "baud \"%.40s\" is not a number; write 9600", l->text->baud);
	for (size_t i = 0; i < BAUDS; i++)
		if (labs((long)bauds[i] - (long)baud) < labs((long)nearest - (long)baud))
			nearest = bauds[i];
	if (nearest != baud)
		return LINK_COMPLAIN(l, LINK_BAUD, "baud: %u is not a rate this port knows; write %u", baud, nearest);
	s->baud = baud;
	return 0;
}

static int take_device(struct config_serial *s, const struct link_check *l)
{
	const char *device = l->text->device;

	if (!device)
		return LINK_COMPLAIN(l, LINK_DEVICE,
			"no device; add device: with the port that the radio is on, such as /dev/ttyUSB0");
	if (device[0] != '/' || strlen(device) >= CONFIG_DEVICE_MAX)
		return LINK_COMPLAIN(l, LINK_DEVICE,
			"device \"%.80s\" is not the path of a port; write /dev/ttyUSB0, or see "
			"\"ls /dev/serial/by-id\"",
			device);
	text_copy(s->device, sizeof(s->device), device);
	return 0;
}

static int take_milliseconds(unsigned *ms, const char *text, unsigned most, unsigned usual, enum link_field field,
	const struct link_check *l)
{
	if (text && number_read(ms, text, 0, most) < 0)
		return LINK_COMPLAIN(l, field,
			"%s \"%.40s\" is out of range; write 0 to %u (milliseconds), %u is usual",
			link_field_names[field], text, most, usual);
	return 0;
}

/* What is only between us and a TNC. */
static int take_kiss(struct config_serial *s, const struct link_check *l)
{
	static const enum link_field fields[] = { LINK_KISS_PORT, LINK_TX_DELAY };

	if (s->framing != FRAMING_KISS)
		for (size_t i = 0; i < 2; i++)
			if (l->at->field[fields[i]])
				return LINK_COMPLAIN(l, fields[i],
					"%s is for TNCs only; remove it, or write framing: kiss",
					link_field_names[fields[i]]);
	if (l->text->kiss_port && number_read(&s->kiss_port, l->text->kiss_port, 0, KISS_PORT_MAX) < 0)
		return LINK_COMPLAIN(l, LINK_KISS_PORT, "kiss-port \"%.40s\" is out of range; write 0 to %d",
			l->text->kiss_port, KISS_PORT_MAX);
	s->has_tx_delay = l->text->tx_delay;
	return take_milliseconds(&s->tx_delay_ms, l->text->tx_delay, TX_DELAY_MAX_MS, 300, LINK_TX_DELAY, l);
}

int check_serial(struct config_link *link, const struct link_check *l)
{
	static const char *const framings[] = { [FRAMING_COBS] = "cobs", [FRAMING_KISS] = "kiss" };
	static const char *const flows[] = { "none", "hardware", "software" };
	struct config_serial *s = &link->serial;
	unsigned framing = FRAMING_COBS, flow = CONFIG_FLOW_NONE;
	int error = take_device(s, l);

	if (!error)
		error = take_baud(s, l);
	if (!error)
		error = link_word(&framing, l->text->framing, framings, 2, LINK_FRAMING, l);
	if (!error)
		error = link_word(&flow, l->text->flow, flows, 3, LINK_FLOW, l);
	s->framing = (enum framing)framing;
	s->flow = (enum config_flow)flow;
	/* A TNC looks after its channel itself. */
	s->half_duplex = s->framing == FRAMING_COBS;
	s->turnaround_ms = DEFAULT_TURNAROUND_MS;
	if (!error)
		error = link_take_switch(&s->half_duplex, l->text->half_duplex, LINK_HALF_DUPLEX, l);
	if (!error)
		error = take_milliseconds(&s->turnaround_ms, l->text->turnaround, TURNAROUND_MAX_MS,
			DEFAULT_TURNAROUND_MS, LINK_TURNAROUND, l);
	if (!error && s->framing == FRAMING_KISS && s->flow == CONFIG_FLOW_SOFTWARE)
		error = LINK_COMPLAIN(l, LINK_FLOW,
			"flow: software is not for TNCs, which take its bytes for data; write flow: hardware");
	if (!error)
		error = take_kiss(s, l);
	if (!error)
		error = network_refuse("serial", l);
	if (!error && l->at->field[LINK_PEERS])
		error = LINK_COMPLAIN(l, LINK_PEERS, "a serial link finds its peers by itself; remove peers");
	if (!error && l->text->discover)
		error = LINK_COMPLAIN(l, LINK_DISCOVER, "a serial link always discovers; remove discover");
	link->discover = true;
	link->rate_bps = baud_rate_bps(s->baud);
	return error;
}

/* --- pipe ---------------------------------------------------------------------------------- */

static int take_command(struct config_pipe *p, const struct link_check *l)
{
	size_t len = 0;

	if (!l->text->command_count)
		return LINK_COMPLAIN(
			l, LINK_COMMAND, "no command; add command: [/path/of/the/modem-program, its, arguments]");
	if (l->text->command[0][0] != '/')
		return LINK_COMPLAIN(l, LINK_COMMAND,
			"command \"%.80s\" is not a whole path; write where the program is, such as "
			"/usr/local/libexec/meshd/beidou-example",
			l->text->command[0]);
	for (unsigned i = 0; i < l->text->command_count; i++) {
		const char *word = l->text->command[i];
		size_t size = strlen(word) + 1;

		if (size > CONFIG_COMMAND_MAX - len)
			return LINK_COMPLAIN(l, LINK_COMMAND,
				"command has more than %d bytes; put its arguments into a file of the program's",
				CONFIG_COMMAND_MAX - 1);
		text_copy(p->words + len, size, word);
		len += size;
		p->word_count = i + 1;
	}
	return 0;
}

/* An address as the modem has it: a card's number, a call sign. */
static bool address_is_plain(const char *address)
{
	size_t len = strlen(address);

	if (!len || len > CONFIG_PIPE_ADDRESS_MAX)
		return false;
	for (; *address; address++)
		if (*address <= ' ' || *address > '~')
			return false;
	return true;
}

static int take_addresses(struct config_link *link, const struct link_check *l)
{
	for (unsigned i = 0; i < l->text->peers_count; i++) {
		const char *address = l->text->peers[i];

		if (!address_is_plain(address))
			return complain(l->complaint, l->at->peers.line[i],
				"%s: peer \"%.80s\" is not an address of a modem; write 1 to %d letters and digits, as "
				"the program has it",
				l->who, address, CONFIG_PIPE_ADDRESS_MAX);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(link->peers[j].host, address) == 0)
				return complain(l->complaint, l->at->peers.line[i],
					"%s: peer \"%.80s\" is given twice; remove one", l->who, address);
		text_copy(link->peers[i].host, sizeof(link->peers[i].host), address);
		link->peer_count = i + 1;
	}
	return 0;
}

int check_pipe(struct config_link *link, const struct link_check *l)
{
	int error = take_command(&link->pipe, l);

	if (!error)
		error = network_refuse("pipe", l);
	if (!error)
		error = take_addresses(link, l);
	link->discover = !link->peer_count;
	if (!error)
		error = link_take_switch(&link->discover, l->text->discover, LINK_DISCOVER, l);
	if (!error && !link->discover && !link->peer_count)
		error = LINK_COMPLAIN(
			l, LINK_DISCOVER, "no peers and no discovery: nobody can be met; add peers: [ADDRESS]");
	return error;
}
