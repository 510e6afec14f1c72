"""A web server on this machine alone that hands out one folder and breaks in the ways servers and shares break."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub:
    """Serves `folder`. `mood` is how: honest, stalls, hangs up, fails, pages, changes, slow."""

    def __init__(self, folder):
        hub = self
        self.folder, self.mood, self.asked = Path(folder), "honest", 0
        self.is_over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                hub.answer(self, with_body=False)

            def do_GET(self):
                hub.answer(self, with_body=True)

        class Server(ThreadingHTTPServer):
            # A visitor that goes away is what some cases are about.
            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.is_over.set()
        self.server.shutdown()
        self.server.server_close()

    def is_now(self, mood):
        self.mood, self.asked = mood, 0

    def answer(self, request, with_body):
        # A case may name its mood in the path, so that cases can run side by side.
        parts = request.path.strip("/").split("/")
        mood = parts[0] if len(parts) > 1 else self.mood
        path = self.folder / parts[-1]
        if not path.is_file():
            return self.plain(request, 404, b"")
        if mood == "fails":
            return self.plain(request, 503, b"")
        if mood == "pages":
            return self.plain(request, 200, b"<html>Please sign in</html>")
        if mood == "forbids":
            return self.plain(request, 403, b"")
        body = path.read_bytes()
        first, last, status = 0, len(body) - 1, 200
        asked = request.headers.get("Range", "")
        if asked.startswith("bytes="):
            low, _, high = asked[6:].partition("-")
            first, status = int(low or 0), 206
            last = min(int(high), last) if high else last
        if first > last:
            return self.plain(request, 416, b"")
        part = body[first : last + 1]
        request.send_response(status)
        request.send_header("Content-Length", str(len(part)))
        request.send_header("Accept-Ranges", "bytes")
        if status == 206:
            request.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        request.end_headers()
        if not with_body:
            return None
        # The first pieces, which hold the header of a raster, always come.
        is_late = first + len(part) > len(body) // 3
        if mood == "stalls" and is_late:
            request.wfile.write(part[: len(part) // 2])
            request.wfile.flush()
            self.is_over.wait(120)
            request.close_connection = True
        elif mood == "hangs-up" and is_late:
            request.wfile.write(part[: len(part) // 2])
            request.close_connection = True
        elif mood == "slow":
            for at in range(0, len(part), 65536):
                request.wfile.write(part[at : at + 65536])
                time.sleep(0.05)
        elif mood == "lies":
            request.wfile.write(bytes(len(part)))
        else:
            request.wfile.write(part)
        return None

    @staticmethod
    def plain(request, status, body):
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
