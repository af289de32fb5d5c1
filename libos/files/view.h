// SPDX-License-Identifier: MIT
//
// Views: files that are mapped into the libos, so that reading them and asking for their attributes
// need no call (FS `view`), and neither does writing within their size, after some writes
// (`lease`).
//
// There are LIBOS_VIEWS_MAX places; a file that has none takes the place of the one that was not
// used for longest. A view is an offer: whoever does not get one, or meets a page that is gone
// because the file was cut, calls the server, and is told the truth.
#pragma once

#include <abi/libos.h>
#include <abi/proto/fs.h>
#include <stdbool.h>
#include <sys/mutex.h>

struct description;

struct view {
    uint32_t users; // calls that look at it now; VIEW_CHANGES while it gets another owner
    uint32_t used;  // when, by views.clock
    struct description *owner;
    uint64_t bytes; // of the contents that are mapped, whole pages
    bool outgrown;  // the file has become larger than that
    bool writable;
};

struct views {
    struct mutex lock;
    uint32_t clock;
    bool any;        // a place was taken at some time; under lock
    struct view *of; // LIBOS_VIEWS_MAX; changes of the owner: under lock
};

// A view of an open file, for the caller until view_put; null: call the server. After some uses it
// asks the server for one; a call that has moved bytes counts for more.
struct view *view_get(struct description *file);
void view_missed(struct description *file, uint64_t bytes);
void view_put(struct view *view);
// The attributes, or the size alone. False: just now they are not to be had.
[[nodiscard]] bool view_attributes(const struct view *view, struct fs_attributes *attributes);
[[nodiscard]] bool view_size(const struct view *view, uint64_t *size);
// Copies bytes of the file to the program. Returns how many; less than wanted when one of both
// sides is not there, or when the file has outgrown the view: then there will be a larger one.
uint64_t view_copy(struct view *view, uint64_t to, uint64_t offset, uint64_t bytes);
// A view to write through, likewise; null: call the server. It is asked for after some writes that
// a call has done: `end` is where one ended.
struct view *view_get_writable(struct description *file);
void view_written(struct description *file, uint64_t end);
// Copies bytes of the program into the file. Returns how many; less than wanted, maybe none, when
// they do not all lie within its size, when a write has to change more than bytes, or when one of
// both sides is not there: the server knows.
uint64_t view_write(struct view *view, uint64_t from, uint64_t offset, uint64_t bytes);
// The description ends: its view goes.
void view_close(struct description *file);
// In the child of a fork, which has none of the mappings.
void views_begin_child(void);
