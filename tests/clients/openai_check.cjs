// What OpenAI's own client for Node meets at the platform; prints what it saw as JSON.
'use strict';

const OpenAI = require('openai').default;

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('it was not refused');
}

async function main() {
  const options = { baseURL: `${process.env.T11_URL}/v1`, maxRetries: 0 };
  const client = new OpenAI({ ...options, apiKey: process.env.T11_API_KEY });
  const ask = { model: 'openai/gpt-4o-mini', messages: [{ role: 'user', content: 'Hello?' }] };
  const create = (more) => client.chat.completions.create({ ...ask, ...more });
  const seen = {};

  const whole = await create({});
  seen.whole = [whole.choices[0].message.content, whole.choices[0].finish_reason];
  seen.whole_tokens = whole.usage.total_tokens;

  let [text, finish, tokens] = ['', null, null];
  for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) {
    for (const choice of chunk.choices) {
      text += choice.delta.content ?? '';
      finish = choice.finish_reason ?? finish;
    }
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  seen.stream = [text, finish];
  seen.stream_tokens = tokens;

  const tool = { type: 'function', function: { name: 'price', parameters: { type: 'object' } } };
  const called = (await create({ tools: [tool] })).choices[0];
  const call = called.message.tool_calls[0].function;
  seen.tool = [call.name, call.arguments, called.finish_reason];

  const limited = await refusal(() => create({}));
  seen.limited = [limited.status, limited.code];
  const cut = await refusal(async () => {
    for await (const chunk of await create({ stream: true })) void chunk;
  });
  seen.cut = cut.code;

  seen.models = [];
  for await (const model of client.models.list()) seen.models.push(model.id);
  seen.models.sort();
  const vectors = await client.embeddings.create({ model: '', input: ['a', 'b'] });
  seen.vectors = vectors.data.map((one) => one.embedding.length);
  const stranger = new OpenAI({ ...options, apiKey: 't11_dev_no' });
  seen.stranger = (await refusal(() => stranger.models.list())).code;
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
