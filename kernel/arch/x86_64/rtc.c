// SPDX-License-Identifier: MIT
//
// The PC's clock (MC146818): registers for each part of the date, in binary or decimal digits,
// which it moves on once a second and which are not to be read at that moment. It is taken to run
// in UTC and in this century.
#include <x86/io.h>
#include <x86/rtc.h>

#define RTC_INDEX 0x70
#define RTC_DATA 0x71
#define RTC_A 10
#define RTC_A_BUSY 0x80
#define RTC_B 11
#define RTC_B_24_HOURS 2
#define RTC_B_BINARY 4
#define AFTERNOON 0x80
#define TRIES 1000000     // a second at most; a clock that is busy for ever is read as it is
#define EPOCH_DAYS 719468 // from 1 March of year 0 to 1 January 1970

enum part { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, PARTS };
static const uint8_t registers[PARTS] = {0, 2, 4, 7, 8, 9};

static uint8_t read(uint8_t reg) {
    out8(RTC_INDEX, reg);
    return in8(RTC_DATA);
}

static void read_all(uint8_t parts[PARTS]) {
    for (int i = 0; i < TRIES && (read(RTC_A) & RTC_A_BUSY) != 0; i++) {
    }
    for (int i = 0; i < PARTS; i++) {
        parts[i] = read(registers[i]);
    }
}

int64_t rtc_read(void) {
    uint8_t parts[PARTS];
    uint8_t again[PARTS];
    read_all(parts);
    read_all(again);
    if (memcmp(parts, again, PARTS) != 0) {
        read_all(parts); // the second has just begun
    }
    uint8_t mode = read(RTC_B);
    bool afternoon = (mode & RTC_B_24_HOURS) == 0 && (parts[HOUR] & AFTERNOON) != 0;
    parts[HOUR] &= (uint8_t)~AFTERNOON;
    for (int i = 0; i < PARTS && (mode & RTC_B_BINARY) == 0; i++) {
        parts[i] = (uint8_t)((parts[i] >> 4) * 10 + (parts[i] & 15));
    }
    if ((mode & RTC_B_24_HOURS) == 0) {
        parts[HOUR] = (uint8_t)(parts[HOUR] % 12 + (afternoon ? 12 : 0));
    }
    // Years that begin in March have their odd day at the end.
    int64_t year = 2000 + parts[YEAR] - (parts[MONTH] < 3);
    int64_t month = (parts[MONTH] + 9) % 12;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 +
                   parts[DAY] - 1 - EPOCH_DAYS;
    return ((days * 24 + parts[HOUR]) * 60 + parts[MINUTE]) * 60 + parts[SECOND];
}
