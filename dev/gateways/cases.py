"""The cases: the proxies and gateways between program and service, and the expected results."""
from dataclasses import dataclass, field
from typing import NamedTuple

from servers import HOST, PORTS, PROXY_PASSWORD, PROXY_USER

NOT_FOUND, NO_CONNECTION, NO_TLS = "AddressNotFound", "ConnectFailed", "TlsFailed"
LOST, TIMED_OUT, UNREADABLE = "ConnectionLost", "TimedOut", "Unreadable 200"
RIGHT = f"{PROXY_USER}:{PROXY_PASSWORD}@"
WRONG = f"{PROXY_USER}:not-{PROXY_PASSWORD}@"
# Longer than a gateway accepts, but not longer than the library sends.
LONG_HEADERS = {"haproxy": 15_600, "nginx": 9_000, "Apache": 9_000}


class Said(NamedTuple):
    """The result of a call: kind and status, whether the outcome is reported as unknown, the number
    of attempts, and how often the upstream acted on a call that changes something, or was asked."""

    what: str
    unknown: bool
    attempts: int | range
    acted: int

    def fits(self, seen):
        attempts = [self.attempts] if isinstance(self.attempts, int) else self.attempts
        return seen.attempts in attempts and seen._replace(attempts=self.attempts) == self

    def denies(self, endpoint):
        """Whether the upstream acted although the outcome is reported as known."""
        acted = endpoint != "list" and self.acted > 0
        return self.what != "ok" and not self.unknown and acted


@dataclass
class Case:
    server: str
    situation: str
    url: str
    # By endpoint.
    said: dict[str, Said]
    proxy: str = ""
    # More of the program's environment. ROOTS is the name of a certificate; default "ca".
    settings: dict[str, str] = field(default_factory=dict)


def both(said):
    """The outcome of a call that only reads is never unknown."""
    return {"list": said._replace(unknown=False), "create": said}


def works(*more):
    return {endpoint: Said("ok", False, 1, 1) for endpoint in ["list", "create", *more]}


def answered(what, acts=0):
    """Not retried, because a retry would fail the same way."""
    return both(Said(what, False, 1, acts))


def never_sent(what):
    """The service cannot have acted, and the next attempt may reach it."""
    return both(Said(what, False, 4, 0))


def in_doubt(what, acts=1):
    """The outcome is unknown, so a create is sent once. A list is retried."""
    return {"list": Said(what, False, 4, 4 * acts), "create": Said(what, True, 1, acts)}


def not_the_services(what, acts=1):
    """The gateway answered instead of the service, which may have acted. A retry would get the same
    answer."""
    return both(Said(what, True, 1, acts))


def proxy(name, user="", scheme="http", host="127.0.0.1"):
    return f"{scheme}://{user}{host}:{PORTS[name]}"


def service(manner="as-ever", port="upstream", host=HOST, scheme="https"):
    return f"{scheme}://{host}:{PORTS[port]}/{manner}"


def gateway(name, manner="as-ever", port="tls", host="localhost", scheme="https"):
    return service(manner, f"{name} {port}", host, scheme)


def all_cases():
    cases = nothing_there()
    for name in ["squid", "tinyproxy"]:
        cases += proxy_cases(name)
    cases += squid_cases() + mitmproxy_cases()
    gateways = {"haproxy": haproxy_cases, "nginx": nginx_cases, "Apache": apache_cases}
    for name, more in gateways.items():
        cases += gateway_cases(name) + upstream_cases(name) + more() + tls_cases(name)
    return cases


def nothing_there():
    nowhere = proxy("squid", host="proxy.invalid")
    closed = service(port="closed", host="localhost")
    return [
        Case("none", "nothing at the proxy's port", service(), never_sent(NO_CONNECTION),
             proxy("closed")),
        Case("none", "the proxy's own name does not exist", service(), never_sent(NOT_FOUND),
             nowhere),
        Case("none", "nothing at the service's port", closed, never_sent(NO_CONNECTION)),
    ]


