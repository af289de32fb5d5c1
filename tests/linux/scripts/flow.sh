# SPDX-License-Identifier: MIT
# shells: ash bash mksh mksh-klibc
# status: 5
# Functions, case, subshells, status of each, traps at the end.
square() {
    local x=$1
    echo $((x * x))
    return 2
}
square 12
echo "status $?"
case hello.txt in
*.c) echo C ;;
h*.txt) echo text ;;
*) echo other ;;
esac
x=outer
(x=inner; echo $x; exit 4)
echo "$x $?"
true && echo yes || echo no
false && echo yes || echo no
! true
echo $?
if false; then echo 1; elif true; then echo 2; else echo 3; fi
until [ "$n" = xxx ]; do n=x$n; done
echo $n
value=$(echo one; echo two)
echo "$value" | while read -r line; do echo "line $line"; done
trap 'echo at the end' EXIT
eval 'y=evaluated'
echo $y
exit 5
