"""The proxies and gateways: their packages, ports, certificates and processes."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

# For each server: its package, its program, and the argument that prints its version.
PROGRAMS = {
    "squid": ("squid", "squid", "-v"),
    "tinyproxy": ("tinyproxy", "tinyproxy", "-v"),
    "mitmproxy": ("mitmproxy", "mitmdump", "--version"),
    "haproxy": ("haproxy", "haproxy", "-v"),
    "nginx": ("nginx", "nginx", "-v"),
    "Apache": ("apache2", "apache2", "-v"),
    "openssl": ("openssl", "openssl", "version"),
}
GATEWAY_PORTS = "plain tls tls1.2 client1.3 client1.2 ca self expired".split()
# Below the ephemeral ports of the system, so that the table is reproducible.
PORTS = {
    name: 19000 + number
    for number, name in enumerate(
        ["upstream plain", "upstream", "closed"]
        + ["squid", "squid rule", "squid password", "squid tls", "squid hangs"]
        + ["tinyproxy", "tinyproxy rule", "tinyproxy password", "tinyproxy hangs"]
        + ["mitmproxy", "mitmproxy password", "mitmproxy distrusts"]
        + [f"{name} {port}" for name in ["haproxy", "nginx", "Apache"] for port in GATEWAY_PORTS]
        + ["Apache late1.3", "Apache late1.2"]
    )
}
# The user name and password of every proxy.
PROXY_USER, PROXY_PASSWORD = "proxy-user", "the-word-of-the-proxy"
# The name of the service, which only the proxies can resolve.
HOST = "auth.example.test"


def install():
    """Installs missing packages, and stops the services that apt-get starts."""
    missing = [name for name, (_, program, _) in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    packages = [PROGRAMS[name][0] for name in missing]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in [["update"], ["install", "-y", "--no-install-recommends", *packages]]:
        subprocess.run(["apt-get", "-q", *command], env=env, check=True, stdout=subprocess.DEVNULL)
    for package in packages if shutil.which("service") else []:
        subprocess.run(["service", package, "stop"], capture_output=True)


def versions():
    def version(program, argument):
        seen = subprocess.run([program, argument], capture_output=True, text=True, check=True)
        return re.search(r"\d+(\.\d+)+", seen.stdout + seen.stderr)[0]

    return {name: version(*command) for name, (_, *command) in PROGRAMS.items()}


CA_CONF = """
[ca]
default_ca = this
[this]
certificate = ca.crt
private_key = ca.key
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = policy
[policy]
commonName = supplied
"""


def certificates(folder):
    """Writes `<name>.pem`, a certificate with its key, and `<name>.crt`, only the certificate."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = f"subjectAltName=DNS:localhost,DNS:{HOST}"
    no_ca = "basicConstraints=critical,CA:FALSE"
    for name, extensions in {"ca": [], "self-ca": [names], "self": [names, no_ca]}.items():
        subject = ["-subj", f"/CN={name}", "-days", "30", "-keyout", f"{name}.key"]
        added = [argument for extension in extensions for argument in ["-addext", extension]]
        openssl("req", "-x509", *key, *subject, *added, "-out", f"{name}.crt")
    (folder / "leaf.ext").write_text(f"{names}\n{no_ca}\n")
    (folder / "index").touch()
    (folder / "ca.conf").write_text(CA_CONF)
    signed = ["-batch", "-notext", "-config", "ca.conf", "-extfile", "leaf.ext", "-in", "request"]
    # `openssl x509` cannot backdate a certificate.
    past = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
    for name, dates in [("leaf", ["-days", "30"]), ("expired", past)]:
        subject = ["-subj", f"/CN={name}", "-keyout", f"{name}.key"]
        openssl("req", *key, *subject, "-out", "request")
        openssl("ca", *signed, *dates, "-out", f"{name}.crt")
    for name in ["self-ca", "self", "leaf", "expired"]:
        parts = [folder / f"{name}.{part}" for part in ["crt", "key"]]
        (folder / f"{name}.pem").write_text("".join(part.read_text() for part in parts))


class Servers:
    """Those that run, with all that they write in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.running = {}

    def start(self, name, *command, hosts=False):
        """Starts one. With `hosts` it sees a hosts file of its own, which names the service."""
        if hosts:
            script = 'mount --bind "$0" /etc/hosts && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, self.folder / "hosts", *command]
        with open(self.folder / f"{name}.out", "w") as out:
            self.running[name] = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )

    def wait(self):
        """Waits until every port is open, except the one that stays closed."""
        end = time.monotonic() + 30
        for name, port in PORTS.items():
            while not is_open(port) and name != "closed":
                if time.monotonic() > end or self.dead():
                    ended = f"ended: {self.dead()}\n{self.written()}"
                    raise TimeoutError(f"no server at {name}; {ended}")
                time.sleep(0.05)

    def dead(self):
        return [name for name, server in self.running.items() if server.poll() is not None]

    def written(self):
        files = [*self.folder.glob("*.out"), *self.folder.glob("*.log")]
        return "\n".join(f"{file.name}: {file.read_text()[-1000:]}" for file in files)

    def freeze(self, name):
        """Connections are still accepted then, by the system."""
        os.killpg(self.running[name].pid, signal.SIGSTOP)

    def stop(self):
        """All of them, with all that they started."""
        for how in [signal.SIGTERM, signal.SIGCONT]:
            self.signal(how)
        end = time.monotonic() + 3
        for server in self.running.values():
            try:
                server.wait(max(0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        self.signal(signal.SIGKILL)
        for server in self.running.values():
            server.wait()

    def signal(self, how):
        for server in self.running.values():
            try:
                os.killpg(server.pid, how)
            except ProcessLookupError:
                pass


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
