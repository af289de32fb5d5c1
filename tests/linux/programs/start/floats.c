// SPDX-License-Identifier: MIT
// libcs: musl glibc
// flags: -lm
// run:
//
// Floating point in each unit: SSE, x87, conversions, rounding modes that survive calls.

#include "report.h"

#include <fenv.h>
#include <sys/syscall.h>

static double series(int terms) {
    double sum = 0;
    for (int i = 1; i <= terms; i++) {
        sum += 1.0 / ((double)i * i);
    }
    return sum;
}

static void show_rounding(int mode, const char *name) {
    fesetround(mode);
    for (int i = 0; i < 100; i++) {
        raw(__NR_getppid);
    }
    volatile double one = 1, three = 3;
    volatile long double long_one = 1;
    double third = one / three;
    long double long_third = long_one / 3;
    say("%s: 1/3 is %.20f, %.22Lf\n", name, third, long_third);
    fesetround(FE_TONEAREST);
}

int main(void) {
    say("%.15f\n", series(10000));
    say("%.18Lf\n", 1.0L / 7);
    say("%a %e %g\n", 1.0 / 3, 6.02214076e23, 1e-5);
    say("%ld %ld\n", (long)-2.75, (long)1e18);
    show_rounding(FE_TONEAREST, "nearest");
    show_rounding(FE_UPWARD, "up");
    show_rounding(FE_DOWNWARD, "down");
    show_rounding(FE_TOWARDZERO, "to zero");
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, result = 1 / zero;
    say("1/0 is %f, divide by zero is flagged: %d\n", result, fetestexcept(FE_DIVBYZERO) != 0);
    return 0;
}
