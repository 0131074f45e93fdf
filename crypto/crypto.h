/*
 * Identity, certificates, Noise handshakes and transport sessions: the public
 * face of crypto/. No I/O, no clock, no globals: time and randomness are
 * arguments. sodium_init() must have been called once by the program.
 *
 * Who owns what: every struct here is embedded by its user. Those that hold
 * secrets have a _done() that wipes them. Sizes are on the wire as stated.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "meshd/base/address.h"
#include "meshd/base/bytes.h"
#include "meshd/base/random.h"

#define KEY_LEN 32 /* X25519, ChaCha20-Poly1305 and pre-shared keys */
#define SIGN_PUBLIC_LEN 32
#define SIGN_SECRET_LEN 64
#define SIGNATURE_LEN 64
#define TAG_LEN 16
#define NAME_MAX_LEN 32 /* node name, bytes */
#define CERTIFICATE_MAX_LEN 320
#define CERTIFICATE_PREFIX_MAX 8
#define CERTIFICATE_HASH_LEN 8

/* --- small tools ------------------------------------------------------------- */

/* BLAKE2b, unkeyed or keyed, of one run of bytes; out_len 1..64, key_len 0..64. */
void hash_bytes(uint8_t *out, size_t out_len, struct bytes message, struct bytes key);
bool secret_equal(const void *a, const void *b, size_t len); /* constant time */
void secret_wipe(void *p, size_t len);
/* What the text, NUL-terminated, says in base64; its length. -EBADMSG: no text, not base64, or more than fits. */
int base64_read(const char *text, uint8_t *out, size_t capacity);

/* --- identity ---------------------------------------------------------------- */

struct identity_public {
	uint8_t sign[SIGN_PUBLIC_LEN]; /* Ed25519 */
	uint8_t dh[KEY_LEN]; /* X25519 */
};

struct secret_identity {
	struct identity_public public;
	uint8_t sign_secret[SIGN_SECRET_LEN];
	uint8_t dh_secret[KEY_LEN];
};

void identity_generate(struct secret_identity *id, const struct random *random);
void identity_done(struct secret_identity *id);
/* Node hash: BLAKE2b-256 over sign || dh. */
void identity_hash(uint8_t hash[32], const struct identity_public *id);
/* ULA: deployment /48 || first 80 bits of the node hash. `deployment` is the
 * network's 4 byte id; the /48 is fd || 40 bits of its hash. */
struct prefix deployment_prefix(uint32_t deployment);
struct address identity_address(const struct identity_public *id, uint32_t deployment);
/* Babel router-id: the low 64 bits of the address. A node that lost its sequence
 * number is a new one to the others: it draws the first ROUTER_ID_FREE bytes
 * anew (protocol.md 6.3). */
#define ROUTER_ID_FREE 2
void identity_router_id(uint8_t rid[8], const struct identity_public *id);

/* --- authority and certificates (protocol.md 4.2) ------------------------------ */

enum level { LEVEL_CITY = 0, LEVEL_DISTRICT = 1, LEVEL_TOWN = 2, LEVEL_SCENE = 3 };
const char *level_name(enum level level);
int level_parse(enum level *out, const char *text); /* -EINVAL */

enum role { ROLE_GATEWAY = 1, ROLE_COMMAND_POST = 2, ROLE_GUEST = 4 };

struct authority {
	uint32_t deployment;
	uint8_t sign_public[SIGN_PUBLIC_LEN];
};

struct secret_authority {
	struct authority public;
	uint8_t sign_secret[SIGN_SECRET_LEN];
	uint8_t psk[KEY_LEN]; /* the deployment's pre-shared key */
	uint32_t next_serial; /* of the next certificate; from 1 */
};

void authority_generate(struct secret_authority *a, const struct random *random);
void authority_done(struct secret_authority *a);
uint32_t authority_id(const struct authority *a); /* issuer id: first 4 bytes of the hash of its key */

/*
 * What a guest is admitted for: a certificate with ROLE_GUEST says it. It sends to, and hears from, what lies in `to`
 * and no more; it is no gateway, and nobody's way. It ends by its date, and with the list of who is out that has the
 * number `until_list` or a higher one, whatever the clocks say.
 */
