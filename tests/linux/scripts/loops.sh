# SPDX-License-Identifier: MIT
# shells: ash bash mksh mksh-klibc
# Many small processes in turn.
n=0
while [ $n -lt 60 ]; do
    n=$((n + 1))
    x=$(echo $n | cat)
    [ "$x" = $n ] || echo wrong
done
echo $n
find_primes() {
    i=2
    while [ $i -le 60 ]; do
        j=2
        prime=yes
        while [ $((j * j)) -le $i ]; do
            [ $((i % j)) -eq 0 ] && prime=no && break
            j=$((j + 1))
        done
        [ $prime = yes ] && printf '%d ' $i
        i=$((i + 1))
    done
    echo
}
find_primes
