#include "sim/world/sheet.h"

#include "sim/world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 8
#define PLAIN_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=%"

static char *word_copy(const char *word)
{
	size_t size = strlen(word) + 1;

	return memcpy(world_alloc(size), word, size);
}

static struct sheet *part_add(struct sheet *s, struct sheet *part)
{
	s->parts = realloc(s->parts, (s->count + 1) * sizeof(struct sheet *));
	if (!s->parts)
		abort();
	return s->parts[s->count++] = part;
}

void sheet_free(struct sheet *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++)
		sheet_free(s->parts[i]);
	free(s->parts);
	free(s->key);
	free(s->word);
	free(s);
}

struct sheet *sheet_copy(const struct sheet *s)
{
	struct sheet *copy = world_alloc(sizeof(*copy));

	copy->kind = s->kind;
	copy->key = s->key ? word_copy(s->key) : NULL;
	copy->word = s->word ? word_copy(s->word) : NULL;
	for (unsigned i = 0; i < s->count; i++)
		part_add(copy, sheet_copy(s->parts[i]));
	return copy;
}

/* --- reading ------------------------------------------------------------------------- */

static struct sheet *node_read(yaml_document_t *document, int index, unsigned depth);

static bool map_read(struct sheet *s, yaml_document_t *document, const yaml_node_t *node, unsigned depth)
{
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(document, p->key);
		struct sheet *part = key->type == YAML_SCALAR_NODE ? node_read(document, p->value, depth + 1) : NULL;

		if (!part)
			return false;
		part_add(s, part)->key = word_copy((const char *)key->data.scalar.value);
	}
	return true;
}

static bool list_read(struct sheet *s, yaml_document_t *document, const yaml_node_t *node, unsigned depth)
{
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		struct sheet *part = node_read(document, *i, depth + 1);

		if (!part)
			return false;
		part_add(s, part);
	}
	return true;
}

static struct sheet *node_read(yaml_document_t *document, int index, unsigned depth)
{
	const yaml_node_t *node = yaml_document_get_node(document, index);
	bool is_good = false;

	if (!node || depth > DEPTH_MAX)
		return NULL;
	struct sheet *s = world_alloc(sizeof(*s));
	switch (node->type) {
	case YAML_SCALAR_NODE:
		s->kind = SHEET_WORD;
		s->word = word_copy((const char *)node->data.scalar.value);
		is_good = true;
		break;
	case YAML_SEQUENCE_NODE:
		s->kind = SHEET_LIST;
		is_good = list_read(s, document, node, depth);
		break;
	case YAML_MAPPING_NODE:
		s->kind = SHEET_MAP;
		is_good = map_read(s, document, node, depth);
		break;
	case YAML_NO_NODE:
		break;
	}
	if (is_good)
		return s;
	sheet_free(s);
	return NULL;
}

struct sheet *sheet_parse(struct bytes text)
{
	struct sheet *s = NULL;
	yaml_document_t document;
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return NULL;
	yaml_parser_set_input_string(&parser, text.data, text.len);
	if (yaml_parser_load(&parser, &document)) {
		if (yaml_document_get_root_node(&document))
			s = node_read(&document, 1, 0);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	if (!s || s->kind == SHEET_MAP)
		return s;
	sheet_free(s);
	return NULL;
}

/* --- looking and cutting ---------------------------------------------------------------- */

struct sheet *sheet_get(const struct sheet *s, const char *key)
{
	for (unsigned i = 0; s && s->kind == SHEET_MAP && i < s->count; i++)
		if (strcmp(s->parts[i]->key, key) == 0)
			return s->parts[i];
	return NULL;
}

const char *sheet_word(const struct sheet *s, const char *key)
{
	const struct sheet *part = sheet_get(s, key);

	return part && part->kind == SHEET_WORD ? part->word : NULL;
}

void sheet_reword(struct sheet *s, const char *word)
{
	free(s->word);
	s->word = word_copy(word);
}

void sheet_set(struct sheet *s, const char *key, const char *word)
{
	struct sheet *part = sheet_get(s, key);

	if (!part) {
		part = part_add(s, world_alloc(sizeof(*part)));
		part->key = word_copy(key);
		memmove(&s->parts[1], &s->parts[0], (s->count - 1) * sizeof(struct sheet *));
		s->parts[0] = part;
	}
	part->kind = SHEET_WORD;
	sheet_reword(part, word);
}

void sheet_cut(struct sheet *s, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		sheet_free(s->parts[i]);
	memmove(&s->parts[first], &s->parts[first + count], (s->count - first - count) * sizeof(struct sheet *));
	s->count -= count;
}

/* --- writing ------------------------------------------------------------------------------- */

static void word_write(const char *word, FILE *out)
{
	if (*word && word[strspn(word, PLAIN_LETTERS)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('"', out);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		fputc(*word == '\n' || *word == '\t' ? ' ' : *word, out);
	}
	fputc('"', out);
}

/* In one line. */
static void flow_write(const struct sheet *s, FILE *out)
{
	if (s->kind == SHEET_WORD) {
		word_write(s->word, out);
		return;
	}
	fputc(s->kind == SHEET_MAP ? '{' : '[', out);
	for (unsigned i = 0; i < s->count; i++) {
		fputs(i ? ", " : "", out);
		if (s->kind == SHEET_MAP)
			fprintf(out, "%s: ", s->parts[i]->key);
		flow_write(s->parts[i], out);
	}
	fputc(s->kind == SHEET_MAP ? '}' : ']', out);
}

char *sheet_write(struct sheet *s, size_t *len)
{
	char *text = NULL;
	unsigned line = 0;
	FILE *out = open_memstream(&text, len);

	if (!out)
		abort();
	for (unsigned i = 0; i < s->count; i++) {
		struct sheet *part = s->parts[i];

		if (part->kind == SHEET_LIST && !part->count)
			continue;
		part->line = ++line;
		fprintf(out, "%s:", part->key);
		if (part->kind == SHEET_LIST) {
			for (unsigned k = 0; k < part->count; k++) {
				part->parts[k]->line = ++line;
				fputs("\n  - ", out);
				flow_write(part->parts[k], out);
			}
		} else {
			fputc(' ', out);
			flow_write(part, out);
		}
		fputc('\n', out);
	}
	if (fclose(out))
		abort();
	return text;
}
