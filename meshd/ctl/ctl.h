/*
 * What the files of meshctl share. Each command parses its own arguments, does
 * its work and returns the exit status. Four kinds:
 *
 *   authority, enrol, identity,
 *   request, accept                   files only: offline, no daemon
 *   revoke, replace, enrol --request  the authority's file, and meshd if it is there
 *   log, report                       incident logs: meshd's, files, or both (story.c)
 *   all others                        questions to meshd (docs/control.md), printed for
 *                                     people or as they were answered (--json), or kept in
 *                                     a file (bundle, capture)
 *
 * Printing takes the answer and a stream, so that tests see what people see.
 */
#ifndef MESHD_CTL_CTL_H
#define MESHD_CTL_CTL_H

#include "crypto/crypto.h"
#include "meshd/base/traffic.h"
#include "meshd/chronicle/chronicle.h"

#include <jansson.h>
#include <stdio.h>

#define CTL_SOCKET "/run/meshd/control.sock" /* as the daemon's default */
#define CTL_ERROR_MAX 512
#define CTL_PATH_MAX 512
#define CTL_LIST_MAX 16

enum ctl_exit { CTL_GOOD = 0, CTL_BAD = 1, CTL_USAGE = 2 }; /* 2: also no daemon */

/* Prints "meshctl: ..." to stderr and returns `code`. */
__attribute__((format(printf, 2, 3))) int ctl_fail(int code, const char *format, ...);
/* The same into a buffer. */
__attribute__((format(printf, 3, 4))) int ctl_error(char error[CTL_ERROR_MAX], int code, const char *format, ...);

/* --- arguments.c ------------------------------------------------------------------------ */

struct text_list {
	unsigned count;
	const char *texts[CTL_LIST_MAX];
};

/* An option of a command; exactly one of the pointers is set. */
struct option_spec {
	const char *name; /* "--json" */
	bool *flag;
	const char **text;
	struct text_list *list; /* may be repeated */
};

/* Options in any order, "--name value" or "--name=value"; what is no option goes
 * to `rest`. 0, or -EINVAL with a sentence. */
int arguments_parse(int argc, char **argv, const struct option_spec *specs, size_t count, struct text_list *rest,
	char error[CTL_ERROR_MAX]);

/* Of commands that take a name as --name, and no word beside their options. */
int arguments_parse_named(
	int argc, char **argv, const struct option_spec *specs, size_t count, char error[CTL_ERROR_MAX]);

/* --- client.c ----------------------------------------------------------------------------- */

/* Asks and takes over `request`. The answer, or NULL with a sentence; an answer
 * that says "ok": false counts as a failure. *code is -ECONNREFUSED if nobody is
 * there, -ENOENT if meshd says no. */
json_t *client_ask(const char *socket_path, json_t *request, int *code, char error[CTL_ERROR_MAX]);
/* Adds `bytes`, at most CLIENT_BYTES_MAX, which may be secret, under `key` in base64. */
#define CLIENT_BYTES_MAX 1024
void client_hand_in(json_t *request, const char *key, struct bytes bytes);
/* Asks, takes over `request`, and hands on each line that comes, the answer first, until meshd ends or says no: errors
 * as above. */
int client_follow(const char *socket_path, json_t *request, void (*each)(void *arg, const json_t *line), void *arg,
	char error[CTL_ERROR_MAX]);
/* Asks and takes over `request`; once meshd has said yes, the socket, on which what follows is no lines. Else -1, and
 * *code as of client_ask(). */
int client_stream(const char *socket_path, json_t *request, int *code, char error[CTL_ERROR_MAX]);

/* Tells what went wrong as of client_ask(); the exit status: meshd has said no, or nobody could be asked. */
int client_fail(int code, const char *error);

/* --- random.c -------------------------------------------------------------------------------- */

extern const struct random ctl_random; /* the kernel's */

/* --- file.c: secrets in files ---------------------------------------------------------------- */

/* Length, or a negative errno with a sentence; at most ENROLMENT_TEXT_MAX bytes. */
int file_read(const char *path, char text[ENROLMENT_TEXT_MAX], char error[CTL_ERROR_MAX]);
/* Mode 0600, whole or not at all, synced. -EEXIST unless `replace`. */
int file_write(const char *path, const char *text, size_t len, bool replace, char error[CTL_ERROR_MAX]);
/* What is no secret, too: "-" is standard output. */
int file_deliver(const char *path, const char *text, size_t len, bool replace, char error[CTL_ERROR_MAX]);
bool file_exists(const char *path);

/* --- passphrase.c, authority_file.c ----------------------------------------------------------- */

