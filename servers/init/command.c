// SPDX-License-Identifier: MIT

#include "command.h"

#include <abi/status.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/string.h>

static status_t add(const char **items, uint32_t *count, uint32_t max, const char *text) {
    if (*count == max) {
        return ERR_NO_SPACE;
    }
    items[(*count)++] = text;
    return OK;
}

static status_t add_argument(struct command *command, const char *text) {
    return add(command->arguments, &command->argument_count, COMMAND_ARGUMENTS_MAX, text);
}

// Cuts a text at its commas and adds the pieces.
static status_t add_pieces(const char **items, uint32_t *count, uint32_t max, char *text) {
    status_t status = OK;
    while (text != NULL && status == OK) {
        char *comma = strchr(text, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (*text != '\0') {
            status = add(items, count, max, text);
        }
        text = comma;
    }
    return status;
}

static status_t add_list(struct command_list *list, char *text) {
    list->given = true;
    return add_pieces(list->items, &list->count, COMMAND_LIST_MAX, text);
}

// The value of a word `key=value`, or null when it has another key.
static char *value_of(char *word, const char *key) {
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 ? word + length : NULL;
}

static status_t take_word(struct command *command, char *word, bool *after_dashes) {
    char *value;
    if (*after_dashes) {
        return add_argument(command, word);
    }
    if (strcmp(word, "--") == 0) {
        *after_dashes = true;
    } else if ((value = value_of(word, "init.run=")) != NULL) {
        command->run = value;
    } else if ((value = value_of(word, "init.args=")) != NULL) {
        return add_pieces(command->arguments, &command->argument_count, COMMAND_ARGUMENTS_MAX,
                          value);
    } else if ((value = value_of(word, "init.uses=")) != NULL) {
        return add_list(&command->uses, value);
    } else if ((value = value_of(word, "init.grants=")) != NULL) {
        return add_list(&command->grants, value);
    } else if ((value = value_of(word, "init.services=")) != NULL) {
        return add_list(&command->services, value);
    } else if ((value = value_of(word, "init.recovery=")) != NULL) {
        command->recovery = value;
    } else if ((value = value_of(word, "init.priority=")) != NULL) {
        command->priority = value;
    } else if (strcmp(word, "init.test=1") == 0) {
        command->test = true;
    }
    return OK;
}

status_t command_read(handle_t vmo, struct command *command) {
    *command = (struct command){0};
    int64_t bytes = sys_vmo_read(vmo, 0, command->text, COMMAND_BYTES - 1);
    if (bytes < 0) {
        return (status_t)bytes;
    }
    bool after_dashes = false;
    char *at = command->text;
    while (*at != '\0') {
        if (*at == ' ') {
            at++;
            continue;
        }
        char *word = at;
        at = strchr(word, ' ');
        if (at != NULL) {
            *at++ = '\0';
        } else {
            at = word + strlen(word);
        }
        status_t status = take_word(command, word, &after_dashes);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}