def proxy_cases(name):
    plain = service(port="upstream plain", scheme="http")
    rule, password = proxy(f"{name} rule"), f"{name} password"
    return [
        Case(name, "works", service(), works("delete"), proxy(name)),
        Case(name, "works, with plain http in the tunnel", plain, works(), proxy(name)),
        Case(name, "a rule forbids the tunnel", service(), answered(NO_CONNECTION), rule),
        Case(name, "no password, where one is wanted", service(), answered(NO_CONNECTION),
             proxy(password)),
        # tinyproxy says 401 then.
        Case(name, "a wrong password", service(), answered(NO_CONNECTION), proxy(password, WRONG)),
        Case(name, "the right password", service(), works(), proxy(password, RIGHT)),
        Case(name, "accepts and says nothing", service(), never_sent(TIMED_OUT),
             proxy(f"{name} hangs"), {"TIMEOUT": "10"}),
        Case(name, "nothing at the service's port", service(port="closed"),
             never_sent(NO_CONNECTION), proxy(name)),
        Case(name, "does not know the service's name", service(host="nowhere.invalid"),
             never_sent(NO_CONNECTION), proxy(name)),
        Case(name, "the service hangs up after it acted", service("hang-up"), in_doubt(LOST),
             proxy(name)),
    ]


def squid_cases():
    name, tls = "squid", proxy("squid tls", scheme="https", host="localhost")
    return [
        Case(name, "works, with TLS to the proxy", service(), works(), tls),
        Case(name, "https:// to its port for http", service(), answered(NO_TLS),
             proxy("squid", scheme="https")),
        Case(name, "http:// to its port for https", service(), never_sent(NO_CONNECTION),
             proxy("squid tls")),
        Case(name, "the CA of its own certificate is not given", service(), answered(NO_TLS), tls,
             {"ROOTS": ""}),
    ]


def mitmproxy_cases():
    name, own = "mitmproxy", {"ROOTS": "mitmproxy"}
    password, its_own = "mitmproxy password", {"ROOTS": "mitmproxy-password"}
    return [
        Case(name, "works, its CA is given", service(), works("delete"), proxy(name), own),
        Case(name, "its CA is not given", service(), answered(NO_TLS), proxy(name)),
        Case(name, "no password, where one is wanted", service(), answered(NO_CONNECTION),
             proxy(password), its_own),
        Case(name, "a wrong password", service(), answered(NO_CONNECTION), proxy(password, WRONG),
             its_own),
        Case(name, "the right password", service(), works(), proxy(password, RIGHT), its_own),
        Case(name, "nothing at the service's port", service(port="closed"),
             never_sent(NO_CONNECTION), proxy(name), own),
        Case(name, "does not trust the service's certificate", service(), in_doubt("Api 502", 0),
             proxy("mitmproxy distrusts"), {"ROOTS": "mitmproxy-distrusts"}),
        Case(name, "the service hangs up after it acted", service("hang-up"), in_doubt("Api 502"),
             proxy(name), own),
    ]


