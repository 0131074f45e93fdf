/*
 * Whom this authority has enrolled, in a text file beside its key: nothing
 * secret, to be read, printed and kept.
 *
 *   serial TAB name TAB level TAB not-before TAB not-after TAB prefixes TAB roles TAB keys
 *
 * Older lists have no roles, or no keys. Those are the first bytes of the hash of a node's public keys: by
 * them a request is known that was answered before.
 *
 * It is what makes two nodes with one name an error at the desk and not a riddle
 * at the scene. Its lock also keeps two enrolments from taking one serial.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <unistd.h>

#define FIELDS 8
#define FIELDS_LEAST 6
#define LINE_MAX_LEN 1024
#define HEAD                                                                                                           \
	"# meshd: nodes enrolled with this authority: serial, name, level, from, to (minutes since 1970), prefixes, "  \
	"roles, keys\n"

static bool number_parse(uint32_t *out, const char *text)
{
	char *end;

	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	*out = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && !errno && value <= UINT32_MAX;
}

static bool prefixes_parse(struct registry_entry *e, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (e->prefix_count == CERTIFICATE_PREFIX_MAX ||
			prefix_parse(&e->prefixes[e->prefix_count++], word) < 0)
			return false;
	return true;
}

static bool roles_parse(struct registry_entry *e, char *text)
{
	char *rest = NULL;

	e->has_roles = true;
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		unsigned role = role_parse(word);

		if (!role)
			return false;
		e->roles |= (uint8_t)role;
	}
	return true;
}

static bool key_parse(struct registry_entry *e, const char *text)
{
	if (strlen(text) != sizeof(e->key) - 1 || strspn(text, "0123456789abcdef") != sizeof(e->key) - 1)
		return false;
	memcpy(e->key, text, sizeof(e->key));
	return true;
}

static const char *key_format(const struct identity_public *key, char text[REGISTRY_KEY_TEXT])
{
	uint8_t hash[32];

	identity_hash(hash, key);
	return sodium_bin2hex(text, REGISTRY_KEY_TEXT, hash, (REGISTRY_KEY_TEXT - 1) / 2);
}

/* Changes `line`. */
static bool entry_parse(struct registry_entry *e, char *line)
{
	char *fields[FIELDS];

	*e = (struct registry_entry){ 0 };
	for (unsigned i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&line, "\t");
		if (!fields[i] && i < FIELDS_LEAST)
			return false;
	}
	if (line || !*fields[1] || strlen(fields[1]) > NAME_MAX_LEN)
		return false;
	memcpy(e->name, fields[1], strlen(fields[1]) + 1);
	return number_parse(&e->serial, fields[0]) && level_parse(&e->level, fields[2]) == 0 &&
	       number_parse(&e->not_before, fields[3]) && number_parse(&e->not_after, fields[4]) &&
	       prefixes_parse(e, fields[5]) && (!fields[6] || roles_parse(e, fields[6])) &&
	       (!fields[7] || key_parse(e, fields[7]));
}

static int entry_append(struct registry *r, const struct registry_entry *e)
{
	if (r->count == REGISTRY_MAX)
		return -ENOSPC;
	if (r->count == r->capacity) {
		size_t capacity = r->capacity ? r->capacity * 2 : 64;
		struct registry_entry *more = realloc(r->entries, capacity * sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->entries = more;
		r->capacity = capacity;
	}
	r->entries[r->count++] = *e;
	return 0;
}

static int registry_load(struct registry *r, char error[CTL_ERROR_MAX])
{
	char line[LINE_MAX_LEN];
	int copy = dup(r->fd), code = 0;
	FILE *file = copy < 0 ? NULL : fdopen(copy, "r");

	if (!file)
		return ctl_error(error, -errno, "%s: %s", r->path, strerror(errno));
	rewind(file);
	for (unsigned number = 1; !code && fgets(line, sizeof(line), file); number++) {
		struct registry_entry e;

		line[strcspn(line, "\r\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		if (!entry_parse(&e, line))
			code = ctl_error(
				error, -EBADMSG, "%s:%u: cannot be read; correct or remove this line", r->path, number);
		else if (entry_append(r, &e) < 0)
			code = ctl_error(error, -ENOSPC, "%s: too many lines", r->path);
	}
	fclose(file);
	return code;
}

int registry_open(struct registry *r, const char *authority_path, char error[CTL_ERROR_MAX])
{
	*r = (struct registry){ .fd = -1 };
	if (strlen(authority_path) + sizeof(".issued") > sizeof(r->path))
		return ctl_error(error, -ENAMETOOLONG, "%.40s...: the path is too long", authority_path);
	snprintf(r->path, sizeof(r->path), "%s.issued", authority_path);
	r->fd = open(r->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (r->fd < 0 || flock(r->fd, LOCK_EX) < 0)
		return ctl_error(error, -errno,
			"%s: %s; the authority's file must be in a directory that can be written", r->path,
			strerror(errno));
	return registry_load(r, error);
}

void registry_close(struct registry *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->entries);
	*r = (struct registry){ .fd = -1 };
}

int registry_add(struct registry *r, const struct certificate *c, char error[CTL_ERROR_MAX])
{
	char line[LINE_MAX_LEN], text[PREFIX_TEXT], roles[ROLES_TEXT], key[REGISTRY_KEY_TEXT];
	int len = snprintf(line, sizeof(line), "%s%" PRIu32 "\t%s\t%s\t%" PRIu32 "\t%" PRIu32 "\t",
		lseek(r->fd, 0, SEEK_END) == 0 ? HEAD : "", c->serial, c->name, level_name(c->level), c->not_before,
		c->not_after);

	for (unsigned i = 0; i < c->prefix_count; i++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%s%s", i ? " " : "",
			prefix_format(&c->prefixes[i], text));
	len += snprintf(line + len, sizeof(line) - (size_t)len, "\t%s\t%s", roles_format(c->roles, roles),
		key_format(&c->key, key));
	line[len++] = '\n';
	if (write(r->fd, line, (size_t)len) == len && fsync(r->fd) == 0)
		return 0;
	return ctl_error(
		error, -EIO, "%s: cannot be written: %s; free some space and enrol again", r->path, strerror(errno));
}

const struct registry_entry *registry_find(const struct registry *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcasecmp(r->entries[i].name, name) == 0)
			return &r->entries[i];
	return NULL;
}

const struct registry_entry *registry_find_key(const struct registry *r, const struct identity_public *key)
{
	char text[REGISTRY_KEY_TEXT];

	key_format(key, text);
	for (size_t i = r->count; i-- > 0;)
		if (strcmp(r->entries[i].key, text) == 0)
			return &r->entries[i];
	return NULL;
}

void registry_suggest(const struct registry *r, const char *name, char out[NAME_MAX_LEN + 1])
{
	size_t len = strlen(name), digits = 0;
	bool has_number;

	while (digits < len && digits < 6 && name[len - 1 - digits] >= '0' && name[len - 1 - digits] <= '9')
		digits++;
	has_number = digits > 0 && digits < len;
	unsigned long number = has_number ? strtoul(name + len - digits, NULL, 10) : 1;
	for (size_t i = 0; i <= r->count; i++) {
		char text[NAME_MAX_LEN + 32];

		snprintf(text, sizeof(text), "%.*s%s%lu", (int)(has_number ? len - digits : len), name,
			has_number ? "" : "-", ++number);
		if (strlen(text) > NAME_MAX_LEN)
			break;
		memcpy(out, text, strlen(text) + 1);
		if (!registry_find(r, out))
			return;
	}
	out[0] = 0;
}
