import asyncio, io, os
from pathlib import Path
import pytest
from meshapi_aio import MeshAPI, APIStatusError, Retry, Timeout
from .server import FaultServer, Connection
from .wire import reply
from .leftovers import Leftovers

async def test_a(tmp_path):
    async def script(c):
        r = await c.request()
        print(r.decode())
        await c.send(reply({"text": "hi"}))
        r = await c.request()
        print(r.decode())
        await c.send(reply({"text": "hi"}))
    p = tmp_path / 'M"ü.mp3'
    p.write_bytes(b"abc" * 10)
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_x") as client:
        t = await client.audio.transcriptions.create(model="m", file=p, diarize=True, keyterms=["a", "é"])
        assert t.text == "hi"
        t = await client.audio.transcriptions.create(model="m", source_url="http://x")

@pytest.mark.parametrize("i", range(300))
async def test_413(tmp_path, i):
    async def script(c):
        await c.some()
        while len(c._received) < 200000:
            c._news.clear(); await c._news.wait()
        c.transport.write(reply({"error": {"message": "too large", "code": "x"}}, 413))
        (c.close if i % 3 == 0 else c.reset if i % 3 == 1 else c.be_deaf)()
        await c.stall()
    p = tmp_path / 'a.mp3'
    with p.open("wb") as f: f.truncate(20_000_000)
    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_x") as client:
        left = Leftovers()
        with pytest.raises(APIStatusError) as caught:
            await client.audio.transcriptions.create(model="m", file=p, diarize=True, keyterms=["a", "é"])
        assert caught.value.status == 413
        await client.close()
        for c in server.connections:
            await server.until(lambda: c.left)
