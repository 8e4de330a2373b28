"""What kube-proxy does for a Service: each connection goes to one of the addresses that answer, at random."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading

PROBE_PERIOD_S = 1.0  # as a kubelet that has found out
CHUNK_BYTES = 64 << 10


class TcpBalancer(threading.Thread):
    """Listens on a port of the loopback and passes bytes on; what an address cuts is cut for its client too."""

    def __init__(self, port: int, targets: list[int], seed: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.targets = targets
        self.chance = random.Random(seed)
        self.answering = list(targets)
        self.refused = 0  # connections that went to an address where nobody was
        self.passed = 0
        self.listening = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.ending = asyncio.Event()
        self.connections: set[asyncio.Task[None]] = set()
        self.start()
        assert self.listening.wait(10), "the balancer listens"

    def run(self) -> None:
        """Until `stop`."""
        self.loop.run_until_complete(self._serve())

    def stop(self) -> None:
        """End all connections."""
        self.loop.call_soon_threadsafe(self.ending.set)
        self.join()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.listening.set()
        async with server:
            while not self.ending.is_set():
                self.answering = [target for target in self.targets if await self._answers(target)]
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.ending.wait(), PROBE_PERIOD_S)
            for connection in self.connections:
                connection.cancel()
            await asyncio.gather(*self.connections, return_exceptions=True)

    async def _answers(self, target: int) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            return False
        writer.close()
        return True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            # With nobody left the connection is refused by one of them.
            target = self.chance.choice(self.answering or self.targets)
            there, back = await asyncio.open_connection("127.0.0.1", target)
            self.passed += 1
        except OSError:
            self.refused += 1
        else:
            ways = [asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                back.close()
        finally:
            writer.close()
            self.connections.discard(task)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
