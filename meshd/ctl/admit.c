/*
 * Requests and answers as people bring them: on a stick, from a scanner, or in words that
 * somebody reads out and somebody else types. Words are checked line by line, while the one who
 * reads is still there.
 */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* --- what is wrong with words ---------------------------------------------------------------- */

static int whole_fault(char error[CTL_ERROR_MAX], const char *what, const struct spoken_fault *f)
{
	if (f->kind == SPOKEN_SHORT)
		return ctl_error(
			error, -EBADMSG, "%s: words are missing, or it is not there at all; say it again", what);
	if (f->kind == SPOKEN_LONG)
		return ctl_error(error, -EBADMSG, "%s: there are more words than it has; say it again", what);
	if (f->kind == SPOKEN_KIND_WRONG)
		return ctl_error(error, -EBADMSG,
			"%s: the words are right, but they are something else; a request goes to \"meshctl enrol\", an "
			"answer to \"meshctl accept\"",
			what);
	return ctl_error(error, -EBADMSG,
		"%s: each line is right by itself, but not all together; say it again from the beginning", what);
}

int admit_fault(char error[CTL_ERROR_MAX], const char *what, const struct spoken_fault *f)
{
	switch (f->kind) {
	case SPOKEN_WORD_UNKNOWN:
		return ctl_error(error, -EBADMSG,
			"%s: line %u, word %u, \"%s\", is none of the words; ask for this line again", what, f->line,
			f->word, f->heard);
	case SPOKEN_WORD_WRONG:
		return ctl_error(error, -EBADMSG,
			"%s: line %u, word %u, \"%s\", does not fit the others of its line; was it \"%s\"? Ask for "
			"this line again",
			what, f->line, f->word, f->heard, f->meant);
	case SPOKEN_LINE_WRONG:
		return ctl_error(error, -EBADMSG,
			"%s: line %u has more than one wrong word, or one too few; ask for it again", what, f->line);
	case SPOKEN_LINE_MISPLACED:
		return ctl_error(error, -EBADMSG, "%s: what was typed as line %u is line %u; type them in order", what,
			f->line, f->other_line);
	case SPOKEN_SHORT:
	case SPOKEN_LONG:
	case SPOKEN_SUM_WRONG:
	case SPOKEN_KIND_WRONG:
		break;
	}
	return whole_fault(error, what, f);
}

/* --- where they come from ---------------------------------------------------------------------- */

/* Files and what a scanner types are checked as a whole. */
static bool is_words(const char *line)
{
	return *line != '#' && strncmp(line, "meshd:", 6) != 0;
}

/* A line at a time; an empty one ends it. */
static int terminal_read(char text[SPOKEN_TEXT_MAX], char error[CTL_ERROR_MAX])
{
	char line[SPOKEN_TEXT_MAX / 4];
	struct spoken_fault f;
	size_t len = 0;

	fprintf(stderr, "one line after the other; an empty line ends it\n");
	for (unsigned number = 1;;) {
		fprintf(stderr, "line %u: ", number);
		if (!fgets(line, sizeof(line), stdin) || line[strspn(line, " \t\r\n")] == 0)
			return 0;
		if (is_words(len ? text : line) && spoken_line_check(bytes_of(line, strlen(line)), number, &f) < 0) {
			admit_fault(error, "not taken", &f);
			fprintf(stderr, "%s\n", error);
			continue;
		}
		if (len + strlen(line) >= SPOKEN_TEXT_MAX)
			return ctl_error(error, -EMSGSIZE, "these are too many lines; begin again");
		memcpy(text + len, line, strlen(line) + 1);
		len += strlen(line);
		number++;
	}
}

static int stream_read(FILE *in, const char *name, char text[SPOKEN_TEXT_MAX], char error[CTL_ERROR_MAX])
{
	size_t len = fread(text, 1, SPOKEN_TEXT_MAX - 1, in);

	text[len] = 0;
	if (ferror(in))
		return ctl_error(error, -EIO, "%s: cannot be read: %s", name, strerror(errno));
	if (fgetc(in) != EOF)
		return ctl_error(error, -EMSGSIZE, "%s: too long for a request or an answer", name);
	return 0;
}

int admit_text(const char *source, char text[SPOKEN_TEXT_MAX], char error[CTL_ERROR_MAX])
{
	text[0] = 0;
	if (strcmp(source, "-") == 0)
		return isatty(STDIN_FILENO) ? terminal_read(text, error)
					    : stream_read(stdin, "standard input", text, error);
	FILE *in = fopen(source, "re");
	if (in) {
		int code = stream_read(in, source, text, error);

		fclose(in);
		return code;
	}
	/* Several words, or what a scanner types, are no file's name. */
	if (!strchr(source, ' ') && strncmp(source, "meshd:", 6) != 0)
		return ctl_error(error, -errno, "%s: %s", source, strerror(errno));
	if (strlen(source) >= SPOKEN_TEXT_MAX)
		return ctl_error(error, -EMSGSIZE, "%.40s...: too long for a request or an answer", source);
	memcpy(text, source, strlen(source) + 1);
	return 0;
}

int admit_request(struct request *r, const char *source, char error[CTL_ERROR_MAX])
{
	char text[SPOKEN_TEXT_MAX];
	struct spoken_fault f;
	bool has_words;
	int code = admit_text(source, text, error);

	if (code || (code = request_parse(r, bytes_of(text, strlen(text)), &has_words, &f)) == 0)
		return code;
	if (has_words)
		return admit_fault(error, "the request", &f);
	return ctl_error(error, code,
		"%s: not a request, or damaged; let the machine show it again with \"meshctl request\"",
		strlen(source) < 80 ? source : "the request");
}

int admit_answer(struct grant *g, const char *source, const struct identity_public *own, char error[CTL_ERROR_MAX])
{
	char text[SPOKEN_TEXT_MAX];
	struct spoken_fault f;
	bool has_words;
	int code = admit_text(source, text, error);

	if (code || (code = grant_parse(g, bytes_of(text, strlen(text)), own, &has_words, &f)) == 0)
		return code;
	if (has_words)
		return admit_fault(error, "the answer", &f);
	return ctl_error(error, code, "%s: not an answer, or damaged; copy it again", source);
}

/* --- by way of meshd ------------------------------------------------------------------------------ */

json_t *admit_tell(const struct grant *g, const char *socket_path, int *code, char error[CTL_ERROR_MAX])
{
	uint8_t encoded[GRANT_MAX_LEN];
	int len = grant_encode(g, encoded, sizeof(encoded));

	if (len < 0) {
		*code = ctl_error(error, len, "the answer cannot be written");
		return NULL;
	}
	json_t *request = json_pack("{s:s}", "request", "grant");
	client_hand_in(request, "grant", bytes_of(encoded, (size_t)len));
	return client_ask(socket_path, request, code, error);
}

/* --- how they are shown -------------------------------------------------------------------------- */

void admit_words_print(const char *words, FILE *out)
{
	for (unsigned line = 1; *words; line++) {
		size_t len = strcspn(words, "\n");

		fprintf(out, "  %2u  %.*s\n", line, (int)len, words);
		words += len + (words[len] == '\n');
	}
}

json_t *admit_words_json(const char *words)
{
	json_t *lines = json_array();

	while (*words) {
		size_t len = strcspn(words, "\n");

		json_array_append_new(lines, json_stringn(words, len));
		words += len + (words[len] == '\n');
	}
	return lines;
}
