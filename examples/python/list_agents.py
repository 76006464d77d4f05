"""Names the agents of an organization, without generated code: what the server can do is asked of
its reflection.

    pip install grpcio grpcio-reflection
    T11_ADDRESS=127.0.0.1:8080 T11_API_KEY=t11_dev_… python list_agents.py
"""

import os
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "t11.agents.v1.AgentService"
DEADLINE_SECONDS = 5


def method(channel, service, name):
    """A callable for one unary RPC, and the type of its request."""
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    rpc = pool.FindServiceByName(service).FindMethodByName(name)
    request = message_factory.GetMessageClass(rpc.input_type)
    response = message_factory.GetMessageClass(rpc.output_type)
    call = channel.unary_unary(
        f"/{service}/{name}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return call, request


def agents(channel, key):
    """The display name of every agent, page by page."""
    list_agents, request = method(channel, SERVICE, "ListAgents")
    metadata = [("authorization", f"Bearer {key}")]
    token = ""
    while True:
        page = list_agents(
            request(page_token=token), metadata=metadata, timeout=DEADLINE_SECONDS
        )
        yield from (agent.display_name for agent in page.agents)
        token = page.next_page_token
        if not token:
            return


def main():
    with grpc.insecure_channel(os.environ["T11_ADDRESS"]) as channel:
        try:
            for name in agents(channel, os.environ["T11_API_KEY"]):
                print(name)
        except grpc.RpcError as refused:
            sys.exit(f"{refused.code().name}: {refused.details()}")


if __name__ == "__main__":
    main()
