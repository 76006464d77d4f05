"""What OpenAI's own client for Python meets at the platform; prints what it saw as JSON."""

import json
import os

import openai


def main() -> None:
    client = openai.OpenAI(
        base_url=f"{os.environ['T11_URL']}/v1", api_key=os.environ["T11_API_KEY"], max_retries=0
    )
    ask = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}]}
    seen = {}

    whole = client.chat.completions.create(**ask)
    seen["whole"] = [whole.choices[0].message.content, whole.choices[0].finish_reason]
    seen["whole_tokens"] = whole.usage.total_tokens

    text, finish, tokens = "", None, None
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(**ask, stream=True, stream_options=options):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
    seen["stream"] = [text, finish]
    seen["stream_tokens"] = tokens

    tool = {"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}
    called = client.chat.completions.create(**ask, tools=[tool]).choices[0]
    call = called.message.tool_calls[0].function
    seen["tool"] = [call.name, call.arguments, called.finish_reason]

    try:
        client.chat.completions.create(**ask)
    except openai.RateLimitError as error:
        seen["limited"] = [error.status_code, error.code]
    try:
        for _ in client.chat.completions.create(**ask, stream=True):
            pass
    except openai.APIError as error:
        seen["cut"] = error.code

    seen["models"] = sorted(model.id for model in client.models.list())
    vectors = client.embeddings.create(model="", input=["a", "b"])
    seen["vectors"] = [len(one.embedding) for one in vectors.data]
    try:
        openai.OpenAI(base_url=client.base_url, api_key="t11_dev_no", max_retries=0).models.list()
    except openai.AuthenticationError as error:
        seen["stranger"] = error.code
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
