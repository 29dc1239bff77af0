"""Plays the Auth API behind the proxies and gateways, and counts what it acted on.

A path is `/{manner}/{case}/auth/v1/…`. The manner selects how it responds, and the case is what it
counts for. An unknown manner is for the gateway in front of it: the response is the usual one.
"""
import gzip
import json
import socketserver
import ssl
import threading
from collections import Counter

NEW_TOKEN = "eyJraWQiOiJhIn0.e30.dG9rZW4tdGhhdC1ub2JvZHktc2Vlcw"


class Upstream(socketserver.ThreadingTCPServer):
    """A port. `certificate` is a file with certificate and key; without it, there is no TLS."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, port, acted, certificate=None):
        super().__init__(("127.0.0.1", port), Connection)
        self.acted = acted
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        """In the thread of the connection, so that a slow handshake holds up no other."""
        if not self.tls:
            return super().finish_request(request, client_address)
        with self.tls.wrap_socket(request, server_side=True) as request:
            super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        """A client that hangs up is what half of the cases are about."""


class Acted:
    """How often the upstream acted, by case."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counter = Counter()

    def add(self, case):
        with self.lock:
            self.counter[case] += 1

    def of(self, case):
        with self.lock:
            return self.counter[case]


class Connection(socketserver.StreamRequestHandler):
    """Requests and answers, one after the other. None of the requests has a body."""

    def handle(self):
        while request := self.request_line():
            method, target, _ = request
            _, manner, self.case, path = target.split("?")[0].split("/", 3)
            self.server.acted.add(self.case)
            answer = MANNERS.get(manner, as_ever)
            if not answer(self, body(method, path)):
                return

    def request_line(self):
        """That of the next request, in its parts; `None` at the end."""
        line = self.rfile.readline().decode().split()
        while line and self.rfile.readline().strip():
            pass
        return line

    def answer(self, text, *headers, version="1.1", length=None):
        length = len(text) if length is None else length
        head = [f"HTTP/{version} 200 OK", "Content-Type: application/json", *headers]
        if version == "1.1":
            head.append(f"Content-Length: {length}")
        self.wfile.write("".join(f"{line}\r\n" for line in [*head, ""]).encode() + text)


def body(method, path):
    """Padded, because Apache compresses nothing that is short."""
    answer = {"tokens": []}
    if method == "DELETE":
        answer = {"success": True}
    elif path.endswith("/generate"):
        answer = {"token": NEW_TOKEN}
    return json.dumps(answer).encode().ljust(256)


def as_ever(connection, text):
    connection.answer(text)
    return True


def hang_up(connection, text):
    """Has acted, and does not respond."""
    return False


def hang_up_once(connection, text):
    """Only the first request of the case gets no response."""
    return connection.server.acted.of(connection.case) > 1 and as_ever(connection, text)


def hang(connection, text):
    """Has acted, and says nothing until the gateway has given up."""
    connection.rfile.read(1)
    return False


def half(connection, text):
    """The answer is cut off in the middle."""
    connection.answer(text[: len(text) // 2], length=len(text))
    return False


def compress(connection, text):
    """Whatever the client accepts."""
    connection.answer(gzip.compress(text), "Content-Encoding: gzip")
    return True


def answer_as_of_old(connection, text):
    """HTTP/1.0, where the end of the connection is that of the answer."""
    connection.answer(text, version="1.0")
    return False


MANNERS = {
    "hang-up": hang_up,
    "hang-up-302": hang_up,
    "hang-up-404": hang_up,
    "hang-up-page": hang_up,
    "hang-up-once": hang_up_once,
    "hang": hang,
    "half": half,
    "gzip": compress,
    "http-1.0": answer_as_of_old,
}
