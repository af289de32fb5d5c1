// SPDX-License-Identifier: MIT
//
// Devices and interrupts, tried on the second serial port: a 16550 that the machine has and nobody
// else uses. In loopback it receives what it sends.

#include "suite.h"

#include <abi/device.h>
#include <sys/start.h>

enum reg { REG_DATA, REG_ENABLE, REG_FIFO, REG_LINE, REG_MODEM, REG_STATUS, REG_SCRATCH = 7 };
#define REGISTERS 8
#define FIFO_BYTES 16
#define FIFO_ENABLE_CLEAR 0x07
#define MODEM_LOOPBACK 0x1b // with DTR, RTS, OUT2
#define ENABLE_RECEIVED 0x01
#define STATUS_RECEIVED 0x01
#define STATUS_SENT 0x20

#define RING 64U // bytes of each ring
#define TX_INDEX 0U
#define RX_INDEX 16U
#define TX_DATA 4096U
#define RX_DATA (8192U - RING / 2) // across a page border
#define VMO_BYTES 12288U

// The device and a vmo with two rings, mapped.
struct rig {
    handle_t device, vmo;
    uint8_t *memory;
    struct device_ring *tx, *rx;
};

static int64_t port(const struct rig *rig, uint32_t op, uint32_t reg, uint32_t value) {
    return sys_device_port(rig->device, op, reg, value, NULL);
}

static struct device_move move_of(const struct rig *rig, bool receive) {
    return (struct device_move){
        .vmo = rig->vmo,
        .ring_bytes = RING,
        .index_offset = receive ? RX_INDEX : TX_INDEX,
        .data_offset = receive ? RX_DATA : TX_DATA,
        .status_reg = REG_STATUS,
        .status_mask = receive ? STATUS_RECEIVED : STATUS_SENT,
        .burst = 1,
    };
}

static int64_t move(const struct rig *rig, bool receive) {
    struct device_move how = move_of(rig, receive);
    return sys_device_port(rig->device, receive ? DEVICE_RECEIVE : DEVICE_TRANSMIT, REG_DATA, 0,
                           &how);
}

static bool rig_open(struct rig *rig) {
    *rig = (struct rig){.device = start_handle("serial2")};
    rig->vmo = expect_handle(sys_vmo_create(HANDLE_NONE, VMO_BYTES, 0));
    int64_t addr = sys_aspace_map(HANDLE_NONE, rig->vmo, 0, 0, VMO_BYTES, MAP_READ | MAP_WRITE);
    rig->memory = (uint8_t *)addr;
    rig->tx = (struct device_ring *)(rig->memory + TX_INDEX);
    rig->rx = (struct device_ring *)(rig->memory + RX_INDEX);
    return addr > 0 && port(rig, DEVICE_WRITE, REG_ENABLE, 0) == OK &&
           port(rig, DEVICE_WRITE, REG_LINE, 3) == OK &&
           port(rig, DEVICE_WRITE, REG_MODEM, MODEM_LOOPBACK) == OK &&
           port(rig, DEVICE_WRITE, REG_FIFO, FIFO_ENABLE_CLEAR) == OK;
}

static void rig_close(struct rig *rig) {
    CHECK_EQ(port(rig, DEVICE_WRITE, REG_ENABLE, 0), OK);
    CHECK_EQ(sys_aspace_unmap(HANDLE_NONE, (vaddr_t)rig->memory, VMO_BYTES), OK);
    drop(rig->vmo);
}

