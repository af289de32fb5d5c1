// SPDX-License-Identifier: MIT
//
// The native runtime (lib/sys) itself, as far as other tests don't use it all the time: the heap,
// strings, start records, messages.

#include "suite.h"

#include <sys/heap.h>
#include <sys/message.h>
#include <sys/start.h>

#define PIECES 200

struct piece {
    uint8_t *memory;
    size_t size;
    uint8_t mark;
};

static bool piece_holds(const struct piece *piece) {
    for (size_t i = 0; i < piece->size; i++) {
        if (piece->memory[i] != piece->mark) {
            return false;
        }
    }
    return true;
}

// Mostly small ones; else a whole large slot of the heap, or a mapping. Part of a large slot would
// touch pages that depend on which slot it is, and those differ from run to run.
static size_t piece_size(uint64_t *random, int round) {
    if (round % 50 != 0) {
        return 1 + test_random_below(random, 600);
    }
    return round % 100 == 0 ? (8192UL << test_random_below(random, 3)) - 16
                            : 32768 + test_random_below(random, 68000);
}

TEST(runtime_heap_pieces_are_apart) {
    static struct piece pieces[PIECES];
    uint64_t random = suite.seed;
    memset(pieces, 0, sizeof(pieces));
    for (int round = 0; round < 3000; round++) {
        struct piece *piece = &pieces[test_random_below(&random, PIECES)];
        if (piece->memory != NULL) {
            REQUIRE(piece_holds(piece));
            free(piece->memory);
            piece->memory = NULL;
            continue;
        }
        piece->size = piece_size(&random, round);
        piece->mark = (uint8_t)round;
        piece->memory = malloc(piece->size);
        REQUIRE(piece->memory != NULL);
        REQUIRE_EQ((uint64_t)piece->memory % 16, 0);
        memset(piece->memory, piece->mark, piece->size);
    }
    for (size_t i = 0; i < PIECES; i++) {
        if (pieces[i].memory != NULL) {
            CHECK(piece_holds(&pieces[i]));
            free(pieces[i].memory);
        }
    }
}

TEST(runtime_heap_has_bounds) {
    CHECK(malloc(0) == NULL);
    CHECK(malloc(HEAP_MAX_BYTES + 1) == NULL);
    CHECK(malloc(SIZE_MAX) == NULL);
    CHECK(malloc(SIZE_MAX - 8) == NULL);
    CHECK(calloc(SIZE_MAX / 2, 3) == NULL);
    void *large[8];
    size_t count = 0;
    while (count < COUNT(large) && (large[count] = malloc(HEAP_MAX_BYTES / 5)) != NULL) {
        count++;
    }
    CHECK(count >= 3 && count <= 5);
    while (count > 0) {
        free(large[--count]);
    }
    uint64_t *zeroed = calloc(100, 8);
    REQUIRE(zeroed != NULL);
    for (size_t i = 0; i < 100; i++) {
        CHECK_EQ(zeroed[i], 0);
    }
    free(zeroed);
    free(NULL);
}

TEST(runtime_memory_moves) {
    uint8_t bytes[64];
    for (size_t from = 0; from < 20; from++) {
        for (size_t to = 0; to < 20; to++) {
            for (size_t size = 0; size < 40; size += 3) {
                for (size_t i = 0; i < sizeof(bytes); i++) {
                    bytes[i] = (uint8_t)i;
                }
                memmove(bytes + to, bytes + from, size);
                for (size_t i = 0; i < sizeof(bytes); i++) {
                    bool moved = i >= to && i < to + size;
                    REQUIRE_EQ(bytes[i], moved ? i - to + from : i);
                }
            }
        }
    }
}

TEST(runtime_strings) {
    char text[8];
    CHECK_EQ(strlen(""), 0);
    CHECK_EQ(strnlen("abc", 2), 2);
    CHECK(strcmp("abc", "abd") < 0 && strcmp("b", "a") > 0 && strcmp("a", "a") == 0);
    CHECK(strcmp("a", "ab") < 0 && strncmp("abc", "abd", 2) == 0);
    CHECK(memcmp("\xff", "\x01", 1) > 0);
    CHECK(strchr("abc", 'd') == NULL && *strchr("abc", 'b') == 'b' && *strchr("abc", 0) == 0);
    CHECK(text_copy(text, sizeof(text), "1234567"));
    CHECK(!text_copy(text, sizeof(text), "12345678"));
    CHECK(strcmp(text, "1234567") == 0);
    CHECK(!text_copy(text, 0, "x"));
}

TEST(runtime_start_record_has_bounds) {
    static struct start_record record;
    char name[START_NAME_BYTES + 1];
    memset(name, 'n', sizeof(name));
    name[START_NAME_BYTES] = '\0';
    start_record_init(&record);
    CHECK_EQ(start_record_add_handle(&record, name, 1), ERR_NO_SPACE);
    for (handle_t i = 1; i <= START_HANDLES_MAX; i++) {
        CHECK_EQ(start_record_add_handle(&record, "h", i), OK);
    }
    CHECK_EQ(start_record_add_handle(&record, "h", 1), ERR_NO_SPACE);
    static char large[START_TEXT_BYTES + 1];
    memset(large, 'x', START_TEXT_BYTES);
    CHECK_EQ(start_record_add_argument(&record, large), ERR_NO_SPACE);
    large[START_TEXT_BYTES - 1] = '\0';
    CHECK_EQ(start_record_add_argument(&record, large), OK);
    CHECK_EQ(start_record_add_argument(&record, ""), ERR_NO_SPACE);
}

TEST(runtime_messages_have_bounds) {
    static const uint8_t bytes[MESSAGE_BODY_BYTES + 1];
    struct message *message = message_begin(5);
    CHECK_EQ(message->op, 5);
    CHECK(!message_put(message, bytes, MESSAGE_BODY_BYTES + 1));
    CHECK(message_put(message, bytes, MESSAGE_BODY_BYTES - 8));
    CHECK(message_put_u64(message, 77));
    CHECK(!message_put(message, bytes, 1));
    for (handle_t i = 0; i < MESSAGE_HANDLES; i++) {
        CHECK(message_put_handle(message, i + 1));
    }
    CHECK(!message_put_handle(message, 9));
    struct message_reader reader = message_read();
    uint8_t back[MESSAGE_BODY_BYTES];
    uint64_t value = 0;
    CHECK(message_get(&reader, back, MESSAGE_BODY_BYTES - 8));
    CHECK(!message_complete(&reader));
    CHECK(message_get_u64(&reader, &value));
    CHECK_EQ(value, 77);
    CHECK(message_complete(&reader));
    CHECK(!message_get(&reader, back, 1));
    CHECK(!message_complete(&reader));
}
