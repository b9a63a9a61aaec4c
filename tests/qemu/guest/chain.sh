# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# All of it in one guest: node, sensors over libgpiod, receiver on a pty, DTLS, server, SQLite.
. /scenarios/lib.sh
date -s "@$(cat /pki/now)" >/dev/null
load_sim model=A1,B1 temp=21500,-3250
mkdir -p /tmp/run
geotherm sim ublox7 --link /tmp/gnss --running >/tmp/ublox7.log 2>&1 &
cat >/tmp/server.conf <<-CONF
	[server]
	listen = 127.0.0.1:5684
	certificate = /pki/server.pem
	key = /pki/server.key
	ca = /pki/ca.pem
	[store]
	backend = sqlite
	path = /tmp/run/readings.db
CONF
cat >/tmp/node.conf <<-CONF
	[node]
	device = urn:dev:mac:0200c0fffe000001
	period = 2
	status = /tmp/run/status.json
	[w1]
	chip = geotherm-sim
	[gnss]
	port = /tmp/gnss
	[outbox]
	path = /tmp/run/outbox.db
	[server]
	uri = coaps://127.0.0.1:5684
	ca = /pki/ca.pem
	certificate = /pki/node.pem
	key = /pki/node.key
CONF
geotherm-server --config /tmp/server.conf --show-readings >/tmp/shown 2>/tmp/server.log &
server=$!
sleep 1
geotherm-node --config /tmp/node.conf 2>/tmp/node.log &
node=$!
for _ in $(seq 120); do
	sleep 1
	[ "$(grep -c 21.5 /tmp/shown)" -ge 5 ] && break
done
kill -TERM $node
wait $node
is "the node ends as told" 0 $?
kill -TERM $server
wait $server
is "the server ends as told" 0 $?
does "five readings and more are stored" [ "$(grep -c . /tmp/shown)" -ge 5 ]
has "with the first sensor's temperature" '21\.5' "$(tail -n 1 /tmp/shown)"
has "and the second's" '-3\.25' "$(tail -n 1 /tmp/shown)"
has "and the receiver's position" ' 46\.[0-9]*,8\.[0-9]*' "$(tail -n 1 /tmp/shown)"
said=$(geotherm-server --config /tmp/server.conf verify 2>&1)
is "none is missing, and each is what its proof says" 0 $?
# The day is that on which the certificates were made, the receiver moves with it; the guest's kernel draws the epoch.
nameless() { sed -E 's/^[0-9-]+T[^ ]+ //; s/[0-9a-f]{16}/EPOCH/g; s/46\.[0-9]*,8\.[0-9]*/POSITION/' | remark; }
nameless </tmp/node.log
nameless </tmp/server.log
echo "$said" | nameless
tail -n 2 /tmp/shown | nameless
