// SPDX-License-Identifier: MIT
//
// Device nodes of native services (abi/service_device.h). The libos only carries: procd decides who
// gets the channel, the service what it answers. A program could make the same calls by itself, so
// nothing here is a border; the checks keep a wrong request from hurting the libos.

#include <files/service.h>

#include <abi/service_device.h>
#include <core/access.h>
#include <core/process.h>
#include <core/status.h>
#include <files/kmsg.h>
#include <proto/proc_client.h>
#include <proto/protocol_call.h>
#include <sys/calls.h>

bool is_service(uint64_t rdev) {
    return rdev == DEVICE_SERVICES || rdev == DEVICE_KERNEL_LOG;
}

static bool call_is_valid(const struct device_call *wanted) {
    return wanted->request_bytes <= MESSAGE_BODY_BYTES &&
           wanted->reply_bytes <= MESSAGE_BODY_BYTES && user_range(wanted->in, wanted->in_bytes) &&
           user_range(wanted->out, wanted->out_bytes);
}

static int64_t call_service(struct description *file, uint64_t argument) {
    struct device_call wanted;
    uint8_t request[MESSAGE_BODY_BYTES], reply[MESSAGE_BODY_BYTES];
    if (!copy_in(&wanted, argument, sizeof(wanted))) {
        return -LINUX_EFAULT;
    }
    if (!call_is_valid(&wanted)) {
        return -LINUX_EINVAL;
    }
    if (!copy_in(request, wanted.request, wanted.request_bytes)) {
        return -LINUX_EFAULT;
    }
    const struct operation_info info = {
        .op = wanted.op,
        .request_bytes = wanted.request_bytes,
        .reply_bytes = wanted.reply_bytes,
        .may_block = wanted.may_block != 0,
        .in_max_bytes = wanted.in_bytes,
        .out_max_bytes = wanted.out_bytes,
    };
    const struct protocol_call call = {
        .info = &info,
        .channel = file->handle,
        .deadline = INSTANT_NEVER,
        .request = request,
        .reply = reply,
        .in = (const void *)wanted.in,
        .in_bytes = wanted.in_bytes,
        .out = (void *)wanted.out,
        .out_bytes = wanted.out_bytes,
    };
    wanted.result = protocol_call(&call);
    if (wanted.result == ERR_INTERRUPTED) {
        return -LINUX_ERESTARTSYS;
    }
    bool copied = wanted.result < 0 || copy_out(wanted.reply, reply, wanted.reply_bytes);
    return copied && copy_out(argument, &wanted, sizeof(wanted)) ? 0 : -LINUX_EFAULT;
}

// The kernel's id of a process, by its Linux pid.
static int64_t find_process(uint64_t argument) {
    uint64_t pid;
    struct proc_list_reply reply;
    if (!load_user64(argument, &pid)) {
        return -LINUX_EFAULT;
    }
    if (pid == 0 || pid > INT32_MAX) {
        return -LINUX_ESRCH;
    }
    const struct proc_list_request request = {.after = (int32_t)pid - 1};
    int64_t result = proc_list(process_current()->proc, &request, &reply, INSTANT_NEVER);
    if (result < 0 || (uint64_t)reply.pid != pid) {
        return -LINUX_ESRCH;
    }
    return store_user64(argument, reply.process) ? 0 : -LINUX_EFAULT;
}

static int64_t service_control(struct linux_thread *self, struct description *file,
                               uint32_t request, uint64_t argument) {
    (void)self;
    switch (request) {
    case DEVICE_CALL:
        return call_service(file, argument);
    case DEVICE_PROCESS:
        return find_process(argument);
    default:
        return -LINUX_ENOTTY;
    }
}

int64_t service_stat(struct description *file, struct fs_attributes *attributes) {
    *attributes = (struct fs_attributes){
        .links = 1,
        .inode = file->device,
        .mode = FS_TYPE_CHARACTER << 12 | 0600,
        .rdev = file->device,
        .block_bytes = PAGE_SIZE,
    };
    return 0;
}

static const struct file_ops service_ops = {.stat = service_stat, .control = service_control};

const struct file_ops *service_ops_of(uint64_t rdev) {
    return rdev == DEVICE_KERNEL_LOG ? &kmsg_ops : &service_ops;
}

int64_t service_open(uint64_t rdev, uint32_t flags) {
    const struct proc_device_request request = {.rdev = rdev};
    handle_t handle;
    if (process_current()->alone) {
        return -LINUX_ENXIO;
    }
    int64_t result = proc_device(process_current()->proc, &request, &handle, INSTANT_NEVER);
    if (result < 0) {
        return result == ERR_NOT_FOUND ? -LINUX_ENXIO : linux_result(result);
    }
    struct description *file = description_make(FD_SERVICE, handle, flags, service_ops_of(rdev));
    if (file == NULL) {
        return -LINUX_ENOMEM;
    }
    file->device = rdev;
    return file_install(file, flags, 0);
}
