"""How bench/run measures: the server, the programs, and what one of them costs. It does not depend
on what is compared."""

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
CLIENTS = ["ionoscloud-auth", "ureq", "ureq, with a deadline", "reqwest", "socket"]
QUICK = "quick" in sys.argv[1:]
ROUNDS = 3 if QUICK else 7
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")).resolve()
PORT, TLS_PORT = 18080, 18443
PLAIN, TLS = f"http://localhost:{PORT}", f"https://localhost:{TLS_PORT}"
SIZES = [1, 10, 100, 1_000, 10_000]
# The number of tokens in a list, except in the table of long lists.
LIST = 3
TOKEN = "eyJraWQiOiJhIn0.e30.c2ln"


def package(client):
    return client.split(",")[0]


def program(client, name="load", profile="release"):
    return TARGET / package(client) / profile / name


def build(client, profile="release", target=None, features=""):
    where = target or TARGET / package(client)
    command = ["cargo", "build", "--quiet", "--profile", profile, "--target-dir", where]
    command += ["--features", features]
    subprocess.run(command, cwd=HERE / "clients" / package(client), check=True)


def token_list(count):
    token = {
        "id": "f13a5c54-8228-4b7e-9414-61313ce723d1",
        "href": "https://api.ionos.com/auth/v1/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1",
        "createdDate": "2025-09-23T07:29:44Z",
        "expirationDate": "2026-09-23T07:29:44Z",
    }
    return json.dumps({"tokens": [token] * count}, separators=(",", ":"))


def certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(
        "req",
        "-x509",
        *curve,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=bench CA",
        "-days",
        "30",
    )
    openssl("req", *curve, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    (folder / "leaf.ext").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    openssl(
        *[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
        ],
        *["-extfile", "leaf.ext", "-days", "30", "-out", "leaf.pem"],
    )


def nginx(folder):
    for size in [*SIZES, LIST]:
        path = folder / "www" / str(size) / "auth/v1/tokens"
        path.parent.mkdir(parents=True)
        path.write_text(token_list(size))
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
                root {folder}/www;
                location ~ /generate$ {{ return 200 '{{"token":"{TOKEN}"}}'; }}
            }}
        }}
    """)
    folder.chmod(0o755)
    server = subprocess.Popen(["nginx", "-c", folder / "nginx.conf"])
    for _ in range(100):
        if (
            subprocess.run(
                ["curl", "-s", "-o", folder / "seen", f"{PLAIN}/{LIST}/auth/v1/tokens"]
            ).returncode
            == 0
        ):
            break
        time.sleep(0.05)
    assert (folder / "seen").read_text() == token_list(LIST), "nginx does not serve"
    return server


def environment(client, clients=1):
    settings = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    settings.update(CLIENTS=str(clients))
    if client.endswith("deadline"):
        settings.update(DEADLINE="1")
    return settings


def arguments(url, calls, threads, ca):
    return [url, str(calls), str(threads)] + ([str(ca)] if ca else [])


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


def load(client, url, size, calls, threads=1, ca=None, clients=1):
    command = [program(client), *arguments(f"{url}/{size}", calls, threads, ca)]
    seen = child(command, environment(client, clients))
    expected = calls // threads * threads * size
    tokens, memory, _ = map(int, seen["said"].split())
    assert tokens == expected, f"{client} read {tokens} tokens, not {expected}"
    return {**seen, "memory": memory}


def creates(client, url, calls, ca=None):
    command = [program(client, "creates"), *arguments(f"{url}/{LIST}", calls, 1, ca)]
    seen = child(command, environment(client))
    letters = int(seen["said"].split()[0])
    assert letters == calls * len(TOKEN), f"{client} received {letters} letters"
    return seen


def ratios(of, measures, rounds=ROUNDS):
    """Returns the median ratios of each to the first, from runs that took turns. Each round begins
    with another one, because a program that runs after a large one finds cold caches."""
    seen = {name: [] for name in of}
    names = list(of)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            seen[name].append(of[name]())
    first = names[0]
    return {
        measure: {
            name: statistics.median(
                run[measure] / base[measure] for run, base in zip(runs, seen[first])
            )
            for name, runs in seen.items()
        }
        for measure in measures
    }


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


def per_call(client, url, ca, count):
    """Returns the cost of one more call, in the unit of `count`."""
    few, many = 50, 250
    return (count(client, url, ca, many) - count(client, url, ca, few)) / (many - few)


def instructions(client, url, ca, calls):
    with tempfile.NamedTemporaryFile() as out:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={out.name}",
            program(client),
        ]
        command += arguments(f"{url}/{LIST}", calls, 1, ca)
        said = subprocess.run(
            command, env=environment(client), check=True, capture_output=True, text=True
        ).stderr
    return int(re.search(r"Collected : (\d+)", said)[1])


def allocations(client, url, ca, calls):
    program = TARGET / f"{package(client)}-allocations/release/load"
    command = [program, *arguments(f"{url}/{LIST}", calls, 1, ca)]
    return int(child(command, environment(client))["said"].split()[2])


def system_calls(client, url, ca, calls):
    with tempfile.NamedTemporaryFile() as out:
        command = [
            "strace",
            "-f",
            "-c",
            "-o",
            out.name,
            program(client),
            *arguments(f"{url}/{LIST}", calls, 1, ca),
        ]
        subprocess.run(command, env=environment(client), check=True, capture_output=True)
        total = Path(out.name).read_text().splitlines()[-1].split()
        assert total[-1] == "total", total
        return int(total[3])


def threads_started(client, name, calls):
    """Returns how many threads the program starts."""
    with tempfile.NamedTemporaryFile() as out:
        command = [
            "strace",
            "-f",
            "-e",
            "trace=clone,clone3",
            "-o",
            out.name,
            program(client, name),
        ]
        subprocess.run(
            command + arguments(f"{PLAIN}/{LIST}", calls, 1, None),
            env=environment(client),
            check=True,
            capture_output=True,
        )
        return len(re.findall(r"clone3?\(", Path(out.name).read_text())) - 1


def waiting():
    """Returns how much of a core 3,000 calls use that wait for a response."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(4096)
        url = f"http://localhost:{silent.getsockname()[1]}"
        command = [program("ionoscloud-auth"), *arguments(url, 3000, 3000, None)]
        process = subprocess.Popen(command, env=environment(""), stderr=subprocess.DEVNULL)

        def cpu():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        time.sleep(5)
        assert len(os.listdir(f"/proc/{process.pid}/task")) > 3000, "not all calls wait"
        before, started = cpu(), time.monotonic()
        time.sleep(18)
        used = (cpu() - before) / (time.monotonic() - started)
        process.kill()
        process.wait()
    return used
