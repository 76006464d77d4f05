"""Asks a model of the platform with OpenAI's own client: the address and the key are all that is
different.

    pip install openai
    T11_URL=http://127.0.0.1:8080 T11_API_KEY=t11_dev_… python openai_chat.py "What is a lead?"
"""

import os
import sys

from openai import OpenAI


def main() -> None:
    client = OpenAI(base_url=f"{os.environ['T11_URL']}/v1", api_key=os.environ["T11_API_KEY"])
    question = [{"role": "user", "content": sys.argv[1]}]
    stream = client.chat.completions.create(
        model="default",
        messages=question,
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        if chunk.usage:
            print(f"\n{chunk.usage.total_tokens} tokens")


if __name__ == "__main__":
    main()
