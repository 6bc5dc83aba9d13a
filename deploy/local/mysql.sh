# shellcheck shell=bash
# MySQL, for the `servers` script beside this file, which sources it.
#
# Which MySQL: the one named by MILLRACE_MYSQLD, else the mysqld on the PATH (unless it is MariaDB, which Debian
# installs under the same name), else Ubuntu's package, else 9.7 from Debian sid. The last is unpacked into a folder
# of its own and run by that folder's own dynamic linker, because it wants a newer C library than a stable Debian has.

SID_MYSQL=$CACHE/mysql-sid

# Sets MYSQLD and MYSQL_CLIENT (arrays: command and leading arguments); fails if there is no MySQL yet.
find_mysql() {
  local linker libraries=() share=$SID_MYSQL/usr/share/mysql system=${MILLRACE_MYSQLD:-}
  [ -n "$system" ] || system=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mysqld || true)
  if [ -n "$system" ] && ! "$system" --version 2>/dev/null | grep -qi mariadb; then
    MYSQLD=("$system" --no-defaults)
    MYSQL_CLIENT=(mysql)
    return 0
  fi
  [ -z "${MILLRACE_MYSQLD:-}" ] || die "MILLRACE_MYSQLD names \"$MILLRACE_MYSQLD\", which is not a MySQL server"
  linker=$(compgen -G "$SID_MYSQL/usr/lib*/ld-linux-*" | head -n 1) || return 1
  libraries=("$SID_MYSQL"/usr/lib/*-linux-gnu)
  MYSQLD=("$linker" --library-path "${libraries[0]}" "$SID_MYSQL/usr/sbin/mysqld" --no-defaults "--basedir=$SID_MYSQL/usr"
    "--lc-messages-dir=$share" "--character-sets-dir=$share/charsets" "--plugin-dir=$SID_MYSQL/usr/lib/mysql/plugin")
  MYSQL_CLIENT=("$linker" --library-path "${libraries[0]}" "$SID_MYSQL/usr/bin/mysql")
}

install_mysql() {
  if find_mysql; then return 0; fi
  case "$(linux_name)" in
    ubuntu) apt_install MySQL "$(apt-cache --names-only search '^mysql-server-core(-[0-9.]+)?$' | awk '{print $1}' | sort -V | tail -n 1)" ;;
    debian) unpack_from_sid "$SID_MYSQL" mysql-server-core mysql-client-core ;;
    *) die "no mysqld found: install MySQL 8.0 or newer, or name its mysqld by MILLRACE_MYSQLD" ;;
  esac
  find_mysql || die "MySQL was installed but its mysqld is not found"
}

up_mysql() {
  local data=$LOCAL/mysql
  require_free_port MySQL "$MYSQL_PORT" MILLRACE_MYSQL_PORT
  install_mysql
  if is_root; then MYSQLD+=(--user=root); fi
  if [ ! -d "$data" ]; then
    rm -rf "$data.new"
    mkdir -p "$data.new"
    "${MYSQLD[@]}" --initialize-insecure "--datadir=$data.new" </dev/null >"$LOCAL/mysql.log" 2>&1 9>&- ||
      die_with_log mysql "MySQL could not make its data folder"
    mv "$data.new" "$data"
  fi
  # No server of this folder runs, and InnoDB's own lock says so too: the lock of a killed one, whose pid may belong to
  # another program by now, would only refuse the start.
  rm -f "$data/mysql.sock.lock"
  local options
  read -ra options <<<"${MILLRACE_MYSQL_OPTIONS:-}"
  mapfile -t -O "${#options[@]}" options < <(mysql_tls_options)
  # A relative socket lies in the data folder and stays short, however long the folder's path is. The two flush
  # settings trade safety in a power failure for speed: the data here is for tests and demonstrations.
  spawn mysql "--datadir=$data" "${MYSQLD[@]}" "--datadir=$data" --port="$MYSQL_PORT" --bind-address=127.0.0.1 \
    --socket=mysql.sock --pid-file="$data/mysqld.pid" --loose-mysqlx=OFF --secure-file-priv= --local-infile=ON \
    --server-id=1 --log-bin=binlog --binlog-format=ROW --gtid-mode=ON --enforce-gtid-consistency=ON \
    --innodb-buffer-pool-size=128M --max-connections=300 --sync-binlog=0 --innodb-flush-log-at-trx-commit=2 \
    "${options[@]}"
  wait_ready mysql 120 mysql_is_ready
}

mysql_is_ready() { grep -q "ready for connections.*port: $MYSQL_PORT" "$LOCAL/mysql.log" && port_answers "$MYSQL_PORT"; }

down_mysql() { stop mysql TERM 60; }

client_mysql() {
  find_mysql || die "MySQL is not installed: run deploy/local/servers install"
  exec "${MYSQL_CLIENT[@]}" -uroot -h127.0.0.1 -P"$MYSQL_PORT" "$@"
}