#define GUEST_TEXT 1 /* classes of traffic, as bits */
#define GUEST_COMMAND 2
#define GUEST_BULK 4
#define GUEST_ALL 7
struct guest_scope {
	uint16_t until_list; /* 0: its date alone ends it */
	uint8_t classes;
	uint8_t agency_len;
	char agency[NAME_MAX_LEN + 1]; /* whose guest it is, as a name; NUL-terminated */
	uint8_t to_count; /* 1.. */
	struct prefix to[CERTIFICATE_PREFIX_MAX];
};

struct certificate {
	uint8_t version; /* 1 */
	enum level level; /* bits 0-1 of the role byte on the wire */
	uint8_t roles; /* enum role, bits 2-4 on the wire */
	uint32_t deployment;
	uint16_t short_id;
	uint16_t generation;
	uint32_t serial;
	uint32_t not_before, not_after; /* minutes since 1970 */
	uint32_t issuer;
	struct identity_public key;
	uint8_t name_len;
	char name[NAME_MAX_LEN + 1]; /* printable UTF-8, no control bytes; NUL-terminated */
	uint8_t prefix_count;
	struct prefix prefixes[CERTIFICATE_PREFIX_MAX]; /* LAN prefixes, both families */
	struct guest_scope guest; /* zeros without ROLE_GUEST */
	uint8_t signature[SIGNATURE_LEN];
};

/* Fills version, issuer, deployment, serial (and takes it), short_id (low 16 bits of the serial) and signs. The
 * caller has set the rest. -EINVAL: name or prefixes are not encodable (all in CERTIFICATE_MAX_LEN), or no serial
 * is left; nothing is changed then. */
int certificate_issue(struct certificate *c, struct secret_authority *a);
/* Length written, or -ENOSPC; -EINVAL: not encodable. */
int certificate_encode(const struct certificate *c, uint8_t *out, size_t capacity);
/* -EBADMSG: malformed or trailing bytes. Checks form only. */
int certificate_decode(struct certificate *c, struct bytes bytes);
/* First 8 bytes of BLAKE2b-256 over the encoding; the certificate must be encodable. */
void certificate_hash(uint8_t hash[CERTIFICATE_HASH_LEN], const struct certificate *c);

/* What is known of the time: a lower bound that only authority-signed dates, the
 * build date and a trusted clock raise (protocol.md 5). Minutes since 1970. */
struct time_floor {
	uint32_t t_lo;
};
/* 0; -EKEYREJECTED: wrong issuer, deployment or signature; -EKEYEXPIRED: t_lo is
 * after not_after. not_before is advisory. */
int certificate_verify(const struct certificate *c, const struct authority *a, const struct time_floor *t);
/* What a node once verified it need not verify again at each start: it keeps beside
 * the certificate a proof that only the holder of its own identity can make.
 * `encoded` is the certificate as it is encoded, `key` is from proof_key(). */
#define CERTIFICATE_PROOF_LEN 16
void proof_key(uint8_t key[KEY_LEN], const struct secret_identity *id);
void certificate_proof(uint8_t proof[CERTIFICATE_PROOF_LEN], const uint8_t key[KEY_LEN], const struct authority *a,
	struct bytes encoded);
/* As certificate_verify(), but -EKEYREJECTED where that would verify and the proof is
 * another's or of another certificate. `c` was decoded from `encoded`. */
int certificate_verify_proven(const struct certificate *c, const struct authority *a, const struct time_floor *t,
	const uint8_t key[KEY_LEN], struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN]);
/* May the holder originate `prefix` with this router-id (its free bytes may be any)? True for its own host
 * address (/128) and for a named prefix or any longer prefix inside one. A named
 * prefix that covers the whole deployment (a gateway's ::/0) does not reach into
 * it. Does not verify the certificate. */
bool certificate_authorises(const struct certificate *c, const struct prefix *prefix, const uint8_t rid[8]);

/* Is the address within a LAN prefix of the holder? */
bool certificate_has_behind(const struct certificate *c, const struct address *a);
/* May the holder, a guest, send to this address or be sent to from it? */
bool guest_may_meet(const struct certificate *c, const struct address *a);

/* --- revocation (revocation.c) -------------------------------------------------- */

/* Serials of certificates that are out, signed by the authority. Lists are told apart by their epoch, from 1: the
 * higher one holds, and names all that the lower one named. Epoch 0: there is none. */
