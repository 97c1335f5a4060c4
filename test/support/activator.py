"""Stands for systemd: holds listening sockets over the starts and ends of a service, as a .socket unit does.

The only argument is JSON: {"sockets": [{"name": ..., "path": ...} or {"name": ..., "port": ...}], "command": [...],
"environment": {...}, "owner": [uid, gid]}. Each line "start" on standard input starts the service, with the sockets
as descriptors from 3 on (sd_listen_fds(3)). Each line on standard output is JSON: the ports, a start, an end.
"""

import json
import os
import socket
import subprocess
import sys
import threading

FIRST_FD = 3
ask = json.loads(sys.argv[1])


def bound(one):
    if "path" in one:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(one["path"])
        os.chmod(one["path"], 0o660)
        if ask.get("owner"):
            os.chown(one["path"], *ask["owner"])
    else:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind((one.get("host", "127.0.0.1"), one["port"]))
    listener.listen(4096)
    return listener


def tell(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def put_in_place(listeners):
    # Out of the way first: one may sit where another belongs.
    copies = [os.dup(listener.fileno()) for listener in listeners]
    high = [os.dup2(copy, 100 + index) for index, copy in enumerate(copies)]
    for index, fd in enumerate(high):
        os.dup2(fd, FIRST_FD + index)


def start(listeners):
    environment = {
        **ask["environment"],
        "LISTEN_FDS": str(len(listeners)),
        "LISTEN_FDNAMES": ":".join(one["name"] for one in ask["sockets"]),
    }
    child = subprocess.Popen(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$@"', "sh", *ask["command"]],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=range(FIRST_FD, FIRST_FD + len(listeners)),
        preexec_fn=lambda: put_in_place(listeners),
    )
    tell(started=child.pid)
    threading.Thread(target=lambda: tell(ended=child.pid, code=child.wait()), daemon=True).start()


def main():
    listeners = [bound(one) for one in ask["sockets"]]
    tell(ports=[one.getsockname()[1] if "port" in asked else 0 for one, asked in zip(listeners, ask["sockets"])])
    for line in sys.stdin:
        if line.strip() == "start":
            start(listeners)


main()
