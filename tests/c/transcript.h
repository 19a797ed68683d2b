/* The format of the transcripts, as tests/transcripts/README.md tells it, read into steps. */
#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include "check.h"

#include <ctype.h>

#define WORDS_MAX 5

/* Bytes, or the name of a token or a moment that only the play will tell. */
struct part {
    char name[8];
    char *data;
    size_t len;
    struct part *next;
};

struct step {
    int line;
    char *words[WORDS_MAX];
    size_t count;
    struct part *text;
    struct step *next;
};

struct transcript {
    char *source;
    int is_live;
    int has_links;
    size_t longest_write;
    struct step *steps;
};

static struct part *add_part(struct part ***last)
{
    struct part *part = (struct part *)room_for(sizeof *part);

    **last = part;
    *last = &part->next;
    return part;
}

static int hex(char digit)
{
    return isdigit((unsigned char)digit) ? digit - '0' : tolower((unsigned char)digit) - 'a' + 10;
}

/* The byte that an escape stands for, or -1; `*len` is how long the escape is. */
static int escaped(const char *text, size_t *len)
{
    static const char letters[] = "rntbf0\\\"";
    static const char bytes[] = "\r\n\t\b\f\0\\\"";
    const char *letter;

    if (text[1] == 'x' && isxdigit((unsigned char)text[2]) && isxdigit((unsigned char)text[3])) {
        *len = 4;
        return hex(text[2]) * 16 + hex(text[3]);
    }
    letter = text[1] == '\0' ? NULL : strchr(letters, text[1]);
    *len = 2;
    return letter == NULL ? -1 : (unsigned char)bytes[letter - letters];
}

/* How long the name is that a text goes on with, such as $T12; 0 if it does not. */
static size_t name_len(const char *text)
{
    size_t len = 2;

    if (text[0] != '$' || (text[1] != 'T' && text[1] != 'M')) {
        return 0;
    }
    while (isdigit((unsigned char)text[len])) {
        len += 1;
    }
    return len == 2 ? 0 : len;
}

/* Reads a text; returns whether it is one. */
static int read_text(const char *text, struct part **parts)
{
    struct part *plain = NULL, *named;
    size_t most = strlen(text), len;

    while (*text != '\0') {
        int byte = (unsigned char)*text;

        len = name_len(text);
        if (len > 0) {
            named = add_part(&parts);
            snprintf(named->name, sizeof named->name, "%.*s", (int)len - 1, text + 1);
            named->len = named->name[0] == 'M' ? 13 : 36;
            plain = NULL;
            text += len;
            continue;
        }
        len = 1;
        if (byte == '\\') {
            byte = escaped(text, &len);
            if (byte < 0) {
                return 0;
            }
        }
        if (plain == NULL) {
            plain = add_part(&parts);
            plain->data = (char *)room_for(most);
        }
        plain->data[plain->len] = (char)byte;
        plain->len += 1;
        text += len;
    }
    return 1;
}

/* Splits a line at its first spaces. */
static void split(char *line, struct step *step, size_t most)
{
    step->count = 0;
    while (*line != '\0' && step->count < most) {
        step->words[step->count] = line;
        step->count += 1;
        if (step->count == most) {
            return;
        }
        line += strcspn(line, " ");
        while (*line == ' ') {
            *line = '\0';
            line += 1;
        }
    }
}

static size_t text_len(const struct part *part)
{
    size_t len = 0;

    for (; part != NULL; part = part->next) {
        len += part->len;
    }
    return len;
}

static int is(const struct step *step, size_t at, const char *word)
{
    return at < step->count && strcmp(step->words[at], word) == 0;
}

/* Reads one line; returns whether it is of the format. */
static int read_step(char *line, struct step *step)
{
    size_t word = strcspn(line, " "), act = word + strspn(line + word, " ");

    if ((line[act] == '>' || line[act] == '<') && line[act + 1] == ' ') {
        line[word] = '\0';
        line[act + 1] = '\0';
        step->words[0] = line;
        step->words[1] = line + act;
        step->count = 2;
        return read_text(line + act + 2, &step->text);
    }
    split(line, step, strncmp(line, "user ", 5) == 0 ? 5 : 4);
    if (is(step, 0, "user")) {
        return step->count == 5;
    }
    if (is(step, 0, "limit") || is(step, 0, "cut") || is(step, 0, "mend") || is(step, 1, "on")) {
        return step->count == 3;
    }
    if (is(step, 0, "wait")) {
        return step->count == 2 && strcmp(step->words[1] + strspn(step->words[1], "0123456789"), "ms") == 0;
    }
    return step->count == 2 && (is(step, 0, "realm") || is(step, 0, "stop") || is(step, 1, "silent") ||
                                is(step, 1, "ends") || is(step, 1, "drops") || is(step, 1, "closed"));
}

/* Reads a transcript; returns the line that is not of the format, or 0. */
static int read_transcript(char *source, struct transcript *transcript)
{
    struct step **last = &transcript->steps;
    int number = 0;
    char *line = source, *next;

    memset(transcript, 0, sizeof *transcript);
    transcript->source = source;
    for (; line != NULL; line = next) {
        struct step *step;

        next = strchr(line, '\n');
        if (next != NULL) {
            *next = '\0';
            next += 1;
        }
        number += 1;
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (strcmp(line, "live") == 0) {
            transcript->is_live = 1;
            continue;
        }
        step = (struct step *)room_for(sizeof *step);
        step->line = number;
        *last = step;
        last = &step->next;
        if (!read_step(line, step)) {
            return number;
        }
        if (is(step, 1, ">") && text_len(step->text) > transcript->longest_write) {
            transcript->longest_write = text_len(step->text);
        }
        transcript->has_links |= is(step, 0, "cut") || is(step, 0, "realm");
    }
    return 0;
}

static void free_transcript(struct transcript *transcript)
{
    while (transcript->steps != NULL) {
        struct step *step = transcript->steps;

        transcript->steps = step->next;
        while (step->text != NULL) {
            struct part *part = step->text;

            step->text = part->next;
            free(part->data);
            free(part);
        }
        free(step);
    }
    free(transcript->source);
}

#endif
