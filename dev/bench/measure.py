"""How dev/bench/run measures: the server, the programs, and what one of them costs."""

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")).resolve()
PORT, TLS_PORT = 18080, 18443
PLAIN, TLS = f"http://localhost:{PORT}", f"https://localhost:{TLS_PORT}"
PATH = "/auth/v1/tokens"
TOKEN = "eyJraWQiOiJhIn0.e30.c2ln"
ENTRY = {
    "id": "f13a5c54-8228-4b7e-9414-61313ce723d1",
    "href": "https://api.ionos.com/auth/v1/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1",
    "createdDate": "2025-09-23T07:29:44Z",
    "expirationDate": "2026-09-23T07:29:44Z",
}
# The number of tokens in a list.
LIST = 3


def progress(text):
    """Says what begins, since all of it takes long."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def package(client):
    return client.split(",")[0]


def program(client, name="load", profile="release"):
    return TARGET / package(client) / profile / name


def build(client, profile="release", target=None):
    progress(f"build {package(client)}, {profile}" + (", from nothing" if target else ""))
    target = target or TARGET / package(client)
    command = ["cargo", "build", "--quiet", "--profile", profile, "--target-dir", target]
    subprocess.run(command, cwd=HERE / "clients" / package(client), check=True)


def certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
    openssl("req", "-x509", *key, *"-keyout ca.key -out ca.pem -subj /CN=CA -days 30".split())
    openssl("req", *key, *"-keyout leaf.key -out leaf.csr -subj /CN=localhost".split())
    (folder / "leaf.ext").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    signed = "-in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile leaf.ext -days 30"
    openssl("x509", "-req", *signed.split(), "-out", "leaf.pem")


def nginx(folder):
    tokens = json.dumps({"tokens": [ENTRY] * LIST}, separators=(",", ":"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; keepalive_requests 100000000; keepalive_timeout 600;
            default_type application/json;
            client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
            fastcgi_temp_path {folder}/f;
            uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            server {{
                listen 127.0.0.1:{PORT}; listen 127.0.0.1:{TLS_PORT} ssl;
                ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
                location = {PATH} {{ return 200 '{tokens}'; }}
                location = {PATH}/generate {{ return 200 '{{"token":"{TOKEN}"}}'; }}
            }}
        }}
    """)
    folder.chmod(0o755)
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf"])
    asking = ["curl", "-s", "--retry", "50", "--retry-delay", "1", "--retry-connrefused"]
    seen = subprocess.run([*asking, PLAIN + PATH], capture_output=True, text=True).stdout
    assert seen == tokens, "nginx does not serve"
    return server


def environment(client="", **more):
    settings = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    if client.endswith("deadline"):
        more["DEADLINE"] = "1"
    return settings | more


def command(client, url, calls, threads=1, ca=None):
    return [program(client), url, str(calls), str(threads), *([ca] if ca else [])]


def child(command, env):
    """Runs a program to its end. Returns its output, and its wall and CPU seconds."""
    started = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    assert process.returncode == 0, f"{command} failed"
    return {"said": said, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime}


def load(client, url, calls, ca=None, creates=False):
    env = environment(client, **({"CREATES": "1"} if creates else {}))
    seen = child(command(client, url, calls, ca=ca), env)
    count, memory = map(int, seen["said"].split())
    assert count == calls * (len(TOKEN) if creates else LIST), f"{client} read {count}"
    return {**seen, "memory": memory}


def ratios(what, runs, measures, base, rounds):
    """Returns the median ratios to the base, from runs that took turns. Each round begins with
    another one, because a program that runs after a large one finds cold caches."""
    seen = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            progress(f"{what}: round {number + 1} of {rounds}, {name}")
            seen[name].append(runs[name]())

    def median(name, measure):
        pairs = zip(seen[name], seen[base])
        return statistics.median(run[measure] / other[measure] for run, other in pairs)

    return {measure: {name: median(name, measure) for name in names} for measure in measures}


def on(cores, server):
    """Runs server and clients on these cores. On one core, runs differ less, because a call does
    not wake another core."""
    children = subprocess.run(
        ["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=True
    ).stdout
    for process in [0, server.pid, *map(int, children.split())]:
        os.sched_setaffinity(process, cores)


def each_number_of_cores(server):
    """Moves server and clients to one core, and then back to all. Yields how to say that."""
    every_core = os.sched_getaffinity(0)
    for cores, name in [({min(every_core)}, "on one core"), (every_core, "on all cores")]:
        on(cores, server)
        yield name


def per_call(what, client, url, ca, valgrind, pattern):
    """Returns what one more call adds to the number that valgrind prints."""
    progress(f"{what}: {client}")
    few, many = 50, 250
    counts = []
    for calls in [few, many]:
        counting = ["valgrind", *valgrind, *command(client, url, calls, ca=ca)]
        printed = subprocess.run(
            counting, env=environment(client), check=True, capture_output=True, text=True
        ).stderr
        counts.append(int(re.search(pattern, printed)[1].replace(",", "")))
    return (counts[1] - counts[0]) / (many - few)


def threads_started(client, calls, **more):
    """Returns how many threads the program starts, without the one that makes the calls."""
    progress(f"threads that {calls:,} calls start: {client}")
    with tempfile.NamedTemporaryFile() as out:
        tracing = ["strace", "-f", "-e", "trace=clone,clone3", "-o", out.name]
        subprocess.run(
            [*tracing, *command(client, PLAIN, calls)],
            env=environment(client, **more), check=True, capture_output=True,
        )
        return len(re.findall(r"clone3?\(", Path(out.name).read_text())) - 1


def waiting(calls, seconds):
    """Returns how much of a core these calls use that wait for a response."""
    progress(f"{calls:,} calls that wait for a response")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(4096)
        url = f"http://localhost:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            command("ionoscloud-auth", url, calls, calls),
            env=environment(), stderr=subprocess.DEVNULL,
        )

        def cpu():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        try:
            time.sleep(5)
            assert len(os.listdir(f"/proc/{process.pid}/task")) > calls, "not all calls wait"
            before, started = cpu(), time.monotonic()
            time.sleep(seconds)
            return (cpu() - before) / (time.monotonic() - started)
        finally:
            process.kill()
            process.wait()
