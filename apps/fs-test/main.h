// SPDX-License-Identifier: MIT
//
// What the files of fs-test share.
#pragma once

#include <fstest/script.h>
#include <heal/supervisor.h>
#include <heal/support.h>
#include <sys/thread.h>
#include <test/test.h>

// The one service.
#define TMPFSD 0

// The root of its file system.
handle_t files_root(void);
