/*
 * What neighbours say to each other beside Babel, inside a session:
 *
 *   PING   1  mark 4?      we have the keys; the address behind a NAT stays known; and this list of who is out
 *   ASK    2  router-id*   send the certificates of these nodes
 *   TELL   3  { length 2, certificate }*
 *   BYE    4               we leave: our routes are gone, do not wait for us
 *   HARK   5  8 bytes      say these bytes at once: we have not heard you for long
 *   ECHO   6  8 bytes      they are these
 *   RAW    7  short-id*    thin links: send packets with these as they are; none: all packets
 *   MEET   8  id 8, length 1, endpoint   this member is there: call it (meet.c)
 *   PROBE  9  id 2, zeros    say if this arrived (probe.c)
 *   PROBED 10 id 2, size 2   it did, in a frame of that size
 *   LIST  11  list         who is out (revoke.c)
 *   MARK  12  mark 4       this is the list that we hold
 *   AWARE 13  mark 4, sums 8, first 2, bitmap   who else holds it (aware.c)
 *   GRANT 14  answer       of the authority, to a machine that asks to be a member (admit.c)
 *   GRANTED 15 id 8, serial 4   we have it
 *   REACH 16, REACHED 17   does a class of traffic get there? reach.c
 *   CLOCK 18  seconds since 1970, 4   what our clock says (clock.c)
 *   KEY 19    key           in the place of the deployment's (rotate.c)
 *   KEYED 20  number 2      we have this one
 *
 * Certificates are taken only if they were asked for: each costs a signature check.
 */
#include "meshd/node/state.h"

#include <string.h>

static void say(struct peer *p, uint64_t now_us, enum control_op op)
{
	uint8_t body = (uint8_t)op;

	peer_send(p, now_us, KIND_CONTROL, bytes_of(&body, 1));
}

void control_ping(struct peer *p, uint64_t now_us)
{
	uint8_t room[1 + 4];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_PING);
	if (revoke_mark(p->n))
		write_u32(&w, revoke_mark(p->n));
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

void control_bye(struct peer *p, uint64_t now_us)
{
	say(p, now_us, CONTROL_BYE);
}

static void say_echo(struct peer *p, uint64_t now_us, enum control_op op, const uint8_t echo[ECHO_LEN])
{
	uint8_t body[1 + ECHO_LEN] = { (uint8_t)op };

	memcpy(body + 1, echo, ECHO_LEN);
	peer_send(p, now_us, KIND_CONTROL, bytes_of(body, sizeof(body)));
}

void control_ask_echo(struct peer *p, uint64_t now_us, const uint8_t echo[ECHO_LEN])
{
	say_echo(p, now_us, CONTROL_HARK, echo);
}

static void echo_in(struct peer *p, uint64_t now_us, enum control_op op, struct reader *r)
{
	uint8_t echo[ECHO_LEN];

	read_copy(r, echo, sizeof(echo));
	if (!reader_ok(r))
		DROP(p->n, p->link, control_malformed);
	else if (op == CONTROL_HARK)
		say_echo(p, now_us, CONTROL_ECHO, echo);
	else
		peer_echoed(p, now_us, echo);
}

void control_raw(struct peer *p, uint64_t now_us, struct bytes short_ids)
{
	uint8_t room[1 + 4];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_RAW);
	write_bytes(&w, short_ids);
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

void control_probe(struct peer *p, uint64_t now_us, uint16_t id, size_t len)
{
	uint8_t room[NODE_FRAME_MAX] = { 0 };
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_PROBE);
	write_u16(&w, id);
	peer_send(p, now_us, KIND_CONTROL, bytes_of(room, len < sizeof(room) ? len : sizeof(room)));
}

bool control_is_probe(const uint8_t *inner, size_t len)
{
	return len >= 2 && inner[0] == KIND_CONTROL && inner[1] == CONTROL_PROBE;
}

/* `len`: of the body. */
static void probe_in(struct peer *p, uint64_t now_us, struct reader *r, size_t len)
{
	uint8_t room[1 + 2 + 2];
	struct writer w = writer_of(room, sizeof(room));
	uint16_t id = read_u16(r);

	if (!reader_ok(r)) {
		DROP(p->n, p->link, control_malformed);
		return;
	}
	write_u8(&w, CONTROL_PROBED);
	write_u16(&w, id);
	write_u16(&w, (uint16_t)(len + NODE_OVERHEAD));
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

static void probed_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint16_t id = read_u16(r), size = read_u16(r);

	if (!reader_ok(r))
		DROP(p->n, p->link, control_malformed);
	else
		probe_answered(p, now_us, id, size);
}

void control_meet(struct peer *p, uint64_t now_us, const uint8_t id[NODE_ID_LEN], const struct endpoint *at)
{
	uint8_t room[1 + NODE_ID_LEN + 1 + ENDPOINT_MAX];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_MEET);
	write_copy(&w, id, NODE_ID_LEN);
	write_u8(&w, at->len);
	write_copy(&w, at->bytes, at->len);
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

