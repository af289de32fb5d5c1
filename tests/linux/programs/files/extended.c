// SPDX-License-Identifier: MIT
// libcs: musl glibc
// run:
//
// Extended attributes that a file system in memory does not keep: what is checked before that is
// said, and empty lists.

#include "scratch.h"

#include <sys/xattr.h>

static char long_name[300];

int main(void) {
    char value[8];
    scratch_enter("scratch-extended");
    int fd = open("file", O_CREAT | O_RDWR, 0644);
    symlink("file", "link");
    memset(long_name, 'n', sizeof(long_name) - 1);
    memcpy(long_name, "user.", 5);
    report("get", getxattr("file", "user.a", value, sizeof(value)));
    report("get of a link's target", getxattr("link", "user.a", value, sizeof(value)));
    report("get by descriptor", fgetxattr(fd, "user.a", value, sizeof(value)));
    report("get of no file", getxattr("nothing", "user.a", value, sizeof(value)));
    report("get below a file", getxattr("file/x", "user.a", value, sizeof(value)));
    report("get of a bad descriptor", fgetxattr(99, "user.a", value, sizeof(value)));
    report("get without a name", getxattr("file", "", value, sizeof(value)));
    report("get of a long name", getxattr("file", long_name, value, sizeof(value)));
    report("get of an unknown kind", getxattr("file", "strange.a", value, sizeof(value)));
    report("get at a bad address", getxattr("file", (char *)8, value, sizeof(value)));
    report("set", setxattr("file", "user.a", "1", 1, 0));
    report("set of no file", setxattr("nothing", "user.a", "1", 1, 0));
    report("set with odd flags", setxattr("file", "user.a", "1", 1, 64));
    report("set without a name", fsetxattr(fd, "", "1", 1, 0));
    report("remove", removexattr("file", "user.a"));
    report("remove of no file", removexattr("nothing", "user.a"));
    report("remove by descriptor", fremovexattr(fd, "user.a"));
    report("list", listxattr("file", value, sizeof(value)));
    report("list of a link", llistxattr("link", NULL, 0));
    report("list by descriptor", flistxattr(fd, value, sizeof(value)));
    report("list of no file", listxattr("nothing", value, sizeof(value)));
    close(fd);
    unlink("link");
    unlink("file");
    scratch_leave();
    return 0;
}
