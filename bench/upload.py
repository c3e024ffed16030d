"""Row 10: uploads of one photograph beside the same work alone, and what others feel of them."""

import http.client
import json
import threading
import time

import load
from figure import Figure

UPLOADS = 8
PACE = 500


class Uploader:
    """Sets one user's picture again and again over one connection."""

    def __init__(self, service, user, picture):
        self.port, self.picture = service.port, picture
        token = service.sign_in(f"bench{user}@example.com")
        self.headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {token}"}
        self.times, self.refused = [], 0

    def run(self, until):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < until:
            start = time.monotonic()
            connection.request("PUT", "/users/me/picture", self.picture, self.headers)
            reply = connection.getresponse()
            reply.read()
            if reply.status == 200:
                self.times.append(time.monotonic() - start)
            elif reply.status == 503:
                self.refused += 1
            else:
                raise RuntimeError(f"an upload was answered {reply.status}")
        connection.close()


def pictures(bench):
    """Row 10."""
    service = bench.service
    path = service.folder / "photograph.jpg"
    made = json.loads(service.program("picture", path))
    picture = path.read_bytes()
    bench.say(f"  a photograph of {made['width']} x {made['height']}, {made['bytes']:,} bytes")

    def alone():
        result = json.loads(service.program("paint", path, bench.seconds))["milliseconds"]
        bench.say(f"    alone {result:.0f} ms")
        return result

    before = alone()
    one = Uploader(service, 0, picture)
    one.run(time.monotonic() + bench.warm)
    one.times.clear()
    one.run(time.monotonic() + bench.seconds)
    mean = sum(one.times) / len(one.times) * 1000
    bench.say(f"    uploaded {mean:.0f} ms")
    after = alone()
    details = {"count": len(one.times), "yardstick_spread": abs(before - after) / ((before + after) / 2)}
    yield Figure(10, "PUT /users/me/picture, 2 MB, 12 megapixels", mean, "ms", (before + after) / 2, "paint", most=1.5, details=details)

    uploaders = [Uploader(service, user, picture) for user in range(1, UPLOADS + 1)]
    token = service.sign_in("bench0@example.com")
    until = time.monotonic() + bench.seconds + 2
    threads = [threading.Thread(target=uploader.run, args=[until]) for uploader in uploaders]
    for thread in threads:
        thread.start()
    time.sleep(1)
    result = load.oha(service.url + "/users/me", token, PACE, bench.seconds)
    for thread in threads:
        thread.join()
    done = sum(len(uploader.times) for uploader in uploaders)
    refused = sum(uploader.refused for uploader in uploaders)
    bench.say(f"    p99 {result['p99']:.2f} ms beside {done} uploads, {refused} refused")
    service.settle()
    service.forget_log()
    what = f"p99 of GET /users/me at {PACE}/s beside {UPLOADS} upload loops"
    yield Figure(10, what, result["p99"], "ms", most=10, details=result | {"uploads": done, "refused_uploads": refused})