/* The first line of `file`; NULL: asked for at the terminal. 0, or a negative errno with a sentence. */
int passphrase_get(const char *file, const char *prompt, char out[PASSPHRASE_MAX + 1], char error[CTL_ERROR_MAX]);
/* A new one: long enough, and asked for twice. */
int passphrase_choose(const char *file, char out[PASSPHRASE_MAX + 1], char error[CTL_ERROR_MAX]);

struct authority_file {
	const char *path, *passphrase_file; /* NULL: the terminal is asked if there must be one */
	bool is_locked;
	char passphrase[PASSPHRASE_MAX + 1];
	struct secret_authority key;
};
/* May be called again: the passphrase is asked for once. 0, or a negative errno with a sentence: -EACCES is a wrong
 * passphrase. */
int authority_file_load(struct authority_file *f, char error[CTL_ERROR_MAX]);
int authority_file_save(const struct authority_file *f, bool replace, char error[CTL_ERROR_MAX]);
void authority_file_done(struct authority_file *f);

/* --- registry.c: who was enrolled (beside the authority file, FILE.issued) ---------------------- */

#define REGISTRY_MAX 65536
#define REGISTRY_KEY_TEXT 33
struct registry_entry {
	uint32_t serial;
	uint32_t not_before, not_after; /* minutes since 1970 */
	enum level level;
	char name[NAME_MAX_LEN + 1];
	uint8_t prefix_count;
	struct prefix prefixes[CERTIFICATE_PREFIX_MAX];
	bool has_roles; /* they are known: */
	uint8_t roles; /* enum role */
	char key[REGISTRY_KEY_TEXT]; /* of its keys: the hash's first bytes; "": not known */
};
#define ROLES_TEXT 32
unsigned role_parse(const char *word); /* of enum role; 0: none */
const char *roles_format(unsigned roles, char text[ROLES_TEXT]); /* "gateway command-post", "guest", "" */
struct registry {
	int fd; /* locked until registry_close() */
	char path[CTL_PATH_MAX];
	size_t count, capacity;
	struct registry_entry *entries;
};
/* Makes the file if there is none, and waits for its lock. */
int registry_open(struct registry *r, const char *authority_path, char error[CTL_ERROR_MAX]);
int registry_add(struct registry *r, const struct certificate *c, char error[CTL_ERROR_MAX]);
void registry_close(struct registry *r); /* or nothing, if fd is -1 */
/* By name, letter case aside; NULL: free. */
const struct registry_entry *registry_find(const struct registry *r, const char *name);
/* The last one with these keys; NULL: they are new. */
const struct registry_entry *registry_find_key(const struct registry *r, const struct identity_public *key);
/* "backpack-1" taken: "backpack-2". Empty if none fits. */
void registry_suggest(const struct registry *r, const char *name, char out[NAME_MAX_LEN + 1]);

/* --- date.c ----------------------------------------------------------------------------------------- */

/* Minutes since 1970; the build's date if the clock is behind it (*is_guess). */
uint32_t date_now(bool *is_guess);
const char *date_format(uint32_t minutes, char text[16]); /* "2026-11-24" */

/* --- story.c: incident logs, of this node and from files -------------------------------------------------- */

struct story {
	bool json, csv, force;
	bool own; /* not what was collected of other nodes */
	const char *socket, *from_text, *to_text, *out;
	struct text_list merge; /* files */
	int64_t from_ms, to_ms; /* the range; as far as there are entries */
	struct chronicle chronicle;
};
/* Loads the files, or asks meshd for its log and the copies that it has of others' and then the files (--merge), aligns
 * them, and finds the range: 0, or the exit status, with the error told. story_done() in any case. */
int story_load(struct story *s, const struct text_list *files);
void story_done(struct story *s);
/* The log is as it was signed, by a node of the same authority as that of the first one. */
bool story_holds(const struct story *s, unsigned log);
/* Tells on `out` of logs that do not hold; how many those are. */
unsigned story_faults_print(const struct story *s, FILE *out);
/* "log of town-3, until 2026-11-24 14:05:00": of which nodes there are copies, and how far those go. */
void story_copies_print(const struct story *s, FILE *out);
/* One sentence on a log: whose it is, and whether it holds. */
#define STORY_TEXT 400
const char *story_trust_text(const struct story *s, unsigned log, char text[STORY_TEXT]);
bool story_has(const struct story *s, int64_t ms); /* within the range */
/* Within the range, and to be shown: what a clock was and what was tested the report tells in its own way. */
bool story_tells(const struct story *s, const struct chronicle_entry *e);

/* --- enrol.c ----------------------------------------------------------------------------------------- */

/* Another machine gets the name, level, networks and roles of `as`: keys and certificate in `out`; or, if it sent a
 * request, the answer to that. 0, or a negative errno with a sentence. The certificate is in *c. */
