// SPDX-License-Identifier: MIT
//
// Asks for every name once, and for some that do not exist.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <abi/calls.h>
#include <abi/names.h>
#include <abi/objects.h>
#include <abi/status.h>

static void same(const char *got, const char *wanted) {
    if (strcmp(got, wanted) != 0) {
        printf("%s instead of %s\n", got, wanted);
        exit(1);
    }
}

int main(void) {
#include <cases.h>
    same(status_name(0), "OK");
    same(status_name(INT64_MAX), "OK");
    same(status_name(-STATUS_LAST - 1), "?");
    same(status_name(INT64_MIN), "?");
    same(object_type_name(OBJECT_NONE), "?");
    same(object_type_name(OBJECT_LAST + 1), "?");
    same(object_type_name(UINT32_MAX), "?");
    same(call_name(0), "?");
    same(call_name(CALL_LAST + 1), "?");
    same(call_name(CALL_NATIVE | 1), "?");
    return 0;
}