def gateway_cases(name):
    """What the gateway does by itself."""
    # Around the time after which the gateway closes an idle connection.
    idle = ["0"] * 200
    idle[7::8] = [str(pause) for pause in range(975, 1025, 2)]
    idle = {"PAUSES": ",".join(idle)}
    header = {"HEADER": "a-secret" * (LONG_HEADERS[name] // 8)}
    return [
        Case(name, "works", gateway(name), works("delete")),
        Case(name, "200 calls, with pauses in which idle connections die", gateway(name),
             {"list": Said("ok", False, range(200, 250), 200)}, settings=idle),
        Case(name, "a rule answers 413", gateway(name, "413"), answered("Api 413")),
        Case(name, f"a header of {LONG_HEADERS[name]:,} bytes", gateway(name), answered("Api 400"),
             settings=header),
    ]


def upstream_cases(name):
    """What the upstream does."""
    hangs = in_doubt("Api 502" if name == "Apache" else "Api 504")
    down = in_doubt("Api 502" if name == "nginx" else "Api 503", 0)
    too_late = both(Said(TIMED_OUT, True, 1, 1))
    return [
        Case(name, "the upstream hangs up after it acted", gateway(name, "hang-up"),
             in_doubt("Api 502")),
        # haproxy's errorloc302, nginx's error_page, Apache's ErrorDocument.
        Case(name, "the same, and the gateway redirects to a page that says so",
             gateway(name, "hang-up-302"), not_the_services("Api 302")),
        Case(name, "the upstream hangs after it acted", gateway(name, "hang"), hangs),
        Case(name, "the same, and the call's time is over before that of the gateway",
             gateway(name, "hang"), too_late, settings={"TIMEOUT": "1.5"}),
        Case(name, "the upstream is down", gateway(name, "closed"), down),
        Case(name, "the upstream's answer is cut off", gateway(name, "half"),
             in_doubt(f"{LOST} 200")),
        Case(name, "the upstream compresses unasked", gateway(name, "gzip"), in_doubt(UNREADABLE)),
        Case(name, "the upstream answers with HTTP/1.0", gateway(name, "http-1.0"), works()),
    ]


def haproxy_cases():
    name = "haproxy"
    blocked = {**works(), "create": Said("Api 403", True, 1, 1)}
    return [
        Case(name, "the upstream acts, and a rule of the gateway denies its answer",
             gateway(name, "deny-403"), not_the_services("Api 403")),
        Case(name, "a filter of the gateway blocks every answer that looks like a token",
             gateway(name, "no-tokens"), blocked),
        Case(name, "compresses unasked", gateway(name, "squeeze"), in_doubt(UNREADABLE)),
    ]


def nginx_cases():
    name, twice = "nginx", both(Said("ok", False, 1, 2))
    return [
        Case(name, "the upstream hangs up after it acted, and the page that says so is missing",
             gateway(name, "hang-up-404"), not_the_services("Api 404")),
        Case(name, "the same, and the page that says so is sent as 302, without a Location",
             gateway(name, "hang-up-page"), not_the_services("Api 302")),
        Case(name, "the upstream hangs up after it acted, and nginx asks another by itself",
             gateway(name, "hang-up-once"), twice),
    ]


def apache_cases():
    name, late = "Apache", "requires a client certificate for the path"
    return [
        Case(name, "compresses unasked", gateway(name, "squeeze"), in_doubt(UNREADABLE)),
        Case(name, "answers with HTTP/1.0", gateway(name, "http-1.0-here"), works()),
        Case(name, f"{late}, TLS 1.3", gateway(name, port="late1.3"),
             not_the_services("Api 403", 0)),
        Case(name, f"{late}, TLS 1.2", gateway(name, port="late1.2"), in_doubt(LOST, 0)),
    ]


def tls_cases(name):
    demands = "requires a client certificate"
    # A server refuses after the handshake of TLS 1.3, where the library has sent the request. nginx
    # also completes that of TLS 1.2, and then responds with an HTTP error.
    refused = {"1.3": in_doubt(LOST, 0), "1.2": never_sent(NO_TLS)}
    if name == "nginx":
        refused = dict.fromkeys(refused, answered("Api 400"))
    not_https = in_doubt(LOST, 0) if name == "haproxy" else answered("Api 400")
    return [
        Case(name, "only TLS 1.2", gateway(name, port="tls1.2"), works()),
        Case(name, f"{demands}, TLS 1.3", gateway(name, port="client1.3"), refused["1.3"]),
        Case(name, f"{demands}, TLS 1.2", gateway(name, port="client1.2"), refused["1.2"]),
        Case(name, "its self-signed certificate is the root", gateway(name, port="self"), works(),
             settings={"ROOTS": "self"}),
        Case(name, "the same, as `openssl req -x509` makes one: that of a CA",
             gateway(name, port="ca"), answered(NO_TLS), settings={"ROOTS": "self-ca"}),
        Case(name, "an expired certificate", gateway(name, port="expired"), answered(NO_TLS)),
        Case(name, "a certificate for another name", gateway(name, host="127.0.0.1"),
             answered(NO_TLS)),
        Case(name, "its CA is not given", gateway(name), answered(NO_TLS), settings={"ROOTS": ""}),
        Case(name, "https:// to its port for http", gateway(name, port="plain"),
             answered(NO_TLS)),
        Case(name, "http:// to its port for https", gateway(name, scheme="http"), not_https),
    ]
