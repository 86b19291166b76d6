"""Two stock clients of pycrdt-websocket at one board: each sees what the other writes.

pycrdt_client.py URL TOKEN OTHER_TOKEN
"""

import sys
import uuid

import anyio
import httpx
from httpx_ws import aconnect_ws
from pycrdt import Doc, Map, Provider, Text
from pycrdt.websocket.websocket import HttpxWebsocket


async def until(fits, what):
    with anyio.fail_after(15):
        while not fits():
            await anyio.sleep(0.01)
    print("ok", what, flush=True)


async def main(url, tokens):
    docs = [Doc(), Doc()]
    async with (
        httpx.AsyncClient() as http,
        aconnect_ws(url, http, params={"token": tokens[0]}) as first,
        aconnect_ws(url, http, params={"token": tokens[1]}) as second,
        Provider(docs[0], HttpxWebsocket(first, url)),
        Provider(docs[1], HttpxWebsocket(second, url)),
    ):
        ideas = [doc.get("ideas", type=Map) for doc in docs]
        minutes = [doc.get("minutes", type=Text) for doc in docs]
        await until(lambda: all(len(ideas_of) > 4 for ideas_of in ideas), "both read the board")
        before = str(minutes[0])
        minutes[0] += "Décidé: 👍"
        await until(lambda: str(minutes[1]) == before + "Décidé: 👍", "words")
        minutes[1].insert(0, "नमस्ते ")
        await until(lambda: str(minutes[0]) == str(minutes[1]) and str(minutes[0])[0] == "न", "words back")
        key = str(uuid.uuid4())
        with docs[0].transaction():
            ideas[0][key] = Map({"text": Text("from Python"), "order": "a0"})
        await until(lambda: key in ideas[1] and str(ideas[1][key]["text"]) == "from Python", "a row")
        ideas[1][key]["order"] = "a1"
        await until(lambda: ideas[0][key]["order"] == "a1", "a value")
        del ideas[0][key]
        await until(lambda: key not in ideas[1], "a deletion")
        await until(lambda: ideas[0].to_py() == ideas[1].to_py(), "agreement")


anyio.run(main, sys.argv[1], sys.argv[2:4])
