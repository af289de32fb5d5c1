// SPDX-License-Identifier: MIT
//
// Looking a program up in the boot table of an archive (abi/boot_table.h). Table and archive are
// hostile input.
#pragma once

#include <image/elf.h>

// Finds the program of a path, with segments that must lie in [low, high). Their `offset` is in the
// archive, and need not agree with `addr` modulo the page size. Slashes at the path's beginning
// don't count.
//   NOT_FOUND  the table does not have it, or there is no table
//   CORRUPT    the table fails its check, or the program's numbers make no sense
[[nodiscard]] status_t boot_table_find(const void *archive, size_t size, const char *path,
                                       vaddr_t low, vaddr_t high, struct elf_image *image);
