/*
 * Messages in the daemon: what the node wants kept of them is kept (meshd/node/message.h
 * tells what they are), and whoever wrote one is answered once it is on the disk.
 *
 *   node ──store_message()──► writes, in memory ──one transaction──► thread ─► store
 *    ▲                         (bounded)                                         │
 *    └──node_message_stored()───────────────────────────────────────────────────┘
 *
 * The thread is that of the incident log (incident_thread.c). A disk that takes nothing
 * stops no message: it is said, tried again, and what a power cut would lose goes on.
 */
#ifndef MESHD_IO_MAILBOX_H
#define MESHD_IO_MAILBOX_H

#include "meshd/io/incident.h"

#define MAILBOX_FILE "messages.db"
#define MAILBOX_PENDING_MAX (256u << 10) /* bytes that wait to be written */

/* --- mailbox_store.c: the file. Used by one thread at a time ----------------------------------- */

struct mailbox_store;
/* As incident_store_open(). */
int mailbox_store_open(struct mailbox_store **out, const char *dir, bool *was_bad, char error[IO_ERROR_MAX]);
void mailbox_store_close(struct mailbox_store *s);
/* Appends a write to `w`. */
void mailbox_write(struct writer *w, struct bytes key, struct bytes value);
/* All writes, or none. Negative errno with a sentence. */
int mailbox_store_apply(struct mailbox_store *s, struct bytes writes, uint64_t date_s, char error[IO_ERROR_MAX]);
/* What is kept, in the order in which it was first. Negative errno with a sentence. */
int mailbox_store_each(struct mailbox_store *s,
	void (*each)(void *arg, struct bytes key, struct bytes value, uint64_t date_s), void *arg,
	char error[IO_ERROR_MAX]);

/* --- mailbox.c ------------------------------------------------------------------------------------ */

/* Gives the node what was kept; before there are links. What cannot be kept never stops the daemon. */
void mailbox_open(struct daemon *d);
/* Writes what is not written yet; the thread of the incident log has ended. */
void mailbox_close(struct daemon *d, struct incident_thread *thread);
void mailbox_tick(struct daemon *d, uint64_t now_us);
/* As struct node_output has them. */
bool mailbox_store_message(struct daemon *d, struct bytes key, struct bytes value);
void mailbox_message(struct daemon *d, const struct node_message *m);
/* What was under way is written, or could not be: the job is ours again. */
void mailbox_kept(struct daemon *d, uint64_t now_us, struct incident_job *job);
/* The message with this number is answered for by control_later(token), once it is stored. False: too many wait; it is
 * to be answered now. */
bool mailbox_answer_later(struct daemon *d, uint32_t number, uint64_t token);
/* Goes up with all that changes. */
uint64_t mailbox_changes(const struct daemon *d);
/* "" if it is not known here. */
const char *mailbox_name(const struct daemon *d, const struct address *a, char text[NAME_MAX_LEN + 1]);

#endif
