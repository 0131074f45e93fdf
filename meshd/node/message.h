/*
 * Messages: short texts from member to member, which wait where the way ends and go on
 * when there is one again (protocol.md 4.6, 8).
 *
 *   node_message_send ─► letter, sealed to one member (crypto/letter.c)
 *        │
 *        ▼            MESSAGE ─►            MESSAGE ─►
 *   store of the ──────────────► store of ──────────────► store of the one it is for
 *   sender        ◄─ TAKEN       a relay   ◄─ TAKEN        │ opened, stored, told
 *        ▲                                                 ▼
 *        └─────────── RECEIPT, on the same way back ───────┘
 *
 * Custody: who has said TAKEN has it in its store and goes on with it; who said REFUSED
 * has not. The next hop is that of the route of class text, for the member itself and
 * nothing wider. The sender keeps its own until the receipt is there, and starts anew,
 * more and more seldom, if none comes: a relay may drown with what it holds.
 *
 *   queued ──TAKEN──► left ──REPORT──► reached ──RECEIPT──► delivered
 *      │                │                 │
 *      └────────────────┴─────────────────┴──── 24 h ─────► expired
 *
 * What the sender is told is true as far as somebody can know it: a receipt can only be
 * made by who opened the letter; that a relay holds it is the relay's word.
 *
 * message_store.c   what is held, and how much of it by whom: bounded
 * message_keep.c    ... as it lies on the disk
 * message_wire.c    ... as it travels
 * message_pass.c    from store to store
 * message.c         at both ends
 */
#ifndef MESHD_NODE_MESSAGE_H
#define MESHD_NODE_MESSAGE_H

#include "meshd/node/state.h"

#define MESSAGE_OUT_MAX 256 /* own ones, with those that are over */
#define MESSAGE_IN_MAX 512
#define MESSAGE_IN_SENDER_MAX 64 /* ... of one sender */
#define MESSAGE_HELD_BYTES_MAX (3u << 20) /* for others; with own and received ones 4 MB at most */
#define MESSAGE_BRINGER_BYTES_MAX (512u << 10) /* ... that one neighbour brought */
#define MESSAGE_SENDER_BYTES_MAX (64u << 10) /* ... that one member sent, as they say of themselves */
#define MESSAGE_PASSED_MAX 256 /* that are known again */
#define MESSAGE_PASSED_US (300 * SECOND)
#define MESSAGE_AGAIN_US (600 * SECOND) /* from when it left until it is sent anew, and twice as long each time */
#define MESSAGE_REPORT_US (10 * SECOND) /* what waits longer at a relay, its sender is told of */
#define MESSAGE_HOPS 32
#define MESSAGE_PLAIN_HEAD 12 /* of a letter: era, number, date */
#define MESSAGE_CONTENT_MAX (LETTER_OVERHEAD + MESSAGE_PLAIN_HEAD + NODE_TEXT_MAX)
#define MESSAGE_HEAD 25 /* op, what, hops, minutes, to, from */
#define MESSAGE_SUFFIX 10 /* of an address, behind the deployment's part */
#define MESSAGE_RECEIPT_LEN (NODE_MESSAGE_ID_LEN + LETTER_PROOF_LEN)
#define MESSAGE_REPORT_LEN (NODE_MESSAGE_ID_LEN + 1) /* of which, and over how many hops it came */
#define MESSAGE_ERAS 4

enum message_what { MESSAGE_LETTER, MESSAGE_RECEIPT, MESSAGE_REPORT };
enum message_op { MESSAGE_OP_MESSAGE = 1, MESSAGE_OP_TAKEN = 2, MESSAGE_OP_REFUSED = 3 };
enum message_refusal { MESSAGE_FULL = 1, MESSAGE_STRANGER = 2 };

struct message {
	struct list on_store;
	struct node_message info; /* its text lies behind */
	enum message_what what;
	uint8_t hops_left;
	bool is_stored; /* on the disk, or it need not be */
	bool is_over; /* of OUT: delivered or expired */
	bool is_told; /* of IN: the shell knows of it */
	bool is_reported;
	uint8_t proof[LETTER_PROOF_LEN];
	router_id bringer; /* of HELD; zeros: it is made here */
	struct peer *giver; /* who waits to be told that it is taken */
	struct peer *offered; /* to whom, and no answer yet */
	uint64_t due_us; /* when something is to be done with it; NEVER: when there is a way */
	uint64_t since_us; /* it waits here */
	unsigned tries; /* of this hop */
	unsigned rounds; /* of OUT: how often it has left */
	size_t cost;
	struct bytes content; /* behind the text */
	uint8_t body[];
};

