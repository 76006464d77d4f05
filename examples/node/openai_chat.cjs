// Asks a model of the platform with OpenAI's own client: the address and the key are all that is
// different.
//
//   npm install openai
//   T11_URL=http://127.0.0.1:8080 T11_API_KEY=t11_dev_… node openai_chat.cjs "What is a lead?"
'use strict';

const OpenAI = require('openai').default;

async function main() {
  const client = new OpenAI({
    baseURL: `${process.env.T11_URL}/v1`,
    apiKey: process.env.T11_API_KEY,
  });
  const stream = await client.chat.completions.create({
    model: 'default',
    messages: [{ role: 'user', content: process.argv[2] }],
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    for (const choice of chunk.choices) process.stdout.write(choice.delta.content ?? '');
    if (chunk.usage) process.stdout.write(`\n${chunk.usage.total_tokens} tokens\n`);
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
