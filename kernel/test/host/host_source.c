// SPDX-License-Identifier: MIT
//
// For tests of objects that have no signals.
#include <object/source.h>

void source_detach(struct source *source) {
    (void)source;
    panic("no sources here");
}
