"""Players of a game at a real gateway: each has a socket, opened again when it
is lost, and keeps every byte that it was sent."""

import json
import threading
import time

from conftest import eventually
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect


class Player(threading.Thread):
    """act(player, message) is called with each message of the game, in the
    thread that hears them."""

    def __init__(self, web, path, token, act):
        super().__init__(daemon=True)
        self.url = f"ws://127.0.0.1:{web.port}{path}?token={token}"
        self.token, self.act = token, act
        self.bodies = []    # all texts that have come
        self.messages = []  # those with an id, each once
        self.replies = {}   # by req
        self.asked = {}     # by req
        self.last_id, self.ended, self.ws = "0-0", False, None
        self.timers = []
        self.start()
        eventually(lambda: self.bodies)

    def run(self):
        while not self.ended:
            try:
                with connect(f"{self.url}&last_id={self.last_id}") as ws:
                    self.ws = ws
                    for text in ws:
                        self.take(text)
            except (OSError, WebSocketException):
                time.sleep(0.1)

    def take(self, text):
        self.bodies.append(text)
        message = json.loads(text)
        if "ok" in message:
            self.replies[message["req"]] = message
        elif "id" in message and message["type"] != "ROOM":
            self.last_id = message["id"]
            self.messages.append(message)
            self.act(self, message)

    def send(self, **message):
        """What has no reply in the end may have been done."""
        req = len(self.asked)
        self.asked[req] = message
        try:
            self.ws.send(json.dumps({**message, "req": req}))
        except (OSError, WebSocketException):
            pass

    def later(self, seconds, **message):
        self.timers.append(threading.Timer(seconds, self.send, (), message))
        self.timers[-1].start()

    def drop(self):
        """Lose the link."""
        self.ws.socket.close()

    def heard(self, *kinds):
        return [m for m in self.messages if m["type"] in kinds]

    def stop(self):
        self.ended = True
        for timer in self.timers:
            timer.cancel()
        self.ws.close()
        self.join(10)
