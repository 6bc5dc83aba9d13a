# shellcheck shell=bash
# Processes, ports and waiting, for the `servers` script beside this file, which sources it.
#
# A server's pid file holds two lines: its pid, and a piece of its command line that only it has (a path inside
# $LOCAL). Nothing is signalled unless /proc still shows that piece under that pid, so that a reused pid is safe.

say() { printf '%s\n' "$*" >&2; }
die() { say "servers: $*"; exit 1; }

# Prints the pid of a server that this folder started and that still runs; fails if there is none.
running_pid() {
  local pid mark
  { read -r pid && read -r mark; } 2>/dev/null <"$LOCAL/$1.pid" || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$mark" || return 1
  printf '%s\n' "$pid"
}

# A process that was killed keeps its pid for a moment after its command line is gone, and MySQL and PostgreSQL refuse to
# start while the pid in their lock files is there. Waits for that, at most ten seconds; a reused pid is not waited for.
wait_gone() {
  local pid end=$((SECONDS + 10))
  read -r pid 2>/dev/null <"$LOCAL/$1.pid" || return 0
  while kill -0 "$pid" 2>/dev/null && ! grep -q . "/proc/$pid/cmdline" 2>/dev/null; do
    [ "$SECONDS" -lt "$end" ] || return 0
    sleep 0.05
  done
}

# spawn NAME MARK COMMAND...: starts COMMAND apart from this terminal, its output in $LOCAL/NAME.log.
spawn() {
  local name=$1 mark=$2 log=$LOCAL/$1.log
  shift 2
  [ ! -s "$log" ] || mv -f "$log" "$log.previous"
  setsid "$@" </dev/null >"$log" 2>&1 9>&- &
  printf '%s\n%s\n' "$!" "$mark" >"$LOCAL/$name.pid"
}

# wait_ready NAME SECONDS PREDICATE...: polls until PREDICATE succeeds; otherwise shows the log's end and fails.
wait_ready() {
  local name=$1 limit=$2 pid end=$((SECONDS + $2))
  shift 2
  read -r pid <"$LOCAL/$name.pid"
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || die_with_log "$name" "$name ended while it was starting"
    if [ "$SECONDS" -ge "$end" ]; then
      stop "$name" KILL 5
      die_with_log "$name" "$name was not ready within $limit seconds"
    fi
    sleep 0.1
  done
}

die_with_log() {
  say "servers: $2; the last lines of $LOCAL/$1.log:"
  tail -n 15 "$LOCAL/$1.log" | sed 's/^/    /' >&2
  rm -f "$LOCAL/$1.pid"
  exit 1
}

# stop NAME SIGNAL SECONDS: asks the server to end, and ends it by force after SECONDS.
stop() {
  local name=$1 signal=$2 end=$((SECONDS + $3)) pid
  if pid=$(running_pid "$name"); then
    kill -"$signal" "$pid" 2>/dev/null || true
    while running_pid "$name" >/dev/null; do
      if [ "$SECONDS" -ge "$end" ]; then
        say "servers: $name (pid $pid) did not end within $3 seconds and is killed"
        kill -KILL "$pid" 2>/dev/null || true
        end=$((SECONDS + 5))
      fi
      sleep 0.1
    done
    wait_gone "$name"
  fi
  rm -f "$LOCAL/$name.pid"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

require_free_port() {
  port_answers "$2" || return 0
  die "port $2 on 127.0.0.1, wanted for $1, is used by another program: stop that program, set $3 to another port, or set MILLRACE_PORTS=auto"
}

# Takes a free port that no other folder of this user has taken. A port is taken by a folder of its name, which is
# atomic; it is free again when the data folder that took it is gone.
take_port() {
  local taken=$CACHE/ports port owner
  mkdir -p "$taken"
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000))
    owner=$(cat "$taken/$port/owner" 2>/dev/null || true)
    if [ -n "$owner" ] && [ ! -d "$owner" ]; then rm -rf "${taken:?}/$port"; fi
    mkdir "$taken/$port" 2>/dev/null || continue
    printf '%s\n' "$LOCAL" >"$taken/$port/owner"
    if port_answers "$port"; then rm -rf "${taken:?}/$port"; continue; fi
    printf '%s\n' "$port"
    return 0
  done
  die "no free port found between 20000 and 32000"
}

# used_by_another NAME PORT: whether the port answers though this folder's server of that name (MYSQL, ...) does not run.
used_by_another() {
  local server=${1%%_*}
  ! running_pid "${server,,}" >/dev/null && port_answers "$2"
}

# Sets the port variables: the environment's, else those of this folder's last start, else free ones
# (MILLRACE_PORTS=auto), else fixed ones. With MILLRACE_PORTS=fallback a port that another program uses is passed over.
choose_ports() {
  local name value chosen=() names=(MYSQL KAFKA KAFKA_CONTROLLER POSTGRES MARIADB)
  declare -A fixed=([MYSQL]=23306 [KAFKA]=29092 [KAFKA_CONTROLLER]=29093 [POSTGRES]=25432 [MARIADB]=23307)
  if [ -n "${MILLRACE_TLS:-}" ]; then
    fixed+=([KAFKA_TLS]=29094 [KAFKA_SASL]=29095 [KAFKA_EXPIRED]=29096)
    names+=(KAFKA_TLS KAFKA_SASL KAFKA_EXPIRED)
  fi
  for name in "${names[@]}"; do
    local variable=MILLRACE_${name}_PORT
    value=${!variable:-}
    [ -n "$value" ] || value=$(sed -n "s/^${name}_PORT=//p" "$LOCAL/ports" 2>/dev/null || true)
    if [ "${MILLRACE_PORTS:-}" = fallback ] && [ -z "${!variable:-}" ]; then
      value=${value:-${fixed[$name]}}
      if used_by_another "$name" "$value"; then value=$(take_port) || exit 1; fi
    fi
    if [ -z "$value" ]; then
      case "${MILLRACE_PORTS:-fixed}" in
        auto) value=$(take_port) || exit 1 ;;
        fixed) value=${fixed[$name]} ;;
        *) die "MILLRACE_PORTS is \"$MILLRACE_PORTS\"; it can be fixed, auto or fallback" ;;
      esac
    fi
    [[ $value =~ ^[1-9][0-9]{0,4}$ && $value -lt 65536 ]] || die "$variable is \"$value\", which is not a port"
    printf -v "${name}_PORT" %s "$value"
    chosen+=("${name}_PORT=$value")
  done
  # Another run in this folder, which starts another server, reads either the old file or the new one.
  printf '%s\n' "${chosen[@]}" >"$LOCAL/ports.$$"
  mv -f "$LOCAL/ports.$$" "$LOCAL/ports"
}

release_ports() {
  local owner
  for owner in "$CACHE"/ports/*/owner; do
    if [ -f "$owner" ] && [ "$(cat "$owner")" = "$LOCAL" ]; then rm -rf "${owner%/owner}"; fi
  done
  rm -f "$LOCAL/ports"
}
