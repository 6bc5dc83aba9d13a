# shellcheck shell=bash
# Packages from apt and Maven, for the `servers` script beside this file, which sources it.

is_root() { [ "$(id -u)" -eq 0 ]; }

# apt_install REASON PACKAGE...
apt_install() {
  local reason=$1
  shift
  command -v apt-get >/dev/null || die "$reason is missing and this is no Debian or Ubuntu: install $* by hand"
  is_root || die "$reason is missing and installing it needs root: run once as root: apt-get install $*"
  say "installing $reason: $*"
  apt_quietly update
  DEBIAN_FRONTEND=noninteractive apt_quietly install -y --no-install-recommends "$@"
}

# Runs apt-get without its chatter; shows what it said if it fails.
apt_quietly() {
  local out
  out=$(apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1 9>&-) || { say "$out"; die "apt-get $1 failed"; }
}

linux_name() { sed -n 's/^ID=//p' /etc/os-release 2>/dev/null | tr -d '"'; }

# Prints the address of this machine's own Debian mirror, from its apt sources (both of their formats).
debian_mirror() {
  local found
  found=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    awk '/^URIs:/ { for (i = 2; i <= NF; i++) print $i }
         /^deb / { sub(/\[[^]]*\] */, ""); print $2 }' |
    grep -E '/debian/?$' | head -n 1 || true)
  printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# unpack_from_sid FOLDER PACKAGE...: downloads packages and all that they need from Debian sid by an apt
# configuration of its own (this machine's stays as it is) and unpacks them into FOLDER. Needs no root.
unpack_from_sid() {
  local root=$1 apt=$1.apt new=$1.new package
  shift
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -f "$keys" ] || apt_install "Debian's archive keys" debian-archive-keyring
  rm -rf "$apt" "$new"
  mkdir -p "$new" "$apt"/etc/apt/{preferences.d,apt.conf.d} "$apt"/var/lib/apt/lists/partial \
    "$apt"/var/cache/apt/archives/partial "$apt"/var/lib/dpkg
  : >"$apt/var/lib/dpkg/status"
  printf 'deb [signed-by=%s] %s sid main\n' "$keys" "$(debian_mirror)" >"$apt/etc/apt/sources.list"
  {
    printf 'Dir "%s/";\nDir::Etc "%s/etc/apt";\nDir::State::status "%s/var/lib/dpkg/status";\n' "$apt" "$apt" "$apt"
    printf 'APT::Architecture "%s";\nAPT::Install-Recommends "false";\n' "$(dpkg --print-architecture)"
    printf 'APT::Sandbox::User "root";\nAcquire::Check-Valid-Until "false";\nAcquire::Languages "none";\n'
    apt-config dump Acquire | grep -E '^Acquire::(https?|Retries)' || true
  } >"$apt/apt.conf"
  say "downloading $* from Debian sid (about 63 MB) into $root"
  APT_CONFIG=$apt/apt.conf apt_quietly update
  APT_CONFIG=$apt/apt.conf apt_quietly install -y --download-only "$@"
  for package in "$apt"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$new"; done
  rm -rf "$root" "$apt"
  mv "$new" "$root"
}

# maven_jars FOLDER GROUP:ARTIFACT:VERSION...: the artifacts and all that they need, as jars in FOLDER.
maven_jars() {
  local folder=$1 new=$1.new artifact group name version out
  shift
  command -v mvn >/dev/null || apt_install Maven maven
  rm -rf "$new"
  mkdir -p "$new"
  {
    printf '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>\n'
    printf '<groupId>local</groupId><artifactId>local</artifactId><version>1</version><dependencies>\n'
    for artifact in "$@"; do
      IFS=: read -r group name version <<<"$artifact"
      printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' "$group" "$name" "$version"
    done
    printf '</dependencies></project>\n'
  } >"$new/pom.xml"
  say "downloading $* by Maven into $folder"
  out=$(cd "$new" && mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib </dev/null 2>&1 9>&-) ||
    { say "$out"; die "Maven could not download Kafka"; }
  rm -rf "$folder"
  mv "$new" "$folder"
}
