// SPDX-License-Identifier: MIT

#include <ds/format.h>

#include <stdbool.h>
#include <stdint.h>

// Where the text goes: it is counted on when the buffer is full.
struct sink {
    char *out;
    size_t size;
    size_t length;
};

// One conversion of the format.
struct spec {
    bool left;
    bool zero;
    uint8_t longs; // 0: int, 1: long or size_t, 2: long long
    int width;
    int precision; // -1: none
};

static void sink_put(struct sink *sink, char c) {
    if (sink->length + 1 < sink->size) {
        sink->out[sink->length] = c;
    }
    sink->length++;
}

static void sink_fill(struct sink *sink, char c, int count) {
    for (int i = 0; i < count; i++) {
        sink_put(sink, c);
    }
}

// The text in its field.
static void put_text(struct sink *sink, const struct spec *spec, const char *text, int length) {
    if (!spec->left) {
        sink_fill(sink, ' ', spec->width - length);
    }
    for (int i = 0; i < length; i++) {
        sink_put(sink, text[i]);
    }
    if (spec->left) {
        sink_fill(sink, ' ', spec->width - length);
    }
}

static void put_string(struct sink *sink, const struct spec *spec, const char *text) {
    if (text == NULL) {
        text = "(null)";
    }
    int length = 0;
    while ((spec->precision < 0 || length < spec->precision) && text[length] != '\0') {
        length++;
    }
    put_text(sink, spec, text, length);
}

// Digits of `value` with `prefix` ("", "-" or "0x") before them.
static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                       const char *prefix) {
    char digits[24];
    int at = sizeof(digits);
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    int length = (int)sizeof(digits) - at;
    int prefix_length = 0;
    while (prefix[prefix_length] != '\0') {
        prefix_length++;
    }
    int padding = spec->width - length - prefix_length;
    bool zeros = spec->zero && !spec->left;
    if (!zeros && !spec->left) {
        sink_fill(sink, ' ', padding);
    }
    for (int i = 0; i < prefix_length; i++) {
        sink_put(sink, prefix[i]);
    }
    if (zeros) {
        sink_fill(sink, '0', padding);
    }
    for (int i = at; i < (int)sizeof(digits); i++) {
        sink_put(sink, digits[i]);
    }
    if (spec->left) {
        sink_fill(sink, ' ', padding);
    }
}

// Reads flags, width, precision and size; returns the place of the conversion letter.
static const char *parse_spec(const char *at, struct spec *spec) {
    *spec = (struct spec){.precision = -1};
    for (; *at == '-' || *at == '0'; at++) {
        spec->left |= *at == '-';
        spec->zero |= *at == '0';
    }
    for (; *at >= '0' && *at <= '9' && spec->width < 1000; at++) {
        spec->width = spec->width * 10 + (*at - '0');
    }
    if (*at == '.') {
        spec->precision = 0;
        for (at++; *at >= '0' && *at <= '9' && spec->precision < 100000; at++) {
            spec->precision = spec->precision * 10 + (*at - '0');
        }
    }
    for (; *at == 'l' || *at == 'z'; at++) {
        spec->longs++;
    }
    return at;
}

static int64_t take_signed(const struct spec *spec, va_list *args) {
    return spec->longs == 0 ? va_arg(*args, int) : va_arg(*args, long);
}

static uint64_t take_unsigned(const struct spec *spec, va_list *args) {
    return spec->longs == 0 ? va_arg(*args, unsigned) : va_arg(*args, unsigned long);
}

// One conversion; returns false when its letter is unknown, and then has taken no argument.
static bool convert(struct sink *sink, const struct spec *spec, char letter, va_list *args) {
    switch (letter) {
    case 's':
        put_string(sink, spec, va_arg(*args, const char *));
        return true;
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_text(sink, spec, &c, 1);
        return true;
    }
    case 'd':
    case 'i': {
        int64_t value = take_signed(spec, args);
        put_number(sink, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
                   value < 0 ? "-" : "");
        return true;
    }
    case 'u':
        put_number(sink, spec, take_unsigned(spec, args), 10, "");
        return true;
    case 'x':
        put_number(sink, spec, take_unsigned(spec, args), 16, "");
        return true;
    case 'p':
        put_number(sink, spec, (uintptr_t)va_arg(*args, void *), 16, "0x");
        return true;
    case '%':
        sink_put(sink, '%');
        return true;
    default:
        return false;
    }
}

int text_format_v(char *out, size_t size, const char *format, va_list args) {
    struct sink sink = {.out = out, .size = size};
    va_list rest;
    va_copy(rest, args);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            sink_put(&sink, *at);
            continue;
        }
        struct spec spec;
        const char *letter = parse_spec(at + 1, &spec);
        if (convert(&sink, &spec, *letter, &rest)) {
            at = letter;
        } else {
            sink_put(&sink, '%');
        }
    }
    va_end(rest);
    if (size > 0) {
        out[sink.length < size ? sink.length : size - 1] = '\0';
    }
    return (int)sink.length;
}

int text_format(char *out, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = text_format_v(out, size, format, args);
    va_end(args);
    return length;
}