int enrol_again(struct authority_file *f, const struct registry_entry *as, const struct request *request,
	const char *out, bool force, struct certificate *c, char error[CTL_ERROR_MAX]);

/* --- guest.c ----------------------------------------------------------------------------------------- */

#define GUEST_CLASSES_TEXT 32
const char *guest_classes_format(unsigned classes, char text[GUEST_CLASSES_TEXT]); /* "text, voice" */

/* --- admit.c, qr.c: requests and answers, as people bring them ---------------------------------------- */

#define CTL_KEY "/etc/meshd/node.key" /* as the daemon's default */
#define CTL_STATE "/var/lib/meshd" /* the same */
/* The text in a file, what is typed or piped in ("-": words are checked line by line at a terminal), or `source` itself
 * if it is no file's name. 0, or a negative errno with a sentence. */
int admit_text(const char *source, char text[SPOKEN_TEXT_MAX], char error[CTL_ERROR_MAX]);
/* What is wrong with words, and what to do: "the request: line 2, word 3 ..."; -EBADMSG. */
int admit_fault(char error[CTL_ERROR_MAX], const char *what, const struct spoken_fault *f);
/* From where admit_text() has it. */
int admit_request(struct request *r, const char *source, char error[CTL_ERROR_MAX]);
/* Likewise; `own` keys complete words. */
int admit_answer(struct grant *g, const char *source, const struct identity_public *own, char error[CTL_ERROR_MAX]);
/* Hands the answer to meshd, which passes it on to its machine; as client_ask(). */
json_t *admit_tell(const struct grant *g, const char *socket_path, int *code, char error[CTL_ERROR_MAX]);
/* One line each, with its number, to be read out. */
void admit_words_print(const char *words, FILE *out);
json_t *admit_words_json(const char *words); /* an array of lines */
/* A QR code of the text, as blocks; in black on white whatever the terminal's colours are, if `is_terminal`. */
int qr_print(const char *text, bool is_terminal, FILE *out); /* -errno */

/* --- list_file.c: who is out ------------------------------------------------------------------------ */

int list_load(struct revocation *r, const char *path, char error[CTL_ERROR_MAX]);
int list_save(const struct revocation *r, const char *path, char error[CTL_ERROR_MAX]);
/* The list at `path`, if there is one, joined with that in meshd's answer to "members" (NULL: none). -EKEYREJECTED with
 * a sentence: one of them is another authority's. */
int list_gather(struct revocation *r, const char *path, const json_t *members, const struct authority *a,
	char error[CTL_ERROR_MAX]);
/* For the next list. A clock that is a year ahead of all that was signed before is wrong (*is_guess): nodes believe
 * that it is not earlier, and would end certificates. */
uint32_t list_date(const struct revocation *r, const struct registry *registry, bool *is_guess);
/* Hands it to meshd, with the key that goes with it, which may be NULL; as client_ask(). */
json_t *list_tell(const struct revocation *r, const struct secret_deployment_key *key, const char *socket_path,
	int *code, char error[CTL_ERROR_MAX]);
/* The file beside a list's that has that key, and is secret. */
#define LIST_KEY_SUFFIX ".secret"
#define LIST_KEY_PATH_MAX (CTL_PATH_MAX + 32)
/* -ENOENT, and no error: there is none. */
int list_key_load(struct secret_deployment_key *key, const char *list_path, char error[CTL_ERROR_MAX]);
int list_key_save(const struct secret_deployment_key *key, const char *list_path, char error[CTL_ERROR_MAX]);
void list_key_remove(const char *list_path);

/* --- table.c: aligned columns ------------------------------------------------------------------------- */

#define TABLE_COLUMNS_MAX 12
struct table {
	unsigned columns;
	size_t count, capacity; /* cells */
	char **cells;
};
void table_init(struct table *t, unsigned columns);
/* The same, and the first row. */
void table_begin(struct table *t, const char *const *heads, unsigned columns);
__attribute__((format(printf, 2, 3))) void table_cell(struct table *t, const char *format, ...);
void table_print(const struct table *t, FILE *out, const char *indent);
void table_done(struct table *t);
unsigned text_width(const char *text); /* columns on a terminal */

/* --- words.c: values in words ---------------------------------------------------------------------------- */

#define WORDS_MAX 64
const char *words_metric(const json_t *metric, char text[WORDS_MAX]);
const char *words_ago(const json_t *seconds, char text[WORDS_MAX]);
const char *words_span(json_int_t seconds, char text[WORDS_MAX]); /* "3 min" */
/* The reverse: "30m", "8h", "90s", "90" in seconds; -1: none of these. */
long span_parse(const char *text);
/* The same; -EINVAL with a sentence. */
int span_argument(long *seconds, const char *text, char error[CTL_ERROR_MAX]);
/* "for SPAN" is taken off the end of the words. How long: `usual_s` without it; 0 if it ends now (--off), and then
 * there is no span to write. -EINVAL with a sentence. */
