// SPDX-License-Identifier: MIT

#include "command.h"

#include <abi/status.h>
#include <stdbool.h>
#include <sys/calls.h>
#include <sys/string.h>

#define RUN_KEY "init.run="
#define ARGUMENTS_KEY "init.args="

static status_t add_argument(struct command *command, const char *text) {
    if (command->argument_count == COMMAND_ARGUMENTS_MAX) {
        return ERR_NO_SPACE;
    }
    command->arguments[command->argument_count++] = text;
    return OK;
}

// Cuts a list at its commas.
static status_t add_list(struct command *command, char *list) {
    status_t status = OK;
    while (list != NULL && status == OK) {
        char *comma = strchr(list, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (*list != '\0') {
            status = add_argument(command, list);
        }
        list = comma;
    }
    return status;
}

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static status_t take_word(struct command *command, char *word, bool *after_dashes) {
    if (*after_dashes) {
        return add_argument(command, word);
    }
    if (strcmp(word, "--") == 0) {
        *after_dashes = true;
    } else if (has_prefix(word, RUN_KEY)) {
        command->run = word + strlen(RUN_KEY);
    } else if (has_prefix(word, ARGUMENTS_KEY)) {
        return add_list(command, word + strlen(ARGUMENTS_KEY));
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
