// SPDX-License-Identifier: MIT
//
// The fuzz grammar of the sample data.

#include <assert.h>
#include <string.h>

#include <abi/grammar.h>
#include <abi/point.h>

int main(void) {
    assert(GRAMMAR_CALLS == 10);
    const struct grammar_call *read = &grammar_calls[1];
    assert(strcmp(read->name, "vmo_read") == 0 && read->number == CALL_VMO_READ && read->argc == 4);
    assert(read->args[0].kind == GRAMMAR_HANDLE && read->args[0].object == OBJECT_VMO);
    assert(read->args[0].mask == RIGHT_READ && !read->args[0].optional);
    assert(read->args[2].kind == GRAMMAR_OUT && read->args[2].bytes == 0);
    assert(read->args[2].length_arg == 4 && read->returns == GRAMMAR_RETURNS_SIZE);
    const struct grammar_call *call = &grammar_calls[2];
    assert(call->may_block && call->args[2].mask == WAIT_FLAGS_ALL);
    const struct grammar_call *get = &grammar_calls[3];
    assert(get->args[0].optional && get->args[1].mask == TOPIC_NAME);
    assert(get->args[2].bytes == sizeof(struct point) && get->args[2].length_arg == 4);
    assert(grammar_calls[6].noreturn && grammar_calls[5].args[1].optional);
    return 0;
}
