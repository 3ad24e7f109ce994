#!/usr/bin/env bash
# A Slurm cluster of this one machine, for trying profiles/slurm: no systemd, no accounting, nothing outside its folder.
#
#   tests/slurm/cluster.sh install        Debian's packages, if they are not there (needs root)
#   tests/slurm/cluster.sh start FOLDER   prints what to export for sbatch, squeue and Snakemake to find it
#   tests/slurm/cluster.sh stop FOLDER    cancels its jobs, ends its daemons; the logs stay in FOLDER/log
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/sbin:/sbin # where Debian has the daemons

fail() {
    echo "cluster.sh: $*" >&2
    exit 1
}

missing() { # programs that are not installed
    local program
    for program in munged slurmctld slurmd sinfo; do
        command -v "$program" > /dev/null || echo "$program"
    done
}

install_packages() {
    [ -n "$(missing)" ] || return 0
    command -v apt-get > /dev/null || fail "there is no apt-get to install slurm-wlm and munge with"
    [ "$(id -u)" = 0 ] || fail "only root can install slurm-wlm and munge"
    export DEBIAN_FRONTEND=noninteractive
    local log
    log=$(mktemp)
    { apt-get update && apt-get install --yes --no-install-recommends slurm-wlm munge; } > "$log" 2>&1 ||
        fail "slurm-wlm and munge can't be installed: $(tail -n 1 "$log")"
    rm "$log"
}

free_ports() {
    python3 -c '
import socket
taken = [socket.socket() for _ in range(2)]
for one in taken: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in taken))'
}

configure() {
    local ports memory_mb srun
    read -r -a ports <<< "$(free_ports)"
    memory_mb=$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
    sed -e "s|@HOST@|$(hostname -s)|g" \
        -e "s|@USER@|$(id -un)|g" \
        -e "s|@FOLDER@|$folder|g" \
        -e "s|@CONTROLLER_PORT@|${ports[0]}|g" \
        -e "s|@NODE_PORT@|${ports[1]}|g" \
        -e "s|@CORES@|$(getconf _NPROCESSORS_ONLN)|g" \
        -e "s|@MEMORY_MB@|$memory_mb|g" \
        "$here/slurm.conf.in" > "$folder/slurm.conf"
    # The Slurm plugin takes SLURM_CONF away from the srun inside a job, which then looks in /etc/slurm.
    # Where such a wrapper is on the PATH already, it is not the one to call.
    srun=$(type -ap srun | grep --invert-match --fixed-strings --line-regexp "$folder/bin/srun" | head -n 1)
    cat > "$folder/bin/srun" << END
#!/bin/sh
SLURM_CONF='$folder/slurm.conf' exec '$srun' "\$@"
END
    chmod +x "$folder/bin/srun"
}

start() {
    [ -z "$(missing)" ] || fail "not installed: $(missing | xargs); see '$0 install'"
    [ -z "$(running)" ] || fail "already running in $folder: $(running | xargs)"
    [ -e "$folder/slurm.conf" ] || [ -z "$(ls -A "$folder" 2> /dev/null)" ] || fail "$folder holds other things"
    # jobs of an earlier start are none of this one's
    rm -rf "${folder:?}"/{bin,log,state,spool}
    mkdir -p "$folder"/{bin,log,state,spool}
    # munged insists that nobody else can write here
    chmod 755 "$folder"
    (umask 077 && head -c 128 /dev/urandom > "$folder/munge.key")
    configure
    munged --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed" --force 2>> "$folder/log/munged.log" ||
        give_up "munged did not start"
    export SLURM_CONF=$folder/slurm.conf
    slurmctld >> "$folder/log/slurmctld.log" 2>&1 || give_up "slurmctld did not start"
    slurmd >> "$folder/log/slurmd.log" 2>&1 || give_up "slurmd did not start"
    local deadline=$((SECONDS + 30))
    until [ "$(sinfo --noheader --format=%T 2> "$folder/log/sinfo.log")" = idle ]; do
        [ "$SECONDS" -lt "$deadline" ] ||
            give_up "the node is not idle after 30 s: $(sinfo --noheader --format='%T, %E' 2>&1)"
        sleep 0.2
    done
    echo "export SLURM_CONF='$folder/slurm.conf' PATH='$folder/bin':\"\$PATH\""
}

give_up() {
    tail -n 20 "$folder"/log/*.log >&2
    stop
    fail "$*; its logs are above and in $folder/log"
}

running() { # daemons of this folder that live, as "name pid"
    local daemon pid
    for daemon in slurmd slurmctld munged; do
        pid=$(cat "$folder/$daemon.pid" 2> /dev/null) || continue
        # the process of an old file may be another program by now
        [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$daemon" ] && echo "$daemon $pid"
    done
    true
}

stop() {
    local daemon pid
    if running | grep -q slurmctld; then
        SLURM_CONF=$folder/slurm.conf timeout 10 scancel --user="$(id -un)" || true
        sleep 1
    fi
    # one after the other: slurmd reports to slurmctld, and both need munged
    running | while read -r daemon pid; do
        kill "$pid" || continue
        for _ in $(seq 100); do
            [ -e "/proc/$pid" ] || continue 2
            sleep 0.1
        done
        echo "cluster.sh: $daemon did not end within 10 s and was killed" >&2
        kill -KILL "$pid" || true
    done
}

case "${1:-} $#" in
    "install 1") install_packages ;;
    "start 2" | "stop 2")
        folder=$(realpath -m "$2")
        "$1"
        ;;
    *)
        sed -n '2,/^set/{/^#/p}' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac
