# shellcheck shell=bash
# MariaDB, for the `servers` script beside this file, which sources it. It is started by name only: `servers up mariadb`.
#
# mariadbd must be in PATH or come from Debian's own packages. Ubuntu's packages of MariaDB and MySQL exclude each other.

find_mariadb() { PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mariadbd >/dev/null; }

install_mariadb() {
  if find_mariadb; then return 0; fi
  [ "$(linux_name)" = debian ] || die "no mariadbd found: install MariaDB 10.6 or newer"
  apt_install MariaDB mariadb-server-core mariadb-client-core
  find_mariadb || die "MariaDB was installed but mariadbd is not in PATH"
}

up_mariadb() {
  local data=$LOCAL/mariadb as_user=() options
  require_free_port MariaDB "$MARIADB_PORT" MILLRACE_MARIADB_PORT
  install_mariadb
  if is_root; then as_user=(--user=root); fi
  if [ ! -d "$data" ]; then
    rm -rf "$data.new"
    mkdir -p "$data.new"
    mariadb-install-db --no-defaults "${as_user[@]}" "--datadir=$data.new" --auth-root-authentication-method=normal \
      </dev/null >"$LOCAL/mariadb.log" 2>&1 9>&- || die_with_log mariadb "MariaDB could not make its data folder"
    mv "$data.new" "$data"
  fi
  read -ra options <<<"${MILLRACE_MYSQL_OPTIONS:-}"
  PATH=$PATH:/usr/sbin:/usr/local/sbin spawn mariadb "--datadir=$data" mariadbd --no-defaults "${as_user[@]}" \
    "--datadir=$data" --port="$MARIADB_PORT" --bind-address=127.0.0.1 --socket=mariadb.sock \
    --pid-file="$data/mariadb.pid" --server-id=1 --log-bin=binlog --binlog-format=ROW --character-set-server=utf8mb4 \
    --innodb-buffer-pool-size=64M --max-connections=300 --sync-binlog=0 --innodb-flush-log-at-trx-commit=2 "${options[@]}"
  wait_ready mariadb 120 mariadb_is_ready
}

mariadb_is_ready() { grep -q "ready for connections" "$LOCAL/mariadb.log" && port_answers "$MARIADB_PORT"; }

down_mariadb() { stop mariadb TERM 60; }