#define REVOCATION_BITMAP_MAX 430
#define REVOCATION_SERIAL_MAX (REVOCATION_BITMAP_MAX * 8u)
#define REVOCATION_MAX_LEN 511
struct revocation {
	uint32_t deployment;
	uint32_t issuer;
	uint16_t epoch;
	uint32_t date; /* when it was signed; minutes since 1970 */
	uint16_t min_generation; /* certificates of a lower one are out, all of them */
	uint16_t bitmap_len;
	uint8_t bitmap[REVOCATION_BITMAP_MAX];
	uint8_t signature[SIGNATURE_LEN];
};
bool revocation_names(const struct revocation *r, uint32_t serial);
/* Is this certificate out: by its serial, its generation, or as a guest's that was to end by now? */
bool revocation_ends(const struct revocation *r, const struct certificate *c);
unsigned revocation_count(const struct revocation *r); /* serials that it names */
/* -ERANGE: not a serial that a list can name (1..REVOCATION_SERIAL_MAX). Must be issued again afterwards. */
int revocation_add(struct revocation *r, uint32_t serial);
/* Whoever either names, and the later of all else; likewise. */
void revocation_join(struct revocation *r, const struct revocation *other);
/* Takes the next epoch and signs. `date` only ever goes up. -ERANGE: no epoch is left. */
int revocation_issue(struct revocation *r, const struct secret_authority *a, uint32_t date);
/* Length written, or -ENOSPC; -EINVAL: it was never issued. */
int revocation_encode(const struct revocation *r, uint8_t *out, size_t capacity);
/* -EBADMSG: malformed. Checks form only; one encoding of each list. */
int revocation_decode(struct revocation *r, struct bytes bytes);
/* -EKEYREJECTED: another deployment, another authority, or not signed by it. */
int revocation_verify(const struct revocation *r, const struct authority *a);
/* As a file, which is not secret; length without NUL, or -ENOSPC. */
int revocation_format(const struct revocation *r, char *text, size_t capacity);
int revocation_parse(struct revocation *r, struct bytes text); /* -EBADMSG: malformed or damaged */

/* --- keys that take the place of the deployment's (deployment_key.c) ----------------------- */

/* Number n goes with the list that has the epoch n; number 0, of which there is no such object, is what members were
 * enrolled with. All copies of the authority's file make the same ones. */
#define DEPLOYMENT_KEY_LEN 107
struct secret_deployment_key {
	uint32_t deployment;
	uint32_t issuer;
	uint16_t number; /* from 1 */
	uint8_t psk[KEY_LEN];
	uint8_t signature[SIGNATURE_LEN];
};
void deployment_key_done(struct secret_deployment_key *k);
/* Signed. -ERANGE: 0 is no number of one. */
int deployment_key_make(struct secret_deployment_key *k, const struct secret_authority *a, uint16_t number);
/* In the clear: for the disk, and for the operator's own machine. */
void deployment_key_encode(const struct secret_deployment_key *k, uint8_t out[DEPLOYMENT_KEY_LEN]);
/* -EBADMSG: malformed. Checks form only. */
int deployment_key_decode(struct secret_deployment_key *k, struct bytes bytes);
/* -EKEYREJECTED: another deployment, another authority, or not signed by it. */
int deployment_key_verify(const struct secret_deployment_key *k, const struct authority *a);
/* As a file, which is secret. Length without NUL, or -ENOSPC. */
int deployment_key_format(const struct secret_deployment_key *k, char *text, size_t capacity);
int deployment_key_parse(struct secret_deployment_key *k, struct bytes text); /* -EBADMSG: malformed or damaged */
/* As it goes from one member to another, by the X25519 keys of both: of use to that one alone. -EPROTO: `to` is no
 * usable key. */
int deployment_key_hide(const struct secret_deployment_key *k, const struct secret_identity *from,
	const uint8_t to[KEY_LEN], uint8_t out[DEPLOYMENT_KEY_LEN]);
/* The reverse; whether it was for us deployment_key_verify() tells. -EBADMSG, -EPROTO. */
int deployment_key_reveal(struct secret_deployment_key *k, const struct secret_identity *to,
	const uint8_t from[KEY_LEN], struct bytes hidden);

/* One file holds what a node needs: its keys, its certificate, the authority's
 * public key and the deployment key. The file is text: a comment line that
 * names the node, then one base64 blob with a checksum. */
