# SPDX-License-Identifier: MIT
# make: dependencies, patterns, parallel jobs, an error.
# status: 2
mkdir -p /srv/mk && cd /srv/mk || exit
cat > Makefile << 'END'
.RECIPEPREFIX = >
all: out
>@echo done
out: a.o b.o c.o
>cat $^ > $@
%.o: %.c
>@tr a-z A-Z < $< > $@
bad: ; @echo before; exit 3
.PHONY: all bad
END
for name in a b c; do echo $name > $name.c; done
make -j1; make -j3; sleep 0.02; touch b.c; make -s -n; cat out; make -s -j4 --output-sync all
make bad
