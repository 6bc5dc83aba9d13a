# shellcheck shell=bash
# PostgreSQL, for the `servers` script beside this file, which sources it.
#
# PostgreSQL refuses to run as root. Started by root it runs as the user `postgres` (which Debian's package makes) or
# else `nobody`. Its data lies in $LOCAL, or, where that user cannot reach $LOCAL (a checkout below /root), in /var/tmp.

# Sets POSTGRES_BIN, the folder of PostgreSQL's programs: MILLRACE_POSTGRES_BIN, else 15, else the newest installed.
find_postgres() {
  local found
  found=${MILLRACE_POSTGRES_BIN:-/usr/lib/postgresql/15/bin}
  if [ -z "${MILLRACE_POSTGRES_BIN:-}" ] && [ ! -d "$found" ]; then
    found=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
  fi
  [ -x "$found/postgres" ] && [ -x "$found/initdb" ] && POSTGRES_BIN=$found
}

install_postgres() {
  if find_postgres; then return 0; fi
  [ -z "${MILLRACE_POSTGRES_BIN:-}" ] || die "MILLRACE_POSTGRES_BIN names \"$MILLRACE_POSTGRES_BIN\", which has no postgres and initdb"
  local package=postgresql-15 settings=/etc/postgresql-common/createcluster.conf
  apt-cache show "$package" >/dev/null 2>&1 || package=postgresql
  # Without this setting, installing the package also starts a server of the machine's own on port 5432.
  if [ ! -f "$settings" ]; then
    apt_install "PostgreSQL's common files" postgresql-common
    sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' "$settings"
  fi
  apt_install PostgreSQL "$package"
  find_postgres || die "PostgreSQL was installed but its programs are not below /usr/lib/postgresql"
}

# The data folder for a $LOCAL that PostgreSQL's user cannot reach.
data_elsewhere() { printf '/var/tmp/millrace-postgres-%s\n' "$(printf %s "$LOCAL" | cksum | cut -d ' ' -f 1)"; }

# Sets AS_POSTGRES (array: how to run a program as PostgreSQL's user) and POSTGRES_DATA.
choose_postgres_user() {
  local user=postgres group
  POSTGRES_DATA=$LOCAL/postgres
  AS_POSTGRES=(env)
  is_root || return 0
  id "$user" >/dev/null 2>&1 || user=nobody
  group=$(id -gn "$user")
  AS_POSTGRES=(setpriv "--reuid=$user" "--regid=$group" --clear-groups)
  "${AS_POSTGRES[@]}" test -x "$LOCAL" || POSTGRES_DATA=$(data_elsewhere)
  # /var/tmp is open to everybody: a folder or link that somebody else put there is not taken over.
  if [ -L "$POSTGRES_DATA" ] || { [ -e "$POSTGRES_DATA" ] && [ "$(stat -c %U "$POSTGRES_DATA")" != "$user" ]; }; then
    die "\"$POSTGRES_DATA\" exists but is not a folder of the user \"$user\": remove it"
  fi
  install -d -m 700 -o "$user" -g "$group" "$POSTGRES_DATA"
}

up_postgres() {
  require_free_port PostgreSQL "$POSTGRES_PORT" MILLRACE_POSTGRES_PORT
  install_postgres
  choose_postgres_user
  # The file that names the data folder is written when that is complete: what an interrupted start left is made anew.
  if [ "$(cat "$LOCAL/postgres.data" 2>/dev/null)" != "$POSTGRES_DATA" ] || [ ! -f "$POSTGRES_DATA/PG_VERSION" ]; then
    find "$POSTGRES_DATA" -mindepth 1 -delete
    (cd / && "${AS_POSTGRES[@]}" "$POSTGRES_BIN/initdb" -D "$POSTGRES_DATA" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) \
      </dev/null >"$LOCAL/postgres.log" 2>&1 9>&- || die_with_log postgres "PostgreSQL could not make its data folder"
    printf '%s\n' "$POSTGRES_DATA" >"$LOCAL/postgres.data"
  fi
  [ -z "${MILLRACE_TLS:-}" ] || postgres_tls
  local options
  read -ra options <<<"${MILLRACE_POSTGRES_OPTIONS:-}"
  # fsync=off trades safety in a power failure for speed: the data here is for tests and demonstrations.
  cd /
  spawn postgres "$POSTGRES_DATA" "${AS_POSTGRES[@]}" "$POSTGRES_BIN/postgres" -D "$POSTGRES_DATA" -p "$POSTGRES_PORT" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c fsync=off \
    -c max_wal_size=2GB -c shared_buffers=128MB "${options[@]}"
  wait_ready postgres 60 "$POSTGRES_BIN/pg_isready" -h 127.0.0.1 -p "$POSTGRES_PORT"
}

# INT is PostgreSQL's "fast shutdown": it ends its sessions.
down_postgres() { stop postgres INT 30; }

client_postgres() { exec psql -h 127.0.0.1 -p "$POSTGRES_PORT" -U postgres "$@"; }