struct enrolment {
	struct secret_identity identity;
	struct certificate certificate;
	struct authority authority;
	uint8_t psk[KEY_LEN];
};
#define ENROLMENT_TEXT_MAX 2048
void enrolment_done(struct enrolment *e);
int enrolment_format(const struct enrolment *e, char *text, size_t capacity); /* length without NUL, or -ENOSPC */
/* -EBADMSG: malformed or damaged; -EKEYREJECTED: parts do not belong together. */
int enrolment_parse(struct enrolment *e, struct bytes text);
/* The authority's own secret file, in the same manner. */
int authority_format(const struct secret_authority *a, char *text, size_t capacity);
int authority_parse(struct secret_authority *a, struct bytes text); /* -ENOKEY: it is locked */
/* The same under a passphrase, which costs 64 MiB and a noticeable time to try. -ENOMEM, too. */
#define PASSPHRASE_MIN 8
#define PASSPHRASE_MAX 256
int authority_format_locked(const struct secret_authority *a, struct bytes passphrase, const struct random *random,
	char *text, size_t capacity);
int authority_parse_locked(
	struct secret_authority *a, struct bytes text, struct bytes passphrase); /* -EACCES: another passphrase */

/* --- bytes that people say to each other (spoken.c) --------------------------------- */

#define SPOKEN_MAX 384 /* bytes */
#define SPOKEN_LINE_WORDS 12 /* of which the last two check the others */
#define SPOKEN_WORD_TEXT 12
#define SPOKEN_HEARD_TEXT 16
#define SPOKEN_TEXT_MAX 4096 /* of the longest message */
/* What is wrong with words that were typed, and where: lines and words count from 1. */
enum spoken_fault_kind {
	SPOKEN_WORD_UNKNOWN, /* `heard` is no word at all */
	SPOKEN_WORD_WRONG, /* it should be `meant`, if all others of its line are right */
	SPOKEN_LINE_WRONG, /* more than one word of the line */
	SPOKEN_LINE_MISPLACED, /* it is `other_line`, if it is right */
	SPOKEN_SHORT, /* words are missing at the end of the line; of line 1: lines may be missing */
	SPOKEN_LONG, /* there are too many */
	SPOKEN_SUM_WRONG, /* every line is right by itself, but not all together */
	SPOKEN_KIND_WRONG, /* they are right, and are something else */
};
struct spoken_fault {
	enum spoken_fault_kind kind;
	unsigned line, word, other_line;
	char heard[SPOKEN_HEARD_TEXT], meant[SPOKEN_WORD_TEXT];
};
/* Lines of words, NUL-terminated; `kind` tells messages apart. Length without NUL, or -ENOSPC. */
int spoken_format(uint8_t kind, struct bytes contents, char *text, size_t capacity);
/* The reverse: words in any case, with spaces, commas, hyphens or line ends between them. Length; -EBADMSG, and *f. */
int spoken_parse(uint8_t kind, struct bytes text, uint8_t *out, size_t capacity, struct spoken_fault *f);
/* Line number `line`, alone, as it was typed: its words; 0: it is empty; -EBADMSG, and *f. */
int spoken_line_check(struct bytes text, unsigned line, struct spoken_fault *f);

/* --- admission (request.c, grant.c) --------------------------------------------------- */

/* A machine makes its own keys and asks; nothing in what it shows is secret but to the extent that `ticket` is: who
 * answers must have seen it. */
#define TICKET_LEN 3
struct request {
	struct identity_public key;
	enum level level; /* as it wishes */
	uint8_t ticket[TICKET_LEN];
	uint8_t name_len;
	char name[NAME_MAX_LEN + 1];
};
/* The machine's own part, for a file that it keeps: the request, and the keys that it is about. */
struct secret_request {
	struct request request;
	struct secret_identity identity;
};
/* -EINVAL: not a name that a certificate can have. */
int request_make(struct secret_request *r, const char *name, enum level level, const struct random *random);
void request_done(struct secret_request *r);
/* As the file; length without NUL, or -ENOSPC. */
int request_format_secret(const struct secret_request *r, char *text, size_t capacity);
int request_parse_secret(struct secret_request *r, struct bytes text); /* -EBADMSG: malformed or damaged */
/* What it is until it has an answer: the only member of a deployment of its own, whose authority nobody has. */
void request_alone(struct enrolment *e, const struct secret_request *r, const struct random *random);
/* To be shown: a file, words, or one short line (for a QR code). Length without NUL, or -ENOSPC. */
int request_format(const struct request *r, char *text, size_t capacity);
int request_format_words(const struct request *r, char *text, size_t capacity);
int request_format_line(const struct request *r, char *text, size_t capacity);
/* Any of the three. -EBADMSG: malformed or damaged; *f tells more of words, and `*is_words` whether they were. */
int request_parse(struct request *r, struct bytes text, bool *is_words, struct spoken_fault *f);

