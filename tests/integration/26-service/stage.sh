#!/usr/bin/env bash
# A systemd of its own over a copy of this host's files: stage.sh FOLDER, in namespaces of its own (service.mjs).
# FOLDER/tree is laid over the files, FOLDER/logs is where both sides write. It says what this host does not permit.
set -euo pipefail

folder=$1 mnt=/mnt root=/mnt/root
cannot() { echo "this host does not permit $1"; exit 1; }

mount --make-rprivate / 2>&1 || cannot "mount namespaces"
mount -t tmpfs tmpfs $mnt && mkdir $mnt/up $mnt/work $root
mount -t overlay overlay -o "lowerdir=/,upperdir=$mnt/up,workdir=$mnt/work" $root 2>&1 || cannot "an overlay of the root"

# no unit of the host's runs there: what is left of systemd's own are targets without anything to them
rm -rf $root/etc/systemd/system $root/lib/systemd/system/*.wants $root/lib/systemd/system-generators/*
cp -r "$folder/tree/." $root/

mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys 2>&1 || cannot "sysfs"
mount -t cgroup2 none $root/sys/fs/cgroup 2>&1 || cannot "control groups of version 2"
mount --rbind /dev $root/dev
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mkdir -p $root/run/test $root/old
mount --bind "$folder/logs" $root/run/test

# a chroot would do, but for user namespaces, which the kernel gives nobody within one
cd $root
pivot_root . old
umount -l /old
mount --make-rshared / # as systemd does where it is not in a container; credentials come by it
exec env -i container=test PATH="$PATH" /lib/systemd/systemd --system --unit=test.target --log-target=null --show-status=no