int span_take(struct text_list *words, bool is_off, long usual_s, long *for_s, char error[CTL_ERROR_MAX]);
const char *words_bytes(json_int_t bytes, char text[WORDS_MAX]);
/* What works by the routes' word: "all", "no pictures" (bulk), "no voice" (command), "messages only". */
const char *words_classes(const json_t *classes);
extern const char *const words_purposes[TRAFFIC_CLASSES]; /* of a class: "text", "voice", "pictures" */
/* Of an outage (docs/control.md): what was lost, "text, voice" or "(start)"; and the members that say what came back
 * when, the last one when all had. */
const char *words_lost(const json_t *outage, char text[WORDS_MAX]);
#define WORDS_MARKS 5
extern const char *const words_mark_keys[WORDS_MARKS];
/* A string member, "" if there is none. */
const char *json_text(const json_t *object, const char *key);
json_int_t json_number(const json_t *object, const char *key);
bool json_flag(const json_t *object, const char *key);
bool json_has(const json_t *list, const char *word); /* one of its strings is that */

/* --- the commands ------------------------------------------------------------------------------------------ */

int command_authority(int argc, char **argv);
int command_enrol(int argc, char **argv);
int command_guest(int argc, char **argv);
int command_request(int argc, char **argv);
int command_accept(int argc, char **argv);
int command_identity(int argc, char **argv);
int command_status(int argc, char **argv);
int command_nodes(int argc, char **argv);
int command_links(int argc, char **argv);
int command_routes(int argc, char **argv);
int command_why(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_bundle(int argc, char **argv);
int command_avoid(int argc, char **argv);
int command_prefer(int argc, char **argv);
int command_cost(int argc, char **argv);
int command_drain(int argc, char **argv);
int command_classes(int argc, char **argv);
int command_reach(int argc, char **argv);
int command_events(int argc, char **argv);
int command_outages(int argc, char **argv);
int command_alarms(int argc, char **argv);
int command_silence(int argc, char **argv);
int command_report(int argc, char **argv);
int command_log(int argc, char **argv);
int command_members(int argc, char **argv);
int command_send(int argc, char **argv);
int command_inbox(int argc, char **argv);
int command_outbox(int argc, char **argv);
int command_pair(int argc, char **argv);
int command_capture(int argc, char **argv);
int command_revoke(int argc, char **argv);
int command_replace(int argc, char **argv);

void status_print(const json_t *answer, FILE *out);
void nodes_print(const json_t *answer, FILE *out);
void links_print(const json_t *answer, FILE *out);
void routes_print(const json_t *answer, FILE *out);
void why_print(const json_t *answer, FILE *out);
void diff_print(const json_t *answer, FILE *out);
void reload_print(const json_t *answer, FILE *out);
void classes_print(const json_t *answer, FILE *out);
void reach_print(const json_t *answer, FILE *out);
void events_print(const json_t *answer, FILE *out);
void outages_print(const json_t *answer, FILE *out);
void alarms_print(const json_t *answer, FILE *out);
void members_print(const json_t *answer, FILE *out);
void sent_print(const json_t *answer, FILE *out);
void inbox_print(const json_t *answer, FILE *out);
void outbox_print(const json_t *answer, FILE *out);
void pair_print(const json_t *answer, FILE *out);

/* Parses --json, --socket and `words`. 0, or the exit status. */
struct question {
	bool json;
	const char *socket;
	const char *dest;
	const char *class; /* NULL: none was written */
	bool start; /* of reach: ask others, not only what is known */
	bool follow; /* of events, inbox, outbox: go on */
};
/* What may stand there beside the options: one destination, which must; a class behind it, which need not. */
#define QUESTION_DEST 1
#define QUESTION_CLASS 2
#define QUESTION_FOLLOW 4 /* the option --follow */
int question_parse(struct question *q, int argc, char **argv, unsigned words);
/* Asks "request" (and dest, class), page by page; NULL: errors as of client_ask(), or -EINVAL. */
json_t *question_pages(const struct question *q, const char *request, int *code, char error[CTL_ERROR_MAX]);
/* The same; NULL with *status set after the error was told. */
json_t *question_ask(const struct question *q, const char *request, int *status);
void json_print(const json_t *answer, FILE *out);
typedef void (*answer_printer)(const json_t *answer, FILE *out);
/* For people by `print`, or as it came. */
void answer_print(const struct question *q, const json_t *answer, answer_printer print);
/* A command that asks once, and prints. Its exit status: what `is_good` makes of the answer; NULL: any is. */
int question_command(int argc, char **argv, const char *request, unsigned words, answer_printer print,
	bool (*is_good)(const json_t *answer));

#endif
