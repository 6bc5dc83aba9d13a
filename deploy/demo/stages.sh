# shellcheck shell=bash
# The demo's processes, for the scripts beside this file, which source it from the checkout's top folder.

LOCAL=${MILLRACE_LOCAL:-.local}
mkdir -p "$LOCAL"
LOCAL=$(cd "$LOCAL" && pwd)
# shellcheck source=../local/process.sh
. deploy/local/process.sh

# Ends what the demo started, side by side.
end_stages() {
  local name
  for name in run capture transform apply; do
    if running_pid "demo/$name" >/dev/null; then stop "demo/$name" TERM 25 & fi
  done
  wait
  rm -f "$LOCAL"/demo/*.pid
}
