# Keeps a throw-away PostgreSQL for as long as anybody has its pipe "users" open
# for writing, and a little longer. Runs in the cluster's own directory, which it
# removes at the end. Says "ready" when the server accepts connections, else the
# end of the log.
#
# Arguments: the directory of the binaries, the user name of the tests, and how
# many seconds to wait for new users.
set -eu
bin=$1 name=$2 linger=$3 dir=$PWD server=

finish() {
  [ -n "$server" ] || tail -n 5 log
  # The id serves where somebody has cleaned up the directory before us.
  "$bin/pg_ctl" stop -s -m immediate -D data >>log 2>&1 || kill -QUIT $server 2>/dev/null || true
  cd / && rm -rf "$dir"
}
trap '' PIPE
trap 'exit 1' HUP INT TERM
exec 3<users
trap finish EXIT

"$bin/initdb" -D data -U "$name" -A trust -E UTF8 --locale=C --no-sync >log 2>&1 3<&-
cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
timezone = 'UTC'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
autovacuum = off
CONF
"$bin/pg_ctl" start -w -s -D data -l log >>log 2>&1 3<&-
server=$(head -n 1 data/postmaster.pid)
echo ready || true
exec >/dev/null

# A reader sees the end of the pipe when the last user has closed it. Each user
# writes a byte first, so that nothing read means that nobody came meanwhile.
cat <&3 >/dev/null
while sleep "$linger" && [ -n "$(cat <&3)" ]; do :; done

# Nobody can join any more; who did in this moment is served to the end.
rm users
cat <&3 >/dev/null
