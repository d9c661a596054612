"""Asks the client of OpenAI, its own retries off and holdoff's on, and shows what that logs.

python openai_client.py BASE_URL [SEED]
"""

import logging
import sys
import time

import openai

from holdoff.httpx2 import RetryTransport

base_url, *seed = sys.argv[1:]
start = time.monotonic()


def say(text: object) -> None:
    """Print the time since the start, and the text."""
    print(f"{time.monotonic() - start:6.2f} s  {text}", flush=True)


class Teller(logging.Handler):
    """Prints each line, from the number of the attempt on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line."""
        line = record.getMessage()
        say(line[line.index("attempt") :])


log = logging.getLogger("holdoff")
log.setLevel(logging.DEBUG)
log.addHandler(Teller())

# An answer that is lost may be asked for again.
transport = RetryTransport(idempotent=True, seed=int(seed[0]) if seed else None)
client = openai.OpenAI(
    base_url=base_url,
    api_key="none",
    max_retries=0,
    http_client=openai.DefaultHttpx2Client(transport=transport),
)
try:
    completion = client.chat.completions.create(
        model="any", messages=[{"role": "user", "content": "Hello"}]
    )
    say(completion.choices[0].message.content)
except openai.APIError as error:
    say(error.message)