/*
 * What the authority answers: the certificate, its own key, and, for the holder of the requested keys alone, the
 * deployment key and the ticket. It may lie about, and be passed on in the open.
 */
#define GRANT_SEALED_LEN (KEY_LEN + TICKET_LEN + TAG_LEN)
#define GRANT_MAX_LEN (3 + CERTIFICATE_MAX_LEN + SIGN_PUBLIC_LEN + GRANT_SEALED_LEN)
struct grant {
	struct certificate certificate;
	struct authority authority;
	uint8_t sealed[GRANT_SEALED_LEN];
};
/* -EINVAL: the request's keys are none that something can be sealed for. `c` was issued for them. */
int grant_make(struct grant *g, const struct certificate *c, const uint8_t ticket[TICKET_LEN],
	const struct secret_authority *a);
/* What grant_make() was given, by who made it; -EBADMSG: somebody else did. */
int grant_ticket(uint8_t ticket[TICKET_LEN], const struct grant *g, const struct secret_authority *a);
/* The whole of a member's file, of `own` keys. -ENXIO: it is for another machine; -EKEYREJECTED: forged: the authority
 * that it names has not signed it; -EPERM: who made it has not seen the request; -EKEYEXPIRED. */
int grant_open(
	struct enrolment *e, const struct grant *g, const struct secret_request *own, const struct time_floor *t);
/* Length written, or -ENOSPC. */
int grant_encode(const struct grant *g, uint8_t *out, size_t capacity);
int grant_decode(struct grant *g, struct bytes bytes); /* -EBADMSG: malformed; checks form only */
/* As a file, or as words, which lack the machine's own keys. Length without NUL, or -ENOSPC. */
int grant_format(const struct grant *g, char *text, size_t capacity);
int grant_format_words(const struct grant *g, char *text, size_t capacity);
/* Either. `own` keys complete what words lack. As request_parse(). */
int grant_parse(
	struct grant *g, struct bytes text, const struct identity_public *own, bool *is_words, struct spoken_fault *f);

/* --- a log that is not changed unseen (log_chain.c) -------------------------------- */

/* A run of entries of a node's log, by its number from 1; `before` is the hash of the run before it, zeros where there
 * was none. */
#define LOG_HASH_LEN 32
struct log_link {
	uint32_t deployment;
	uint64_t number;
	uint8_t before[LOG_HASH_LEN];
	uint8_t signature[SIGNATURE_LEN];
};
/* Signs the entries `body`; the rest of *l is set. `after` is what the next run has as `before`. */
void log_link_sign(
	struct log_link *l, struct bytes body, const struct secret_identity *id, uint8_t after[LOG_HASH_LEN]);
/* -EKEYREJECTED: it is not what the holder of the key has signed. `after` is set in any case. */
int log_link_verify(
	const struct log_link *l, struct bytes body, const uint8_t key[SIGN_PUBLIC_LEN], uint8_t after[LOG_HASH_LEN]);

/* --- Noise handshakes (protocol.md 4.1) ----------------------------------------- */

#define NOISE_HASH_LEN 64
#define NOISE_MESSAGE_MAX 1200 /* longest handshake message */
#define NOISE_PAYLOAD_MAX 900

enum noise_pattern { NOISE_XXPSK0, NOISE_IKPSK2, NOISE_X };

struct secret_noise {
	enum noise_pattern pattern;
	bool initiator;
	uint8_t next; /* index of the next message, 0.. */
	bool has_key; /* CipherState of the SymmetricState is keyed */
	uint8_t k[KEY_LEN];
	uint64_t n;
	uint8_t ck[NOISE_HASH_LEN], h[NOISE_HASH_LEN];
	uint8_t s_secret[KEY_LEN], s_public[KEY_LEN];
	uint8_t e_secret[KEY_LEN], e_public[KEY_LEN];
	uint8_t rs[KEY_LEN], re[KEY_LEN]; /* remote keys once known */
	bool has_rs;
	uint8_t psk[KEY_LEN];
};