void control_ask(struct peer *p, uint64_t now_us, const router_id *rids, unsigned count)
{
	uint8_t room[1 + CERTIFICATE_WANTS_MAX * sizeof(router_id)];
	struct writer w = writer_of(room, sizeof(room));

	write_u8(&w, CONTROL_ASK);
	for (unsigned i = 0; i < count; i++)
		write_copy(&w, rids[i].bytes, sizeof(rids[i].bytes));
	peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

/* Answers with as many frames as it takes. */
static void asked(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint8_t room[NODE_FRAME_MAX], encoded[CERTIFICATE_MAX_LEN];
	struct writer w = writer_of(room, link_body_max(p->link));

	write_u8(&w, CONTROL_TELL);
	for (unsigned i = 0; i < CERTIFICATE_WANTS_MAX && reader_left(r) > 0; i++) {
		router_id rid;

		read_copy(r, rid.bytes, sizeof(rid.bytes));
		const struct known *k = reader_ok(r) ? trust_by_rid(p->n, &rid) : NULL;
		int len = k ? certificate_encode(&k->member->certificate, encoded, sizeof(encoded)) : 0;
		if (len <= 0)
			continue;
		if (writer_left(&w) < (size_t)len + 2) {
			peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
			w = writer_of(room, link_body_max(p->link));
			write_u8(&w, CONTROL_TELL);
		}
		write_u16(&w, (uint16_t)len);
		write_copy(&w, encoded, (size_t)len);
	}
	if (writer_len(&w) > 1)
		peer_send(p, now_us, KIND_CONTROL, writer_bytes(&w));
}

static void told(struct peer *p, struct reader *r)
{
	struct node *n = p->n;

	while (reader_ok(r) && reader_left(r) > 0) {
		struct bytes encoded = read_bytes(r, read_u16(r));
		struct certificate c;
		router_id rid;
		int error;

		if (!reader_ok(r) || certificate_decode(&c, encoded) < 0) {
			DROP(n, p->link, control_malformed);
			return;
		}
		identity_router_id(rid.bytes, &c.key);
		if (!trust_was_wanted(n, &rid))
			continue;
		if (!trust_learn(n, encoded, &error))
			DROP(n, p->link, certificate_refused);
	}
}

bool control_say(struct peer *p, uint64_t now_us, enum babel_need need, struct bytes body, uint64_t *again_us)
{
	size_t len = body.len + FRAME_OVERHEAD;

	if (!budget_admits(p->link, now_us, need, len, again_us))
		return false;
	peer_send(p, now_us, KIND_CONTROL, body);
	budget_frame_said(p->link, now_us, need, len);
	return true;
}

void control_in(struct peer *p, uint64_t now_us, struct bytes body)
{
	struct reader r = reader_of(body);
	uint8_t op = read_u8(&r);

	switch (op) {
	case CONTROL_PING:
		if (reader_left(&r))
			revoke_mark_in(p, now_us, &r);
		break;
	case CONTROL_LIST:
		revoke_list_in(p, now_us, &r);
		break;
	case CONTROL_MARK:
		revoke_mark_in(p, now_us, &r);
		break;
	case CONTROL_AWARE:
		aware_in(p, now_us, &r);
		break;
	case CONTROL_CLOCK:
		clock_in(p, now_us, &r);
		break;
	case CONTROL_KEY:
		rotate_key_in(p, now_us, &r);
		break;
	case CONTROL_KEYED:
		rotate_keyed_in(p, now_us, &r);
		break;
	case CONTROL_ASK:
		asked(p, now_us, &r);
		break;
	case CONTROL_TELL:
		told(p, &r);
		break;
	case CONTROL_GRANT:
		admit_grant_in(p, now_us, &r);
		break;
	case CONTROL_GRANTED:
		admit_granted_in(p, &r);
		break;
	case CONTROL_HARK:
	case CONTROL_ECHO:
		echo_in(p, now_us, (enum control_op)op, &r);
		break;
	case CONTROL_RAW:
		compress_raw_said(p, now_us, &r);
		break;
	case CONTROL_PROBE:
		probe_in(p, now_us, &r, body.len);
		break;
	case CONTROL_PROBED:
		probed_in(p, now_us, &r);
		break;
	case CONTROL_MEET:
		meet_in(p, now_us, &r);
		break;
	case CONTROL_REACH:
	case CONTROL_REACHED:
		reach_in(p, now_us, op == CONTROL_REACHED, &r);
		break;
	case CONTROL_BYE:
		peer_free(p, now_us, "it was switched off");
		break;
	default:
		DROP(p->n, p->link, control_malformed);
		break;
	}
}
