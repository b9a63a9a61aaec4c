# SPDX-License-Identifier: BSD-2-Clause
"""A UDP link between a node and its server that loses and delays datagrams, by a seed.

      node -> Link.port ~~ loss, delay ~~> server port, and the same way back
"""
import heapq
import itertools
import random
import select
import socket
import threading
import time

from rig import free_port


class Link:
    def __init__(self, server_port, loss=0.0, delay_s=0.0, seed=1):
        self.server = ("127.0.0.1", server_port)
        self.loss, self.delay_s = loss, delay_s     # of each datagram, each way
        self.random = random.Random(seed)
        self.port = free_port(besides=(server_port,))
        self.front = self.open(("127.0.0.1", self.port))
        self.backs = {}             # of each client: a socket of its own, so that the server can tell them apart
        self.clients = {}           # and back
        self.to_strangers = set()   # of these sockets, those whose server does not know the sessions of before
        self.queue, self.order = [], itertools.count()
        self.passed = self.lost = self.handshakes = self.certificates = 0
        self.cut = False            # nothing passes
        self.stopped = threading.Event()
        self.start()

    def start(self):
        self.stopped.clear()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def open(address):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind(address)
        s.setblocking(False)
        return s

    def pass_on(self, data, sock, to):
        if self.cut or self.random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        self.look_at(data)
        heapq.heappush(self.queue, (time.monotonic() + self.delay_s, next(self.order), data, sock, to))

    def look_at(self, data):
        """Counts handshake messages that are not encrypted (RFC 6347: ContentType 22, epoch 0)."""
        while len(data) > 13 and data[0] == 22 and data[3:5] == b"\0\0":
            self.handshakes += data[13] == 2        # ServerHello
            self.certificates += data[13] == 11
            data = data[13 + int.from_bytes(data[11:13], "big"):]

    def receive(self, sock):
        while True:
            try:
                data, sender = sock.recvfrom(65536)
            except BlockingIOError:
                return
            except ConnectionError:     # nobody listens there now: a datagram lost
                continue
            if sock is not self.front:
                client = self.clients.get(sock)
                if client:      # else rebind() has just closed this way back
                    self.pass_on(data, self.front, client)
                continue
            if sender not in self.backs:
                self.backs[sender] = self.open(("127.0.0.1", 0))
                self.clients[self.backs[sender]] = sender
            back = self.backs[sender]
            if data[0] == 22 and data[3:5] == b"\0\0":
                self.to_strangers.discard(back)     # it does now
            if back not in self.to_strangers:
                self.pass_on(data, back, self.server)

    def rebind(self, to_stranger=False):
        """What a NAT does: the clients come from other ports from now on. to_stranger: and another server of several
        on that port gets what they send."""
        for sender in list(self.backs):
            self.clients.pop(self.backs[sender])
            back = self.backs[sender] = self.open(("127.0.0.1", 0))
            self.clients[back] = sender
            if to_stranger:
                self.to_strangers.add(back)

    def run(self):
        while not self.stopped.is_set():
            wait = max(0, self.queue[0][0] - time.monotonic()) if self.queue else 0.2
            for sock in select.select([self.front, *self.clients], [], [], min(wait, 0.2))[0]:
                self.receive(sock)
            while self.queue and self.queue[0][0] <= time.monotonic():
                _, _, data, sock, to = heapq.heappop(self.queue)
                try:
                    sock.sendto(data, to)
                except OSError:
                    self.lost += 1

    def down(self):
        """Nothing listens at its port any more, and whoever sends there is told."""
        self.stopped.set()
        self.thread.join()
        self.front.close()

    def up(self):
        self.front = self.open(("127.0.0.1", self.port))
        self.start()

    def close(self):
        self.down()
        for sock in self.clients:
            sock.close()