/* What was received of a member, by the numbers that it gave. */
struct message_sender {
	struct map_entry by_rid;
	uint8_t key[8 - ROUTER_ID_FREE];
	struct {
		bool is_used;
		uint32_t era;
		struct replay_window window;
	} eras[MESSAGE_ERAS]; /* the newest first */
};

struct message_passed {
	uint8_t id[NODE_MESSAGE_ID_LEN];
	uint64_t until_us;
};

struct messages {
	struct list all; /* in the order in which they came */
	unsigned count[NODE_MESSAGE_BOXES];
	size_t bytes[NODE_MESSAGE_BOXES];
	struct node *n;
	struct timer timer;
	bool has_era;
	bool era_is_kept; /* on the disk, with some number: what comes after that is not to be lost */
	uint32_t era, next_number;
	struct message_passed passed[MESSAGE_PASSED_MAX];
	unsigned passed_next;
	struct map senders;
};

/* --- message_store.c --------------------------------------------------------------------- */

struct messages *messages_get(struct node *n); /* made when it is needed first; NULL: memory */
/* Makes room for it if there may be any, and takes a copy; text and content are copied, too. The rest is set by the
 * caller. NULL: there is none, or no memory. */
struct message *message_new(struct node *n, const struct message *model);
void message_free(struct node *n, struct message *m);
struct message *message_find(struct node *n, const uint8_t id[NODE_MESSAGE_ID_LEN]);
/* The member's numbers; made if `is_made`. NULL: none, or no memory. */
struct message_sender *message_sender_get(struct node *n, const struct address *from, bool is_made);
enum message_news { MESSAGE_NEW, MESSAGE_KNOWN, MESSAGE_TOO_OLD };
/* Was it received before? */
enum message_news message_news_of(const struct message_sender *s, uint32_t era, uint32_t number);
void message_sender_note(struct message_sender *s, uint32_t era, uint32_t number);

/* --- message_keep.c ----------------------------------------------------------------------- */

void message_keep(struct node *n, uint64_t now_us, struct message *m);
void message_keep_number(struct node *n);
bool message_keep_sender(struct node *n, const struct message_sender *s); /* as store_message() */
bool message_key_is_number(struct bytes key);
struct bytes message_sender_key(const struct address *from, uint8_t out[NODE_KEPT_KEY_MAX]);
void message_forget(struct node *n, const struct message *m); /* on the disk */

/* --- message_wire.c ----------------------------------------------------------------------- */

/* What both ends of a letter, and all between, call it. */
void message_id(uint8_t id[NODE_MESSAGE_ID_LEN], const struct message *m);
/* Behind the op; content is borrowed. False: malformed. */
bool message_read(const struct node *n, struct message *m, uint64_t now_us, struct reader *r);
/* With the op; returns its length. */
size_t message_write(const struct message *m, uint64_t now_us, uint8_t *out, size_t capacity);
/* What is sealed with a letter and goes beside it. */
#define MESSAGE_ABOUT_MAX 48
struct bytes message_about(const struct message *m, uint8_t out[MESSAGE_ABOUT_MAX]);

/* --- message_pass.c ----------------------------------------------------------------------- */

void messages_due(struct timer *timer, uint64_t now_us);
/* Something of it has changed: looks at all of them soon. */
void messages_kick(struct node *n);
void message_taken_say(struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN]);
void message_refused_say(
	struct peer *p, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN], enum message_refusal why);
void message_offer_end(struct message *m);
bool message_was_passed(const struct node *n, uint64_t now_us, const uint8_t id[NODE_MESSAGE_ID_LEN]);

/* --- message.c ---------------------------------------------------------------------------- */

/* It came for this node, from `giver`. */
void message_arrived(struct node *n, uint64_t now_us, struct peer *giver, const struct message *m);
void message_state_set(struct node *n, uint64_t now_us, struct message *m, enum node_message_state state);
/* The member with that address; NULL: none is known, or it is out. */
const struct certificate *message_member(const struct node *n, const struct address *a);
bool message_is_out(const struct node *n, const struct address *a);
/* It is for a member who is out: seals it to who has taken its place. False: nobody has. */
bool message_readdress(struct node *n, uint64_t now_us, struct message *m);

#endif
