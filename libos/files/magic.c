// SPDX-License-Identifier: MIT

#include <files/magic.h>

#include <core/process.h>
#include <core/status.h>
#include <files/socket.h>
#include <proto/fs_client.h>
#include <sys/string.h>

#define SECRET_DIGITS 16

static bool is_word(const char *rest, size_t bytes, const char *word) {
    return strlen(word) == bytes && memcmp(rest, word, bytes) == 0;
}

// Digits of a base up to 16; false: there is another character.
static bool number_read(const char *text, size_t bytes, uint32_t base, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                                                : base;
        if (digit >= base) {
            return false;
        }
        *number = *number * base + digit;
    }
    return bytes > 0;
}

static int64_t find_descriptor(uint64_t number, struct magic *magic) {
    magic->file = number < LIBOS_FDS_MAX ? file_get((int)number) : NULL;
    if (magic->file == NULL) {
        return -LINUX_ENOENT;
    }
    magic->handle = magic->file->kind == FD_FILE ? magic->file->handle : HANDLE_NONE;
    return 0;
}

static int64_t find_secret(uint64_t secret, struct magic *magic) {
    const struct fs_again_request request = {.secret = secret};
    handle_t root = process_current()->root;
    if (secret == 0) { // the root of the first file system
        magic->handle = root;
        return root == HANDLE_NONE ? -LINUX_ENOENT : 0;
    }
    magic->owned = true;
    return linux_result(fs_again(root, &request, &magic->handle, INSTANT_NEVER));
}

int64_t magic_find(const char *rest, size_t bytes, struct magic *magic) {
    const struct linux_process *process = process_current();
    uint64_t number;
    *magic = (struct magic){0};
    while (magic->word_bytes < bytes && rest[magic->word_bytes] != '/') {
        magic->word_bytes++;
    }
    size_t word = magic->word_bytes;
    if (word == SECRET_DIGITS + 1 && rest[0] == '@' &&
        number_read(rest + 1, word - 1, 16, &number)) {
        return find_secret(number, magic);
    }
    if (word < 8 && number_read(rest, word, 10, &number)) {
        return find_descriptor(number, magic);
    }
    if (is_word(rest, word, "cwd")) {
        magic->handle = process->cwd;
    } else if (is_word(rest, word, "root")) {
        magic->handle = process->root;
    } else if (is_word(rest, word, "exe") && !process->executable_is_vmo) {
        magic->handle = process->executable;
    }
    return magic->handle == HANDLE_NONE ? -LINUX_ENOENT : 0;
}

int64_t magic_open(struct description *file, uint32_t flags) {
    uint32_t access = flags & O_ACCMODE;
    bool allowed =
        (access == O_WRONLY || can_read(file)) && (access == O_RDONLY || can_write(file));
    bool socket = is_socket(file);
    bool named = file->kind == FD_STREAM || file->kind == FD_TERMINAL || file->kind == FD_LOG ||
                 file->device != 0;
    if (named && !socket && allowed) {
        return file_install(file, flags, 0);
    }
    description_release(file);
    return named && !socket ? -LINUX_EACCES : -LINUX_ENXIO;
}
