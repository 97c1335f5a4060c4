"""Listens like systemd's service manager on the datagram socket argv[1]: prints each message as one line of JSON."""
import array
import json
import os
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print(json.dumps("listening"), flush=True)
while True:
    message, ancillary, _, _ = listener.recvmsg(4096, 1024)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            # The sender of a barrier waits until its file descriptor is closed: sd_notify_barrier(3).
            for descriptor in array.array("i", data):
                os.close(descriptor)
    print(json.dumps(message.decode()), flush=True)
