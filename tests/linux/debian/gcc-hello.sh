# SPDX-License-Identifier: MIT
# A C program is compiled, assembled, linked, and run.
# status: 5
mkdir -p /srv/gcc && cd /srv/gcc || exit
cat > hello.c << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return strcmp(a, b); }
int main(int count, char **words) {
    char text[] = "prunella";
    qsort(text, sizeof(text) - 1, 1, compare);
    printf("%s %d %s\n", text, count, words[1]);
    return 5;
}
END
gcc -O1 -Wall -o hello hello.c; echo $?
echo 'int main(void) { return x; }' > bad.c; gcc -c bad.c; echo $?
gcc -S -O2 -o - -x c - <<< 'int f(int x) { return x * 8; }' | grep -c "^f:"
./hello word
