#!/bin/bash
# Installs what is missing, and only that: Debian packages, .venv, pinned requirements.
# Usage: install.sh [local|test]   (which of requirements/*.txt; test holds local)
# Quick when there is nothing to do. Starts no service and leaves running ones alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

requirements=requirements/${1:-local}.txt
postgresql_version=15

say() { printf '%s\n' "$*" >&2; }
fail() { say "install: $1"; exit 1; }
have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else fail "these Debian packages are missing and neither root nor sudo is at hand: ${missing[*]}"
    fi
}

find_missing_packages() {
    missing=()
    # mariadb-server-core is the programs alone: no service, no system-wide database. The client package
    # holds my_print_defaults, which mariadb-install-db calls.
    have mariadbd || missing+=(mariadb-server-core)
    have my_print_defaults || missing+=(mariadb-client-core)
    [ -x "/usr/lib/postgresql/$postgresql_version/bin/initdb" ] || missing+=("postgresql-$postgresql_version")
    have rabbitmq-server || missing+=(rabbitmq-server)
    have redis-server || missing+=(redis-server)
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
}

# Debian starts a service as soon as its package is there, and makes a PostgreSQL cluster. We want programs.
install_packages() {
    local policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/dbaas-install.conf
    local undo=()
    if [ ! -e $policy ]; then
        undo+=($policy)
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
    fi
    as_root mkdir -p "$(dirname $clusters)"
    as_root sh -c "echo 'create_main_cluster = false' >$clusters"
    undo+=($clusters)
    # shellcheck disable=SC2064  # the list as it is now
    trap "as_root rm -f ${undo[*]}" EXIT
    say "Installing Debian packages: ${missing[*]}"
    mkdir -p var
    local log=var/install.log
    as_root env DEBIAN_FRONTEND=noninteractive sh -ec "
        apt-get -q -o DPkg::Lock::Timeout=120 update
        apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends ${missing[*]}
    " >$log 2>&1 || { tail -n 20 $log >&2; fail "apt-get failed; all of its output is in $log"; }
    as_root rm -f "${undo[@]}"
    trap - EXIT
}

python_is_new_enough() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

install_requirements() {
    local stamp=.venv/.installed wanted
    wanted="$requirements $({ python3 --version; cat requirements/*.txt; } | sha256sum | cut -d' ' -f1)"
    grep -qsxF "$wanted" $stamp && return
    if ! .venv/bin/python -c '' 2>/dev/null; then
        say "Creating .venv"
        python3 -m venv --clear .venv
    fi
    say "Installing Python requirements"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r $requirements \
        || fail "pip failed (see above); run again, it goes on where it stopped"
    echo "$wanted" >>$stamp
}

have python3 || { [ "$(id -u)" = 0 ] && have apt-get; } || fail "python3 (3.11 or newer) is missing"
find_missing_packages
if [ ${#missing[@]} -gt 0 ]; then
    have apt-get || fail "this is not Debian; please install by hand: ${missing[*]}"
    have python3 || missing+=(python3)
    install_packages
fi
python_is_new_enough || fail "Python 3.11 or newer is needed; python3 is $(python3 --version 2>&1)"
install_requirements
