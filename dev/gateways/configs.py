"""Configures and starts each proxy and gateway.

A gateway has a port with TLS, one without, one for TLS 1.2 only, two that require a client
certificate, and three with other certificates. It waits a second for the upstream, and a second for
the next request on a connection.
"""
import subprocess

from servers import HOST, PORTS, PROXY_PASSWORD, PROXY_USER

# For each port of a gateway: its certificate, its TLS versions, and whether it requires a client
# certificate.
TLS_PORTS = {
    "tls": ("leaf", None, False),
    "tls1.2": ("leaf", "1.2", False),
    "client1.3": ("leaf", "1.3", True),
    "client1.2": ("leaf", "1.2", True),
    "ca": ("self-ca", None, False),
    "self": ("self", None, False),
    "expired": ("expired", None, False),
}

# Where a gateway redirects to on an error.
SORRY = "https://sorry.example.test/"


def start_all(servers):
    servers.folder.chmod(0o755)
    (servers.folder / "hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
    for start in [squid, tinyproxy, mitmproxy, haproxy, nginx, apache]:
        start(servers)
    servers.wait()
    for name in ["squid hangs", "tinyproxy hangs"]:
        servers.freeze(name)


def squid(servers):
    folder = servers.folder
    hashed = ["openssl", "passwd", "-apr1", PROXY_PASSWORD]
    hashed = subprocess.run(hashed, capture_output=True, text=True, check=True).stdout
    (folder / "squid.passwd").write_text(f"{PROXY_USER}:{hashed}")
    common = f"""
        hosts_file {folder}/hosts
        pid_filename none
        access_log none
        cache_log /dev/null
        cache deny all
        netdb_filename none
        pinger_enable off
        coredump_dir /
        max_filedescriptors 1024
        shutdown_lifetime 0 seconds
        visible_hostname squid.example.test
    """
    for name, own in {
        "squid": f"""
            http_port 127.0.0.1:{PORTS["squid"]} name=free
            http_port 127.0.0.1:{PORTS["squid rule"]} name=rule
            http_port 127.0.0.1:{PORTS["squid password"]} name=password
            https_port 127.0.0.1:{PORTS["squid tls"]} tls-cert={folder}/leaf.pem name=tls
            acl at_free myportname free tls
            acl at_password myportname password
            auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/squid.passwd
            acl known proxy_auth REQUIRED
            http_access allow at_free
            http_access allow at_password known
            http_access deny all
        """,
        "squid hangs": f"http_port 127.0.0.1:{PORTS['squid hangs']}",
    }.items():
        conf = folder / f"{name.replace(' ', '-')}.conf"
        conf.write_text(unindented(common + own))
        servers.start(name, "squid", "-N", "-n", name.replace(" ", ""), "-f", conf)


def tinyproxy(servers):
    for name, rule in {
        "tinyproxy": "",
        "tinyproxy rule": "ConnectPort 443",
        "tinyproxy password": f"BasicAuth {PROXY_USER} {PROXY_PASSWORD}",
        "tinyproxy hangs": "",
    }.items():
        conf = servers.folder / f"{name.replace(' ', '-')}.conf"
        conf.write_text(f"Port {PORTS[name]}\nListen 127.0.0.1\nLogLevel Warning\n{rule}\n")
        servers.start(name, "tinyproxy", "-d", "-c", conf, hosts=True)


def mitmproxy(servers):
    folder = servers.folder
    trusting = ["--set", f"ssl_verify_upstream_trusted_ca={folder}/ca.crt"]
    password = ["--set", f"proxyauth={PROXY_USER}:{PROXY_PASSWORD}"]
    for name, options in {
        "mitmproxy": trusting,
        "mitmproxy password": [*trusting, *password],
        "mitmproxy distrusts": [],
    }.items():
        own = ["--set", f"confdir={folder}/{name.replace(' ', '-')}"]
        port = ["--listen-host", "127.0.0.1", "--listen-port", str(PORTS[name])]
        servers.start(name, "mitmdump", *own, *port, *options, hosts=True)


def haproxy(servers):
    folder = servers.folder
    binds = [f"bind 127.0.0.1:{PORTS['haproxy plain']}"]
    for port, (certificate, tls, demands) in TLS_PORTS.items():
        bind = f"bind 127.0.0.1:{PORTS[f'haproxy {port}']} ssl crt {folder}/{certificate}.pem"
        bind += f" ssl-min-ver TLSv{tls} ssl-max-ver TLSv{tls}" if tls else ""
        binds.append(bind + (f" verify required ca-file {folder}/ca.crt" if demands else ""))
    binds = "\n".join(binds)
    conf = folder / "haproxy.conf"
    conf.write_text(unindented(f"""
        defaults
            mode http
            timeout connect 2s
            timeout client 10s
            timeout server 2s
            timeout http-keep-alive 1s
            retries 0
        frontend gateway
            {binds}
            http-request deny deny_status 413 if {{ path_beg /413/ }}
            http-request set-header Accept-Encoding gzip if {{ path_beg /squeeze/ }}
            use_backend closed if {{ path_beg /closed/ }}
            use_backend redirects if {{ path_beg /hang-up-302/ }}
            use_backend denies if {{ path_beg /deny-403/ }}
            use_backend filters if {{ path_beg /no-tokens/ }}
            default_backend upstream
        backend upstream
            compression algo gzip
            compression type application/json
            server upstream 127.0.0.1:{PORTS["upstream plain"]}
        backend redirects
            errorloc302 502 {SORRY}
            server upstream 127.0.0.1:{PORTS["upstream plain"]}
        backend denies
            http-response deny deny_status 403
            server upstream 127.0.0.1:{PORTS["upstream plain"]}
        backend filters
            http-response wait-for-body time 1s
            http-response deny deny_status 403 if {{ res.body -m sub eyJ }}
            server upstream 127.0.0.1:{PORTS["upstream plain"]}
        backend closed
            server closed 127.0.0.1:{PORTS["closed"]}
    """))
    servers.start("haproxy", "haproxy", "-db", "-f", conf)


def nginx(servers):
    folder = servers.folder
    blocks = [[f"listen 127.0.0.1:{PORTS['nginx plain']};"]]
    for port, (certificate, tls, demands) in TLS_PORTS.items():
        block = [
            f"listen 127.0.0.1:{PORTS[f'nginx {port}']} ssl;",
            f"ssl_certificate {folder}/{certificate}.crt;",
            f"ssl_certificate_key {folder}/{certificate}.key;",
        ]
        block += [f"ssl_protocols TLSv{tls};"] if tls else []
        if demands:
            block.append(f"ssl_client_certificate {folder}/ca.crt; ssl_verify_client on;")
        blocks.append(block)
    upstream = f"127.0.0.1:{PORTS['upstream plain']}"
    locations = f"""
        location / {{ proxy_pass http://{upstream}; }}
        location /hang-up-302/ {{ proxy_pass http://{upstream}; error_page 502 {SORRY}; }}
        location /hang-up-404/ {{ proxy_pass http://{upstream}; error_page 502 /missing/50x.html; }}
        location /hang-up-page/ {{ proxy_pass http://{upstream}; error_page 502 =302 /sorry; }}
        location = /sorry {{ default_type text/html; return 200 "<p>Sorry.</p>"; }}
        location /missing/ {{ root {folder}/missing; }}
        location /hang-up-once/ {{ proxy_pass http://both; }}
        location /413/ {{ return 413; }}
        location /closed/ {{ proxy_pass http://127.0.0.1:{PORTS["closed"]}; }}
    """
    conf = folder / "nginx.conf"
    conf.write_text(f"""
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
        events {{ }}
        http {{
            access_log off; keepalive_timeout 1s; proxy_read_timeout 2s; proxy_http_version 1.1;
            client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
            fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
            upstream both {{ {f'server {upstream} max_fails=0; ' * 2}}}
            {"".join(f"server {{ {' '.join(block)} {locations} }}" for block in blocks)}
        }}
    """)
    servers.start("nginx", "nginx", "-c", conf, "-e", "stderr")


APACHE_MODULES = (
    "mpm_event authz_core proxy proxy_http ssl env setenvif filter deflate alias"
).split()


def apache(servers):
    folder = servers.folder
    hosts = [apache_host("plain", "")]
    for port, (certificate, tls, demands) in TLS_PORTS.items():
        lines = [apache_tls(folder, certificate, tls)]
        lines += ["SSLVerifyClient require", f"SSLCACertificateFile {folder}/ca.crt"] * demands
        hosts.append(apache_host(port, "\n".join(lines)))
    for tls in ["1.3", "1.2"]:
        late = "<Location />\nSSLVerifyClient require\n</Location>"
        late += f"\nSSLCACertificateFile {folder}/ca.crt"
        hosts.append(apache_host(f"late{tls}", apache_tls(folder, "leaf", tls) + "\n" + late))
    modules = ["ServerRoot /usr/lib/apache2"]
    modules += [f"LoadModule {name}_module modules/mod_{name}.so" for name in APACHE_MODULES]
    conf = folder / "apache.conf"
    conf.write_text("\n".join(modules) + unindented(f"""
        ServerName localhost
        User www-data
        Group www-data
        PidFile {folder}/apache.pid
        DefaultRuntimeDir {folder}
        ErrorLog {folder}/apache.log
        KeepAliveTimeout 1
        ProxyTimeout 2
        SetEnvIf Request_URI ^/http-1.0-here/ downgrade-1.0 force-response-1.0
        RedirectMatch 413 ^/413/
        <Location /squeeze/>
        SetOutputFilter DEFLATE
        SetEnv force-gzip 1
        </Location>
        <Location /hang-up-302/>
        ErrorDocument 502 {SORRY}
        </Location>
        ProxyPass /413/ !
        ProxyPass /closed/ http://127.0.0.1:{PORTS["closed"]}/closed/
        ProxyPass / http://127.0.0.1:{PORTS["upstream plain"]}/
    """) + "\n".join(hosts))
    servers.start("Apache", "apache2", "-f", conf, "-DFOREGROUND")


def apache_host(port, lines):
    number = PORTS[f"Apache {port}"]
    return f"Listen 127.0.0.1:{number}\n<VirtualHost 127.0.0.1:{number}>\n{lines}\n</VirtualHost>\n"


def apache_tls(folder, certificate, tls):
    lines = ["SSLEngine on", f"SSLCertificateFile {folder}/{certificate}.pem"]
    return "\n".join(lines + ([f"SSLProtocol TLSv{tls}"] if tls else []))


def unindented(text):
    return "\n".join(line.strip() for line in text.splitlines()) + "\n"