TEST(devices_port_reads_and_writes_registers) {
    struct rig rig;
    REQUIRE(rig_open(&rig));
    for (uint32_t value = 0; value <= UINT8_MAX; value += 51) {
        CHECK_EQ(port(&rig, DEVICE_WRITE, REG_SCRATCH, value), OK);
        CHECK_EQ(port(&rig, DEVICE_READ, REG_SCRATCH, 0), value);
    }
    CHECK_EQ(port(&rig, DEVICE_WRITE, REG_SCRATCH, 256), ERR_OUT_OF_RANGE);
    CHECK_EQ(port(&rig, DEVICE_WRITE, REGISTERS, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(port(&rig, DEVICE_READ, REGISTERS, 0), ERR_OUT_OF_RANGE);
    CHECK_EQ(port(&rig, DEVICE_READ, UINT32_MAX, 0), ERR_OUT_OF_RANGE);
    rig_close(&rig);
}

TEST(devices_port_refuses) {
    struct rig rig;
    REQUIRE(rig_open(&rig));
    struct device_move how = move_of(&rig, true);
    CHECK_EQ(port(&rig, 0, REG_DATA, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_device_port(rig.device, DEVICE_TRANSMIT + 1, REG_DATA, 0, &how),
             ERR_INVALID_ARGUMENT);
    CHECK_EQ(port(&rig, DEVICE_RECEIVE, REG_DATA, 0), ERR_INVALID_ARGUMENT);
    CHECK_EQ(sys_device_port(rig.device, DEVICE_RECEIVE, REGISTERS, 0, &how), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_device_port(rig.device, DEVICE_RECEIVE, REG_DATA, 0,
                             (const struct device_move *)unmapped_address(1)),
             ERR_FAULT);
    CHECK_EQ(sys_device_port(rig.vmo, DEVICE_READ, REG_DATA, 0, NULL), ERR_WRONG_TYPE);
    handle_t blind = narrowed(rig.device, RIGHT_WRITE);
    CHECK_EQ(sys_device_port(blind, DEVICE_READ, REG_DATA, 0, NULL), ERR_ACCESS_DENIED);
    drop(blind);
    CHECK_EQ(sys_device_port(blind, DEVICE_READ, REG_DATA, 0, NULL), ERR_BAD_HANDLE);
    rig_close(&rig);
}

// A change of one word of a good move, and what is then said.
struct wrong {
    size_t offset, bytes;
    uint64_t value;
    int64_t status;
};
#define WRONG(member, value_, status_)                                                             \
    {                                                                                              \
        offsetof(struct device_move, member), sizeof(((struct device_move *)0)->member), value_,   \
            status_                                                                                \
    }

TEST(devices_move_refuses_what_is_no_ring) {
    static const struct wrong wrongs[] = {
        WRONG(vmo, 0, ERR_BAD_HANDLE),
        WRONG(ring_bytes, 0, ERR_INVALID_ARGUMENT),
        WRONG(ring_bytes, RING / 2, ERR_INVALID_ARGUMENT),
        WRONG(ring_bytes, RING + 1, ERR_INVALID_ARGUMENT),
        WRONG(ring_bytes, 2 * DEVICE_RING_MAX_BYTES, ERR_INVALID_ARGUMENT),
        WRONG(ring_bytes, DEVICE_RING_MAX_BYTES, ERR_OUT_OF_RANGE),
        WRONG(index_offset, 4, ERR_INVALID_ARGUMENT),
        WRONG(index_offset, VMO_BYTES, ERR_OUT_OF_RANGE),
        WRONG(index_offset, UINT64_MAX - 7, ERR_OUT_OF_RANGE),
        WRONG(data_offset, VMO_BYTES - RING + 1, ERR_OUT_OF_RANGE),
        WRONG(data_offset, UINT64_MAX, ERR_OUT_OF_RANGE),
        WRONG(status_reg, REGISTERS, ERR_OUT_OF_RANGE),
        WRONG(burst, 0, ERR_INVALID_ARGUMENT),
        WRONG(reserved, 1, ERR_INVALID_ARGUMENT),
    };
    struct rig rig;
    REQUIRE(rig_open(&rig));
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        struct device_move how = move_of(&rig, true);
        memcpy((uint8_t *)&how + wrongs[i].offset, &wrongs[i].value, wrongs[i].bytes);
        CHECK_EQ(sys_device_port(rig.device, DEVICE_RECEIVE, REG_DATA, 0, &how), wrongs[i].status);
    }
    struct device_move how = move_of(&rig, true);
    how.vmo = rig.device;
    CHECK_EQ(sys_device_port(rig.device, DEVICE_RECEIVE, REG_DATA, 0, &how), ERR_WRONG_TYPE);
    how.vmo = narrowed(rig.vmo, RIGHT_READ);
    CHECK_EQ(sys_device_port(rig.device, DEVICE_RECEIVE, REG_DATA, 0, &how), ERR_ACCESS_DENIED);
    drop(how.vmo);
    rig.rx->written = RING + 1;
    CHECK_EQ(move(&rig, true), ERR_CORRUPT);
    rig.rx->written = 0;
    rig.rx->read = 1;
    CHECK_EQ(move(&rig, true), ERR_CORRUPT);
    rig_close(&rig);
}

// Sends and receives, as much as the device can hold at once, until everything is through. Returns
// the bytes received.
static uint32_t shuttle(struct rig *rig, uint32_t total, uint32_t first, bool *same) {
    uint32_t put = 0;
    uint32_t got = 0;
    *same = true;
    for (int turns = 0; got < total && turns < 10000; turns++) {
        while (put < total && put - got < FIFO_BYTES) {
            rig->memory[TX_DATA + rig->tx->written % RING] = (uint8_t)(first + put++);
            rig->tx->written++;
        }
        (void)move(rig, false);
        (void)move(rig, true);
        while (rig->rx->read != rig->rx->written) {
            *same &= rig->memory[RX_DATA + rig->rx->read % RING] == (uint8_t)(first + got++);
            rig->rx->read++;
        }
    }
    return got;
}

TEST(devices_move_loses_and_repeats_nothing) {
    struct rig rig;
    bool same;
    REQUIRE(rig_open(&rig));
    CHECK_EQ(move(&rig, true), 0);  // nothing has come
    CHECK_EQ(move(&rig, false), 0); // nothing is to be sent
    CHECK_EQ(shuttle(&rig, 1000, 3, &same), 1000);
    CHECK(same);
    // Over the end of the indices.
    rig.tx->written = rig.tx->read = UINT32_MAX - 100;
    rig.rx->written = rig.rx->read = UINT32_MAX - 150;
    CHECK_EQ(shuttle(&rig, 300, 7, &same), 300);
    CHECK(same);
    rig_close(&rig);
}

TEST(devices_move_stops_at_a_full_ring) {
    struct rig rig;
    REQUIRE(rig_open(&rig));
    rig.tx->written = 3;
    CHECK_EQ(move(&rig, false), 3);
    CHECK_EQ(rig.tx->read, 3);
    rig.rx->written = RING - 2;
    CHECK_EQ(move(&rig, true), 2);
    CHECK_EQ(move(&rig, true), 0);
    rig.rx->read = rig.rx->written;
    CHECK_EQ(move(&rig, true), 1);
    rig_close(&rig);
}

TEST(devices_interrupt_is_taken_once) {
    struct rig rig;
    REQUIRE(rig_open(&rig));
    CHECK_EQ(sys_interrupt_create(rig.device, 1), ERR_OUT_OF_RANGE);
    CHECK_EQ(sys_interrupt_create(rig.vmo, 0), ERR_WRONG_TYPE);
    handle_t reader = narrowed(rig.device, RIGHT_READ | RIGHT_WRITE);
    CHECK_EQ(sys_interrupt_create(reader, 0), ERR_ACCESS_DENIED);
    drop(reader);
    handle_t interrupt = expect_handle(sys_interrupt_create(rig.device, 0));
    CHECK_EQ(sys_interrupt_create(rig.device, 0), ERR_ALREADY_EXISTS);
    CHECK_EQ(sys_interrupt_ack(interrupt), 0);
    CHECK_EQ(sys_interrupt_ack(rig.vmo), ERR_WRONG_TYPE);
    drop(interrupt);
    CHECK_EQ(sys_interrupt_ack(interrupt), ERR_BAD_HANDLE);
    interrupt = expect_handle(sys_interrupt_create(rig.device, 0));
    drop(interrupt);
    rig_close(&rig);
}

// Has the device interrupt once.
static void provoke(struct rig *rig) {
    CHECK_EQ(port(rig, DEVICE_WRITE, REG_ENABLE, 0), OK);
    CHECK_EQ(port(rig, DEVICE_WRITE, REG_FIFO, FIFO_ENABLE_CLEAR), OK);
    CHECK_EQ(port(rig, DEVICE_WRITE, REG_ENABLE, ENABLE_RECEIVED), OK);
    CHECK_EQ(port(rig, DEVICE_WRITE, REG_DATA, 'x'), OK);
}

TEST(devices_interrupt_is_a_level) {
    struct rig rig;
    REQUIRE(rig_open(&rig));
    handle_t interrupt = expect_handle(sys_interrupt_create(rig.device, 0));
    handle_t server = expect_handle(sys_port_create());
    CHECK_EQ(sys_object_bind(interrupt, server, 77, SIGNAL_INTERRUPT_PENDING), OK);
    for (int i = 0; i < 3; i++) {
        provoke(&rig);
        CHECK_EQ(packet_take(server), OK);
        const struct packet *packet = &thread_block()->packet;
        CHECK_EQ(packet->kind, PACKET_INTERRUPT);
        CHECK_EQ(packet->key, 77);
        CHECK_EQ(packet->signals, SIGNAL_INTERRUPT_PENDING);
        CHECK_EQ(sys_object_wait(interrupt, SIGNAL_INTERRUPT_PENDING, 0, 0),
                 SIGNAL_INTERRUPT_PENDING);
        CHECK(sys_interrupt_ack(interrupt) >= 1); // an edge may come twice
        CHECK_EQ(sys_object_wait(interrupt, SIGNAL_INTERRUPT_PENDING, 0, 0), ERR_TIMED_OUT);
    }
    drop(server);
    drop(interrupt);
    // Nobody has the line now: this one goes nowhere.
    provoke(&rig);
    rig_close(&rig);
}
