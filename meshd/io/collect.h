/*
 * Logs of other members: this node gives its own to those that ask, and asks for theirs,
 * so that what a node saw is still told when it is gone (docs/logs.md).
 *
 *   gather.c: whom, when ──► collect.c ──────TCP, bulk──► a member's collect_serve.c
 *                                 │ an answer                      │ its runs
 *                                 ▼                                ▲
 *                 thread: collected_store.c believes       incident_store.c
 *
 * The thread is that of the incident log. What a peer makes us hold is one answer of
 * EXCHANGE_ANSWER_MAX while one is asked for, and one of that for each of
 * COLLECT_SERVED_MAX who ask.
 */
#ifndef MESHD_IO_COLLECT_H
#define MESHD_IO_COLLECT_H

#include "meshd/chronicle/exchange.h"
#include "meshd/io/control.h"
#include "meshd/io/incident.h"

#define COLLECTED_FILE "collected.db"
#define COLLECTED_MEMBER_BYTES (1u << 20) /* of one member, the newest; and of all ... */
#define COLLECTED_BYTES (32u << 20) /* ... where who has most gives way */
#define COLLECTED_RUN_BYTES 256 /* that a run costs beside its text */
#define COLLECTED_LIST_MAX 200 /* of one answer */
#define COLLECT_SERVED_MAX 4 /* at a time */
#define COLLECT_GIVE_UP_US (120 * SECOND_US) /* on who asks, or who answers */

/* --- collected_store.c: the file. Used by one thread at a time ------------------------------- */

struct collected_store;
struct collected_limits {
	uint64_t member_bytes, bytes;
};
/* As incident_store_open(). */
int collected_store_open(struct collected_store **out, const char *dir, const struct authority *authority,
	const struct collected_limits *limits, bool *was_bad, char error[IO_ERROR_MAX]);
void collected_store_close(struct collected_store *s);
/* What is here of the log of who has this key. Negative errno with a sentence. */
int collected_store_chain(struct collected_store *s, const uint8_t key[SIGN_PUBLIC_LEN], struct exchange_chain *chain,
	char error[IO_ERROR_MAX]);

/* All of an answer of the member with this certificate, which is valid. What is not whole or not to be believed ends
 * it; what was before that is kept. Negative errno with a sentence: nothing was kept. */
int collected_store_take(struct collected_store *s, const struct certificate *c, struct bytes answer,
	struct collected_answer *taken, char error[IO_ERROR_MAX]);
/* How many members' logs are here, and how new. Negative errno with a sentence. */
int collected_store_sum(struct collected_store *s, struct collected_sum *sum, char error[IO_ERROR_MAX]);
/* Members whose logs are here, the newest entry first: {name, key, first, last, until_ms, bytes}. *next as for runs. */
json_t *collected_store_list(struct collected_store *s, uint64_t from, uint64_t *next, char error[IO_ERROR_MAX]);
/* As the answer to "log", of the member with this name or key in hex: *runs NULL without an error is that there is
 * none. */
int collected_store_read(struct collected_store *s, const char *whose, uint64_t from, json_t **head, json_t **runs,
	uint64_t *next, char error[IO_ERROR_MAX]);

/* --- collect_serve.c: others ask ------------------------------------------------------------------- */

enum collect_visitor_state { VISITOR_FREE, VISITOR_SAYS, VISITOR_WAITS /* for the thread */, VISITOR_TAKES };
struct collect_visitor {
	struct daemon *d;
	enum collect_visitor_state state;
	struct address from;
	int fd;
	ev_io io;
	uint64_t since_us, token;
	size_t len, at; /* of the request, and what came; of the answer, and what went */
	uint8_t request[EXCHANGE_REQUEST_LEN];
	char *answer;
};
#define COLLECT_RECENT_MAX 64
struct collect_recent {
	struct address from;
	uint64_t at_us; /* 0: free */
};
struct collect_server {
	int fd; /* -1: not open */
	ev_io io;
	struct collect_visitor visitors[COLLECT_SERVED_MAX];
	struct collect_recent recent[COLLECT_RECENT_MAX]; /* who was let in last */
	uint64_t tokens, given;
	char error[IO_ERROR_MAX]; /* as it was said; "" */
};
void collect_server_close(struct daemon *d);
void collect_server_tick(struct daemon *d, uint64_t now_us);
void collect_given(struct daemon *d, struct incident_job *job); /* the thread has read; frees it */

/* --- collect.c: we ask, and all of it ------------------------------------------------------------------ */

enum collect_question_state {
	QUESTION_NONE,
	QUESTION_CHAIN, /* the thread looks what is here */
	QUESTION_ASKS,
	QUESTION_HEARS,
	QUESTION_TAKEN, /* the thread has the answer */
};
struct collect_question {
	enum collect_question_state state;
	struct certificate certificate; /* whom */
	uint64_t since_us, token;
	int fd; /* while it asks and hears */
	ev_io io;
	uint64_t from;
	uint8_t *answer;
	size_t len;
};
struct collect {
	struct gather gather;
	uint64_t look_us; /* who can be reached is looked at */
	struct collect_question question;
	struct collect_server server;
	struct collected_sum sum;
	bool is_summed; /* the thread has told */
	uint64_t tokens, asked, runs, refused; /* questions, runs that came, answers that were not believed */
};
/* With the incident log open; what cannot be shared never stops the daemon. */
void collect_open(struct daemon *d);
void collect_close(struct daemon *d);
void collect_tick(struct daemon *d, uint64_t now_us);
/* A job of ours is done, and ours again. */
void collect_done(struct daemon *d, uint64_t now_us, struct incident_job *job);
/* The member with this address who may have logs, and whose log is one; NULL: nobody, or one that is out. Borrowed
 * from the view. */
const struct certificate *collect_member(struct view *v, const struct address *address);

/* --- collect_socket.c: TCP between own addresses, through the mesh alone, as bulk ----------------------- */

/* Each: a socket that does not block, or negative errno. */
int collect_listen(const struct daemon *d, int backlog);
int collect_connect(const struct daemon *d, const struct address *to); /* writable once it is, or has failed */
int collect_accept(int listener, struct address *from);

#endif
