// SPDX-License-Identifier: MIT
//
// The tools' own protocol_call, in place of lib/proto's: generated client stubs, whose channel is
// a descriptor of a device node.

#include <abi/service_device.h>
#include <abi/linux/errno.h>
#include <abi/status.h>
#include <proto/protocol_call.h>
#include <tool/linux.h>
#include <tool/tool.h>

handle_t tool_open(const char *program, const char *path, uint32_t flags) {
    int64_t fd = linux_open(path, flags | LINUX_O_CLOEXEC);
    switch (fd) {
    case -LINUX_EACCES:
    case -LINUX_EPERM:
        (void)print_error(program, "only root may use %s", path);
        return HANDLE_NONE;
    case -LINUX_ENXIO:
        (void)print_error(program, "nobody stands behind %s", path);
        return HANDLE_NONE;
    default:
        if (fd > 0) {
            return (handle_t)fd;
        }
        (void)print_error(program, "can't open %s: error %ld", path, -fd);
        return HANDLE_NONE;
    }
}

int64_t protocol_call(const struct protocol_call *call) {
    const struct operation_info *info = call->info;
    struct device_call wanted = {
        .op = info->op,
        .request_bytes = info->request_bytes,
        .reply_bytes = info->reply_bytes,
        .may_block = info->may_block,
        .request = (uint64_t)call->request,
        .reply = (uint64_t)call->reply,
        .in = (uint64_t)call->in,
        .in_bytes = call->in_bytes,
        .out = (uint64_t)call->out,
        .out_bytes = call->out_bytes,
    };
    if (call->in_bytes > info->in_max_bytes || call->out_bytes > info->out_max_bytes) {
        return ERR_OUT_OF_RANGE;
    }
    if (info->handles_in != 0 || info->handles_out != 0) {
        return ERR_NOT_SUPPORTED;
    }
    int64_t result = linux_ioctl(call->channel, DEVICE_CALL, &wanted);
    return result < 0 ? ERR_BAD_HANDLE : wanted.result;
}
