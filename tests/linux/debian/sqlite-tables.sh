# SPDX-License-Identifier: MIT
# A database in a file: transactions, an index, a window, WAL.
cd /srv || exit
sqlite3 x.db << 'END'
create table t(a integer primary key, b text);
begin; with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into t select i, 'row ' || (i * 7919 % 2000) from n; commit;
create index i on t(b); select count(*), min(b), max(b) from t;
select a, sum(a) over (order by a) from t limit 3;
begin; delete from t; rollback; select count(*) from t; pragma integrity_check;
pragma journal_mode=wal; update t set b = upper(b) where a % 100 = 0
select * from t where a = 100;
.mode csv
select * from t where b like 'ROW 1%' order by b limit 3;
END
sqlite3 x.db 'select count(*) from t; vacuum; pragma page_count'; ls x.db*
sqlite3 x.db 'select nothing'
echo $?; sqlite3 x.db .dump | md5sum; rm x.db*