struct noise_config {
	enum noise_pattern pattern;
	bool initiator;
	struct bytes prologue; /* hashed, not kept */
	const uint8_t *s_secret; /* own X25519 secret, 32 B, copied */
	const uint8_t *psk; /* 32 B, copied; not of NOISE_X */
	const uint8_t *remote_static; /* 32 B; needed by the initiator of IK and X, else NULL */
};

void noise_init(struct secret_noise *n, const struct noise_config *config);
void noise_done(struct secret_noise *n);
/* The ephemeral key is drawn from `random` when the message needs one. Appends
 * the message to `out`. 0; -ENOSPC; -EPROTO: not ours to write, or an invalid
 * (all-zero) DH result. After an error the state is dead: only noise_done(). */
int noise_write(struct secret_noise *n, const struct random *random, struct bytes payload, struct writer *out);
/* Reads one whole message; decrypted payload is appended to `payload`. 0;
 * -EBADMSG: does not authenticate; -EPROTO: not ours to read, or an invalid DH
 * result; -ENOSPC: `payload` is too small. After an error `n` is as before the call. */
int noise_read(struct secret_noise *n, struct bytes message, struct writer *payload);
bool noise_is_complete(const struct secret_noise *n);
/* Handshake hash and transport keys by direction; -EPROTO unless complete. */
int noise_split(const struct secret_noise *n, uint8_t send_key[KEY_LEN], uint8_t receive_key[KEY_LEN],
	uint8_t hash[NOISE_HASH_LEN]);

/* --- letters: sealed once, without an answer (letter.c; protocol.md 4.6) --------------- */

/* A Noise_X message: who opens it knows whose it is. There is no forward secrecy, and nothing in it tells a copy: that
 * is up to the user. `about` is what goes beside it in the clear and must be the same at both ends. */
#define LETTER_OVERHEAD (KEY_LEN + KEY_LEN + TAG_LEN + TAG_LEN)
/* Known to who sealed it, and to nobody else but who has opened it. */
#define LETTER_PROOF_LEN 8
/* Appends plain.len + LETTER_OVERHEAD bytes. 0; -ENOSPC; -EPROTO: `to` is no usable key. */
int letter_seal(struct writer *out, struct bytes plain, struct bytes about, const struct secret_identity *from,
	const uint8_t to[KEY_LEN], const struct random *random, uint8_t proof[LETTER_PROOF_LEN]);
/* Appends the plain text, and tells the sender's key. 0; -EBADMSG: it is not for us, or changed; -ENOSPC. */
int letter_open(struct writer *plain, struct bytes sealed, struct bytes about, const struct secret_identity *to,
	uint8_t from[KEY_LEN], uint8_t proof[LETTER_PROOF_LEN]);

/* --- transport sessions (protocol.md 4.4, 4.5) ------------------------------------ */

#define FRAME_HEADER 16 /* type, flags, sealed length, receiver index, counter */
#define FRAME_OVERHEAD (FRAME_HEADER + TAG_LEN)
#define FRAME_TYPE_DATA 10
#define REPLAY_WINDOW 2048
#define SESSION_REKEY_US (2ull * 3600 * 1000000)
#define SESSION_REKEY_FRAMES (1ull << 32)
#define SESSION_BAD_TAGS_MAX (1u << 20)
#define SESSION_COUNTER_MAX (UINT64_MAX - (1ull << 16))

struct replay_window {
	uint64_t head; /* highest counter accepted + 1; 0 = none yet */
	uint64_t bits[REPLAY_WINDOW / 64];
};
bool replay_would_accept(const struct replay_window *w, uint64_t counter);
void replay_accept(struct replay_window *w, uint64_t counter);

/* How the frames of a session look: all of a link look alike. */
enum session_form {
	SESSION_NORMAL,
	SESSION_THIN, /* of two stations: a frame does not say whom it is for */
	SESSION_THIN_SHARED, /* of many: one byte of the receiver's index says */
};

/* One pair of keys, made by one handshake. */
struct secret_session {
	enum session_form form;
	uint32_t local_index; /* what the peer writes into its frames to us */
	uint32_t remote_index;
	uint8_t send_key[KEY_LEN], receive_key[KEY_LEN];
	uint8_t send_tag_key[KEY_LEN], receive_tag_key[KEY_LEN]; /* thin only */
	uint64_t send_counter;
	struct replay_window window;
	uint64_t born_us;
	uint32_t bad_tags;
	bool initiator;
	bool received; /* at least one valid frame came: the peer has the keys */
};

