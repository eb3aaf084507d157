"""An HTTP file server in a thread that can break off, lack ranges or send web pages."""

import contextlib
import hashlib
import http.server
import re
import threading


class FileServer(http.server.ThreadingHTTPServer):
    """Serves `files`, a mapping from paths to bytes, and records Range headers in `ranges`.

    `breaks` is the list of numbers of bytes after which the next responses break off.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.ranges, self.breaks = {}, [], []
        self.has_ranges, self.content_type = True, "application/octet-stream"

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = self.server.files.get(self.path)
        requested = self.headers.get("Range")
        self.server.ranges.append(requested)
        if data is None:
            return self.send_error(404)
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        start = 0
        if self.server.has_ranges and requested and self.headers.get("If-Range") == tag:
            start = int(re.fullmatch(r"bytes=(\d+)-", requested)[1])
            if start >= len(data):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Type", self.server.content_type)
        self.send_header("ETag", tag)
        self.end_headers()
        end = start + self.server.breaks.pop(0) if self.server.breaks else len(data)
        self.wfile.write(data[start:end])

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    """Yields a running `FileServer`."""
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