void session_init(struct secret_session *s, uint32_t local_index, uint32_t remote_index,
	const uint8_t send_key[KEY_LEN], const uint8_t receive_key[KEY_LEN], bool initiator, uint64_t now_us);
void session_done(struct secret_session *s);
/* Seals in place: `frame` has FRAME_HEADER free bytes, then `plain_len` bytes of
 * plain text, then TAG_LEN free bytes. Returns the frame's length, or -EKEYEXPIRED
 * when the counter is used up. `flags` is byte 1 of the header. */
int session_seal(struct secret_session *s, uint8_t *frame, size_t plain_len, uint8_t flags);
/* Opens in place: returns the length of plain text, which is at frame +
 * FRAME_HEADER; -EBADMSG: does not authenticate (counted; frame is unchanged or
 * scrambled, nothing may be used); -EALREADY: replayed or too old;
 * -EKEYEXPIRED: too many bad tags. The window moves only on success. */
int session_open(struct secret_session *s, uint8_t *frame, size_t len);
/* By age, by count, and by half of the bad tags that would end the keys. */
bool session_wants_rekey(const struct secret_session *s, uint64_t now_us);

/* --- the same sessions on thin links (thin.c) ---
 *
 *   0    first byte: type 2, key phase 1, the user's 5
 *   1    low byte of the receiver's index        SESSION_THIN_SHARED only
 *   1-2  low 16 bits of the counter, LE64
 *   3..  cipher text (ChaCha20), tag 8
 *
 * The counter is whole at both ends: what is not sent is the one nearest to the last
 * one heard, up to 2^15 away. The key phase is bit 8 of the receiver's index, so that
 * who draws the indices tells its sessions with one peer apart. */
#define THIN_TAG_LEN 8
#define THIN_HEADER_MAX 4
#define THIN_OVERHEAD_MAX (THIN_HEADER_MAX + THIN_TAG_LEN)
#define THIN_PHASE 0x20 /* of the first byte; the user's other bits are kept */
#define THIN_INDEX_MASK 0x1ffu /* what can show of an index: key phase, byte */
#define THIN_REPLAY_WINDOW 128
#define THIN_REKEY_US (24ull * 3600 * 1000000)
#define THIN_REKEY_FRAMES (1ull << 20)

/* Makes a session that has just begun a thin one: its keys become those of the cipher and of the tag. */
void session_make_thin(struct secret_session *s, enum session_form form);
size_t thin_header_len(enum session_form form);
/* Seals in place: `frame` has thin_header_len() free bytes, then `plain_len` bytes of plain text, then THIN_TAG_LEN
 * free bytes. Returns the frame's length, or -EKEYEXPIRED when the counter is used up. */
int thin_seal(struct secret_session *s, uint8_t *frame, size_t plain_len, uint8_t first);
/* Does what the frame shows of the receiver's index fit? Several sessions may: each is tried. */
bool thin_is_for(const struct secret_session *s, struct bytes frame);
/* Opens in place: returns the length of plain text, which is behind the header, and the whole counter; errors as of
 * session_open(), but the frame is as before, so that another session can try it. */
int thin_open(struct secret_session *s, uint8_t *frame, size_t len, uint64_t *counter);
/* The counter with these low bits that is nearest to `next`. */
uint64_t thin_counter(uint64_t next, uint16_t low);

/* The receiver index of a data frame, without touching keys; false if too short. */
bool frame_receiver_index(struct bytes frame, uint32_t *index);

/* The sessions with one peer: `current` carries traffic, `pending` came from a
 * handshake that the peer started and is not proven live yet, `previous` still
 * opens what was in flight. Make-before-break:
 *
 *   initiator done: current (else pending) -> previous, pending goes, new -> current (it may send at once)
 *   responder done: new -> pending; first valid frame: pending -> current,
 *   current -> previous; previous is wiped 60 s later (thin: 10 min).
 */
struct secret_keyring {
	bool has_current, has_pending, has_previous;
	struct secret_session current, pending, previous;
	uint64_t previous_until_us;
};
void keyring_done(struct secret_keyring *k);
/* Both take over (copy and wipe) `s`. A second pending replaces the first. */
void keyring_initiated(struct secret_keyring *k, struct secret_session *s, uint64_t now_us);
void keyring_responded(struct secret_keyring *k, struct secret_session *s);
/* As session_open, by the frame's receiver index; *promoted tells that pending
 * became current. -ENOENT: no session has this index. */
int keyring_open(struct secret_keyring *k, uint64_t now_us, uint8_t *frame, size_t len, bool *promoted);
/* The same for a thin frame: what its header fits is tried. *place tells by whose keys it opened. */
struct thin_place {
	uint32_t local_index;
	uint64_t counter;
};
int keyring_open_thin(struct secret_keyring *k, uint64_t now_us, uint8_t *frame, size_t len, bool *promoted,
	struct thin_place *place);
/* With the current session; -ENOTCONN when there is none. `flags` is the first byte of a thin frame. */
int keyring_seal(struct secret_keyring *k, uint8_t *frame, size_t plain_len, uint8_t flags);
/* Wipes what has outlived its use. */
void keyring_expire(struct secret_keyring *k, uint64_t now_us);

/* --- mac1, mac2 and cookies (protocol.md 4.3) -------------------------------------- */

#define MAC_LEN 16
#define COOKIE_NONCE_LEN 24
#define COOKIE_LEN 16
#define COOKIE_SEALED_LEN (COOKIE_NONCE_LEN + COOKIE_LEN + TAG_LEN)
#define COOKIE_LIFE_US (120ull * 1000000)

/* mac1 key: hash("mesh mac1" || psk || responder static key, if `responder` is not NULL). */
void mac1_key(uint8_t key[KEY_LEN], const uint8_t psk[KEY_LEN], const uint8_t *responder);
void mac1_compute(uint8_t mac[MAC_LEN], const uint8_t key[KEY_LEN], struct bytes message);
bool mac1_verify(const uint8_t key[KEY_LEN], struct bytes message, const uint8_t mac[MAC_LEN]);

/* The side under load. The secret rotates every 120 s; the one before is still good. */
struct secret_cookie_jar {
	uint8_t secret[2][KEY_LEN];
	uint64_t rotated_us;
	bool has_secret, has_old;
};
void cookie_jar_done(struct secret_cookie_jar *j);
/* Answers a message with `mac1` from `source` (address bytes as text of any form). `sealed` can be
 * opened only by who sent mac1. */
void cookie_make(struct secret_cookie_jar *j, uint64_t now_us, const struct random *random, const uint8_t key[KEY_LEN],
	struct bytes source, const uint8_t mac1[MAC_LEN], uint8_t sealed[COOKIE_SEALED_LEN]);
bool mac2_verify(struct secret_cookie_jar *j, uint64_t now_us, const struct random *random, struct bytes source,
	struct bytes message, const uint8_t mac2[MAC_LEN]);
/* The side that got a cookie. -EBADMSG. */
int cookie_open(uint8_t cookie[COOKIE_LEN], const uint8_t key[KEY_LEN], const uint8_t mac1[MAC_LEN],
	const uint8_t sealed[COOKIE_SEALED_LEN]);
void mac2_compute(uint8_t mac[MAC_LEN], const uint8_t cookie[COOKIE_LEN], struct bytes message);

/* --- keys that authenticate plain packets of other protocols (RFC 8967) --------------- */

enum packet_algorithm {
	PACKET_HMAC_SHA256, /* RFC 2104 with SHA-256: keys of 1..64 bytes, MACs of 32 */
	PACKET_BLAKE2S, /* RFC 7693, keyed: keys of 1..32 bytes, MACs of 16 */
};
#define PACKET_KEY_MAX 64
#define PACKET_MAC_MAX 32

struct secret_packet_key {
	enum packet_algorithm algorithm;
	uint8_t len;
	uint8_t bytes[PACKET_KEY_MAX];
};
/* -EINVAL: no key of this algorithm has this length; `k` is then empty. */
int packet_key_init(struct secret_packet_key *k, enum packet_algorithm algorithm, struct bytes key);
void packet_key_done(struct secret_packet_key *k);
/* The MAC of `parts` run together; returns its length. */
size_t packet_mac(
	const struct secret_packet_key *k, const struct bytes *parts, size_t count, uint8_t mac[PACKET_MAC_MAX]);

/* Token buckets against handshake floods: 5 burst and 1/s per source, 50/s total. */
#define RATE_SOURCES_MAX 1024
struct rate_limiter;
struct rate_limiter *rate_limiter_new(const struct random *random);
void rate_limiter_free(struct rate_limiter *r);
bool rate_limiter_take(struct rate_limiter *r, uint64_t now_us, struct bytes source); /* false: refuse */

#endif
